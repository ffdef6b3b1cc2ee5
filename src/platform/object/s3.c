/* S3: objects by GET, PUT, HEAD, ListObjectsV2 and DeleteObjects. Requests are repeated where the answer says that this
 * helps; all of them mean the same when they are done twice, but for the conditional PUT, see object_s3_put. */
#include "platform/object/s3.h"

#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"

#define S3_TRIES 5
#define S3_BACKOFF_MS 100
#define S3_ANSWER_MAX ((size_t)16 << 20) /* 1000 names of 1024 bytes, encoded, and what is around them */
#define S3_GROUP 1000                    /* of DeleteObjects */

static bool s3_endpoint(struct s3 *s3, struct arena *arena, struct err *err)
{
    struct str endpoint = s3->options.endpoint;
    if (endpoint.len == 0)
        endpoint = str_format(arena, "https://s3.%.*s.amazonaws.com", STR_ARG(s3->options.region));
    if (str_ends_with(endpoint, S("/")))
        endpoint.len--;
    bool tls = str_starts_with(endpoint, S("https://"));
    s3->scheme = tls ? S("https://") : S("http://");
    s3->host = str_from_index(endpoint, s3->scheme.len);
    struct str usual = tls ? S(":443") : S(":80");
    if (str_ends_with(s3->host, usual))
        s3->host.len -= usual.len;
    bool ok = str_starts_with(endpoint, s3->scheme) && s3->host.len > 0;
    for (size_t i = 0; ok && i < s3->host.len; i++)
        ok = s3->host.ptr[i] > ' ' && s3->host.ptr[i] <= '~' && !strchr("/?#@\\", s3->host.ptr[i]);
    if (ok)
        return true;
    (void)err_set(err, ERR_INVALID, "'%.*s' is no address of an S3 store", STR_ARG(s3->options.endpoint));
    return err_hint(err, "like https://s3.eu-central-1.amazonaws.com or http://127.0.0.1:9000, without a path");
}

