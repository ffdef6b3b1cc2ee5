/* Statements: which ones there are for a tenant, what their first words must look like, and which functions may be
 * called. */
#include "domain/query/gate_priv.h"

/* The first word of the list (NULL-terminated) at index is skipped, and so on. */
static size_t gate_skip(const struct gate *gate, size_t index, const char *const *words)
{
    for (size_t i = 0; words[i]; i++) {
        if (gate_is_word(gate, index, words[i])) {
            index++;
            i = SIZE_MAX; /* from the first word again */
        }
    }
    return index;
}

static bool gate_refuse_statement(struct gate *gate, size_t index, const char *why)
{
    struct str word = gate_cite(gate_text(gate, index), 40);
    if (why)
        return gate_refuse(gate, index, ERR_DENIED, "%.*s is not open to tenants: it %s", STR_ARG(word), why);
    return gate_refuse(gate, index, ERR_DENIED, "a statement that begins with '%.*s' is not open to tenants",
                       STR_ARG(word));
}

/* CREATE TEMP ..., or under the name of the database that holds temporary objects. at: of TABLE, VIEW, ... */
static bool gate_is_temporary(const struct gate *gate, size_t index, size_t at)
{
    static const char *const missing[] = {"if", "not", "exists", NULL};
    for (size_t i = index + 1; i < at; i++) {
        if (gate_is_word(gate, i, "temp") || gate_is_word(gate, i, "temporary"))
            return true;
    }
    size_t name = gate_skip(gate, at + 1, missing);
    return str_equal_nocase(gate_name(gate, name), S("temp")) && gate_is_operator(gate, name + 1, ".");
}

/* CREATE, DROP, ALTER: only what lives inside the tenant's database. */
static bool gate_object(struct gate *gate, size_t index)
{
    static const char *const kinds[] = {"or",     "replace",  "temp",   "temporary", "local",
                                        "global", "unlogged", "unique", "recursive", NULL};
    size_t at = gate_skip(gate, index + 1, kinds);
    if (!gate_words_is_object(gate_name(gate, at)) || gate->tokens.items[at].kind != LEXER_WORD) {
        struct str verb = gate_text(gate, index), word = gate_cite(gate_text(gate, at), 40);
        return gate_refuse(gate, at, ERR_DENIED, "%.*s %.*s is not open to tenants", STR_ARG(verb), STR_ARG(word));
    }
    gate->index = gate->verb == GATE_VERB_CREATE && gate_is_word(gate, at, "index");
    gate->stays =
        gate_is_word(gate, at, "view") || gate_is_word(gate, at, "macro") || gate_is_word(gate, at, "function");
    static const char *const missing[] = {"if", "not", "exists", NULL};
    bool relation = gate_is_word(gate, at, "table") || gate_is_word(gate, at, "view");
    if (gate_is_temporary(gate, index, at))
        gate->may_leave = true;
    else if (relation)
        return gate_iceberg_made(gate, gate_skip(gate, at + 1, missing));
    return true;
}

/* A pipeline's text runs inside a transaction that is not its own to end. */
static bool gate_session(struct gate *gate, size_t index)
{
    static const char *const ends[] = {"begin", "start", "commit", "end", "rollback", "abort", NULL};
    gate->may_leave = true;
    for (size_t i = 0; gate->places && ends[i]; i++)
        if (gate_is_word(gate, index, ends[i]))
            return gate_refuse(gate, index, ERR_DENIED,
                               "%s is not open to texts of pipelines: each runs in one transaction", ends[i]);
    return true;
}

/* UPDATE EXTENSIONS is a statement of its own, unless a table of that name is updated. */
static bool gate_write(struct gate *gate, size_t index)
{
    bool extensions = gate_is_word(gate, index, "update") && gate_is_word(gate, index + 1, "extensions");
    if (extensions && !gate_is_name(gate, index + 2) && !gate_is_operator(gate, index + 2, "."))
        return gate_refuse(gate, index, ERR_DENIED, "UPDATE EXTENSIONS is not open to tenants");
    return true;
}

/* Many of DuckDB's settings are everybody's when no scope is named. */
static bool gate_setting(struct gate *gate, size_t index)
{
    struct str name = gate_name(gate, index);
    if (gate_words_is_setting(name))
        return true;
    gate_refuse(gate, index, ERR_DENIED, "the setting '%.*s' is not open to tenants", STR_ARG(gate_cite(name, 40)));
    return err_hint(gate->err, "open are TimeZone, Calendar, default_order, default_null_order, default_collation, "
                               "integer_division, schema, search_path, ... and variables");
}

