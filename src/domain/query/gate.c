/* The gate's entry: cuts the text into tokens, walks over them once, and puts quotes around names that need them. */
#include "domain/query/gate.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/limits.h"
#include "domain/query/gate_priv.h"

struct str gate_text(const struct gate *gate, size_t index)
{
    if (index >= gate->tokens.count)
        return S("");
    return str_slice(gate->sql, gate->tokens.items[index].start, gate->tokens.items[index].len);
}

bool gate_is_name(const struct gate *gate, size_t index)
{
    return index < gate->tokens.count &&
           (gate->tokens.items[index].kind == LEXER_WORD || gate->tokens.items[index].kind == LEXER_QUOTED);
}

bool gate_is_word(const struct gate *gate, size_t index, const char *word)
{
    return index < gate->tokens.count && gate->tokens.items[index].kind == LEXER_WORD &&
           str_equal_nocase(gate_text(gate, index), str_from(word));
}

bool gate_is_operator(const struct gate *gate, size_t index, const char *text)
{
    return index < gate->tokens.count && gate->tokens.items[index].kind == LEXER_OPERATOR &&
           str_equal(gate_text(gate, index), str_from(text));
}

struct str gate_name(const struct gate *gate, size_t index)
{
    struct str text = gate_text(gate, index);
    bool quoted = index < gate->tokens.count && gate->tokens.items[index].kind == LEXER_QUOTED;
    return quoted ? str_slice(text, 1, text.len - 2) : text;
}

bool gate_is_keyword(const struct gate *gate, size_t index)
{
    if (index >= gate->tokens.count || gate->tokens.items[index].kind != LEXER_WORD)
        return false;
    return !gate_is_operator(gate, index - 1, ".") && !gate_is_operator(gate, index - 1, "$");
}

struct str gate_cite(struct str text, size_t len)
{
    if (text.len <= len)
        return text;
    while (len && ((unsigned char)text.ptr[len] & 0xC0) == 0x80)
        len--;
    return str_slice(text, 0, len);
}

void gate_edit(struct gate *gate, size_t at, size_t len, const char *text)
{
    assert(!gate->edits.count || at >= gate->edits.items[gate->edits.count - 1].at);
    vec_push(&gate->edits, ((struct gate_edit){.at = at, .len = len, .text = text}));
}

struct gate_level *gate_level(struct gate *gate)
{
    return &gate->levels.items[gate->levels.count - 1];
}

static bool gate_refuse_at(struct gate *gate, size_t offset, enum err_code code, const char *why)
{
    int line, column;
    gate_position(gate->sql, offset, &line, &column);
    return err_set(gate->err, code, "line %d, column %d: %s", line, column, why);
}

bool gate_refuse(struct gate *gate, size_t index, enum err_code code, const char *format, ...)
{
    char why[256];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    for (char *c = why; *c; c++) {
        if ((unsigned char)*c < ' ')
            *c = ' ';
    }
    size_t offset = index < gate->tokens.count ? gate->tokens.items[index].start : gate->sql.len;
    return gate_refuse_at(gate, offset, code, why);
}

static bool gate_limit(struct gate *gate, size_t index, enum limit limit, const char *what)
{
    gate_refuse(gate, index, ERR_INVALID, "%s: limit %s (%" PRId64 " %s)", what, limits_name(limit), limits_get(limit),
                limits_unit(limit));
    return err_hint(gate->err, "the server's eider.yaml can raise it: limits: {%s: ...}", limits_name(limit));
}

/* Puts blanks in the place of Unicode spaces in a gap between tokens; as many as bytes, so that positions stay. *copy:
 * the text's copy, made when it is needed. */
static void gate_blank(struct gate *gate, size_t from, size_t to, char **copy)
{
    for (size_t i = from; i < to; i++) {
        size_t len = lexer_wide_space(str_slice(gate->sql, i, to - i));
        if (!len)
            continue;
        if (!*copy)
            *copy = str_cstr(gate->arena, gate->sql);
        memset(*copy + i, ' ', len);
    }
}

/* A $tag$ with letters beyond ASCII may have a Unicode space in it, which DuckDB would replace in one place and not in
 * the other. */
static bool gate_check_tag(struct gate *gate, const struct lexer_token *token)
{
    struct str text = str_slice(gate->sql, token->start, token->len);
    if (token->kind != LEXER_STRING || text.ptr[0] != '$')
        return true;
    for (size_t i = 1; text.ptr[i] != '$'; i++) {
        if ((unsigned char)text.ptr[i] >= 0x80)
            return gate_refuse_at(gate, token->start, ERR_INVALID, "a $tag$ with letters beyond ASCII");
    }
    return true;
}

/* Cuts the text into gate->tokens. *blanked_out: the text with plain spaces, to be cut again, or NULL.
 *
 * DuckDB replaces Unicode spaces by a scan of its own, which takes some strings and comments for something else. So
 * they are replaced here first, where it is known what is outside of quotes. */
