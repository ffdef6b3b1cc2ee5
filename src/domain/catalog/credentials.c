/* How clients reach a table's files in an S3-compatible store: with keys of their own for a while (STS), with
 * signatures for each request, or with the server's keys, in this order, as far as the warehouse is set so. Local files
 * need none: an empty secret would hide a client's own. */
#include "domain/catalog/catalog_priv.h"
#include "platform/http/http.h"
#include "platform/object/sign.h"

#define CREDENTIALS_PAIRS_MAX 10
/* Of a table's own part in a location: "-" and 8 hexadecimal digits. */
#define CREDENTIALS_SUFFIX 8

struct credentials {
    struct operation operation;
    struct str location;
    struct str endpoint; /* where requests are signed, as clients know it */
    bool may_write, can_sign;
    struct object_credentials keys;
    struct object_request request; /* to sign */
};

static void credentials_add(struct catalog_pair *pairs, size_t *count, struct str key, struct str value)
{
    if (value.len > 0)
        pairs[(*count)++] = (struct catalog_pair){key, value};
}

/* Without a region DuckDB refuses, whatever the store is; path-style-access=false would make it insist on TLS. */
static size_t credentials_store(const struct object_s3 *s3, struct catalog_pair *pairs)
{
    size_t count = 0;
    credentials_add(pairs, &count, S("client.region"), s3->region);
    credentials_add(pairs, &count, S("s3.region"), s3->region);
    credentials_add(pairs, &count, S("s3.endpoint"), s3->endpoint);
    credentials_add(pairs, &count, S("s3.path-style-access"), s3->path_style ? S("true") : S(""));
    return count;
}

size_t catalog_own_credentials(const struct catalog *catalog, struct arena *arena,
                               const struct catalog_pair **pairs_out)
{
    const struct object_s3 *s3 = catalog->warehouse.s3;
    if (!s3)
        return 0;
    struct catalog_pair *pairs = arena_array(arena, CREDENTIALS_PAIRS_MAX, sizeof(*pairs));
    size_t count = credentials_store(s3, pairs);
    credentials_add(pairs, &count, S("s3.access-key-id"), s3->key_id);
    credentials_add(pairs, &count, S("s3.secret-access-key"), str_copy(arena, secret_reveal(s3->key)));
    credentials_add(pairs, &count, S("s3.session-token"), s3->session_token);
    *pairs_out = pairs;
    return count;
}

static void credentials_answer_vended(struct credentials *self)
{
    struct arena *arena = self->operation.arena;
    struct catalog_pair *pairs = arena_array(arena, CREDENTIALS_PAIRS_MAX, sizeof(*pairs));
    size_t count = credentials_store(self->operation.catalog->warehouse.s3, pairs);
    credentials_add(pairs, &count, S("s3.access-key-id"), self->keys.key_id);
    credentials_add(pairs, &count, S("s3.secret-access-key"), self->keys.secret);
    credentials_add(pairs, &count, S("s3.session-token"), self->keys.session_token);
    credentials_add(pairs, &count, S("s3.session-token-expires-at-ms"),
                    str_format(arena, "%lld", (long long)(self->keys.expires_us / 1000)));
    self->operation.answer.properties = pairs;
    self->operation.answer.property_count = count;
}

static void credentials_answer_sign(struct credentials *self)
{
    struct catalog_pair *pairs = arena_array(self->operation.arena, CREDENTIALS_PAIRS_MAX, sizeof(*pairs));
    size_t count = credentials_store(self->operation.catalog->warehouse.s3, pairs);
    credentials_add(pairs, &count, S("s3.remote-signing-enabled"), S("true"));
    credentials_add(pairs, &count, S("signer.endpoint"), self->endpoint);
    credentials_add(pairs, &count, S("s3.signer.endpoint"), self->endpoint); /* its earlier name */
    credentials_add(pairs, &count, S("s3.signer"), S("S3V4RestSigner"));     /* pyiceberg */
    self->operation.answer.properties = pairs;
    self->operation.answer.property_count = count;
}

