/* Where Iceberg files lie: a directory of this machine or an S3-compatible bucket, behind one interface.
 *
 * Every call waits for disk or network: never on the loop's thread. A store is immutable after object_open and may be
 * used by several threads at once. Locations are absolute, "file:///dir/name" or "s3://bucket/key"; each must lie below
 * the store's root, without "." or "..", or the call fails with ERR_INVALID. Files are opened so that no symbolic link
 * below the root is followed. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"

struct http_outgoing;
struct object_store;

/* An S3-compatible store; requests are signed with SigV4. */
struct object_s3 {
    struct str endpoint; /* "https://host:port"; empty: Amazon's of the region */
    struct str region;   /* "us-east-1" where nothing else is known */
    bool path_style;     /* https://host/bucket/key instead of https://bucket.host/key */
    struct str key_id;
    const struct secret *key;             /* copied */
    struct str session_token;             /* may be empty */
    struct str role;                      /* ARN of the role that STS assumes for others; empty: the store needs none */
    const struct http_outgoing *outgoing; /* which addresses may be connected to; outlives the store; NULL: all */
};

struct object_options {
    struct str root;            /* "file:///dir" or "s3://bucket/prefix", no slash at its end */
    const struct object_s3 *s3; /* with an s3:// root; else NULL */
};

struct object_store *object_open(const struct object_options *options, struct err *err);
/* Accepts NULL inside. */
void object_close(struct object_store **store);
static inline void object_cleanup(struct object_store **store)
{
    object_close(store);
}
struct str object_root(const struct object_store *store);
bool object_is_local(const struct object_store *store);

/* The whole object, in the arena. ERR_NOT_FOUND; ERR_RESOURCE when it is larger than max bytes. */
bool object_read(struct object_store *store, struct arena *arena, struct str location, size_t max,
                 struct str *bytes_out, struct err *err) MUST_USE;

enum object_put_mode {
    OBJECT_PUT_REPLACE,
    OBJECT_PUT_IF_ABSENT, /* ERR_EXISTS when there is one: If-None-Match: *, or link(2) */
};
/* Whole or not at all, and durable when it returns true: a temporary file, fsync, rename or link, fsync of the
 * directory; S3's PUT. Directories are made as needed. */
bool object_put(struct object_store *store, struct str location, struct str bytes, enum object_put_mode mode,
                struct err *err) MUST_USE;

/* Local: the directory with its parents, for clients that forget to (DuckDB). S3: nothing. */
bool object_make_directory(struct object_store *store, struct str location, struct err *err) MUST_USE;

struct object_info {
    struct str location; /* valid during the callback */
    uint64_t size;
    int64_t modified_us; /* wall clock */
};
/* Whatever lies below the location, in no order; each false stops. */
bool object_list(struct object_store *store, struct str location,
                 bool (*each)(void *owner, const struct object_info *info), void *owner, struct err *err) MUST_USE;
/* Local: the file is not there; one look at its directory, so that the loop's thread may ask. S3: says no. */
bool object_is_gone(const struct object_store *store, struct str location);
/* ERR_NOT_FOUND. */
bool object_head(struct object_store *store, struct str location, struct object_info *info_out,
                 struct err *err) MUST_USE;

/* Local stores only: gives every file below `from` a second name, the same one below `to`: a hard link, or a copy where
 * the system refuses links. Those that have it keep it; what goes away meanwhile is left out. Not durable. */
bool object_keep(struct object_store *store, struct str from, struct str to, struct err *err) MUST_USE;
/* The same of one file. */
bool object_keep_file(struct object_store *store, struct str from, struct str to, struct err *err) MUST_USE;
/* Local stores only: a file for reading; the caller closes it. -1 with *err. */
int object_open_file(struct object_store *store, struct str location, struct err *err);

/* Absent ones are no error. S3: in groups of 1000. Local: directories that became empty go as well, up to the root. */
bool object_delete(struct object_store *store, const struct str *locations, size_t count, struct err *err) MUST_USE;
/* All that lies below the location. */
bool object_delete_below(struct object_store *store, struct str location, struct err *err) MUST_USE;

/* Credentials for somebody else that reach only what lies below the location: STS AssumeRole with an inline policy.
 * ERR_UNIMPLEMENTED where the store has no STS (it is asked once). Keys are given again for half of their life. */
struct object_credentials {
    struct str key_id, secret, session_token;
    int64_t expires_us; /* wall clock */
};
bool object_vend(struct object_store *store, struct arena *arena, struct str location, bool may_write,
                 struct object_credentials *credentials_out, struct err *err) MUST_USE;

/* A request that somebody else will send, and the header fields to add to it, as Iceberg's remote signing wants them.
 * ERR_DENIED unless it reads, writes, lists or deletes only below the location. DeleteObjects is signed only where the
 * store compares bodies with signatures: that is asked once. */
struct object_field {
    struct str name, value;
};
struct object_request {
    struct str method, uri;
    const struct object_field *fields; /* those that the client will send; names in any case */
    size_t field_count;
    struct str body; /* of DeleteObjects, whose names are checked; else empty */
};
#define OBJECT_SIGNED_MAX 4
bool object_sign(struct object_store *store, struct arena *arena, struct str location,
                 const struct object_request *request, struct object_field fields_out[OBJECT_SIGNED_MAX],
                 size_t *count_out, struct err *err) MUST_USE;
