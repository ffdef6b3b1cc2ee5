/* Names of Iceberg tables. To users the Iceberg tables are a schema of the tenant, to DuckDB a catalog of its own:
 *
 *   tenant.iceberg.t       iceberg.iceberg.t    the namespace "iceberg", which names without one mean
 *   tenant.iceberg.ns.t    iceberg.ns.t         where a table stands; elsewhere ns.t could be a table and its column
 *   tenant."iceberg.ns".t  iceberg."ns".t       as tools write it, to whom "iceberg.ns" is shown as a schema
 *   iceberg.t              iceberg.t            DuckDB finds it itself
 *   USE tenant.iceberg     USE iceberg.iceberg  where a schema stands */
#include <ctype.h>

#include "base/buf.h"
#include "domain/query/gate_priv.h"

static bool gate_iceberg_is(const struct gate *gate, size_t index)
{
    return str_equal_nocase(gate_name(gate, index), S("iceberg"));
}

/* a""b inside quotes is a"b. */
static struct str gate_iceberg_unquoted(const struct gate *gate, size_t index)
{
    struct str name = gate_name(gate, index);
    char *copy = str_cstr(gate->arena, name);
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        copy[len++] = name.ptr[i];
        i += name.ptr[i] == '"';
    }
    return str_bytes(copy, len);
}

/* ns of the one name "iceberg.ns"; else empty. */
static struct str gate_iceberg_namespace(const struct gate *gate, size_t index)
{
    const struct str prefix = S("iceberg.");
    if (index >= gate->tokens.count || gate->tokens.items[index].kind != LEXER_QUOTED)
        return S("");
    struct str name = gate_iceberg_unquoted(gate, index);
    bool inside = name.len > prefix.len && str_equal_nocase(str_slice(name, 0, prefix.len), prefix);
    return inside ? str_from_index(name, prefix.len) : S("");
}

/* The namespace where mirrors are made, which the server shows to its workers alone. */
static bool gate_iceberg_is_mirror(const struct gate *gate, size_t index)
{
    const struct str mirror = S("$mirror");
    bool quoted = gate->tokens.items[index].kind == LEXER_QUOTED;
    return quoted && (str_equal_nocase(str_slice(gate_name(gate, index), 0, mirror.len), mirror) ||
                      str_equal_nocase(str_slice(gate_iceberg_namespace(gate, index), 0, mirror.len), mirror));
}

/* How many names with dots between them begin at index. */
static size_t gate_iceberg_parts(const struct gate *gate, size_t index)
{
    size_t parts = gate_is_name(gate, index);
    while (parts && gate_is_operator(gate, index + 2 * parts - 1, ".") && gate_is_name(gate, index + 2 * parts))
        parts++;
    return parts;
}

/* USE x; CREATE SCHEMA x, DROP SCHEMA x; SHOW TABLES FROM x */
static bool gate_iceberg_is_schema(const struct gate *gate, size_t index)
{
    static const char *const missing[] = {"exists", "not", "if", NULL};
    if (index == 0 || gate->start >= index)
        return false;
    if (gate->verb == GATE_VERB_USE)
        return gate->start == index - 1;
    if (gate_is_word(gate, gate->start, "show"))
        return gate_is_word(gate, index - 1, "from") && gate_is_word(gate, index - 2, "tables");
    size_t before = index - 1;
    for (size_t i = 0; missing[i]; i++)
        before -= gate_is_word(gate, before, missing[i]);
    return (gate->verb == GATE_VERB_CREATE || gate->verb == GATE_VERB_DROP) && gate_is_word(gate, before, "schema");
}

/* "iceberg.iceberg" in the place of the tokens from..to; a quoted one keeps its quotes, so that nothing grows together.
 */
static void gate_iceberg_edit(struct gate *gate, size_t from, size_t to)
{
    const struct lexer_token *first = &gate->tokens.items[from], *last = &gate->tokens.items[to];
    const char *text = first->kind == LEXER_QUOTED ? "\"iceberg\".iceberg" : "iceberg.iceberg";
    size_t len = last->start + last->len - first->start;
    if (!str_equal(str_slice(gate->sql, first->start, len), str_from(text)))
        gate_edit(gate, first->start, len, text);
}

/* The tenant's name goes, with the dot behind it. */
static void gate_iceberg_cut(struct gate *gate, size_t index)
{
    size_t start = gate->tokens.items[index].start;
    gate_edit(gate, start, gate->tokens.items[index + 2].start - start, " ");
}