/* There are no keys of its own for this client. */
static void credentials_answer_else(struct credentials *self)
{
    struct operation *operation = &self->operation;
    const struct catalog_warehouse *warehouse = &operation->catalog->warehouse;
    struct catalog_answer *answer = &operation->answer;
    if (operation->request.internal || (warehouse->share_keys && !(warehouse->sign && self->can_sign)))
        answer->property_count = catalog_own_credentials(operation->catalog, operation->arena, &answer->properties);
    else if (warehouse->sign && self->can_sign)
        credentials_answer_sign(self);
}

static void credentials_run_vend(struct operation *operation)
{
    struct credentials *self = (struct credentials *)operation;
    if (object_vend(operation->catalog->objects, operation->arena, self->location, self->may_write, &self->keys,
                    &operation->error))
        operation->error.code = ERR_OK;
}

static void credentials_vended(struct operation *operation)
{
    struct credentials *self = (struct credentials *)operation;
    enum err_code code = operation->error.code;
    if (code && code != ERR_UNIMPLEMENTED && !operation->request.internal) {
        operation_fail_error(operation);
        return;
    }
    operation->error = (struct err){0};
    if (code)
        credentials_answer_else(self);
    else
        credentials_answer_vended(self);
    operation_end(operation);
}

/* "v1/acme/namespaces/a%1Fb/tables/t/sign" */
static struct str credentials_endpoint(const struct operation *operation, struct str key, struct str name)
{
    struct arena *arena = operation->arena;
    return str_format(arena, "v1/%.*s/namespaces/%.*s/tables/%.*s/sign",
                      STR_ARG(object_encode(arena, operation->request.tenant, true)),
                      STR_ARG(object_encode(arena, key, true)), STR_ARG(object_encode(arena, name, true)));
}

/* Where mirrors lie: all of the tenant's readers may read all of them. */
static struct str credentials_mirrors(struct operation *operation)
{
    const struct str level = S("$mirror");
    return table_default_place(operation, &(struct catalog_namespace){&level, 1}, NULL, 0);
}

static void credentials_begin(struct credentials *self, const struct catalog_name *name)
{
    struct operation *operation = &self->operation;
    const struct catalog_warehouse *warehouse = &operation->catalog->warehouse;
    struct str key = index_key(operation->arena, &name->in);
    bool mirror = operation_is_mirror(operation, &name->in);
    if (self->location.len == 0 && mirror) {
        self->location = credentials_mirrors(operation);
    } else if (self->location.len == 0) {
        const struct index_item *item = table_find(operation, CATALOG_TABLE, key, name->name);
        if (!item) {
            table_fail_missing(operation, CATALOG_TABLE, key, name->name);
            return;
        }
        self->location = str_copy(operation->arena, item->location);
    }
    if (!location_check(operation->arena, operation->root, self->location, &operation->error)) {
        operation_fail_error(operation);
        return;
    }
    self->may_write = self->may_write && !mirror;
    self->endpoint = credentials_endpoint(operation, key, name->name);
    operation->answer.location = self->location;
    if (warehouse->s3 && warehouse->vend) {
        operation_work(operation, credentials_run_vend, credentials_vended);
        return;
    }
    if (warehouse->s3)
        credentials_answer_else(self);
    operation_later(operation, operation_end);
}

void catalog_credentials(struct catalog *catalog, struct catalog_call *call, const struct catalog_name *name,
                         const struct catalog_delegation *delegation)
{
    struct credentials *self = operation_new(catalog, call, sizeof(*self), ROLE_READER, false);
    if (!operation_ready(&self->operation))
        return;
    self->location = str_copy(self->operation.arena, delegation->location);
    self->may_write = delegation->may_write;
    self->can_sign = delegation->can_sign;
    credentials_begin(self, name);
}

/* --- Remote signing --- */

static void credentials_run_sign(struct operation *operation)
{
    struct credentials *self = (struct credentials *)operation;
    struct object_field fields[OBJECT_SIGNED_MAX];
    size_t count;
    if (!object_sign(operation->catalog->objects, operation->arena, self->location, &self->request, fields, &count,
                     &operation->error))
        return;
    struct catalog_pair *pairs = arena_array(operation->arena, count, sizeof(*pairs));
    for (size_t i = 0; i < count; i++)
        pairs[i] = (struct catalog_pair){fields[i].name, fields[i].value};
    operation->answer.properties = pairs;
    operation->answer.property_count = count;
}

