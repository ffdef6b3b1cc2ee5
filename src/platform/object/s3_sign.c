/* Signatures for requests of others, who so never see a key. What is signed can do no more than work with objects below
 * one place: method, name, query, fields and body are all looked at, and what is not known is refused. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/vec.h"
#include "platform/object/s3.h"

struct sign_parameter {
    struct str name, value; /* decoded */
};

struct sign_subject {
    struct str path; /* decoded, without the first slash */
    struct str key;  /* empty: the bucket */
    VEC(struct sign_parameter) parameters;
};

static bool sign_refuse(const struct object_request *request, const char *why, struct err *err)
{
    (void)err_set(err, ERR_DENIED, "%.*s %.*s is not signed: %s", STR_ARG(str_slice(request->method, 0, 16)),
                  STR_ARG(str_slice(request->uri, 0, 200)), why);
    return err_hint(err, "only requests for files of the table are");
}

static int sign_by_name(const void *a, const void *b)
{
    const struct sign_parameter *left = a, *right = b;
    int order = str_compare(left->name, right->name);
    return order ? order : str_compare(left->value, right->value);
}

static bool sign_take_query(struct arena *arena, struct str query, struct sign_subject *subject)
{
    struct str part;
    while (str_split_next(&query, '&', &part)) {
        ptrdiff_t equals = str_find_char(part, '=');
        struct sign_parameter parameter = {0};
        struct str value = equals < 0 ? S("") : str_from_index(part, (size_t)equals + 1);
        if (!http_percent_decode(arena, equals < 0 ? part : str_slice(part, 0, (size_t)equals), false,
                                 &parameter.name) ||
            !http_percent_decode(arena, value, false, &parameter.value))
            return false;
        if (part.len > 0)
            vec_push(&subject->parameters, parameter);
    }
    if (subject->parameters.count > 0)
        qsort(subject->parameters.items, subject->parameters.count, sizeof(struct sign_parameter), sign_by_name);
    return true;
}

/* Which bucket and key the URI names, in either style. */
static bool sign_take_uri(const struct s3 *s3, struct arena *arena, struct str uri, struct str *host_out,
                          struct sign_subject *subject)
{
    if (!str_starts_with(uri, s3->scheme) || str_find_char(uri, '#') >= 0)
        return false;
    struct str rest = str_from_index(uri, s3->scheme.len);
    ptrdiff_t query = str_find_char(rest, '?');
    struct str target = query < 0 ? rest : str_slice(rest, 0, (size_t)query);
    ptrdiff_t slash = str_find_char(target, '/');
    struct str host = slash < 0 ? target : str_slice(target, 0, (size_t)slash), path = S("");
    if (slash >= 0 && !http_percent_decode(arena, str_from_index(target, (size_t)slash + 1), false, &path))
        return false;
    struct str usual = str_equal(s3->scheme, S("https://")) ? S(":443") : S(":80");
    if (str_ends_with(host, usual))
        host.len -= usual.len;
    struct str virtual_host = str_format(arena, "%.*s.%.*s", STR_ARG(s3->bucket), STR_ARG(s3->host));
    if (str_equal_nocase(host, virtual_host)) {
        subject->key = path;
    } else if (str_equal_nocase(host, s3->host)) {
        if (!str_starts_with(path, s3->bucket))
            return false;
        struct str key = str_from_index(path, s3->bucket.len);
        if (key.len > 0 && key.ptr[0] != '/')
            return false;
        subject->key = str_from_index(key, 1);
    } else {
        return false;
    }
    subject->path = path;
    *host_out = host;
    return sign_take_query(arena, query < 0 ? S("") : str_from_index(rest, (size_t)query + 1), subject);
}

static bool sign_is_one_of(struct str name, const char *const *names)
{
    for (; *names; names++)
        if (str_equal(name, str_from(*names)))
            return true;
    return false;
}

static bool sign_has_only(const struct sign_subject *subject, const char *const *names)
{
    for (size_t i = 0; i < subject->parameters.count; i++)
        if (!sign_is_one_of(subject->parameters.items[i].name, names))
            return false;
    return true;
}

