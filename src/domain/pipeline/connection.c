#include "domain/pipeline/connection.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/nearest.h"

const struct project_connection *connection_find(const struct project_settings *settings, struct str name,
                                                 struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    const char **names = arena_array(arena, settings->connection_count + 1, sizeof(*names));
    for (size_t i = 0; i < settings->connection_count; i++) {
        if (str_equal(settings->connections[i].name, name))
            return &settings->connections[i];
        names[i] = str_cstr(arena, settings->connections[i].name);
    }
    err_set(err, ERR_NOT_FOUND, "eider.yaml has no connection '%.*s'", STR_ARG(name));
    const char *nearest = nearest_name(name, names);
    if (nearest)
        err_hint(err, "did you mean '%s'?", nearest);
    return NULL;
}

/* --- Its address --- */

static bool connection_bad(const struct project_connection *settings, const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID, "connection '%.*s': %s", STR_ARG(settings->name), why);
}

static bool connection_parse_port(struct connection *connection, struct str text, struct err *err)
{
    uint64_t port;
    if (!str_to_u64(text, &port) || port == 0 || port > UINT16_MAX)
        return connection_bad(connection->settings, "its port is no number from 1 to 65535", err);
    connection->port = (uint32_t)port;
    return true;
}

/* [user@]host[:port], an IPv6 address in brackets. */
static bool connection_parse_host(struct connection *connection, struct str authority, struct err *err)
{
    ptrdiff_t at = str_find_char(authority, '@');
    if (at >= 0) {
        connection->user = str_slice(authority, 0, (size_t)at);
        if (str_find_char(connection->user, ':') >= 0)
            return connection_bad(connection->settings, "its password does not stand in its url", err);
        authority = str_from_index(authority, (size_t)at + 1);
    }
    bool brackets = authority.len && authority.ptr[0] == '[';
    ptrdiff_t end = brackets ? str_find_char(authority, ']') : str_find_char(authority, ':');
    size_t len = end < 0 ? authority.len : (size_t)end;
    connection->host = brackets ? str_slice(authority, 1, len ? len - 1 : 0) : str_slice(authority, 0, len);
    struct str rest = str_from_index(authority, len + (brackets ? 1 : 0));
    if (connection->host.len == 0 || (brackets && end < 0) || (rest.len && rest.ptr[0] != ':'))
        return connection_bad(connection->settings, "its url names no host", err);
    return rest.len == 0 || connection_parse_port(connection, str_from_index(rest, 1), err);
}

/* After "://". */
static bool connection_parse_url(struct connection *connection, struct str rest, struct err *err)
{
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    struct str authority = str_slice(rest, 0, end);
    rest = str_from_index(rest, end);
    ptrdiff_t question = str_find_char(rest, '?');
    connection->path = question < 0 ? rest : str_slice(rest, 0, (size_t)question);
    connection->query = question < 0 ? S("") : str_from_index(rest, (size_t)question + 1);
    return connection_parse_host(connection, authority, err);
}

static bool connection_parse_web(struct connection *connection, struct str url, struct err *err)
{
    connection->is_secure = str_starts_with(url, S("https://"));
    if (!connection->is_secure && !str_starts_with(url, S("http://")))
        return connection_bad(connection->settings, "its address begins with http:// or https://", err);
    connection->port = connection->is_secure ? 443 : 80;
    return connection_parse_url(connection, str_from_index(url, connection->is_secure ? 8 : 7), err);
}

static bool connection_parse_postgres(struct connection *connection, struct str url, struct err *err)
{
    ptrdiff_t colon = str_find(url, S("://"));
    struct str scheme = str_slice(url, 0, colon < 0 ? 0 : (size_t)colon);
    if (!str_equal(scheme, S("postgres")) && !str_equal(scheme, S("postgresql")))
        return connection_bad(connection->settings, "its url begins with postgres://", err);
    connection->port = 5432;
    if (!connection_parse_url(connection, str_from_index(url, (size_t)colon + 3), err))
        return false;
    if (connection->query.len && !str_starts_with(connection->query, S("sslmode=")))
        return connection_bad(connection->settings, "of parameters its url may have sslmode alone", err);
    return true;
}

static bool connection_parse_s3(struct connection *connection, struct arena *arena, struct err *err)
{
    const struct project_connection *settings = connection->settings;
    if (!str_starts_with(settings->url, S("s3://")))
        return connection_bad(settings, "its url begins with s3://", err);
    if (settings->endpoint.len)
        return connection_parse_web(connection, settings->endpoint, err);
    connection->is_secure = true;
    connection->port = 443;
    connection->host = settings->region.len ? str_format(arena, "s3.%.*s.amazonaws.com", STR_ARG(settings->region))
                                            : S("s3.amazonaws.com");
    return true;
}

bool connection_parse(const struct project_connection *settings, struct arena *arena, struct connection *connection_out,
                      struct err *err)
{
    struct connection connection = {.settings = settings, .user = settings->user};
    bool ok = true;
    switch (settings->kind) {
    case PROJECT_POSTGRES:
        ok = connection_parse_postgres(&connection, settings->url, err);
        break;
    case PROJECT_HTTP:
        connection.place = settings->url;
        ok = connection_parse_web(&connection, settings->url, err);
        break;
    case PROJECT_S3:
        connection.place = settings->url;
        ok = connection_parse_s3(&connection, arena, err);
        break;
    }
    if (settings->user.len)
        connection.user = settings->user;
    *connection_out = connection;
    return ok;
}

