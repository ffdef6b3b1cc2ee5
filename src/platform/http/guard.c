/* Host, Origin and content type: what a page of another site cannot get right without our consent. */
#include "platform/http/guard.h"

#include "base/vec.h"

struct guard {
    struct arena *arena;
    VEC(struct str) hosts; /* without port */
    bool any_address;      /* listens on all interfaces: its addresses are not known, so every literal one passes */
    struct str form_path;  /* empty: none */
};

/* "localhost:8815" → "localhost"; "[::1]:8815" → "[::1]". */
static struct str guard_without_port(struct str host)
{
    size_t end = 0;
    if (host.len && host.ptr[0] == '[') {
        ptrdiff_t bracket = str_find_char(host, ']');
        end = bracket < 0 ? 0 : (size_t)bracket + 1;
    } else {
        ptrdiff_t colon = str_find_char(host, ':');
        end = colon < 0 ? host.len : (size_t)colon;
    }
    struct str port = str_from_index(host, end);
    uint64_t number;
    if (port.len && (port.ptr[0] != ':' || (port.len > 1 && !str_to_u64(str_from_index(port, 1), &number))))
        return S("");
    return str_slice(host, 0, end);
}

struct guard *guard_new(const struct str *addresses, size_t address_count, const struct str *hosts, size_t host_count)
{
    struct guard *guard = mem_new(struct guard);
    guard->arena = arena_new();
    vec_push(&guard->hosts, S("localhost"));
    vec_push(&guard->hosts, S("127.0.0.1"));
    vec_push(&guard->hosts, S("[::1]"));
    for (size_t i = 0; i < address_count; i++) {
        struct str host = guard_without_port(addresses[i]);
        if (str_equal(host, S("0.0.0.0")) || str_equal(host, S("[::]")) || str_equal(host, S("*")))
            guard->any_address = true;
        else
            vec_push(&guard->hosts, str_copy(guard->arena, host));
    }
    for (size_t i = 0; i < host_count; i++)
        vec_push(&guard->hosts, str_copy(guard->arena, hosts[i]));
    return guard;
}

void guard_allow_form(struct guard *guard, struct str path)
{
    guard->form_path = path;
}

void guard_free(struct guard **guard)
{
    if (!guard || !*guard)
        return;
    vec_done(&(*guard)->hosts);
    arena_free(&(*guard)->arena);
    mem_free(*guard);
    *guard = NULL;
}

/* An address, not a name: DNS cannot point it elsewhere. */
static bool guard_is_literal(struct str host)
{
    if (host.len && host.ptr[0] == '[')
        return true;
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9'))
            return false;
    }
    return host.len > 0;
}

static bool guard_knows(const struct guard *guard, struct str host)
{
    struct str name = guard_without_port(host);
    if (name.len == 0)
        return false;
    for (size_t i = 0; i < guard->hosts.count; i++) {
        if (str_equal_nocase(guard->hosts.items[i], name))
            return true;
    }
    return guard->any_address && guard_is_literal(name);
}

/* Inside TLS a page of http:// is another site: whoever is on the way may have written it. Without TLS both pass,
 * because a proxy in front may end it. */
static bool guard_is_same_site(struct str origin, struct str host, bool tls)
{
    const struct str schemes[] = {{"https://", 8}, {"http://", 7}};
    for (size_t i = 0; i < (tls ? 1 : 2); i++) {
        if (str_starts_with(origin, schemes[i]))
            return str_equal_nocase(str_from_index(origin, schemes[i].len), host);
    }
    return false;
}

static struct str guard_media_type(struct str content_type)
{
    ptrdiff_t semicolon = str_find_char(content_type, ';');
    return str_trim(semicolon < 0 ? content_type : str_slice(content_type, 0, (size_t)semicolon));
}

static bool guard_is_data(struct str type)
{
    const struct str allowed[] = {
        {"application/json", 16}, {"application/vnd.apache.arrow.stream", 35}, {"text/csv", 8}};
    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (str_equal_nocase(type, allowed[i]))
            return true;
    }
    return false;
}

int guard_check(const struct guard *guard, const struct http_request *request, struct str *why_out)
{
    if (!guard_knows(guard, request->host)) {
        *why_out = S("this server does not answer to that host name; add it to the list of hosts");
        return 421;
    }
    size_t origins = 0;
    struct str content_type = {0};
    for (size_t i = 0; i < request->field_count; i++) {
        const struct http_field *field = &request->fields[i];
        if (str_equal(field->name, S("content-type")))
            content_type = field->value;
        if (str_equal(field->name, S("host")) && !str_equal_nocase(field->value, request->host)) {
            *why_out = S("host and :authority differ"); /* RFC 9113 8.3.1 */
            return 400;
        }
        if (!str_equal(field->name, S("origin")))
            continue;
        if (++origins > 1 || !guard_is_same_site(field->value, request->host, request->peer->tls)) {
            *why_out = S("requests from pages of other sites are refused");
            return 403;
        }
    }
    const struct str *method = &request->method;
    bool reads = str_equal(*method, S("GET")) || str_equal(*method, S("HEAD")) || str_equal(*method, S("OPTIONS"));
    /* A form cannot send DELETE, and a script of another site would have to ask first, which is never granted. */
    bool bare_delete = str_equal(*method, S("DELETE")) && request->body.len == 0 && !content_type.ptr;
    struct str type = guard_media_type(content_type);
    bool form = guard->form_path.len && str_equal(request->path, guard->form_path) &&
                str_equal_nocase(type, S("application/x-www-form-urlencoded"));
    if (reads || bare_delete || form || guard_is_data(type))
        return 0;
    *why_out = S("content-type must be application/json, application/vnd.apache.arrow.stream or text/csv");
    return 415;
}