/* ptr NULL: it has none, or several. */
static struct str sign_value(const struct sign_subject *subject, struct str name)
{
    struct str found = {0};
    size_t count = 0;
    for (size_t i = 0; i < subject->parameters.count; i++) {
        if (str_equal(subject->parameters.items[i].name, name)) {
            found = subject->parameters.items[i].value;
            count++;
        }
    }
    return count == 1 ? found : (struct str){0};
}

static bool sign_is_below(struct str key, struct str below)
{
    return str_starts_with(key, below) && key.len > below.len && object_is_plain(key) && !str_ends_with(key, S("/"));
}

/* A store that reads the names before it has compared the body's hash (MinIO) would delete whatever the client puts
 * into a signed request. Asks once, by two bodies that name nothing. */
static enum s3_bodies sign_probe(struct object_store *store, struct arena *arena)
{
    struct s3 *s3 = store->s3;
    (void)pthread_mutex_lock(&s3->lock);
    enum s3_bodies bodies = s3->bodies;
    (void)pthread_mutex_unlock(&s3->lock);
    if (bodies != S3_BODIES_UNKNOWN)
        return bodies;
    struct str documents[2];
    for (size_t i = 0; i < 2; i++) {
        struct str key = s3_key(s3, arena, random_hex(arena, 16));
        if (!object_answer_delete(arena, &key, 1, &documents[i]))
            return S3_BODIES_UNKNOWN;
    }
    struct s3_request request = s3_request_for(store, arena, S("POST"), S(""));
    struct s3_answer answer;
    struct err unread;
    request.query = S("delete=");
    request.content_type = S("application/xml");
    request.body = documents[0];
    request.body_hash = object_sha256(arena, documents[1]);
    request.field = (struct object_field){S("content-md5"), object_md5(arena, documents[0])};
    if (!s3_run(s3, arena, &request, &answer, &unread) || answer.http.status >= 500)
        return S3_BODIES_UNKNOWN;
    bodies = answer.http.status >= 400 ? S3_BODIES_CHECKED : S3_BODIES_UNCHECKED;
    (void)pthread_mutex_lock(&s3->lock);
    s3->bodies = bodies;
    (void)pthread_mutex_unlock(&s3->lock);
    return bodies;
}

static bool sign_check_delete(struct object_store *store, struct arena *arena, const struct object_request *request,
                              struct str below, struct err *err)
{
    const struct str *keys;
    size_t count;
    if (!object_answer_deleted(arena, request->body, &keys, &count, err))
        return sign_refuse(request, "its body names no objects", err);
    for (size_t i = 0; i < count; i++)
        if (!sign_is_below(keys[i], below))
            return sign_refuse(request, "it deletes something else as well", err);
    return sign_probe(store, arena) == S3_BODIES_CHECKED ||
           sign_refuse(request, "the store does not compare the body with its signature", err);
}

/* An object: GET, HEAD, PUT and DELETE, and uploads in parts. The bucket: a list below the place, DeleteObjects. */
static bool sign_check(struct object_store *store, struct arena *arena, const struct object_request *request,
                       const struct sign_subject *subject, struct str below, struct err *err)
{
    static const char *const of_read[] = {"x-id", "partNumber", NULL};
    static const char *const of_upload[] = {"x-id", "uploads", "uploadId", "partNumber", NULL};
    static const char *const of_list[] = {"list-type", "prefix",      "delimiter",   "continuation-token",
                                          "max-keys",  "start-after", "fetch-owner", "encoding-type",
                                          "x-id",      NULL};
    static const char *const of_delete[] = {"delete", "x-id", NULL};
    struct str method = request->method;
    bool reads = str_equal(method, S("GET")) || str_equal(method, S("HEAD"));
    bool writes = str_equal(method, S("PUT")) || str_equal(method, S("DELETE")) || str_equal(method, S("POST"));
    if (subject->key.len > 0) {
        if (!sign_is_below(subject->key, below))
            return sign_refuse(request, "it is about another place", err);
        if (reads && sign_has_only(subject, of_read))
            return true;
        return (writes && sign_has_only(subject, of_upload)) || sign_refuse(request, "it asks for something else", err);
    }
    if (str_equal(method, S("GET")) && sign_has_only(subject, of_list))
        return str_starts_with(sign_value(subject, S("prefix")), below) ||
               sign_refuse(request, "it lists another place", err);
    if (str_equal(method, S("POST")) && sign_value(subject, S("delete")).ptr && sign_has_only(subject, of_delete))
        return sign_check_delete(store, arena, request, below, err);
    return sign_refuse(request, "it is about the bucket", err);
}

