/* Where tables stand. DuckDB reads a file when a string, or a name that looks like a file, stands where a table is
 * expected
 * ("replacement scan"), so such strings and names are refused there, and only there.
 *
 * Words that end a list of tables are reserved in DuckDB's grammar: as a name they would be quoted, or follow a dot or
 * a $. */
#include "domain/query/gate_priv.h"

/* FROM inside EXTRACT(... FROM ...) and its relatives names no table. */
static bool gate_is_scalar_from(const struct gate *gate, size_t index)
{
    if (gate->levels.items[gate->levels.count - 1].scalar)
        return true;
    if (index < 2 || !gate_is_word(gate, index - 1, "distinct"))
        return false;
    size_t before = index - 2;
    if (before && gate_is_word(gate, before, "not"))
        before--;
    return gate_is_word(gate, before, "is");
}

/* A quoted name with a character of paths or patterns, or with a file's ending. */
static bool gate_looks_like_file(const struct gate *gate, size_t index)
{
    struct str text = gate_text(gate, index);
    for (size_t i = 1; i + 1 < text.len; i++) {
        if (strchr("/\\:*?[", text.ptr[i]))
            return true;
    }
    ptrdiff_t dot = -1;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '.')
            dot = (ptrdiff_t)i;
    }
    struct str ending = dot < 0 ? S("") : str_slice(text, (size_t)dot + 1, text.len - (size_t)dot - 2);
    return dot >= 0 && gate_words_is_file_ending(ending);
}

/* A possibly qualified name of a table at index. */
static bool gate_table_name(struct gate *gate, size_t index)
{
    size_t first = index;
    gate->table_at = index;
    if (gate_is_operator(gate, index + 1, ".") && str_equal_nocase(gate_name(gate, index), S("memory")))
        return gate_refuse(gate, index, ERR_DENIED, "'memory' is not part of the tenant");
    for (;;) {
        if (gate->tokens.items[index].kind == LEXER_QUOTED && gate_looks_like_file(gate, index))
            return gate_refuse(gate, index, ERR_DENIED, "%.*s reads like a file, and files are not open to tenants",
                               STR_ARG(gate_cite(gate_text(gate, index), 80)));
        if (!gate_is_operator(gate, index + 1, ".") || !gate_is_name(gate, index + 2))
            break;
        index += 2;
    }
    /* a.csv is the file a.csv when there is no such table. */
    if (index > first && !gate_is_operator(gate, index + 1, "(") && gate_words_is_file_ending(gate_name(gate, index)))
        return gate_refuse(gate, first, ERR_DENIED, "a table named like a file ending cannot be told from a file");
    return true;
}

/* Words between a keyword and its table: SHOW ALL TABLES, TABLE IF NOT EXISTS t, UPDATE ONLY t. */
static bool gate_is_between(const struct gate *gate, size_t index)
{
    if (gate_is_word(gate, index, "only") || gate_is_word(gate, index, "lateral"))
        return true;
    if (gate_is_word(gate, index, "if"))
        return gate_is_word(gate, index + 1, "exists") || gate_is_word(gate, index + 1, "not");
    if (gate_is_word(gate, index, "not"))
        return gate_is_word(gate, index - 1, "if");
    if (gate_is_word(gate, index, "exists"))
        return gate_is_word(gate, index - 1, "if") || gate_is_word(gate, index - 1, "not");
    if (gate_is_word(gate, index, "all"))
        return gate_is_word(gate, index - 1, "show");
    return gate_is_word(gate, index, "table") && !gate_is_operator(gate, index - 1, ",");
}

/* The token where a table is expected. */
static bool gate_table_expected(struct gate *gate, size_t index)
{
    if (gate_is_between(gate, index))
        return true;
    gate->table_next = false;
    if (gate_is_name(gate, index))
        return gate_table_name(gate, index);
    if (gate->tokens.items[index].kind == LEXER_STRING) {
        if (gate->places)
            return gate_file_literal(gate, index);
        gate_refuse(gate, index, ERR_DENIED,
                    "a string in the place of a table reads a file, and files are not open to tenants");
        return err_hint(gate->err, "files come in with 'eider ingest' or an Arrow Flight upload");
    }
    if (gate->tokens.items[index].kind == LEXER_PARAMETER || gate_is_operator(gate, index, "?") ||
        gate_is_operator(gate, index, "$"))
        return gate_refuse(gate, index, ERR_DENIED, "a parameter cannot stand in the place of a table");
    return true;
}