static bool s3_is_bucket(struct str name)
{
    bool ok = name.len >= 3 && name.len <= 63;
    for (size_t i = 0; ok && i < name.len; i++) {
        char c = name.ptr[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (i > 0 && (c == '-' || c == '.'));
    }
    return ok;
}

bool object_s3_open(struct object_store *store, const struct object_s3 *options, struct err *err)
{
    if (!options || options->region.len == 0 || options->key_id.len == 0 || !options->key) {
        (void)err_set(err, ERR_INVALID, "%.*s needs a region and keys", STR_ARG(store->root));
        return err_hint(err, "warehouse.region, warehouse.key_id and warehouse.key in eider.yaml, or AWS_* variables");
    }
    struct s3 *s3 = store->s3 = mem_new(struct s3);
    (void)pthread_mutex_init(&s3->lock, NULL);
    s3->key = secret_new(secret_reveal(options->key));
    s3->options = (struct object_s3){
        .endpoint = str_copy(store->arena, options->endpoint),
        .region = str_copy(store->arena, options->region),
        .path_style = options->path_style,
        .key_id = str_copy(store->arena, options->key_id),
        .key = s3->key,
        .session_token = str_copy(store->arena, options->session_token),
        .role = str_copy(store->arena, options->role),
        .outgoing = options->outgoing,
    };
    ptrdiff_t slash = str_find_char(store->place, '/');
    s3->bucket = slash < 0 ? store->place : str_slice(store->place, 0, (size_t)slash);
    s3->prefix = str_from_index(store->place, slash < 0 ? store->place.len : (size_t)slash + 1);
    if (!s3_is_bucket(s3->bucket))
        return err_set(err, ERR_INVALID, "'%.*s' is no name of a bucket", STR_ARG(s3->bucket));
    if (!s3_endpoint(s3, store->arena, err))
        return false;
    s3->bucket_host =
        options->path_style ? s3->host : str_format(store->arena, "%.*s.%.*s", STR_ARG(s3->bucket), STR_ARG(s3->host));
    return true;
}

void object_s3_close(struct s3 **s3)
{
    if (!*s3)
        return;
    for (size_t i = 0; i < (*s3)->idle.count; i++)
        http_client_close(&(*s3)->idle.items[i]);
    vec_done(&(*s3)->idle);
    s3_vend_forget(*s3);
    (void)pthread_mutex_destroy(&(*s3)->lock);
    secret_free(&(*s3)->key);
    mem_free(*s3);
    *s3 = NULL;
}

static struct http_client *s3_borrow(struct s3 *s3, struct err *err)
{
    struct http_client *client = NULL;
    (void)pthread_mutex_lock(&s3->lock);
    if (s3->idle.count > 0)
        client = s3->idle.items[--s3->idle.count];
    (void)pthread_mutex_unlock(&s3->lock);
    return client ? client : http_client_open(err);
}

static void s3_give_back(struct s3 *s3, struct http_client *client)
{
    (void)pthread_mutex_lock(&s3->lock);
    vec_push(&s3->idle, client);
    (void)pthread_mutex_unlock(&s3->lock);
}

/* Signs and sends once. */
static bool s3_send(struct s3 *s3, struct http_client *client, struct arena *arena, const struct s3_request *request,
                    struct str body_hash, struct http_client_answer *answer_out, struct err *err)
{
    struct object_field signed_fields[OBJECT_SIGNED_MAX];
    struct http_field fields[OBJECT_SIGNED_MAX + 1];
    size_t count;
    bool has_field = request->field.name.len > 0;
    struct object_signing signing = {
        .service = request->service.len > 0 ? request->service : S("s3"),
        .method = request->method,
        .host = request->host,
        .path = request->path,
        .query = request->query,
        .body_hash = body_hash,
        .fields = &request->field,
        .field_count = has_field,
        .wall_us = clock_wall_us(),
    };
    object_sign_fields(arena, &s3->options, &signing, signed_fields, &count);
    for (size_t i = 0; i < count; i++)
        fields[i] = (struct http_field){signed_fields[i].name, signed_fields[i].value};
    if (has_field)
        fields[count++] = (struct http_field){request->field.name, request->field.value};
    int64_t timeout_us = limits_get(LIMIT_OBJECT_TIMEOUT) * CLOCK_SECOND;
    struct http_client_request http = {
        .method = request->method,
        .url = str_format(arena, "%.*s%.*s%.*s%s%.*s", STR_ARG(request->scheme), STR_ARG(request->host),
                          STR_ARG(request->path), request->query.len > 0 ? "?" : "", STR_ARG(request->query)),
        .content_type = request->content_type,
        .body = request->body,
        .fields = fields,
        .field_count = count,
        .body_max = request->answer_max > 0 ? request->answer_max : S3_ANSWER_MAX,
        .timeout_us = timeout_us + (int64_t)request->body.len, /* 1 s more for each megabyte */
        .outgoing = s3->options.outgoing,
    };
    return http_client_run(client, arena, &http, answer_out, err);
}

/* 100, 200, 400, 800 ms, each up to half shorter, so that those who failed together do not come back together. */
static void s3_back_off(int tries)
{
    uint16_t chance;
    random_bytes(&chance, sizeof(chance));
    int64_t ms = ((int64_t)S3_BACKOFF_MS << (tries - 1)) * (131072 - chance) / 131072;
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&wait, NULL);
}

/* 409: another conditional write to the name is under way. */
static bool s3_is_passing(int status)
{
    return status == 408 || status == 409 || status == 429 || status == 500 || status == 502 || status == 503 ||
           status == 504;
}

bool s3_run(struct s3 *s3, struct arena *arena, const struct s3_request *request, struct s3_answer *answer_out,
            struct err *err)
{
    struct http_client *client = s3_borrow(s3, err);
    if (!client)
        return false;
    struct str body_hash = request->body_hash.len > 0 ? request->body_hash : object_sha256(arena, request->body);
    bool ok, again;
    int tries = 0;
    int64_t give_up_us = clock_deadline_us(2 * limits_get(LIMIT_OBJECT_TIMEOUT) * CLOCK_SECOND);
    do {
        if (tries > 0)
            s3_back_off(tries);
        ok = s3_send(s3, client, arena, request, body_hash, &answer_out->http, err);
        answer_out->tries = ++tries;
        again = ok ? s3_is_passing(answer_out->http.status) : err->code == ERR_UNAVAILABLE || err->code == ERR_DEADLINE;
    } while (again && tries < S3_TRIES && clock_now_us() < give_up_us);
    s3_give_back(s3, client);
    return ok || err_wrap(err, "%.*s", STR_ARG(request->what));
}

