/* Errors of the domain as HTTP answers. ERR_PRECONDITION is 409: 412 speaks of If-Match headers, which nobody sent. */
#include "face/rest/rest_priv.h"

int rest_error_status(enum err_code code)
{
    switch (code) {
    case ERR_OK:
        return 200;
    case ERR_INVALID:
    case ERR_RANGE:
        return 400;
    case ERR_UNAUTHENTICATED:
        return 401;
    case ERR_DENIED:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_EXISTS:
    case ERR_CONFLICT:
    case ERR_PRECONDITION:
        return 409;
    case ERR_RESOURCE:
        return 429;
    case ERR_CANCELLED:
        return 499; /* nginx's "client closed request"; HTTP itself has none */
    case ERR_UNIMPLEMENTED:
        return 501;
    case ERR_UNAVAILABLE:
        return 503;
    case ERR_DEADLINE:
        return 504;
    case ERR_UNKNOWN:
    case ERR_INTERNAL:
    case ERR_DATA_LOSS:
        return 500;
    }
    return 500;
}

void rest_error_encode(struct buf *buf, const struct err *error)
{
    struct json_writer writer = {.buf = buf};
    json_begin_object(&writer, NULL);
    json_begin_object(&writer, "error");
    json_write_text(&writer, "code", str_from(err_code_name(error->code)));
    json_write_text(&writer, "message", err_message(error));
    if (error->hint[0])
        json_write_text(&writer, "hint", str_from(error->hint));
    json_end_object(&writer);
    json_end_object(&writer);
}
