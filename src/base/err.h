/* What went wrong, in words for the user. The kinds are those of gRPC's status codes; each face translates them
 * into its own protocol. A function that can fail returns bool (or a pointer) and takes `struct err *err` last:
 * false (or NULL) means that *err is set, true means that it was not touched.
 *
 * message: one line, lower case, what happened and where. hint: what the user can do about it; may be empty. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/str.h"

enum err_code {
    ERR_OK = 0,
    ERR_CANCELLED = 1, /* the client, or an administrator, stopped it */
    ERR_UNKNOWN = 2,
    ERR_INVALID = 3,  /* the request is wrong whatever the state */
    ERR_DEADLINE = 4, /* its time was over */
    ERR_NOT_FOUND = 5,
    ERR_EXISTS = 6,
    ERR_DENIED = 7,       /* known who, but not allowed */
    ERR_RESOURCE = 8,     /* a named limit was reached */
    ERR_PRECONDITION = 9, /* the state forbids it; repeating does not help */
    ERR_CONFLICT = 10,    /* lost against a concurrent change; repeating helps */
    ERR_RANGE = 11,
    ERR_UNIMPLEMENTED = 12,
    ERR_INTERNAL = 13,    /* our bug */
    ERR_UNAVAILABLE = 14, /* not now; repeating later helps */
    ERR_DATA_LOSS = 15,
    ERR_UNAUTHENTICATED = 16, /* not known who */
};

struct err {
    enum err_code code;
    char message[496];
    char hint[160];
};

/* Sets *err; always false, so that it can end a function: `return err_set(err, ERR_INVALID, "...")`. */
bool err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF(3, 4);

/* Puts context in front of the message: "open catalog: no such file". Always false. */
bool err_wrap(struct err *err, const char *format, ...) PRINTF(2, 3);

/* Sets the hint; always false. */
bool err_hint(struct err *err, const char *format, ...) PRINTF(2, 3);

/* ERR_UNAVAILABLE or the kind that fits errno, with errno's text appended. Always false. */
bool err_errno(struct err *err, const char *format, ...) PRINTF(2, 3);

/* Lower-case stable name: "not_found". */
const char *err_code_name(enum err_code code);

static inline struct str err_message(const struct err *err)
{
    return str_from(err->message);
}