static void gate_iceberg_schema(struct gate *gate, size_t index, size_t parts, bool own)
{
    if (own && parts > 2)
        gate_iceberg_cut(gate, index);
    else if (own || (gate_iceberg_is(gate, index) && parts == 1))
        gate_iceberg_edit(gate, index, own ? index + 2 : index);
    gate->iceberg = gate->iceberg || own || gate_iceberg_is(gate, index);
}

/* Behind UPDATE, DELETE FROM, MERGE INTO or TRUNCATE [TABLE], each perhaps with ONLY. */
static bool gate_iceberg_is_changed(const struct gate *gate, size_t index)
{
    size_t before = index - 1;
    before -= gate_is_word(gate, before, "only");
    if (gate_is_word(gate, index, "set")) /* ON CONFLICT DO UPDATE SET, WHEN MATCHED THEN UPDATE SET */
        return false;
    if (gate_is_word(gate, before, "update") || gate_is_word(gate, before, "truncate"))
        return true;
    return (gate_is_word(gate, before, "from") && gate_is_word(gate, before - 1, "delete")) ||
           (gate_is_word(gate, before, "into") && gate_is_word(gate, before - 1, "merge")) ||
           (gate_is_word(gate, before, "table") && gate_is_word(gate, before - 1, "truncate"));
}

/* own: the tenant's name stands in front. */
static void gate_iceberg_change(struct gate *gate, size_t index, size_t parts, bool own)
{
    size_t names = parts - own, last = index + 2 * (parts - 1);
    struct gate_changed changed = {.schema = parts > 1 ? gate_iceberg_namespace(gate, last - 2) : S("")};
    if (changed.schema.len)
        names = 1;
    if (names > 3 || (names > 1 && !gate_iceberg_is(gate, last - 2 * (names - 1))))
        return;
    if (names == 2)
        changed.schema = S("iceberg");
    else if (names == 3)
        changed.schema = gate_iceberg_unquoted(gate, last - 2);
    changed.name = gate_iceberg_unquoted(gate, last);
    vec_push(&gate->changed, changed);
}

/* [tenant.]"iceberg.ns".t; true: that is what it was. */
static bool gate_iceberg_tool(struct gate *gate, size_t index, size_t parts)
{
    size_t tenant = parts > 2 && str_equal_nocase(gate_name(gate, index), gate->tenant) ? 2 : 0;
    struct str namespace = parts > 1 ? gate_iceberg_namespace(gate, index + tenant) : S("");
    if (namespace.len == 0)
        return false;
    AUTO(buf) struct buf text = {0};
    buf_append_str(&text, S(" iceberg."));
    buf_append_quoted(&text, namespace, '"');
    const struct lexer_token *first = &gate->tokens.items[index], *last = &gate->tokens.items[index + tenant];
    gate_edit(gate, first->start, last->start + last->len - first->start, str_cstr(gate->arena, buf_str(&text)));
    gate->iceberg = true;
    return true;
}

bool gate_iceberg_name(struct gate *gate, size_t index)
{
    if (gate_iceberg_is_mirror(gate, index))
        return gate_refuse(gate, index, ERR_DENIED, "\"$mirror\" is the server's own");
    if (gate_is_operator(gate, index - 1, ".") || gate_is_operator(gate, index - 1, "$"))
        return true;
    size_t parts = gate_iceberg_parts(gate, index);
    bool own = parts > 1 && str_equal_nocase(gate_name(gate, index), gate->tenant) && gate_iceberg_is(gate, index + 2);
    bool table = gate->table_at == index;
    if (table && gate_iceberg_is_changed(gate, index))
        gate_iceberg_change(gate, index, parts, own);
    if (gate_iceberg_tool(gate, index, parts))
        return true;
    if (gate_iceberg_is_schema(gate, index)) {
        gate_iceberg_schema(gate, index, parts, own);
    } else if (own && parts > 2) {
        gate->iceberg = true;
        if (table && parts == 4)
            gate_iceberg_cut(gate, index);
        else
            gate_iceberg_edit(gate, index, index + 2);
    } else if (table && parts > 1 && gate_iceberg_is(gate, index)) {
        gate->iceberg = true;
    }
    return true;
}

/* --- Functions that look at a table --- */

/* 'tenant.iceberg.t' and its shorter forms, without quotes, as DuckDB's extension wants it; empty: it is none. A path
 * of a file has other characters. */