bool connection_resolve(struct connection *connection, const struct http_outgoing *outgoing, struct arena *arena,
                        struct err *err)
{
    const struct addrinfo want = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    struct str port = str_format(arena, "%u", connection->port);
    int failed = getaddrinfo(str_cstr(arena, connection->host), port.ptr, &want, &found);
    if (failed)
        return err_set(err, ERR_UNAVAILABLE, "connection '%.*s': its host '%.*s' is not found: %s",
                       STR_ARG(connection->settings->name), STR_ARG(connection->host), gai_strerror(failed));
    bool ok = true;
    for (struct addrinfo *next = found; ok && next; next = next->ai_next)
        ok = !outgoing || http_outgoing_allows(outgoing, next->ai_addr);
    char text[INET6_ADDRSTRLEN] = "";
    if (ok)
        getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
    connection->address = str_copy(arena, str_from(text));
    if (ok)
        return true;
    err_set(err, ERR_DENIED, "connection '%.*s': the server may not connect to the private address of '%.*s'",
            STR_ARG(connection->settings->name), STR_ARG(connection->host));
    return err_hint(err, "list it in eider.yaml: outgoing: [ADDRESS]");
}

/* --- What the worker starts with --- */

static struct str connection_secret(const struct connection *connection)
{
    return connection->settings->password ? secret_reveal(connection->settings->password) : S("");
}

/* ", NAME 'text'" unless the text is empty. */
static void connection_option(struct buf *out, const char *name, struct str text)
{
    if (!text.len)
        return;
    buf_printf(out, ", %s ", name);
    buf_append_quoted(out, text, '\'');
}

static void connection_load(struct buf *out, struct str extensions, const char *name, struct arena *arena)
{
    buf_append_str(out, S("LOAD "));
    buf_append_quoted(out, str_format(arena, "%.*s/%s.duckdb_extension", STR_ARG(extensions), name), '\'');
    buf_append_str(out, S("; "));
}

/* hostaddr: the address that was looked at, whatever the name means by now. */
static void connection_setup_postgres(const struct connection *connection, struct arena *arena, struct buf *out)
{
    buf_append_str(out, S("CREATE SECRET eider_connection (TYPE postgres"));
    connection_option(out, "HOST", connection->host);
    connection_option(out, "PORT", str_format(arena, "%u", connection->port));
    connection_option(out, "DATABASE", str_from_index(connection->path, 1));
    connection_option(out, "USER", connection->user);
    connection_option(out, "PASSWORD", connection_secret(connection));
    buf_append_str(out, S("); ATTACH "));
    struct str text = str_format(arena, "hostaddr=%.*s connect_timeout=10 %.*s", STR_ARG(connection->address),
                                 STR_ARG(connection->query));
    buf_append_quoted(out, text, '\'');
    buf_append_str(out, S(" AS "));
    buf_append_quoted(out, connection->settings->name, '"');
    buf_append_str(out, S(" (TYPE postgres, SECRET eider_connection, READ_ONLY)"));
}

static void connection_setup_http(const struct connection *connection, struct arena *arena, struct buf *out)
{
    struct str secret = connection_secret(connection);
    if (!secret.len)
        return;
    buf_append_str(out, S("CREATE SECRET eider_connection (TYPE http"));
    connection_option(out, "SCOPE", connection->place);
    if (connection->user.len) {
        buf_append_str(out, S(", EXTRA_HTTP_HEADERS MAP {'Authorization': 'Basic ' || to_base64(encode("));
        struct str pair = str_format(arena, "%.*s:%.*s", STR_ARG(connection->user), STR_ARG(secret));
        buf_append_quoted(out, pair, '\'');
        buf_append_str(out, S("))}"));
    } else {
        connection_option(out, "BEARER_TOKEN", secret);
    }
    buf_append_char(out, ')');
}

static void connection_setup_s3(const struct connection *connection, struct arena *arena, struct buf *out)
{
    const struct project_connection *settings = connection->settings;
    buf_append_str(out, S("CREATE SECRET eider_connection (TYPE s3"));
    connection_option(out, "SCOPE", connection->place);
    connection_option(out, "KEY_ID", settings->key_id);
    connection_option(out, "SECRET", connection_secret(connection));
    connection_option(out, "REGION", settings->region);
    if (settings->endpoint.len) {
        bool six = str_find_char(connection->host, ':') >= 0;
        connection_option(out, "ENDPOINT",
                          str_format(arena, "%s%.*s%s:%u", six ? "[" : "", STR_ARG(connection->host), six ? "]" : "",
                                     connection->port));
        buf_append_str(out, S(", URL_STYLE 'path'"));
    }
    buf_printf(out, ", USE_SSL %s)", connection->is_secure ? "true" : "false");
}

struct str connection_setup(const struct connection *connection, struct str extensions, struct arena *arena)
{
    AUTO(buf) struct buf out = {0};
    switch (connection->settings->kind) {
    case PROJECT_POSTGRES:
        connection_load(&out, extensions, "postgres_scanner", arena);
        connection_setup_postgres(connection, arena, &out);
        break;
    case PROJECT_HTTP:
        connection_load(&out, extensions, "httpfs", arena);
        connection_setup_http(connection, arena, &out);
        break;
    case PROJECT_S3:
        connection_load(&out, extensions, "httpfs", arena);
        connection_setup_s3(connection, arena, &out);
        break;
    }
    return str_copy(arena, buf_str(&out));
}

static void connection_scrub_text(char *text, struct str secret)
{
    char *at;
    while (secret.len && (at = memmem(text, strlen(text), secret.ptr, secret.len)))
        memset(at, '*', secret.len);
}

void connection_scrub(const struct connection *connection, struct err *error)
{
    connection_scrub_text(error->message, connection_secret(connection));
    connection_scrub_text(error->hint, connection_secret(connection));
}
