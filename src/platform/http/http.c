/* What both carriers share: reading a request's parts, and the form of every answer. */
#include "platform/http/http.h"

#include <assert.h>

#include "base/clock.h"
#include "platform/http/carrier.h"
#include "platform/http/traffic.h"

struct str http_field(const struct http_request *request, struct str name)
{
    for (size_t i = 0; i < request->field_count; i++) {
        if (str_equal(request->fields[i].name, name))
            return request->fields[i].value;
    }
    return (struct str){0};
}

static int http_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool http_percent_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *text_out)
{
    char *decoded = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = text.len - i > 2 ? http_hex_digit(text.ptr[i + 1]) : -1;
            int low = high >= 0 ? http_hex_digit(text.ptr[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == '\0')
            return false;
        decoded[len++] = c;
    }
    *text_out = str_bytes(decoded, len);
    return true;
}

struct str http_form_value(struct arena *arena, struct str form, struct str name)
{
    struct str rest = form, pair;
    while (str_split_next(&rest, '&', &pair)) {
        ptrdiff_t equals = str_find_char(pair, '=');
        struct str raw_name = equals < 0 ? pair : str_slice(pair, 0, (size_t)equals);
        struct str raw_value = equals < 0 ? S("") : str_from_index(pair, (size_t)equals + 1);
        struct str decoded;
        if (!http_percent_decode(arena, raw_name, true, &decoded) || !str_equal(decoded, name))
            continue;
        if (http_percent_decode(arena, raw_value, true, &decoded))
            return decoded;
    }
    return (struct str){0};
}

struct str http_parameter(const struct http_request *request, struct str name)
{
    return http_form_value(request->arena, request->query, name);
}

static bool http_has_field(const struct http_field *fields, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(fields[i].name, name))
            return true;
    }
    return false;
}

/* A value with a line break in it would begin a field of its own. */
static bool http_is_clean(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 && text.ptr[i] != '\t')
            return false;
    }
    return true;
}

/* HTTP Strict Transport Security: browsers come back with https only. It is for all ports of a name, so that it would
 * lock other programs of a developer out of "localhost". */
static bool http_wants_transport_security(const struct http_request *request)
{
    bool is_localhost =
        str_equal_nocase(str_slice(request->host, 0, 9), S("localhost")) && str_find_char(request->host, '.') < 0;
    return request->peer->tls && !is_localhost;
}

/* Every answer of this server says that it must not be guessed at, stored, framed or used as a page, nor tell other
 * sites about this one; a page says more itself. */
static void http_send_head(struct http_request *request, int status, struct str content_type,
                           const struct http_field *fields, size_t field_count, int64_t content_length)
{
    assert(!request->answered);
    struct http_field head[HTTP_ANSWER_FIELDS_MAX];
    size_t count = 0;
    if (content_type.len)
        head[count++] = (struct http_field){S("content-type"), content_type};
    head[count++] = (struct http_field){S("x-content-type-options"), S("nosniff")};
    head[count++] = (struct http_field){S("x-frame-options"), S("DENY")};
    head[count++] = (struct http_field){S("referrer-policy"), S("no-referrer")};
    if (http_wants_transport_security(request))
        head[count++] = (struct http_field){S("strict-transport-security"), S("max-age=31536000")};
    if (!http_has_field(fields, field_count, S("cache-control")))
        head[count++] = (struct http_field){S("cache-control"), S("no-store")};
    if (!http_has_field(fields, field_count, S("content-security-policy")))
        head[count++] =
            (struct http_field){S("content-security-policy"), S("default-src 'none'; frame-ancestors 'none'")};
    head[count++] = (struct http_field){S("date"), http_date(clock_wall_us())};
    for (size_t i = 0; i < field_count && count < HTTP_ANSWER_FIELDS_MAX; i++) {
        if (http_is_clean(fields[i].name) && http_is_clean(fields[i].value))
            head[count++] = fields[i];
    }
    request->answered = true;
    request->status = status;
    request->carrier->begin(request, status, head, count, content_length);
}

