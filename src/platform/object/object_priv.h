/* Inside the room: a store and its two kinds. Names are relative to the root, checked by object.c: no empty first part,
 * no "." or "..", no NUL. */
#pragma once
#include "platform/object/object.h"

struct object_store {
    struct arena *arena;
    struct str root;  /* as it was given */
    struct str place; /* the root without scheme: "/dir" or "bucket/prefix" */
    int directory;    /* of a local root; else -1 */
};

/* The location of a name, in the arena. */
struct str object_location(const struct object_store *store, struct arena *arena, struct str name);

/* Makes and opens the root directory. */
bool object_file_open(struct object_store *store, struct err *err) MUST_USE;
bool object_file_read(struct object_store *store, struct arena *arena, struct str name, size_t max,
                      struct str *bytes_out, struct err *err) MUST_USE;
bool object_file_put(struct object_store *store, struct str name, struct str bytes, enum object_put_mode mode,
                     struct err *err) MUST_USE;
bool object_file_make_directory(struct object_store *store, struct str name, struct err *err) MUST_USE;
bool object_file_list(struct object_store *store, struct str name,
                      bool (*each)(void *owner, const struct object_info *info), void *owner, struct err *err) MUST_USE;
bool object_file_head(struct object_store *store, struct str name, struct object_info *info_out,
                      struct err *err) MUST_USE;
bool object_file_delete(struct object_store *store, struct str name, struct err *err) MUST_USE;
bool object_file_delete_below(struct object_store *store, struct str name, struct err *err) MUST_USE;
