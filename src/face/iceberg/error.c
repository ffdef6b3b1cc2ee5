/* Errors on this wire: the specification's envelope and the names of Iceberg's own exceptions, by which its clients
 * tell what to do. */
#include "face/iceberg/iceberg_priv.h"

struct iceberg_error iceberg_error_of_problem(enum catalog_problem problem)
{
    switch (problem) {
    case CATALOG_BAD_REQUEST: /* Java's clients show the message of this one as it is */
        return (struct iceberg_error){400, "IllegalArgumentException"};
    case CATALOG_NO_WAREHOUSE:
        return (struct iceberg_error){404, "NoSuchWarehouseException"};
    case CATALOG_NO_NAMESPACE:
        return (struct iceberg_error){404, "NoSuchNamespaceException"};
    case CATALOG_NO_TABLE:
        return (struct iceberg_error){404, "NoSuchTableException"};
    case CATALOG_NO_VIEW:
        return (struct iceberg_error){404, "NoSuchViewException"};
    case CATALOG_NO_FILE:
        return (struct iceberg_error){404, "NotFoundException"};
    case CATALOG_EXISTS:
        return (struct iceberg_error){409, "AlreadyExistsException"};
    case CATALOG_COMMIT_FAILED:
        return (struct iceberg_error){409, "CommitFailedException"};
    case CATALOG_NOT_EMPTY:
        return (struct iceberg_error){409, "NamespaceNotEmptyException"};
    case CATALOG_UNPROCESSABLE:
        return (struct iceberg_error){422, "UnprocessableEntityException"};
    case CATALOG_READ_ONLY:
    case CATALOG_FORBIDDEN:
        return (struct iceberg_error){403, "ForbiddenException"};
    case CATALOG_UNSUPPORTED:
        return (struct iceberg_error){406, "UnsupportedOperationException"};
    case CATALOG_UNAVAILABLE:
        return (struct iceberg_error){503, "ServiceUnavailableException"};
    case CATALOG_FINE:
    case CATALOG_FAILED:
        break;
    }
    return (struct iceberg_error){500, "InternalServerError"};
}

struct iceberg_error iceberg_error_of(enum err_code code)
{
    switch (code) {
    case ERR_INVALID:
    case ERR_RANGE:
    case ERR_PRECONDITION:
        return (struct iceberg_error){400, "BadRequestException"};
    case ERR_UNAUTHENTICATED:
        return (struct iceberg_error){401, "NotAuthorizedException"};
    case ERR_DENIED:
        return (struct iceberg_error){403, "ForbiddenException"};
    case ERR_NOT_FOUND:
        return (struct iceberg_error){404, "NotFoundException"};
    case ERR_EXISTS:
        return (struct iceberg_error){409, "AlreadyExistsException"};
    case ERR_CONFLICT:
        return (struct iceberg_error){409, "CommitFailedException"};
    case ERR_RESOURCE:
        return (struct iceberg_error){429, "SlowDownException"};
    case ERR_UNIMPLEMENTED:
        return (struct iceberg_error){406, "UnsupportedOperationException"};
    case ERR_UNAVAILABLE:
    case ERR_DEADLINE:
    case ERR_CANCELLED:
        return (struct iceberg_error){503, "ServiceUnavailableException"};
    case ERR_OK:
    case ERR_UNKNOWN:
    case ERR_INTERNAL:
    case ERR_DATA_LOSS:
        break;
    }
    return (struct iceberg_error){500, "InternalServerError"};
}

struct iceberg_error iceberg_error_of_status(int status)
{
    const char *type = "BadRequestException";
    if (status == 403)
        type = "ForbiddenException";
    else if (status == 413 || status == 431)
        type = "RequestTooLargeException";
    else if (status == 503)
        type = "ServiceUnavailableException";
    return (struct iceberg_error){status, type};
}

void iceberg_error_encode(struct buf *buf, struct iceberg_error error, struct str message)
{
    struct json_writer writer = {.buf = buf};
    json_begin_object(&writer, NULL);
    json_begin_object(&writer, "error");
    json_write_text(&writer, "message", message);
    json_write_text(&writer, "type", str_from(error.type));
    json_write_i64(&writer, "code", error.status);
    json_begin_array(&writer, "stack");
    json_end_array(&writer);
    json_end_object(&writer);
    json_end_object(&writer);
}

struct str iceberg_error_text(struct arena *arena, const struct err *error)
{
    if (!error->hint[0])
        return str_copy(arena, err_message(error));
    return str_format(arena, "%s (%s)", error->message, error->hint);
}
