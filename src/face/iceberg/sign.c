/* POST …/sign: remote signing (S3SignRequest, S3SignResponse). */
#include "face/iceberg/iceberg_priv.h"

/* {"host": ["a"], …}: several values are joined by ','. */
static bool iceberg_sign_fields(struct iceberg_exchange *exchange, struct catalog_signing *signing, struct err *err)
{
    struct arena *arena = exchange->arena;
    const struct json *headers = json_get(exchange->body, "headers");
    if (headers && json_kind(headers) != JSON_OBJECT && json_kind(headers) != JSON_NULL)
        return err_set(err, ERR_INVALID, "headers has to be an object of arrays");
    struct catalog_pair *fields = arena_array(arena, json_count(headers), sizeof(*fields));
    for (size_t i = 0; i < json_count(headers); i++) {
        struct str *values;
        size_t count;
        fields[i] = (struct catalog_pair){.key = json_key_at(headers, i), .value = S("")};
        if (!iceberg_parse_texts(arena, headers, fields[i].key.ptr, &values, &count, err))
            return err_wrap(err, "headers");
        for (size_t j = 0; j < count; j++)
            fields[i].value =
                str_format(arena, "%.*s%s%.*s", STR_ARG(fields[i].value), j ? "," : "", STR_ARG(values[j]));
    }
    signing->fields = fields;
    signing->field_count = json_count(headers);
    return true;
}

static void iceberg_sign_encode_field(struct iceberg_exchange *exchange, struct json_writer *writer,
                                      const struct catalog_pair *field)
{
    iceberg_texts_encode(writer, str_cstr(exchange->edge.http->arena, field->key), &field->value, 1);
}

/* The request's own fields come back with those that sign it. */
static void iceberg_signed(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "uri", json_text(json_get(exchange->body, "uri")));
    json_begin_object(&writer, "headers");
    for (size_t i = 0; i < answer->property_count; i++)
        iceberg_sign_encode_field(exchange, &writer, &answer->properties[i]);
    json_end_object(&writer);
    json_end_object(&writer);
    iceberg_answer(exchange, 200, buf_str(&body), S(""));
}

void iceberg_sign_post(struct iceberg_exchange *exchange)
{
    struct catalog_signing signing = {0};
    struct err err;
    bool ok = json_get_text(exchange->body, "method", &signing.method, &err) &&
              json_get_text(exchange->body, "uri", &signing.uri, &err) &&
              json_get_text(exchange->body, "body", &signing.body, &err) &&
              iceberg_sign_fields(exchange, &signing, &err);
    if (ok && (!signing.method.len || !signing.uri.len))
        ok = err_set(&err, ERR_INVALID, "method and uri are needed");
    if (ok)
        catalog_sign(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_signed), exchange->name,
                     &signing);
    else
        iceberg_fail(exchange, &err);
}