bool s3_fail(const struct s3_request *request, const struct s3_answer *answer, struct err *err)
{
    static const struct {
        int status;
        enum err_code code;
        const char *hint;
    } meanings[] = {
        {301, ERR_PRECONDITION, "the bucket is in another region: set warehouse.region and warehouse.endpoint"},
        {307, ERR_PRECONDITION, "the bucket is in another region: set warehouse.region and warehouse.endpoint"},
        {400, ERR_PRECONDITION, "check warehouse.region, warehouse.endpoint and warehouse.path_style"},
        {401, ERR_DENIED, "check warehouse.key_id and warehouse.key, and what the keys may do"},
        {403, ERR_DENIED, "check warehouse.key_id and warehouse.key, and what the keys may do"},
        {404, ERR_NOT_FOUND, ""},
        {405, ERR_UNIMPLEMENTED, ""},
        {412, ERR_EXISTS, ""},
        {501, ERR_UNIMPLEMENTED, ""},
    };
    AUTO(arena) struct arena *arena = arena_new_small();
    struct object_failure failure;
    int status = answer->http.status;
    bool said = object_answer_failure(arena, answer->http.body, &failure);
    if (!said)
        failure.code = str_format(arena, "HTTP status %d", status);
    enum err_code code = ERR_UNAVAILABLE;
    const char *hint = "";
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].status == status) {
            code = meanings[i].code;
            hint = meanings[i].hint;
        }
    }
    if (str_equal(failure.code, S("NoSuchBucket"))) {
        code = ERR_PRECONDITION;
        hint = "make the bucket, or name another one in warehouse.location";
    } else if (status == 404 && said && !str_equal(failure.code, S("NoSuchKey"))) { /* of keys, in versitygw */
        code = ERR_DENIED;
        hint = "check warehouse.key_id";
    }
    (void)err_set(err, code, "%.*s: the store says %.*s%s%.*s", STR_ARG(request->what), STR_ARG(failure.code),
                  failure.message.len > 0 ? ": " : "", STR_ARG(failure.message));
    return err_hint(err, "%s", hint);
}

struct str s3_key(const struct s3 *s3, struct arena *arena, struct str name)
{
    if (s3->prefix.len == 0 || name.len == 0)
        return name.len > 0 ? name : s3->prefix;
    return str_format(arena, "%.*s/%.*s", STR_ARG(s3->prefix), STR_ARG(name));
}

struct s3_request s3_request_for(const struct object_store *store, struct arena *arena, struct str method,
                                 struct str key)
{
    const struct s3 *s3 = store->s3;
    struct str encoded = object_encode(arena, key, false);
    const char *slash = key.len > 0 ? "/" : "";
    return (struct s3_request){
        .method = method,
        .scheme = s3->scheme,
        .host = s3->bucket_host,
        .path = s3->options.path_style ? str_format(arena, "/%.*s%s%.*s", STR_ARG(s3->bucket), slash, STR_ARG(encoded))
                                       : str_format(arena, "/%.*s", STR_ARG(encoded)),
        .what = str_format(arena, "s3://%.*s%s%.*s", STR_ARG(s3->bucket), slash, STR_ARG(key)),
    };
}

static struct s3_request s3_request_name(const struct object_store *store, struct arena *arena, struct str method,
                                         struct str name)
{
    return s3_request_for(store, arena, method, s3_key(store->s3, arena, name));
}

bool object_s3_read(struct object_store *store, struct arena *arena, struct str name, size_t max, struct str *bytes_out,
                    struct err *err)
{
    struct s3_request request = s3_request_name(store, arena, S("GET"), name);
    struct s3_answer answer;
    request.answer_max = max > 0 ? max : 1;
    if (!s3_run(store->s3, arena, &request, &answer, err))
        return false;
    if (answer.http.status != 200)
        return s3_fail(&request, &answer, err);
    *bytes_out = answer.http.body;
    return true;
}

