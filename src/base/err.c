/* Errors are values with fixed room for their text, so reporting one never allocates and never fails. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Replaces the last characters when text was cut, so that the reader sees it. */
static void err_mark_cut(char *text, size_t size, int wanted)
{
    if (wanted >= 0 && (size_t)wanted >= size)
        memcpy(text + size - 4, "...", 4);
}

bool err_set(struct err *err, enum err_code code, const char *format, ...)
{
    err->code = code;
    err->hint[0] = '\0';
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    err_mark_cut(err->message, sizeof(err->message), wanted);
    return false;
}

bool err_wrap(struct err *err, const char *format, ...)
{
    char context[sizeof(err->message)];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof(context), format, args);
    va_end(args);

    char cause[sizeof(err->message)];
    memcpy(cause, err->message, sizeof(cause));
    size_t used = strnlen(context, sizeof(context) - 4);
    memcpy(err->message, context, used);
    int wanted = snprintf(err->message + used, sizeof(err->message) - used, ": %s", cause);
    err_mark_cut(err->message + used, sizeof(err->message) - used, wanted);
    return false;
}

bool err_hint(struct err *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(err->hint, sizeof(err->hint), format, args);
    va_end(args);
    err_mark_cut(err->hint, sizeof(err->hint), wanted);
    return false;
}

static enum err_code err_code_of_errno(int number)
{
    switch (number) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
    case EADDRINUSE:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return ERR_RESOURCE;
    default:
        return ERR_UNAVAILABLE;
    }
}

bool err_errno(struct err *err, const char *format, ...)
{
    int number = errno;
    char what[sizeof(err->message)];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    return err_set(err, err_code_of_errno(number), "%s: %s", what, strerror(number));
}

const char *err_code_name(enum err_code code)
{
    static const char *const names[] = {
        [ERR_OK] = "ok",
        [ERR_CANCELLED] = "cancelled",
        [ERR_UNKNOWN] = "unknown",
        [ERR_INVALID] = "invalid_argument",
        [ERR_DEADLINE] = "deadline_exceeded",
        [ERR_NOT_FOUND] = "not_found",
        [ERR_EXISTS] = "already_exists",
        [ERR_DENIED] = "permission_denied",
        [ERR_RESOURCE] = "resource_exhausted",
        [ERR_PRECONDITION] = "failed_precondition",
        [ERR_CONFLICT] = "aborted",
        [ERR_RANGE] = "out_of_range",
        [ERR_UNIMPLEMENTED] = "unimplemented",
        [ERR_INTERNAL] = "internal",
        [ERR_UNAVAILABLE] = "unavailable",
        [ERR_DATA_LOSS] = "data_loss",
        [ERR_UNAUTHENTICATED] = "unauthenticated",
    };
    return code <= ERR_UNAUTHENTICATED ? names[code] : "unknown";
}