static bool gate_cut(struct gate *gate, bool wide_spaces, char **blanked_out)
{
    struct lexer lexer = {.text = gate->sql, .wide_spaces = wide_spaces};
    size_t end = 0; /* of the last token */
    vec_clear(&gate->tokens);
    for (;;) {
        struct lexer_token token = lexer_next(&lexer);
        if (token.kind == LEXER_ERROR)
            return gate_refuse_at(gate, token.start, ERR_INVALID, token.error);
        gate_blank(gate, end, token.start, blanked_out);
        if (token.kind == LEXER_END)
            return true;
        if (!gate_check_tag(gate, &token))
            return false;
        end = token.start + token.len;
        vec_push(&gate->tokens, token);
        if (gate->tokens.count > (size_t)limits_get(LIMIT_SQL_TOKENS))
            return gate_limit(gate, gate->tokens.count - 1, LIMIT_SQL_TOKENS, "too many words and signs");
    }
}

/* Chains of these cost DuckDB's planner the cube of their length; AND, OR and commas do not. Brackets count, because a
 * chain goes on inside them. */
static bool gate_count_operator(struct gate *gate, size_t index)
{
    struct gate_level *level = gate_level(gate);
    if (gate_is_operator(gate, index, ".") || gate_is_operator(gate, index, "::"))
        return true;
    if (++level->operators > limits_get(LIMIT_SQL_OPERATORS))
        return gate_limit(gate, index, LIMIT_SQL_OPERATORS, "too many operators in one expression");
    return true;
}

/* What follows is another expression at the same depth. */
static void gate_new_chain(struct gate *gate)
{
    size_t depth = gate->levels.count;
    gate_level(gate)->operators = depth > 1 ? gate->levels.items[depth - 2].operators + 1 : 0;
}

static bool gate_open(struct gate *gate, size_t index)
{
    struct gate_level level = gate_table_open(gate, index);
    level.operators = gate_level(gate)->operators + 1;
    if (gate->levels.count > (size_t)limits_get(LIMIT_SQL_DEPTH))
        return gate_limit(gate, index, LIMIT_SQL_DEPTH, "brackets nested too deeply");
    vec_push(&gate->levels, level);
    return true;
}

static void gate_end_statement(struct gate *gate)
{
    gate->levels.count = 1;
    *gate_level(gate) = (struct gate_level){0};
    gate->start = SIZE_MAX;
    gate->table_next = gate->explained = gate->changes_rows = gate->index = gate->stays = false;
}

static bool gate_operator(struct gate *gate, size_t index)
{
    struct str text = gate_text(gate, index);
    if (text.len > 1)
        return gate_count_operator(gate, index);
    switch (text.ptr[0]) {
    case '(':
    case '[':
    case '{':
        return gate_open(gate, index);
    case ')':
    case ']':
    case '}':
        if (gate->levels.count > 1)
            gate->levels.count--;
        return true;
    case ',':
        gate_level(gate)->operators =
            gate->levels.count > 1 ? gate->levels.items[gate->levels.count - 2].operators + 1 : 0;
        return true;
    case ';':
        gate_end_statement(gate);
        return true;
    default:
        return gate_count_operator(gate, index);
    }
}

/* Beside these characters a quote would begin or end something else: "a""default" is one name, u&"default" another. */
static bool gate_may_quote(const struct gate *gate, const struct lexer_token *token)
{
    size_t end = token->start + token->len;
    char before = token->start ? gate->sql.ptr[token->start - 1] : ' ';
    return before != '"' && before != '&' && (end == gate->sql.len || gate->sql.ptr[end] != '"');
}

/* A bare `default` is a keyword, but it is also the name of the schema where tables live; lower case, however the
 * keyword was written. */
static void gate_quote_default(struct gate *gate, size_t index, bool table)
{
    bool qualifies = gate_is_operator(gate, index + 1, ".") && !gate_is_operator(gate, index - 1, ".");
    if (gate_is_word(gate, index, "default") && (qualifies || table || gate_is_word(gate, index - 1, "use")) &&
        gate_may_quote(gate, &gate->tokens.items[index]))
        gate_edit(gate, gate->tokens.items[index].start, sizeof("default") - 1, "\"default\"");
}

static bool gate_word(struct gate *gate, size_t index)
{
    if (gate_is_operator(gate, index + 1, "(") && !gate_call(gate, index))
        return false;
    if (gate_words_is_closed_view(gate_name(gate, index)))
        return gate_refuse(gate, index, ERR_DENIED, "'%.*s' is not open to tenants",
                           STR_ARG(gate_cite(gate_name(gate, index), 40)));
    if (!gate_iceberg_name(gate, index))
        return false;
    if (gate->tokens.items[index].kind != LEXER_WORD)
        return true;
    gate_quote_default(gate, index, gate->table_at == index);
    if (!gate_is_keyword(gate, index))
        return true;
    if (gate_is_word(gate, index, "and") || gate_is_word(gate, index, "or"))
        gate_new_chain(gate);
    else if (gate_words_ends_tables(gate_name(gate, index)) || gate_is_word(gate, index, "from"))
        gate_level(gate)->operators = 0;
    return true;
}

