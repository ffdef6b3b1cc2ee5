/* A store by its root, and the check that each location lies below it. */
#include "platform/object/object.h"

#include <assert.h>
#include <unistd.h>

#include "platform/object/object_priv.h"

/* What follows the scheme: "/dir/name" of a file in any of the ways to write its URI (Hadoop writes file:/dir), or
 * "bucket/key". False for other schemes. */
static bool object_split(struct str location, bool *is_local_out, struct str *place_out)
{
    static const struct {
        struct str scheme;
        bool is_local;
    } schemes[] = {{S("file://localhost"), true}, {S("file://"), true}, {S("file:"), true},
                   {S("s3://"), false},           {S("s3a://"), false}, {S("s3n://"), false}};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        struct str place = str_from_index(location, schemes[i].scheme.len);
        if (!str_starts_with(location, schemes[i].scheme) || place.len == 0)
            continue;
        *is_local_out = schemes[i].is_local;
        *place_out = place;
        return (place.ptr[0] == '/') == schemes[i].is_local;
    }
    return false;
}

bool object_is_plain(struct str name)
{
    struct str part;
    while (str_split_next(&name, '/', &part))
        if (str_equal(part, S(".")) || str_equal(part, S("..")) || (part.len > 0 && memchr(part.ptr, 0, part.len)))
            return false;
    return true;
}

/* The part of the location behind the root. Of a directory, which may be the root itself, without a slash at its end.
 */
static bool object_name(const struct object_store *store, struct str location, bool is_directory, struct str *name_out,
                        struct err *err)
{
    bool is_local;
    struct str place;
    bool ok = object_split(location, &is_local, &place) && is_local == object_is_local(store) &&
              str_starts_with(place, store->place);
    struct str name = ok ? str_from_index(place, store->place.len) : S("");
    ok = ok && (name.len == 0 || name.ptr[0] == '/');
    name = str_from_index(name, 1);
    if (is_directory && str_ends_with(name, S("/")))
        name.len--;
    ok = ok && (is_directory || (name.len > 0 && !str_ends_with(name, S("/")))) && !str_starts_with(name, S("/")) &&
         object_is_plain(name);
    if (!ok) {
        (void)err_set(err, ERR_INVALID, "'%.*s' is not below %.*s", STR_ARG(location), STR_ARG(store->root));
        return err_hint(err, "files of a table lie in its warehouse; names have no . or .. in them");
    }
    *name_out = name;
    return true;
}

struct str object_location(const struct object_store *store, struct arena *arena, struct str name)
{
    return str_format(arena, "%.*s/%.*s", STR_ARG(store->root), STR_ARG(name));
}

struct object_store *object_open(const struct object_options *options, struct err *err)
{
    bool is_local;
    struct str place;
    if (!object_split(options->root, &is_local, &place) || str_ends_with(place, S("/")) || !object_is_plain(place)) {
        (void)err_set(err, ERR_INVALID, "'%.*s' is no place for files", STR_ARG(options->root));
        (void)err_hint(err, "file:///directory or s3://bucket/prefix, without a slash at its end");
        return NULL;
    }
    AUTO(object) struct object_store *store = mem_new(struct object_store);
    store->arena = arena_new_small();
    store->directory = -1;
    store->root = str_copy(store->arena, options->root);
    store->place = str_from_index(store->root, store->root.len - place.len);
    if (is_local ? !object_file_open(store, err) : !object_s3_open(store, options->s3, err))
        return NULL;
    struct object_store *taken = store;
    store = NULL;
    return taken;
}

void object_close(struct object_store **store)
{
    if (!*store)
        return;
    if ((*store)->directory >= 0)
        (void)close((*store)->directory);
    object_s3_close(&(*store)->s3);
    arena_free(&(*store)->arena);
    mem_free(*store);
    *store = NULL;
}

struct str object_root(const struct object_store *store)
{
    return store->root;
}

bool object_is_local(const struct object_store *store)
{
    return store->place.ptr[0] == '/';
}