static bool gate_is_string(const struct gate *gate, size_t index)
{
    return index < gate->tokens.count && gate->tokens.items[index].kind == LEXER_STRING;
}

/* Keywords behind which a table stands. */
static bool gate_names_table(const struct gate *gate, size_t index)
{
    static const char *const always[] = {"join", "into",  "table",       "update",       "summarize", "describe",
                                         "show", "pivot", "pivot_wider", "pivot_longer", "unpivot",   NULL};
    for (size_t i = 0; always[i]; i++) {
        if (gate_is_word(gate, index, always[i]))
            return true;
    }
    if (gate_is_word(gate, index, "truncate") || gate_is_word(gate, index, "vacuum") ||
        gate_is_word(gate, index, "analyze"))
        return gate->start == index;
    if (gate_is_word(gate, index, "using"))
        return gate->changes_rows || gate_is_string(gate, index + 1);
    if (gate_is_word(gate, index, "desc")) /* not the one of ORDER BY */
        return gate->start == index || gate_is_string(gate, index + 1) || gate_is_operator(gate, index - 1, "(");
    return gate_is_word(gate, index, "on") && gate->index;
}

static void gate_table_keyword(struct gate *gate, size_t index)
{
    struct gate_level *level = gate_level(gate);
    if (gate_is_word(gate, index, "from")) {
        bool table = !gate_is_scalar_from(gate, index);
        level->tables = level->tables || table;
        gate->table_next = table;
    } else if (gate_names_table(gate, index)) {
        gate->table_next = true;
    } else if (gate_words_ends_tables(gate_name(gate, index))) {
        level->tables = false;
    }
    if (gate_is_word(gate, index, "delete") || gate_is_word(gate, index, "merge"))
        gate->changes_rows = gate->may_write = true;
    if (gate_is_word(gate, index, "insert") || gate_is_word(gate, index, "update"))
        gate->may_write = true;
}

/* A query's first word. VALUES is also a name, but not at the start of a bracket. */
static bool gate_begins_query(const struct gate *gate, size_t index)
{
    if (!gate_is_keyword(gate, index) || !gate_words_begins_query(gate_name(gate, index)))
        return false;
    return !gate_is_word(gate, index, "values") || !gate->table_next || gate_is_operator(gate, index - 1, "(");
}

bool gate_table(struct gate *gate, size_t index)
{
    if (gate_begins_query(gate, index)) {
        gate->table_next = false;
        if (gate_is_operator(gate, index - 1, "("))
            gate_level(gate)->tables = false;
    }
    bool separates = gate_is_operator(gate, index, "(") || gate_is_operator(gate, index, ",");
    if (gate->table_next && !separates)
        return gate_table_expected(gate, index);
    if (gate_is_keyword(gate, index)) {
        gate_table_keyword(gate, index);
    } else if (gate_is_operator(gate, index, ",")) {
        gate->table_next = gate_level(gate)->tables;
    } else if (gate_is_operator(gate, index, ":")) {
        /* FROM alias: table */
        gate->table_next = index && gate->table_at == index - 1;
    }
    return true;
}

struct gate_level gate_table_open(struct gate *gate, size_t index)
{
    static const char *const functions[] = {"extract", "substring", "trim", "overlay", "position", NULL};
    struct gate_level level = {.tables = gate->table_next};
    bool query = gate_words_begins_query(gate_name(gate, index + 1)) || gate_is_operator(gate, index + 1, "(");
    for (size_t i = 0; functions[i] && index && !query; i++)
        level.scalar = level.scalar || gate_is_word(gate, index - 1, functions[i]);
    if (!gate_is_operator(gate, index, "("))
        gate->table_next = level.tables = false;
    return level;
}
