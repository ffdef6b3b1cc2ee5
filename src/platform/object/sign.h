/* Signature Version 4 of AWS, in header fields ("AWS Signature Version 4 for API requests"). Pure, but for the hashes
 * of libcrypto. */
#pragma once
#include "platform/object/object.h"

/* For bodies that somebody else sends and we do not see. */
#define OBJECT_UNSIGNED "UNSIGNED-PAYLOAD"

struct object_signing {
    struct str service; /* "s3", "sts" */
    struct str method;
    struct str host;      /* as the Host field says it */
    struct str path;      /* encoded, as it is sent */
    struct str query;     /* canonical: encoded, sorted, "a=&b=2" */
    struct str body_hash; /* SHA-256 in hexadecimal, or OBJECT_UNSIGNED */
    /* Further fields to sign; names in lower case. None of those that this adds. */
    const struct object_field *fields;
    size_t field_count;
    int64_t wall_us;
};

/* x-amz-date, x-amz-content-sha256, x-amz-security-token (with a session token), authorization. */
void object_sign_fields(struct arena *arena, const struct object_s3 *s3, const struct object_signing *signing,
                        struct object_field fields_out[OBJECT_SIGNED_MAX], size_t *count_out);

/* Percent-encodes all but A-Z a-z 0-9 - . _ ~, and '/' only if it is to be. */
struct str object_encode(struct arena *arena, struct str text, bool encode_slash);
/* In lower-case hexadecimal. */
struct str object_sha256(struct arena *arena, struct str bytes);
/* In base 64: Content-MD5. */
struct str object_md5(struct arena *arena, struct str bytes);
