/* Files that texts of pipelines read. The names are there to be seen: plain literals, or lists of them, that begin with
 * a place and do not lead out of it. DuckDB's allowed_directories and Landlock stand behind this. */
#include "base/buf.h"
#include "domain/query/gate_priv.h"

/* 'text' without anything that would mean more than its letters. */
static bool gate_file_is_plain(struct str text)
{
    if (text.len < 3 || text.ptr[0] != '\'')
        return false;
    for (size_t i = 1; i + 1 < text.len; i++)
        if (text.ptr[i] == '\'' || text.ptr[i] == '\\' || (unsigned char)text.ptr[i] < ' ')
            return false;
    return true;
}

/* "..", or what a web server may take for it. */
static bool gate_file_leads_out(struct str path)
{
    struct str part;
    for (size_t i = 0; i + 2 < path.len; i++)
        if (str_equal_nocase(str_slice(path, i, 3), S("%2e")))
            return true;
    while (str_split_next(&path, '/', &part))
        if (str_equal(part, S("..")))
            return true;
    return false;
}

static bool gate_file_is_below(struct str path, struct str place)
{
    bool ends = place.len && place.ptr[place.len - 1] == '/';
    return str_starts_with(path, place) && (ends || (path.len > place.len && path.ptr[place.len] == '/'));
}

static bool gate_file_refuse(struct gate *gate, size_t index, const char *why)
{
    AUTO(buf) struct buf places = {0};
    for (size_t i = 0; i < gate->places->count; i++)
        buf_printf(&places, "%s%.*s", i ? ", " : "", STR_ARG(gate->places->list[i]));
    gate_refuse(gate, index, ERR_DENIED, "%.*s: %s", STR_ARG(gate_cite(gate_text(gate, index), 80)), why);
    if (gate->places->count)
        return err_hint(gate->err, "a text literal, or a list of them, that begins with one of: %.*s",
                        STR_ARG(buf_str(&places)));
    return err_hint(gate->err, "no files are open here");
}

bool gate_file_literal(struct gate *gate, size_t index)
{
    struct str text = gate_text(gate, index);
    if (gate->stays)
        return gate_file_refuse(gate, index, "a view or a macro cannot read files, since others would read them by it");
    if (index >= gate->tokens.count || gate->tokens.items[index].kind != LEXER_STRING || !gate_file_is_plain(text))
        return gate_file_refuse(gate, index, "the name of a file is a plain text literal here");
    struct str path = str_slice(text, 1, text.len - 2);
    if (gate_file_leads_out(path))
        return gate_file_refuse(gate, index, "the name of a file leads out of its directory");
    for (size_t i = 0; i < gate->places->count; i++)
        if (gate_file_is_below(path, gate->places->list[i]))
            return true;
    return gate_file_refuse(gate, index, "a file is not open here");
}

/* f('a'), f(['a', 'b'], option = …) */
bool gate_file_call(struct gate *gate, size_t index)
{
    size_t at = index + 2;
    bool list = gate_is_operator(gate, at, "[");
    at += list;
    for (;; at += 2) {
        if (!gate_file_literal(gate, at))
            return false;
        if (!list || !gate_is_operator(gate, at + 1, ","))
            break;
    }
    at++;
    if (list && !gate_is_operator(gate, at++, "]"))
        return gate_file_refuse(gate, at - 1, "a list of files has plain text literals alone");
    if (gate_is_operator(gate, at, ")") || gate_is_operator(gate, at, ","))
        return true;
    return gate_file_refuse(gate, at, "the name of a file is not computed");
}
