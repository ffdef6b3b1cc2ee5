/* What S3 and STS answer, and the documents of DeleteObjects. Bytes from outside: every text is bounded by the
 * document, and names are what the other side says, still to be checked. */
#pragma once
#include "platform/object/object.h"

struct object_entry {
    struct str key; /* in the arena */
    uint64_t size;
    int64_t modified_us; /* 0 where it cannot be read */
};

/* ListObjectsV2. */
struct object_page {
    const struct object_entry *entries;
    size_t count;
    bool more;
    struct str next; /* the token to go on with */
};
bool object_answer_page(struct arena *arena, struct str document, struct object_page *page_out,
                        struct err *err) MUST_USE;

/* <Error> alone, inside <ErrorResponse>, or the first of a <DeleteResult>. True when there is one. Whatever cannot be
 * read is none. */
struct object_failure {
    struct str code, message, key; /* printable, of bounded length */
};
bool object_answer_failure(struct arena *arena, struct str document, struct object_failure *failure_out);

/* AssumeRole. */
bool object_answer_credentials(struct arena *arena, struct str document, struct object_credentials *credentials_out,
                               struct err *err) MUST_USE;

/* <Delete>: the document for these keys, and the keys of a document that somebody wants signed. False: a key has
 * bytes that XML cannot carry. */
bool object_answer_delete(struct arena *arena, const struct str *keys, size_t count, struct str *document_out);
bool object_answer_deleted(struct arena *arena, struct str document, const struct str **keys_out, size_t *count_out,
                           struct err *err) MUST_USE;

/* "2026-11-21T10:31:00.000Z" and without fraction; 0 for anything else. */
int64_t object_answer_time(struct str text);