static bool gate_set(struct gate *gate, size_t index)
{
    static const char *const scopes[] = {"session", "local", NULL};
    size_t at = gate_skip(gate, index + 1, scopes);
    if (gate_is_word(gate, at, "global"))
        return gate_refuse(gate, at, ERR_DENIED, "settings for everybody are not open to tenants");
    bool zone = gate_is_word(gate, at, "time") && gate_is_word(gate, at + 1, "zone");
    if (zone || (gate_is_word(gate, at, "variable") && gate_is_name(gate, at + 1)))
        return true;
    if (at == index + 1 && at < gate->tokens.count)
        gate_edit(gate, gate->tokens.items[at].start, 0, "SESSION ");
    return gate_setting(gate, at);
}

static bool gate_pragma(struct gate *gate, size_t index)
{
    struct str name = gate_name(gate, index + 1);
    if (gate_is_operator(gate, index + 2, "=")) {
        gate->may_leave = true;
        gate_edit(gate, gate->tokens.items[index].start, gate->tokens.items[index].len, "SET SESSION");
        return gate_setting(gate, index + 1);
    }
    if (gate_words_is_pragma(name))
        return true;
    return gate_refuse(gate, index + 1, ERR_DENIED, "the pragma '%.*s' is not open to tenants",
                       STR_ARG(gate_cite(name, 40)));
}

static bool gate_use(struct gate *gate, size_t index)
{
    struct str name = gate_name(gate, index + 1);
    if (!gate_is_name(gate, index + 1) || str_equal_nocase(name, S("memory")) || str_equal_nocase(name, S("system")) ||
        str_equal_nocase(name, S("temp")))
        return gate_refuse(gate, index + 1, ERR_DENIED, "USE works inside the tenant only");
    return true;
}

static bool gate_call_statement(struct gate *gate, size_t index)
{
    struct str name = gate_name(gate, index + 1);
    if (gate_is_operator(gate, index + 2, "(") && gate_words_function(name) == GATE_FUNCTION_TABLE)
        return true;
    return gate_refuse(gate, index + 1, ERR_DENIED, "CALL %.*s is not open to tenants",
                       STR_ARG(gate_cite(gate_text(gate, index + 1), 40)));
}

/* Behind the bracket that opens at index; the end of the text when it is never closed. */
static size_t gate_behind_bracket(const struct gate *gate, size_t index)
{
    size_t depth = 0;
    for (; index < gate->tokens.count; index++) {
        if (gate_is_operator(gate, index, "("))
            depth++;
        else if (gate_is_operator(gate, index, ")") && --depth == 0)
            return index + 1;
    }
    return index;
}

/* EXPLAIN [ANALYZE] [(options)] statement */
static size_t gate_explained(const struct gate *gate, size_t index)
{
    static const char *const words[] = {"analyze", "verbose", NULL};
    index = gate_skip(gate, index + 1, words);
    bool options = gate_is_operator(gate, index, "(") && !gate_words_begins_query(gate_name(gate, index + 1)) &&
                   !gate_is_operator(gate, index + 1, "(");
    return options ? gate_behind_bracket(gate, index) : index;
}

/* PREPARE name [(types)] AS statement */
static size_t gate_prepared(const struct gate *gate, size_t index)
{
    index += 2;
    if (gate_is_operator(gate, index, "("))
        index = gate_behind_bracket(gate, index);
    return gate_is_word(gate, index, "as") ? index + 1 : SIZE_MAX - 1;
}

/* The statement inside begins at index; its brackets are skipped. */
static bool gate_inner(struct gate *gate, size_t index)
{
    while (gate_is_operator(gate, index, "("))
        index++;
    if (index >= gate->tokens.count)
        return gate_refuse(gate, index, ERR_INVALID, "a statement is missing here");
    gate->start = index;
    return true;
}

/* EXPLAIN ANALYZE runs what it explains: the end of a transaction would be the end of the READ ONLY one that holds a
 * reader, and nobody would have seen it. */
static bool gate_is_explainable(enum gate_verb verb)
{
    return verb == GATE_VERB_READ || verb == GATE_VERB_TABLE || verb == GATE_VERB_WRITE || verb == GATE_VERB_CREATE ||
           verb == GATE_VERB_DROP || verb == GATE_VERB_ALTER || verb == GATE_VERB_CALL || verb == GATE_VERB_COMMENT;
}