static void credentials_signed(struct operation *operation)
{
    if (operation->error.code)
        operation_fail_error(operation);
    else
        operation_end(operation);
}

/* A table that is being created is nowhere yet, but its first files are written: its location is the namespace's, its
 * name, and what the server added to it. Empty: the URI is not about such a place, or it is somebody's. */
static struct str credentials_staged(struct operation *operation, const struct catalog_name *name, struct str uri)
{
    struct arena *arena = operation->arena;
    struct str key = index_key(arena, &name->in), decoded;
    const struct index_space *space = index_space_find(operation->tenant, key);
    if (!space || index_is_hidden(key) || !http_percent_decode(arena, uri, false, &decoded))
        return S("");
    struct str parent = table_default_place(operation, &name->in, space->properties, space->property_count);
    struct str start = str_format(arena, "%.*s-", STR_ARG(location_join(arena, parent, name->name)));
    ptrdiff_t bucket = str_find_char(str_from_index(start, sizeof("s3://") - 1), '/');
    struct str path = bucket < 0 ? S("") : str_from_index(start, sizeof("s3://") - 1 + (size_t)bucket);
    ptrdiff_t found = path.len > 0 ? str_find(decoded, path) : -1;
    if (found < 0)
        return S("");
    struct str suffix = str_slice(decoded, (size_t)found + path.len, CREDENTIALS_SUFFIX);
    for (size_t i = 0; i < suffix.len; i++)
        if (!strchr("0123456789abcdef", suffix.ptr[i]))
            return S("");
    struct str location = str_format(arena, "%.*s%.*s", STR_ARG(start), STR_ARG(suffix));
    const struct index_place *other;
    struct index_place *place = index_place_take(operation->tenant, location, NULL, &other);
    index_place_give(operation->tenant, place);
    return place && suffix.len == CREDENTIALS_SUFFIX ? location : S("");
}

static void credentials_take_request(struct credentials *self, const struct catalog_signing *signing)
{
    struct arena *arena = self->operation.arena;
    struct object_field *fields = arena_array(arena, signing->field_count + 1, sizeof(*fields));
    for (size_t i = 0; i < signing->field_count; i++)
        fields[i] =
            (struct object_field){str_copy(arena, signing->fields[i].key), str_copy(arena, signing->fields[i].value)};
    self->request = (struct object_request){.method = str_copy(arena, signing->method),
                                            .uri = str_copy(arena, signing->uri),
                                            .fields = fields,
                                            .field_count = signing->field_count,
                                            .body = str_copy(arena, signing->body)};
}

void catalog_sign(struct catalog *catalog, struct catalog_call *call, const struct catalog_name *name,
                  const struct catalog_signing *signing)
{
    bool reads = str_equal(signing->method, S("GET")) || str_equal(signing->method, S("HEAD"));
    struct credentials *self = operation_new(catalog, call, sizeof(*self), reads ? ROLE_READER : ROLE_WRITER, false);
    struct operation *operation = &self->operation;
    if (!operation_ready(operation))
        return;
    if (!catalog->warehouse.s3 || !catalog->warehouse.sign) {
        err_hint(&operation->error, "warehouse.sign in eider.yaml, for a warehouse in S3");
        operation_fail(operation, CATALOG_UNSUPPORTED, "this catalog signs no requests");
        return;
    }
    struct str key = index_key(operation->arena, &name->in);
    const struct index_item *item = table_find(operation, CATALOG_TABLE, key, name->name);
    if (item)
        self->location = str_copy(operation->arena, item->location);
    else if (operation_is_mirror(operation, &name->in))
        self->location = reads ? credentials_mirrors(operation) : S("");
    else
        self->location = credentials_staged(operation, name, signing->uri);
    if (self->location.len == 0 && operation_is_mirror(operation, &name->in)) {
        operation_fail_mirror(operation);
    } else if (self->location.len == 0) {
        table_fail_missing(operation, CATALOG_TABLE, key, name->name);
    } else {
        credentials_take_request(self, signing);
        operation_work(operation, credentials_run_sign, credentials_signed);
    }
}