/* A try that failed on the way back may have written all the same; then the next one finds what is ours. */
static bool s3_is_ours(struct object_store *store, struct str name, struct str bytes)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str found;
    struct err unread;
    return object_s3_read(store, arena, name, bytes.len, &found, &unread) && str_equal(found, bytes);
}

bool object_s3_put(struct object_store *store, struct str name, struct str bytes, enum object_put_mode mode,
                   struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct s3_request request = s3_request_name(store, arena, S("PUT"), name);
    struct s3_answer answer;
    request.body = bytes;
    request.content_type = S("application/octet-stream");
    if (mode == OBJECT_PUT_IF_ABSENT)
        request.field = (struct object_field){S("if-none-match"), S("*")};
    if (!s3_run(store->s3, arena, &request, &answer, err))
        return false;
    if (answer.http.status == 200)
        return true;
    if (answer.http.status == 412 && answer.tries > 1 && s3_is_ours(store, name, bytes))
        return true;
    return s3_fail(&request, &answer, err);
}

bool object_s3_head(struct object_store *store, struct str name, struct object_info *info_out, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct s3_request request = s3_request_name(store, arena, S("HEAD"), name);
    struct s3_answer answer;
    if (!s3_run(store->s3, arena, &request, &answer, err))
        return false;
    if (answer.http.status != 200)
        return s3_fail(&request, &answer, err);
    if (answer.http.size < 0)
        return err_set(err, ERR_UNAVAILABLE, "%.*s: the store does not say how large it is", STR_ARG(request.what));
    *info_out = (struct object_info){
        .size = (uint64_t)answer.http.size,
        .modified_us = answer.http.modified_us < 0 ? 0 : answer.http.modified_us,
    };
    return true;
}

/* What lies below a name, page by page; a page dies with its call. */
static bool s3_pages(struct object_store *store, struct str name,
                     bool (*each)(void *owner, struct arena *arena, const struct object_page *page, struct err *err),
                     void *owner, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct buf token = {0};
    bool ok = true, more = true;
    while (ok && more) {
        struct str below = s3_key(store->s3, arena, name);
        struct s3_request request = s3_request_for(store, arena, S("GET"), S(""));
        struct s3_answer answer;
        struct object_page page;
        if (below.len > 0)
            below = str_format(arena, "%.*s/", STR_ARG(below));
        struct str from = object_encode(arena, buf_str(&token), true);
        request.query = str_format(arena, "%s%.*s%sencoding-type=url&list-type=2&prefix=%.*s",
                                   from.len > 0 ? "continuation-token=" : "", STR_ARG(from), from.len > 0 ? "&" : "",
                                   STR_ARG(object_encode(arena, below, true)));
        ok = s3_run(store->s3, arena, &request, &answer, err) &&
             (answer.http.status == 200 || s3_fail(&request, &answer, err)) &&
             (object_answer_page(arena, answer.http.body, &page, err) ||
              err_wrap(err, "list %.*s", STR_ARG(request.what))) &&
             each(owner, arena, &page, err);
        more = ok && page.more;
        buf_clear(&token);
        if (more)
            buf_append_str(&token, page.next);
        arena_reset(arena);
    }
    buf_done(&token);
    return ok;
}

struct s3_listing {
    struct object_store *store;
    struct str below;
    bool (*each)(void *owner, const struct object_info *info);
    void *owner;
};

/* Marks of directories, and names that no location can have, are nobody's files. */
static bool s3_list_page(void *owner, struct arena *arena, const struct object_page *page, struct err *err)
{
    struct s3_listing *listing = owner;
    size_t prefix = listing->store->s3->prefix.len;
    for (size_t i = 0; i < page->count; i++) {
        const struct object_entry *entry = &page->entries[i];
        struct str name = str_from_index(entry->key, prefix > 0 ? prefix + 1 : 0);
        if (!str_starts_with(entry->key, listing->below))
            return err_set(err, ERR_UNAVAILABLE, "the store lists what was not asked for");
        if (str_ends_with(name, S("/")) || str_starts_with(name, S("/")) || !object_is_plain(name))
            continue;
        struct object_info info = {
            .location = object_location(listing->store, arena, name),
            .size = entry->size,
            .modified_us = entry->modified_us,
        };
        if (!listing->each(listing->owner, &info))
            return err_set(err, ERR_CANCELLED, "the list was not wanted to its end");
    }
    return true;
}

