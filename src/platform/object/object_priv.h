/* Inside the room: a store and its two kinds. Names are relative to the root, checked by object.c: no empty first part,
 * no "." or "..", no NUL. */
#pragma once
#include "platform/object/object.h"

struct object_store {
    struct arena *arena;
    struct str root;  /* as it was given */
    struct str place; /* the root without scheme: "/dir" or "bucket/prefix" */
    int directory;    /* of a local root; else -1 */
    struct s3 *s3;    /* of an S3 root; else NULL */
};

/* "." and ".." are no parts of it, and there is no NUL. */
bool object_is_plain(struct str name);

/* The location of a name, in the arena. */
struct str object_location(const struct object_store *store, struct arena *arena, struct str name);

/* --- file.c --- */
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
bool object_file_keep(struct object_store *store, struct str from, struct str to, struct err *err) MUST_USE;
bool object_file_keep_one(struct object_store *store, struct str from, struct str to, struct err *err) MUST_USE;
int object_file_regular(const struct object_store *store, struct str name, struct err *err);
bool object_file_is_gone(const struct object_store *store, struct str name);
bool object_file_delete(struct object_store *store, struct str name, struct err *err) MUST_USE;
bool object_file_delete_below(struct object_store *store, struct str name, struct err *err) MUST_USE;

/* --- s3.c --- */
bool object_s3_open(struct object_store *store, const struct object_s3 *options, struct err *err) MUST_USE;
/* Accepts NULL inside. */
void object_s3_close(struct s3 **s3);
bool object_s3_read(struct object_store *store, struct arena *arena, struct str name, size_t max, struct str *bytes_out,
                    struct err *err) MUST_USE;
bool object_s3_put(struct object_store *store, struct str name, struct str bytes, enum object_put_mode mode,
                   struct err *err) MUST_USE;
bool object_s3_list(struct object_store *store, struct str name,
                    bool (*each)(void *owner, const struct object_info *info), void *owner, struct err *err) MUST_USE;
bool object_s3_head(struct object_store *store, struct str name, struct object_info *info_out,
                    struct err *err) MUST_USE;
bool object_s3_delete(struct object_store *store, const struct str *names, size_t count, struct err *err) MUST_USE;
bool object_s3_delete_below(struct object_store *store, struct str name, struct err *err) MUST_USE;

/* --- s3_vend.c, s3_sign.c --- */
bool object_s3_vend(struct object_store *store, struct arena *arena, struct str name, bool may_write,
                    struct object_credentials *credentials_out, struct err *err) MUST_USE;
bool object_s3_sign(struct object_store *store, struct arena *arena, struct str name,
                    const struct object_request *request, struct object_field fields_out[OBJECT_SIGNED_MAX],
                    size_t *count_out, struct err *err) MUST_USE;
