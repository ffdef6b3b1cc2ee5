/* Tables and views as they are answered: the metadata document as it lies in its file, and around it where it is and
 * what a client needs to reach the table's files. */
#include "face/iceberg/iceberg_priv.h"

/* An answer that waits for credentials; in the request's arena, but for the document. */
struct iceberg_loaded {
    struct slice metadata;
    struct str metadata_location, location, etag;
};

void iceberg_loaded_drop(struct iceberg_exchange *exchange)
{
    if (exchange->loaded)
        slice_release(&exchange->loaded->metadata);
}

/* A client that has its own keys is given none: an empty secret of ours would hide them. */
static bool iceberg_wants_credentials(const struct iceberg_exchange *exchange)
{
    return exchange->route->kind == CATALOG_TABLE && catalog_warehouse_of(exchange->iceberg->options.catalog)->s3 &&
           http_field(exchange->edge.http, S("x-iceberg-access-delegation")).len > 0;
}

static void iceberg_storage_encode(struct iceberg_exchange *exchange, struct json_writer *writer, struct str location,
                                   const struct catalog_answer *credentials)
{
    json_begin_array(writer, "storage-credentials");
    if (credentials->property_count > 0) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "prefix", location);
        iceberg_pairs_encode(exchange->edge.http->arena, writer, "config", credentials->properties,
                             credentials->property_count);
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* Some clients read credentials from config only, others prefer storage-credentials: both have them. */
static void iceberg_config_encode(struct iceberg_exchange *exchange, struct buf *buf, struct str location,
                                  const struct catalog_answer *credentials)
{
    struct json_writer writer = {.buf = buf, .comma = true};
    if (!credentials || credentials->property_count == 0) {
        json_begin_object(&writer, "config");
        json_end_object(&writer);
        return;
    }
    iceberg_pairs_encode(exchange->edge.http->arena, &writer, "config", credentials->properties,
                         credentials->property_count);
    iceberg_storage_encode(exchange, &writer, location, credentials);
}

/* Takes the document. after: what follows it inside the object. */
static void iceberg_send_loaded(struct iceberg_exchange *exchange, struct slice metadata, struct str metadata_location,
                                struct str after, struct str etag)
{
    AUTO(buf) struct buf before = {0};
    struct json_writer writer = {.buf = &before};
    json_begin_object(&writer, NULL);
    if (metadata_location.len) /* a staged table has none yet */
        json_write_text(&writer, "metadata-location", metadata_location);
    buf_append_str(&before, metadata_location.len ? S(",\"metadata\":") : S("\"metadata\":"));
    iceberg_answer_around(exchange, buf_str(&before), metadata, after, etag);
}

static void iceberg_send_with(struct iceberg_exchange *exchange, const struct iceberg_loaded *loaded,
                              const struct catalog_answer *credentials)
{
    AUTO(buf) struct buf after = {0};
    iceberg_config_encode(exchange, &after, loaded->location, credentials);
    buf_append_char(&after, '}');
    iceberg_send_loaded(exchange, loaded->metadata, loaded->metadata_location, buf_str(&after), loaded->etag);
}

static void iceberg_vended(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    struct iceberg_loaded *loaded = exchange->loaded;
    exchange->loaded = NULL;
    iceberg_send_with(exchange, loaded, answer);
}

bool iceberg_loaded_anyway(struct iceberg_exchange *exchange)
{
    struct iceberg_loaded *loaded = exchange->loaded;
    exchange->loaded = NULL;
    if (loaded && exchange->body) {
        iceberg_send_with(exchange, loaded, NULL);
        return true;
    }
    if (loaded)
        slice_release(&loaded->metadata);
    return false;
}

static struct catalog_delegation iceberg_delegation(const struct iceberg_exchange *exchange, struct str location)
{
    struct str wanted = http_field(exchange->edge.http, S("x-iceberg-access-delegation"));
    return (struct catalog_delegation){
        .location = location,
        .may_write = principal_role(exchange->edge.who, exchange->tenant) >= ROLE_WRITER,
        .can_sign = str_find(wanted, S("remote-signing")) >= 0,
    };
}

static void iceberg_ask_credentials(struct iceberg_exchange *exchange, const struct catalog_answer *answer)
{
    struct arena *arena = exchange->edge.http->arena;
    struct str name = str_copy(arena, exchange->name->name); /* of the body, where a table is made */
    exchange->loaded = arena_new_object(arena, struct iceberg_loaded);
    *exchange->loaded = (struct iceberg_loaded){
        .metadata = answer->metadata,
        .metadata_location = str_copy(arena, answer->metadata_location),
        .location = str_copy(arena, answer->location),
        .etag = str_copy(arena, answer->etag),
    };
    struct err err;
    if (!iceberg_prepare(exchange, &err)) { /* it was good before */
        iceberg_loaded_drop(exchange);
        iceberg_fail(exchange, &err);
        return;
    }
    exchange->name->name = str_copy(exchange->arena, name);
    const struct catalog_delegation delegation = iceberg_delegation(exchange, exchange->loaded->location);
    catalog_credentials(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_vended), exchange->name,
                        &delegation);
}

void iceberg_answer_loaded(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    const struct iceberg_loaded loaded = {
        .metadata = answer->metadata, .metadata_location = answer->metadata_location, .etag = answer->etag};
    if (answer->not_modified)
        iceberg_answer(exchange, 304, S(""), answer->etag);
    else if (iceberg_wants_credentials(exchange))
        iceberg_ask_credentials(exchange, answer);
    else
        iceberg_send_with(exchange, &loaded, NULL);
}

void iceberg_answer_committed(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    iceberg_send_loaded(exchange, answer->metadata, answer->metadata_location,
                        exchange->route->kind == CATALOG_VIEW ? S(",\"config\":{}}") : S("}"), answer->etag);
}

/* --- GET …/credentials --- */

static void iceberg_credentials_answered(struct iceberg_exchange *exchange, struct catalog_answer *answer)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    iceberg_storage_encode(exchange, &writer, answer->location, answer);
    json_end_object(&writer);
    iceberg_answer(exchange, 200, buf_str(&body), S(""));
}

void iceberg_credentials_get(struct iceberg_exchange *exchange)
{
    const struct catalog_delegation delegation = iceberg_delegation(exchange, S(""));
    catalog_credentials(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_credentials_answered),
                        exchange->name, &delegation);
}
