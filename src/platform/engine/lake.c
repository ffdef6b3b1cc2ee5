#include "platform/engine/lake.h"

#include <string.h>

#include "platform/engine/engine_priv.h"

enum { LAKE_PARTS_MAX = 32 };

static bool lake_is_name(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
        if (!letter && !(i > 0 && c >= '0' && c <= '9'))
            return false;
    }
    return text.len > 0;
}

static bool lake_wrong(struct str part, const char *what, struct err *err)
{
    err_set(err, ERR_INVALID, "'%.*s' is no part of %s", STR_ARG(str_slice(part, 0, 64)), what);
    return err_hint(err, strcmp(what, "partition_by") == 0 ? "like: day(at), bucket(16, id), truncate(4, code), region"
                                                           : "like: region, at desc");
}

/* "name", "transform(name)" or "transform(n, name)". */
static bool lake_partition_part(struct arena *arena, struct str part, struct str *out, struct err *err)
{
    static const char *const plain[] = {"year", "month", "day", "hour", "identity"};
    static const char *const counted[] = {"bucket", "truncate"};
    ptrdiff_t open = str_find_char(part, '(');
    if (open < 0) {
        *out = engine_quote_name(arena, part);
        return lake_is_name(part) || lake_wrong(part, "partition_by", err);
    }
    struct str word = str_trim(str_slice(part, 0, (size_t)open));
    struct str inside = str_trim(str_from_index(part, (size_t)open + 1));
    if (!str_ends_with(inside, S(")")))
        return lake_wrong(part, "partition_by", err);
    inside = str_trim(str_slice(inside, 0, inside.len - 1));
    ptrdiff_t comma = str_find_char(inside, ',');
    for (size_t i = 0; comma < 0 && i < sizeof(plain) / sizeof(plain[0]); i++) {
        if (!str_equal_nocase(word, str_from(plain[i])) || !lake_is_name(inside))
            continue;
        struct str name = engine_quote_name(arena, inside);
        *out = i == 4 ? name : str_format(arena, "%s(%s)", plain[i], name.ptr);
        return true;
    }
    uint64_t number = 0;
    for (size_t i = 0; comma >= 0 && i < sizeof(counted) / sizeof(counted[0]); i++) {
        struct str name = str_trim(str_from_index(inside, (size_t)comma + 1));
        if (!str_equal_nocase(word, str_from(counted[i])) || !lake_is_name(name) ||
            !str_to_u64(str_trim(str_slice(inside, 0, (size_t)comma)), &number) || number == 0 || number > INT32_MAX)
            continue;
        *out = str_format(arena, "%s(%d, %s)", counted[i], (int)number, engine_quote_name(arena, name).ptr);
        return true;
    }
    return lake_wrong(part, "partition_by", err);
}

/* "name", "name asc" or "name desc". */
static bool lake_order_part(struct arena *arena, struct str part, struct str *out, struct err *err)
{
    struct str rest = part, name;
    if (!str_split_next(&rest, ' ', &name) || !lake_is_name(name))
        return lake_wrong(part, "sort_by", err);
    rest = str_trim(rest);
    if (rest.len && !str_equal_nocase(rest, S("asc")) && !str_equal_nocase(rest, S("desc")))
        return lake_wrong(part, "sort_by", err);
    *out =
        str_format(arena, "%s%s", engine_quote_name(arena, name).ptr, str_equal_nocase(rest, S("desc")) ? " DESC" : "");
    return true;
}

/* Up to the next comma that is in no bracket. */
static struct str lake_next(struct str *rest)
{
    int depth = 0;
    size_t at = 0;
    for (; at < rest->len && (depth > 0 || rest->ptr[at] != ','); at++)
        depth += rest->ptr[at] == '(' ? 1 : rest->ptr[at] == ')' ? -1 : 0;
    struct str part = str_trim(str_slice(*rest, 0, at));
    *rest = str_from_index(*rest, at < rest->len ? at + 1 : at);
    return part;
}

static bool lake_clause(struct arena *arena, struct str text, bool partitions, struct str *list_out, struct err *err)
{
    struct str list = S("");
    size_t count = 0;
    for (struct str rest = text; rest.len > 0; count++) {
        struct str part = lake_next(&rest), sql = S("");
        if (count == LAKE_PARTS_MAX)
            return err_set(err, ERR_INVALID, "more than %d parts", LAKE_PARTS_MAX);
        if (!(partitions ? lake_partition_part(arena, part, &sql, err) : lake_order_part(arena, part, &sql, err)))
            return false;
        list = str_format(arena, "%.*s%s%s", STR_ARG(list), count ? ", " : "", sql.ptr);
    }
    *list_out = list;
    return true;
}

bool engine_lake_partition(struct arena *arena, struct str text, struct str *clause_out, struct err *err)
{
    struct str list;
    if (!lake_clause(arena, str_trim(text), true, &list, err))
        return false;
    *clause_out = list.len ? str_format(arena, "PARTITIONED BY (%s)", list.ptr) : S("");
    return true;
}

bool engine_lake_order(struct arena *arena, struct str text, struct str *clause_out, struct err *err)
{
    struct str list;
    if (!lake_clause(arena, str_trim(text), false, &list, err))
        return false;
    *clause_out = list.len ? str_format(arena, "ORDER BY %s", list.ptr) : S("");
    return true;
}