/* Those that S3 wants signed. The rest of x-amz-* could copy from elsewhere or open the object to others. */
static bool sign_take_fields(struct arena *arena, const struct object_request *request, struct object_signing *signing,
                             struct err *err)
{
    static const char *const harmless[] = {"x-amz-decoded-content-length",
                                           "x-amz-te",
                                           "x-amz-trailer",
                                           "x-amz-user-agent",
                                           "x-amz-expected-bucket-owner",
                                           "x-amz-request-payer",
                                           "content-md5",
                                           NULL};
    struct object_field *fields = arena_array(arena, request->field_count + 1, sizeof(*fields));
    for (size_t i = 0; i < request->field_count; i++) {
        struct object_field field = {str_lower(arena, request->fields[i].name), request->fields[i].value};
        if (field.value.len > 0 &&
            (memchr(field.value.ptr, '\n', field.value.len) || memchr(field.value.ptr, 0, field.value.len)))
            return sign_refuse(request, "a field has a line break", err);
        if (str_equal(field.name, S("x-amz-content-sha256")))
            signing->body_hash = field.value;
        else if (sign_is_one_of(field.name, harmless) || str_starts_with(field.name, S("x-amz-checksum-")) ||
                 str_starts_with(field.name, S("x-amz-sdk-")))
            fields[signing->field_count++] = field;
        else if (str_starts_with(field.name, S("x-amz-")) && !str_equal(field.name, S("x-amz-date")) &&
                 !str_equal(field.name, S("x-amz-security-token")))
            return sign_refuse(request, "it has a field of another purpose", err);
    }
    signing->fields = fields;
    return true;
}

static struct str sign_canonical_query(struct arena *arena, const struct sign_subject *subject)
{
    struct str query = S("");
    for (size_t i = 0; i < subject->parameters.count; i++) {
        const struct sign_parameter *parameter = &subject->parameters.items[i];
        query = str_format(arena, "%.*s%s%.*s=%.*s", STR_ARG(query), i > 0 ? "&" : "",
                           STR_ARG(object_encode(arena, parameter->name, true)),
                           STR_ARG(object_encode(arena, parameter->value, true)));
    }
    return query;
}

bool object_s3_sign(struct object_store *store, struct arena *arena, struct str name,
                    const struct object_request *request, struct object_field fields_out[OBJECT_SIGNED_MAX],
                    size_t *count_out, struct err *err)
{
    struct s3 *s3 = store->s3;
    struct str below = str_format(arena, "%.*s/", STR_ARG(s3_key(s3, arena, name)));
    struct sign_subject subject = {0};
    struct object_signing signing = {
        .service = S("s3"), .method = request->method, .wall_us = clock_wall_us(), .body_hash = S(OBJECT_UNSIGNED)};
    bool ok = sign_take_uri(s3, arena, request->uri, &signing.host, &subject) ||
              sign_refuse(request, "it goes to another store or bucket", err);
    ok = ok && sign_check(store, arena, request, &subject, below, err) &&
         sign_take_fields(arena, request, &signing, err);
    if (ok) {
        /* The names to delete are in the body, so it may be no other than the one that was looked at. */
        if (request->body.len > 0)
            signing.body_hash = object_sha256(arena, request->body);
        signing.path = str_format(arena, "/%.*s", STR_ARG(object_encode(arena, subject.path, false)));
        signing.query = sign_canonical_query(arena, &subject);
        object_sign_fields(arena, &s3->options, &signing, fields_out, count_out);
    }
    vec_done(&subject.parameters);
    return ok;
}