static struct str gate_iceberg_argument(const struct gate *gate, struct str name)
{
    struct str parts[4] = {{0}}, part;
    size_t count = 0, first = 0;
    for (; str_split_next(&name, '.', &part); count++) {
        if (count == 4 || part.len == 0)
            return S("");
        for (size_t i = 0; i < part.len; i++)
            if (!isalnum((unsigned char)part.ptr[i]) && part.ptr[i] != '_')
                return S("");
        parts[count] = part;
    }
    if (count > 2 && str_equal_nocase(parts[0], gate->tenant))
        first = 1;
    if (count > 1 && !str_equal_nocase(parts[first], S("iceberg")))
        return S("");
    size_t left = count - first;
    if (left == 0 || left > 3)
        return S("");
    struct str schema = left == 3 ? parts[first + 1] : S("iceberg"), table = parts[count - 1];
    return str_format(gate->arena, "'iceberg.%.*s.%.*s'", STR_ARG(schema), STR_ARG(table));
}

bool gate_iceberg_call(struct gate *gate, size_t index)
{
    struct str text = gate_text(gate, index + 2);
    bool literal = text.len > 2 && text.ptr[0] == '\'' && gate_is_operator(gate, index + 3, ")");
    struct str name = literal ? gate_iceberg_argument(gate, str_slice(text, 1, text.len - 2)) : S("");
    gate->iceberg = true;
    if (str_equal(name, text))
        return true;
    if (name.len) {
        gate_edit(gate, gate->tokens.items[index + 2].start, text.len, name.ptr);
        return true;
    }
    gate_refuse(gate, index, ERR_DENIED, "the function %.*s takes the name of an Iceberg table and nothing else",
                STR_ARG(gate_name(gate, index)));
    return err_hint(gate->err, "as in %.*s('iceberg.orders')", STR_ARG(gate_name(gate, index)));
}

/* --- What is made: one name is on one side only --- */

/* In which of the two places that share their names the table at index is; false: in neither. */
static bool gate_iceberg_side(const struct gate *gate, size_t index, size_t parts, bool *iceberg_out)
{
    size_t schema = index + (parts == 3 ? 2 : 0);
    bool own = str_equal_nocase(gate_name(gate, index), gate->tenant);
    bool local = str_equal_nocase(gate_name(gate, schema), S("default"));
    *iceberg_out = parts > 1 && gate_iceberg_is(gate, schema);
    switch (parts) {
    case 1:
        return true;
    case 2:
        return local || *iceberg_out;
    case 3:
        return (own && (local || *iceberg_out)) || (gate_iceberg_is(gate, index) && *iceberg_out);
    default:
        return false;
    }
}

/* Constraints and computed columns, which DuckDB's extension would forget without a word. All of the words are
 * reserved, so none of them is a column's name. */
static bool gate_iceberg_columns(struct gate *gate, size_t index)
{
    static const char *const words[] = {"primary", "unique", "check", "foreign", "references", "as", NULL};
    size_t depth = 0;
    for (; index < gate->tokens.count; index++) {
        depth += gate_is_operator(gate, index, "(");
        depth -= gate_is_operator(gate, index, ")");
        if (depth == 0)
            return true;
        for (size_t i = 0; depth == 1 && words[i]; i++)
            if (gate_is_word(gate, index, words[i]))
                return gate_refuse(gate, index, ERR_UNIMPLEMENTED,
                                   "an Iceberg table has no keys, constraints or computed columns");
    }
    return true;
}

bool gate_iceberg_made(struct gate *gate, size_t index)
{
    size_t parts = gate_iceberg_parts(gate, index), behind = index + 2 * parts - 1;
    struct gate_made made = {0};
    bool named = parts > 2 ? gate_iceberg_is(gate, index) || gate_iceberg_is(gate, index + 2)
                           : parts > 1 && gate_iceberg_is(gate, index);
    if (gate->verb == GATE_VERB_CREATE && named && !gate_iceberg_columns(gate, behind))
        return false;
    if (parts == 0 || !gate_iceberg_side(gate, index, parts, &made.iceberg))
        return true;
    if (gate->verb == GATE_VERB_CREATE) {
        made.name = gate_iceberg_unquoted(gate, behind - 1);
    } else if (gate_is_word(gate, behind, "rename") && gate_is_word(gate, behind + 1, "to") &&
               gate_is_name(gate, behind + 2)) {
        made.name = gate_iceberg_unquoted(gate, behind + 2);
        made.from = parts == 1 ? gate_iceberg_unquoted(gate, index) : S("");
    } else {
        return true;
    }
    vec_push(&gate->made, made);
    return true;
}
