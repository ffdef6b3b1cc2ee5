#include "platform/object/location.h"

/* Longer ones are no names of files anywhere. */
#define LOCATION_MAX 2048

static bool location_refuse(struct str location, const char *why, struct err *err)
{
    err_set(err, ERR_INVALID, "location '%.*s' %s", STR_ARG(str_slice(location, 0, 200)), why);
    return false;
}

/* The scheme with what stands before the path, in its normal form, and the path, which begins with a slash. */
static bool location_split(struct str location, struct str *scheme_out, struct str *path_out, struct err *err)
{
    if (str_starts_with(location, S("s3://"))) {
        *scheme_out = S("s3://");
        *path_out = str_from_index(location, 4);
        return true;
    }
    struct str path = location;
    if (str_starts_with(path, S("file:")))
        path = str_from_index(path, 5);
    if (str_starts_with(path, S("//localhost/")))
        path = str_from_index(path, sizeof("//localhost") - 1);
    else if (path.ptr != location.ptr && str_starts_with(path, S("///")))
        path = str_from_index(path, 2);
    else if (str_starts_with(path, S("//")))
        return location_refuse(location, "names another host", err);
    if (!str_starts_with(path, S("/"))) {
        location_refuse(location, "is neither file:///... nor s3://...", err);
        return err_hint(err, "locations are absolute, below the tenant's warehouse");
    }
    *scheme_out = S("file://");
    *path_out = path;
    return true;
}

/* No control characters, and no part that means another place than it says. */
static bool location_check_path(struct str location, struct str path, struct err *err)
{
    for (size_t i = 0; i < path.len; i++)
        if ((unsigned char)path.ptr[i] < 0x20 || path.ptr[i] == 0x7f || path.ptr[i] == '\\')
            return location_refuse(location, "has a character that names of files may not have", err);
    struct str part;
    for (struct str rest = path; str_split_next(&rest, '/', &part);)
        if (str_equal(part, S(".")) || str_equal(part, S("..")))
            return location_refuse(location, "has '.' or '..' as a part", err);
    return true;
}

bool location_normal(struct arena *arena, struct str location, struct str *normal_out, struct err *err)
{
    struct str scheme = {0}, path = {0};
    if (!str_is_utf8(location.ptr, location.len))
        return err_set(err, ERR_INVALID, "a location is not UTF-8");
    if (!location_split(location, &scheme, &path, err))
        return false;
    if (scheme.len + path.len > LOCATION_MAX)
        return location_refuse(location, "is too long", err);
    if (!location_check_path(location, path, err))
        return false;
    while (path.len && path.ptr[path.len - 1] == '/')
        path.len--;
    if (path.len == 0)
        return location_refuse(location, "names no directory", err);
    if (scheme.len == sizeof("s3://") - 1) /* its path began with the second slash */
        path = str_from_index(path, 1);
    *normal_out = str_format(arena, "%.*s%.*s", STR_ARG(scheme), STR_ARG(path));
    return true;
}

bool location_is_below(struct str root, struct str location)
{
    return location.len > root.len + 1 && str_starts_with(location, root) && location.ptr[root.len] == '/';
}

bool location_check(struct arena *arena, struct str root, struct str location, struct err *err)
{
    struct str normal;
    if (!location_normal(arena, location, &normal, err))
        return false;
    if (location_is_below(root, normal))
        return true;
    location_refuse(location, "lies outside the tenant's warehouse", err);
    return err_hint(err, "leave it out, or choose one below %.*s", STR_ARG(str_slice(root, 0, 100)));
}

struct str location_join(struct arena *arena, struct str parent, struct str name)
{
    struct str joined = str_format(arena, "%.*s/%.*s", STR_ARG(parent), STR_ARG(name));
    char *text = str_cstr(arena, joined);
    for (char *c = text + parent.len + 1; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '-' ||
                     *c == '_' || (*c == '.' && c != text + parent.len + 1);
        if (!plain)
            *c = '_';
    }
    return str_from(text);
}
