#include "platform/engine/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Up to its end or the first character that no word has: the next word, bracket, point or semicolon. Comments,
 * quotes and everything else give an empty word, which fits nothing. */
static struct str engine_text_word(struct str *rest)
{
    size_t len = 0;
    *rest = str_trim(*rest);
    while (len < rest->len && (isalnum((unsigned char)rest->ptr[len]) || rest->ptr[len] == '_'))
        len++;
    if (len == 0 && rest->len > 0 && strchr("().;", rest->ptr[0]))
        len = 1;
    struct str word = str_slice(*rest, 0, len);
    *rest = str_from_index(*rest, len);
    return word;
}

static bool engine_text_is(struct str *rest, const char *word)
{
    struct str after = *rest;
    if (!str_equal_nocase(engine_text_word(&after), str_from(word)))
        return false;
    *rest = after;
    return true;
}

static bool engine_text_is_any(struct str *rest, const char *const *words)
{
    for (; *words; words++)
        if (engine_text_is(rest, *words))
            return true;
    return false;
}

/* Behind CREATE. */
static bool engine_text_creates_temporary(struct str rest)
{
    static const char *const temporary[] = {"temp", "temporary", NULL};
    if (engine_text_is(&rest, "or") && !engine_text_is(&rest, "replace"))
        return false;
    return engine_text_is_any(&rest, temporary);
}

/* Behind DROP or ALTER: one object, whose name begins with the temporary catalog. */
static bool engine_text_names_temporary(struct str rest)
{
    static const char *const objects[] = {"table", "view", "sequence", "macro", "function", "type", "index", NULL};
    if (!engine_text_is_any(&rest, objects))
        return false;
    engine_text_is(&rest, "table"); /* MACRO TABLE */
    if (engine_text_is(&rest, "if") && !engine_text_is(&rest, "exists"))
        return false;
    return engine_text_is(&rest, "temp") && engine_text_is(&rest, ".");
}

/* Behind EXPLAIN. */
static bool engine_text_explains_data(struct str rest)
{
    static const char *const data[] = {"select", "from",     "with",  "values",  "insert", "update",
                                       "delete", "merge",    "pivot", "unpivot", "table",  "summarize",
                                       "show",   "describe", "(",     "explain", NULL};
    static const char *const ways[] = {"analyze", "verbose", NULL};
    while (engine_text_is_any(&rest, ways))
        continue;
    struct str inside = rest;
    if (engine_text_is(&inside, "(") && !engine_text_is(&inside, "select")) { /* options */
        ptrdiff_t end = str_find_char(inside, ')');
        if (end < 0 || str_find_char(str_slice(inside, 0, (size_t)end), '(') >= 0)
            return false;
        rest = str_from_index(inside, (size_t)end + 1);
    }
    return engine_text_is_any(&rest, data);
}

static bool engine_text_has(struct str sql, const char *word)
{
    size_t len = strlen(word);
    for (size_t i = 0; i + len <= sql.len; i++)
        if (tolower((unsigned char)sql.ptr[i]) == word[0] && strncasecmp(sql.ptr + i, word, len) == 0)
            return true;
    return false;
}

struct engine_text engine_text_look(struct str sql)
{
    static const char *const hosts[] = {"select",   "from",  "with",    "pivot", "insert",    "update",
                                        "delete",   "merge", "create",  "table", "summarize", "show",
                                        "describe", "(",     "explain", NULL};
    struct engine_text text = {0};
    struct str rest = str_trim(sql), first = rest;
    bool pivot = engine_text_has(sql, "pivot");
    text.temp = pivot || engine_text_has(sql, "temp");
    text.macro = engine_text_has(sql, "macro") || engine_text_has(sql, "function");
    while (rest.len > 0 && (rest.ptr[rest.len - 1] == ';' || isspace((unsigned char)rest.ptr[rest.len - 1])))
        rest.len--;
    text.single = str_find_char(rest, ';') < 0;
    if (!text.single)
        return text;
    text.pivots = engine_text_is_any(&first, hosts) && pivot;
    if (engine_text_is(&rest, "create"))
        text.temporary = engine_text_creates_temporary(rest);
    else if (engine_text_is(&rest, "drop"))
        text.temporary = str_find_char(rest, ',') < 0 && engine_text_names_temporary(rest);
    else if (engine_text_is(&rest, "alter"))
        text.temporary = engine_text_names_temporary(rest);
    else if (engine_text_is(&rest, "explain"))
        text.explains = engine_text_explains_data(rest);
    return text;
}