bool gate_statement(struct gate *gate)
{
    size_t index = gate->start;
    const char *why;
    if (gate->tokens.items[index].kind != LEXER_WORD)
        return gate_refuse(gate, index, ERR_INVALID, "a statement cannot begin like this");
    gate->verb = gate_words_verb(gate_name(gate, index), &why);
    if (gate->explained && gate->verb != GATE_VERB_REFUSED && !gate_is_explainable(gate->verb))
        return gate_refuse(gate, index, ERR_DENIED, "EXPLAIN of %.*s is not open to tenants",
                           STR_ARG(gate_cite(gate_text(gate, index), 40)));
    switch (gate->verb) {
    case GATE_VERB_REFUSED:
        return gate_refuse_statement(gate, index, why);
    case GATE_VERB_READ:
    case GATE_VERB_TABLE:
        return true;
    case GATE_VERB_SESSION:
        return gate_session(gate, index);
    case GATE_VERB_WRITE:
        gate->may_write = true;
        return gate_write(gate, index);
    case GATE_VERB_CREATE:
    case GATE_VERB_DROP:
    case GATE_VERB_ALTER:
        gate->may_write = true;
        return gate_object(gate, index);
    case GATE_VERB_COMMENT:
        gate->may_write = true;
        return true;
    case GATE_VERB_SET:
    case GATE_VERB_RESET:
        gate->may_leave = true;
        return gate_set(gate, index);
    case GATE_VERB_USE:
        gate->may_leave = true;
        return gate_use(gate, index);
    case GATE_VERB_PRAGMA:
        return gate_pragma(gate, index);
    case GATE_VERB_CALL:
        return gate_call_statement(gate, index);
    case GATE_VERB_EXPLAIN:
        gate->explained = true;
        return gate_inner(gate, gate_explained(gate, index));
    case GATE_VERB_PREPARE:
        gate->may_leave = true;
        return gate_inner(gate, gate_prepared(gate, index));
    }
    mem_panic("a verb without a rule");
}

/* A name before a bracket that is being defined or filled, not called: INSERT INTO query (a), CREATE TABLE query (a
 * INT). */
static bool gate_is_definition(const struct gate *gate, size_t index)
{
    while (index >= 2 && gate_is_operator(gate, index - 1, ".") && gate_is_name(gate, index - 2))
        index -= 2;
    if (index == 0)
        return false;
    if (gate_is_word(gate, index - 1, "into"))
        return true;
    bool create = gate->verb == GATE_VERB_CREATE && gate->levels.count == 1;
    bool missing = index >= 3 && gate_is_word(gate, index - 1, "exists") && gate_is_word(gate, index - 2, "not");
    return create && (missing || gate_is_word(gate, index - 1, "table"));
}

/* current_setting('x'): what may be set may be read. */
static bool gate_current_setting(struct gate *gate, size_t index)
{
    struct str text = gate_text(gate, index + 2);
    bool literal = text.len > 2 && text.ptr[0] == '\'' && gate_is_operator(gate, index + 3, ")");
    struct str name = literal ? str_slice(text, 1, text.len - 2) : S("");
    if (gate_words_is_setting(name))
        return true;
    return gate_refuse(gate, index, ERR_DENIED,
                       "current_setting is open for the settings that a session may change only");
}

bool gate_call(struct gate *gate, size_t index)
{
    struct str name = gate_name(gate, index);
    switch (gate_words_function(name)) {
    case GATE_FUNCTION_OPEN:
    case GATE_FUNCTION_TABLE:
        return true;
    case GATE_FUNCTION_SETTING:
        return gate_current_setting(gate, index);
    case GATE_FUNCTION_ICEBERG:
        return gate_iceberg_call(gate, index);
    case GATE_FUNCTION_CLOSED:
        break;
    }
    bool pragma = gate->verb == GATE_VERB_PRAGMA && index == gate->start + 1;
    if (pragma || gate_is_definition(gate, index))
        return true;
    if (gate->places && gate_words_reads_files(name))
        return gate_file_call(gate, index);
    gate_refuse(gate, index, ERR_DENIED, "the function %.*s is not open to tenants", STR_ARG(name));
    return err_hint(gate->err, "files come in with 'eider ingest' or an Arrow Flight upload");
}