bool object_read(struct object_store *store, struct arena *arena, struct str location, size_t max,
                 struct str *bytes_out, struct err *err)
{
    struct str name;
    return object_name(store, location, false, &name, err) &&
           (store->s3 ? object_s3_read(store, arena, name, max, bytes_out, err)
                      : object_file_read(store, arena, name, max, bytes_out, err));
}

bool object_put(struct object_store *store, struct str location, struct str bytes, enum object_put_mode mode,
                struct err *err)
{
    struct str name;
    return object_name(store, location, false, &name, err) &&
           (store->s3 ? object_s3_put(store, name, bytes, mode, err) : object_file_put(store, name, bytes, mode, err));
}

bool object_make_directory(struct object_store *store, struct str location, struct err *err)
{
    struct str name;
    return object_name(store, location, true, &name, err) &&
           (store->s3 || object_file_make_directory(store, name, err));
}

bool object_list(struct object_store *store, struct str location,
                 bool (*each)(void *owner, const struct object_info *info), void *owner, struct err *err)
{
    struct str name;
    return object_name(store, location, true, &name, err) &&
           (store->s3 ? object_s3_list(store, name, each, owner, err)
                      : object_file_list(store, name, each, owner, err));
}

bool object_keep(struct object_store *store, struct str from, struct str to, struct err *err)
{
    struct str name, second;
    assert(object_is_local(store));
    return object_name(store, from, true, &name, err) && object_name(store, to, true, &second, err) &&
           object_file_keep(store, name, second, err);
}

bool object_keep_file(struct object_store *store, struct str from, struct str to, struct err *err)
{
    struct str name, second;
    assert(object_is_local(store));
    return object_name(store, from, false, &name, err) && object_name(store, to, false, &second, err) &&
           object_file_keep_one(store, name, second, err);
}

int object_open_file(struct object_store *store, struct str location, struct err *err)
{
    struct str name;
    assert(object_is_local(store));
    return object_name(store, location, false, &name, err) ? object_file_regular(store, name, err) : -1;
}

bool object_is_gone(const struct object_store *store, struct str location)
{
    struct str name;
    struct err ignored;
    return object_is_local(store) && object_name(store, location, false, &name, &ignored) &&
           object_file_is_gone(store, name);
}

bool object_head(struct object_store *store, struct str location, struct object_info *info_out, struct err *err)
{
    struct str name;
    struct object_info info;
    if (!object_name(store, location, false, &name, err) ||
        !(store->s3 ? object_s3_head(store, name, &info, err) : object_file_head(store, name, &info, err)))
        return false;
    *info_out = info;
    info_out->location = location;
    return true;
}

bool object_delete(struct object_store *store, const struct str *locations, size_t count, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    struct str *names = arena_array(arena, count + 1, sizeof(*names));
    for (size_t i = 0; i < count; i++)
        if (!object_name(store, locations[i], false, &names[i], err))
            return false;
    if (store->s3)
        return object_s3_delete(store, names, count, err);
    for (size_t i = 0; i < count; i++)
        if (!object_file_delete(store, names[i], err))
            return false;
    return true;
}

bool object_delete_below(struct object_store *store, struct str location, struct err *err)
{
    struct str name;
    return object_name(store, location, true, &name, err) &&
           (store->s3 ? object_s3_delete_below(store, name, err) : object_file_delete_below(store, name, err));
}

bool object_vend(struct object_store *store, struct arena *arena, struct str location, bool may_write,
                 struct object_credentials *credentials_out, struct err *err)
{
    struct str name;
    if (!store->s3)
        return err_set(err, ERR_UNIMPLEMENTED, "local files have no credentials");
    return object_name(store, location, true, &name, err) &&
           object_s3_vend(store, arena, name, may_write, credentials_out, err);
}

bool object_sign(struct object_store *store, struct arena *arena, struct str location,
                 const struct object_request *request, struct object_field fields_out[OBJECT_SIGNED_MAX],
                 size_t *count_out, struct err *err)
{
    struct str name;
    if (!store->s3)
        return err_set(err, ERR_UNIMPLEMENTED, "requests for local files are not signed");
    return object_name(store, location, true, &name, err) &&
           object_s3_sign(store, arena, name, request, fields_out, count_out, err);
}
