/* Requests to an S3-compatible store, inside the room. */
#pragma once
#include <pthread.h>

#include "base/map.h"
#include "base/vec.h"
#include "platform/http/client.h"
#include "platform/object/answer.h"
#include "platform/object/object_priv.h"
#include "platform/object/sign.h"

enum s3_sts { S3_STS_UNKNOWN, S3_STS_NONE };
/* Does the store refuse a DeleteObjects whose body is not the one that was signed? */
enum s3_bodies { S3_BODIES_UNKNOWN, S3_BODIES_CHECKED, S3_BODIES_UNCHECKED };

struct s3 {
    struct object_s3 options; /* texts in the store's arena */
    struct secret *key;       /* options.key points here */
    struct str scheme;        /* "https://" */
    struct str host;          /* "host:port", without the port that the scheme has anyway; empty: Amazon's */
    struct str bucket_host;   /* where the bucket is asked */
    struct str bucket, prefix;
    pthread_mutex_t lock;
    VEC(struct http_client *) idle; /* guarded by lock: connections that nobody uses */
    enum s3_sts sts;                /* guarded by lock */
    struct map vended;              /* guarded by lock: struct vend_entry by place and right */
    enum s3_bodies bodies;          /* guarded by lock */
};

/* One request, repeated while that may help. */
struct s3_request {
    struct str method, scheme, host;
    struct str path;    /* encoded */
    struct str query;   /* canonical */
    struct str service; /* "s3" where empty */
    struct str content_type;
    struct object_field field; /* one more to sign and send; name empty: none */
    struct str body;
    struct str body_hash; /* empty: the body's */
    size_t answer_max;
    struct str what; /* for errors: the location */
};
struct s3_answer {
    struct http_client_answer http;
    int tries;
};
/* True for every whole answer that repeating does not better, whatever its status. */
bool s3_run(struct s3 *s3, struct arena *arena, const struct s3_request *request, struct s3_answer *answer_out,
            struct err *err) MUST_USE;

/* What an answer of status 300 and more means. Always false. */
bool s3_fail(const struct s3_request *request, const struct s3_answer *answer, struct err *err);

/* Forgets what was vended. */
void s3_vend_forget(struct s3 *s3);

/* "prefix/name"; the prefix alone for the root. In the arena. */
struct str s3_key(const struct s3 *s3, struct arena *arena, struct str name);
/* A request about a key; about the bucket where the key is empty. */
struct s3_request s3_request_for(const struct object_store *store, struct arena *arena, struct str method,
                                 struct str key);