static void http_count(struct http_request *request)
{
    double seconds = (double)(clock_now_us() - request->started_us) / (double)CLOCK_SECOND;
    traffic_count_http(request->protocol, request->method, request->status, seconds);
}

void http_answer(struct http_request *request, int status, struct str content_type, struct str body,
                 const struct http_field *fields, size_t field_count)
{
    http_send_head(request, status, content_type, fields, field_count, (int64_t)body.len);
    http_write_copy(request, body);
    http_end(request);
}

void http_begin(struct http_request *request, int status, struct str content_type, const struct http_field *fields,
                size_t field_count)
{
    http_send_head(request, status, content_type, fields, field_count, -1);
}

void http_begin_sized(struct http_request *request, int status, struct str content_type,
                      const struct http_field *fields, size_t field_count, size_t size)
{
    http_send_head(request, status, content_type, fields, field_count, (int64_t)size);
}

void http_write(struct http_request *request, struct slice slice)
{
    assert(request->answered);
    request->bytes_out += slice.len;
    request->carrier->write(request, slice);
}

void http_write_copy(struct http_request *request, struct str bytes)
{
    if (bytes.len && bytes.len <= OUTBOX_COPY_MAX)
        http_write(request, (struct slice){.ptr = arena_copy(request->arena, bytes.ptr, bytes.len), .len = bytes.len});
    else if (bytes.len)
        http_write(request, slice_copy(bytes));
}

size_t http_unsent(const struct http_request *request)
{
    return request->carrier->unsent(request);
}

void http_end(struct http_request *request)
{
    assert(request->answered);
    http_count(request);
    request->carrier->end(request);
}

void http_abort(struct http_request *request)
{
    http_count(request);
    request->carrier->abort(request);
}

void http_refuse(struct http_service *service, struct http_request *request, int status, struct str message)
{
    if (service->on_refusal && service->on_refusal(service, request, status, message))
        return;
    struct str body = str_format(
        request->arena, "{\"error\":{\"code\":\"%s\",\"message\":\"%.*s\"}}\n",
        status == 413 || status == 431 || status == 503 ? "resource_exhausted" : "invalid_argument", STR_ARG(message));
    http_answer(request, status, S("application/json"), body, NULL, 0);
}

uint64_t http_next_id(void)
{
    static uint64_t last;
    return ++last;
}

bool http_set_target(struct http_request *request, struct str target)
{
    ptrdiff_t question = str_find_char(target, '?');
    struct str path = question < 0 ? target : str_slice(target, 0, (size_t)question);
    request->query = question < 0 ? S("") : str_from_index(target, (size_t)question + 1);
    if (path.len == 0 || path.ptr[0] != '/')
        return false;
    request->raw_path = path;
    if (str_find_char(path, '%') < 0) {
        request->path = path;
        return str_find_char(path, '\0') < 0;
    }
    return http_percent_decode(request->arena, path, false, &request->path);
}

struct str http_date(int64_t wall_us)
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static char text[32];
    static int64_t text_second = -1;
    int64_t second = wall_us / CLOCK_SECOND;
    if (second == text_second)
        return str_bytes(text, 29);
    char iso[32]; /* 2026-11-21T10:31:00.123456Z */
    clock_format(wall_us, iso);
    int month = (iso[5] - '0') * 10 + iso[6] - '0';
    memcpy(text, "Www, dd Mmm yyyy hh:mm:ss GMT", 30);
    memcpy(text, days + 3 * (second / 86400 % 7), 3);
    memcpy(text + 5, iso + 8, 2);
    memcpy(text + 8, months + 3 * (month - 1), 3);
    memcpy(text + 12, iso, 4);
    memcpy(text + 17, iso + 11, 8);
    text_second = second;
    return str_bytes(text, 29);
}