bool object_s3_list(struct object_store *store, struct str name,
                    bool (*each)(void *owner, const struct object_info *info), void *owner, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    struct s3_listing listing = {store, s3_key(store->s3, arena, name), each, owner};
    if (listing.below.len > 0)
        listing.below = str_format(arena, "%.*s/", STR_ARG(listing.below));
    return s3_pages(store, name, s3_list_page, &listing, err);
}

static bool s3_delete_one(struct object_store *store, struct str key, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    struct s3_request request = s3_request_for(store, arena, S("DELETE"), key);
    struct s3_answer answer;
    return s3_run(store->s3, arena, &request, &answer, err) &&
           (answer.http.status / 100 == 2 || answer.http.status == 404 || s3_fail(&request, &answer, err));
}

/* At most S3_GROUP. One by one where the store knows no groups, or XML cannot carry a name. */
static bool s3_delete_group(struct object_store *store, const struct str *keys, size_t count, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct s3_request request = s3_request_for(store, arena, S("POST"), S(""));
    struct s3_answer answer = {0};
    request.query = S("delete=");
    request.content_type = S("application/xml");
    bool grouped = count > 1 && object_answer_delete(arena, keys, count, &request.body);
    if (grouped) {
        request.field = (struct object_field){S("content-md5"), object_md5(arena, request.body)};
        if (!s3_run(store->s3, arena, &request, &answer, err))
            return false;
        grouped = answer.http.status != 501 && answer.http.status != 405;
    }
    for (size_t i = 0; !grouped && i < count; i++)
        if (!s3_delete_one(store, keys[i], err))
            return false;
    if (!grouped)
        return true;
    struct object_failure failure;
    if (answer.http.status != 200)
        return s3_fail(&request, &answer, err);
    if (!object_answer_failure(arena, answer.http.body, &failure) || str_equal(failure.code, S("NoSuchKey")))
        return true;
    return err_set(err, str_equal(failure.code, S("AccessDenied")) ? ERR_DENIED : ERR_UNAVAILABLE,
                   "delete %.*s: the store says %.*s: %.*s", STR_ARG(failure.key), STR_ARG(failure.code),
                   STR_ARG(failure.message));
}

bool object_s3_delete(struct object_store *store, const struct str *names, size_t count, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str *keys = arena_array(arena, S3_GROUP, sizeof(*keys));
    for (size_t done = 0; done < count;) {
        size_t group = count - done < S3_GROUP ? count - done : S3_GROUP;
        for (size_t i = 0; i < group; i++)
            keys[i] = s3_key(store->s3, arena, names[done + i]);
        if (!s3_delete_group(store, keys, group, err))
            return false;
        done += group;
    }
    return true;
}

static bool s3_delete_page(void *owner, struct arena *arena, const struct object_page *page, struct err *err)
{
    struct s3_listing *listing = owner;
    struct str *keys = arena_array(arena, page->count + 1, sizeof(*keys));
    for (size_t i = 0; i < page->count; i++) {
        if (!str_starts_with(page->entries[i].key, listing->below))
            return err_set(err, ERR_UNAVAILABLE, "the store lists what was not asked for");
        keys[i] = page->entries[i].key;
    }
    for (size_t done = 0; done < page->count; done += S3_GROUP)
        if (!s3_delete_group(listing->store, keys + done, page->count - done < S3_GROUP ? page->count - done : S3_GROUP,
                             err))
            return false;
    return true;
}

bool object_s3_delete_below(struct object_store *store, struct str name, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    struct s3_listing listing = {.store = store, .below = s3_key(store->s3, arena, name)};
    if (listing.below.len > 0)
        listing.below = str_format(arena, "%.*s/", STR_ARG(listing.below));
    return s3_pages(store, name, s3_delete_page, &listing, err);
}