static bool gate_token(struct gate *gate, size_t index)
{
    bool separator = gate_is_operator(gate, index, ";");
    if (gate->start == SIZE_MAX && !separator && !gate_is_operator(gate, index, "(")) {
        gate->start = index;
        gate->statement_count++;
    }
    if (gate->start == index && !gate_statement(gate))
        return false;
    if (!gate_table(gate, index))
        return false;
    switch (gate->tokens.items[index].kind) {
    case LEXER_WORD:
    case LEXER_QUOTED:
        return gate_word(gate, index);
    case LEXER_OPERATOR:
        return gate_operator(gate, index);
    case LEXER_STRING:
    case LEXER_NUMBER:
    case LEXER_PARAMETER:
        return true;
    case LEXER_END:
    case LEXER_ERROR:
        break;
    }
    mem_panic("the gate kept a token that is none");
}

static bool gate_walk(struct gate *gate)
{
    char *blanked = NULL;
    if (!gate_cut(gate, true, &blanked))
        return false;
    if (blanked) {
        gate->sql = str_bytes(blanked, gate->sql.len);
        char *again = NULL;
        if (!gate_cut(gate, false, &again))
            return false;
        assert(!again);
    }
    vec_push(&gate->levels, ((struct gate_level){0}));
    gate_end_statement(gate);
    for (size_t i = 0; i < gate->tokens.count; i++) {
        if (!gate_token(gate, i))
            return false;
    }
    return true;
}

/* The text with its edits. */
static struct str gate_rewrite(struct gate *gate)
{
    AUTO(buf) struct buf text = {0};
    size_t from = 0;
    for (size_t i = 0; i < gate->edits.count; i++) {
        const struct gate_edit *edit = &gate->edits.items[i];
        buf_append_str(&text, str_slice(gate->sql, from, edit->at - from));
        buf_append_str(&text, str_from(edit->text));
        from = edit->at + edit->len;
    }
    buf_append_str(&text, str_from_index(gate->sql, from));
    return str_copy(gate->arena, buf_str(&text));
}

static void gate_result(struct gate *gate, struct str sql, struct gate_result *result_out)
{
    *result_out = (struct gate_result){
        .sql = gate->sql,
        .rewritten = gate->sql.ptr != sql.ptr || gate->edits.count > 0,
        .statement_count = gate->statement_count,
        .may_write = gate->may_write,
        .may_leave = gate->may_leave,
        .iceberg = gate->iceberg,
        .made_count = gate->made.count,
        .changed_count = gate->changed.count,
        .edit_count = gate->edits.count,
    };
    if (gate->made.count)
        result_out->made = arena_copy(gate->arena, gate->made.items, gate->made.count * sizeof(struct gate_made));
    if (gate->changed.count)
        result_out->changed =
            arena_copy(gate->arena, gate->changed.items, gate->changed.count * sizeof(struct gate_changed));
    if (!gate->edits.count)
        return;
    result_out->edits = arena_copy(gate->arena, gate->edits.items, gate->edits.count * sizeof(struct gate_edit));
    result_out->sql = gate_rewrite(gate);
}

static bool gate_check_text(struct str sql, struct str tenant, const struct gate_places *places, struct arena *arena,
                            struct gate_result *result_out, struct err *err)
{
    if (sql.len > (size_t)limits_get(LIMIT_SQL)) {
        err_set(err, ERR_INVALID, "the statement is longer than limit %s (%" PRId64 " bytes)", limits_name(LIMIT_SQL),
                limits_get(LIMIT_SQL));
        return err_hint(err, "the server's eider.yaml can raise it: limits: {%s: ...}", limits_name(LIMIT_SQL));
    }
    if (sql.len && memchr(sql.ptr, '\0', sql.len))
        return err_set(err, ERR_INVALID, "the statement contains a NUL character");
    if (!str_is_utf8(sql.ptr, sql.len))
        return err_set(err, ERR_INVALID, "the statement is not valid UTF-8");
    struct gate gate = {.sql = sql.len ? sql : S(""),
                        .tenant = tenant,
                        .places = places,
                        .arena = arena,
                        .err = err,
                        .table_at = SIZE_MAX};
    bool ok = gate_walk(&gate);
    if (ok)
        gate_result(&gate, sql.len ? sql : gate.sql, result_out);
    vec_done(&gate.tokens);
    vec_done(&gate.levels);
    vec_done(&gate.edits);
    vec_done(&gate.made);
    vec_done(&gate.changed);
    return ok;
}

bool gate_check(struct str sql, struct str tenant, struct arena *arena, struct gate_result *result_out, struct err *err)
{
    return gate_check_text(sql, tenant, NULL, arena, result_out, err);
}

bool gate_check_places(struct str sql, const struct gate_places *places, struct arena *arena,
                       struct gate_result *result_out, struct err *err)
{
    return gate_check_text(sql, places->tenant, places, arena, result_out, err);
}
