/* HTTP client by libcurl. */
#include "platform/http/client.h"

#include <curl/curl.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"

#define CONNECT_TIMEOUT_MS 5000L
/* How long a cancel may go unnoticed when no signal interrupts the wait. */
#define POLL_MS 200
/* Error bodies and gathered answers; streamed ones have no bound. */
#define GATHERED_MAX ((size_t)64 << 20)

struct http_client {
    CURL *easy;
    CURLM *multi;
    struct str ca; /* path; empty: the system's */
    bool is_pinned;
    struct tls_pin pin;
};

struct exchange {
    CURL *easy;
    const struct http_client_request *request;
    struct buf body;
    size_t body_max;
    struct err *err;
    bool failed;  /* *err is set by us */
    bool refused; /* an address that is not allowed */
};

struct http_client *http_client_open(struct err *err)
{
    struct http_client *client = mem_new(struct http_client);
    client->easy = curl_easy_init();
    client->multi = curl_multi_init();
    if (client->easy && client->multi)
        return client;
    http_client_close(&client);
    (void)err_set(err, ERR_INTERNAL, "cannot start libcurl");
    return NULL;
}

void http_client_close(struct http_client **client)
{
    if (!*client)
        return;
    curl_easy_cleanup((*client)->easy);
    curl_multi_cleanup((*client)->multi);
    mem_free(*client);
    *client = NULL;
}

bool http_client_trust(struct http_client *client, const struct tls_trust *trust, struct err *err)
{
    client->ca = trust->ca;
    client->is_pinned = trust->fingerprint.len > 0;
    return !client->is_pinned || tls_pin_parse(trust->fingerprint, &client->pin, err);
}

static size_t on_bytes(char *ptr, size_t size, size_t count, void *owner)
{
    struct exchange *exchange = owner;
    size_t len = size * count;
    long status = 0;
    (void)curl_easy_getinfo(exchange->easy, CURLINFO_RESPONSE_CODE, &status);
    bool good = status >= 200 && status < 300;
    if (good && exchange->request->on_body) {
        exchange->failed = !exchange->request->on_body(exchange->request->owner, str_bytes(ptr, len), exchange->err);
    } else if (buf_len(&exchange->body) + len > exchange->body_max) {
        exchange->failed = !err_set(exchange->err, ERR_RESOURCE, "the server's answer is too long");
    } else {
        buf_append(&exchange->body, ptr, len);
    }
    return exchange->failed ? CURL_WRITEFUNC_ERROR : len;
}

static struct curl_slist *add_field(struct arena *arena, struct curl_slist *list, struct str name, struct str value)
{
    struct curl_slist *longer =
        curl_slist_append(list, str_format(arena, "%.*s: %.*s", STR_ARG(name), STR_ARG(value)).ptr);
    if (!longer)
        mem_panic("no memory for a request");
    return longer;
}

static struct curl_slist *make_fields(struct arena *arena, const struct http_client_request *request)
{
    struct curl_slist *list = NULL;
    if (request->accept.len > 0)
        list = add_field(arena, list, S("accept"), request->accept);
    if (request->content_type.len > 0)
        list = add_field(arena, list, S("content-type"), request->content_type);
    for (size_t i = 0; i < request->field_count; i++)
        list = add_field(arena, list, request->fields[i].name, request->fields[i].value);
    return add_field(arena, list, S("expect"), S("")); /* no wait for 100-continue */
}

/* libcurl has resolved the name and is about to connect. */
static curl_socket_t open_socket(void *owner, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct exchange *exchange = owner;
    (void)purpose;
    if (http_outgoing_allows(exchange->request->outgoing, &address->addr))
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    exchange->refused = true;
    return CURL_SOCKET_BAD;
}

static void set_up_outgoing(CURL *easy, struct exchange *exchange)
{
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, exchange);
}

static CURLcode on_ssl_context(CURL *easy, void *ssl_context, void *owner)
{
    (void)easy;
    const struct http_client *client = owner;
    tls_pin_require(ssl_context, &client->pin);
    return CURLE_OK;
}

static void set_up_trust(struct http_client *client, struct arena *arena)
{
    CURL *easy = client->easy;
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (client->is_pinned) { /* the one certificate, whatever names are in it */
        (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_context);
        (void)curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, client);
    } else if (client->ca.len > 0) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, str_cstr(arena, client->ca));
        (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
}

static void set_up(struct http_client *client, struct arena *arena, struct exchange *exchange,
                   struct curl_slist *fields)
{
    const struct http_client_request *request = exchange->request;
    CURL *easy = client->easy;
    curl_easy_reset(easy);
    (void)curl_easy_setopt(easy, CURLOPT_URL, str_cstr(arena, request->url));
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, str_cstr(arena, request->method));
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L); /* credentials go to no other place */
    set_up_trust(client, arena);
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
    (void)curl_easy_setopt(easy, CURLOPT_FILETIME, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(request->timeout_us / CLOCK_MILLISECOND));
    (void)curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 256L * 1024);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_bytes);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, exchange);
    if (request->outgoing)
        set_up_outgoing(easy, exchange);
    if (str_equal(request->method, S("HEAD")))
        (void)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (request->body.len > 0 || str_equal(request->method, S("PUT"))) { /* an empty PUT says that it is empty */
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len > 0 ? request->body.ptr : "");
    }
}

/* Runs the transfer to its end, asking now and then whether to go on. */
static bool transfer(struct http_client *client, struct exchange *exchange, CURLcode *result_out, struct err *err)
{
    const struct http_client_request *request = exchange->request;
    int running = 1;
    while (running) {
        CURLMcode code = curl_multi_perform(client->multi, &running);
        if (code == CURLM_OK && running)
            code = curl_multi_poll(client->multi, NULL, 0, POLL_MS, NULL);
        if (code != CURLM_OK)
            return err_set(err, ERR_UNAVAILABLE, "%s", curl_multi_strerror(code));
        if (running && request->is_cancelled && request->is_cancelled())
            return err_set(err, ERR_CANCELLED, "interrupted");
    }
    int left;
    const CURLMsg *message = curl_multi_info_read(client->multi, &left);
    *result_out = message ? message->data.result : CURLE_RECV_ERROR;
    return true;
}

static bool explain(const struct exchange *exchange, CURLcode result, struct err *err)
{
    struct str url = exchange->request->url;
    if (exchange->failed)
        return false;
    if (exchange->refused) {
        err_set(err, ERR_DENIED, "%.*s leads to a private address", STR_ARG(url));
        return err_hint(err, "list the address under `outgoing:` in eider.yaml if that is meant");
    }
    if (result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST)
        return err_set(err, ERR_UNAVAILABLE, "no server answers at %.*s", STR_ARG(url));
    if (result == CURLE_OPERATION_TIMEDOUT)
        return err_set(err, ERR_DEADLINE, "the server at %.*s did not answer in time", STR_ARG(url));
    if (result == CURLE_PEER_FAILED_VERIFICATION) {
        (void)err_set(err, ERR_UNAUTHENTICATED, "the certificate of the server at %.*s is not trusted", STR_ARG(url));
        return err_hint(err, "name its CA by EIDER_CA=FILE, or the certificate by EIDER_FINGERPRINT=SHA256");
    }
    if (result == CURLE_SSL_CACERT_BADFILE)
        return err_set(err, ERR_INVALID, "no CA certificates in the file that EIDER_CA or --ca names");
    if (result == CURLE_SSL_CONNECT_ERROR)
        return err_set(err, ERR_UNAVAILABLE, "the server at %.*s does not speak TLS", STR_ARG(url));
    if (result == CURLE_PARTIAL_FILE || result == CURLE_RECV_ERROR || result == CURLE_GOT_NOTHING)
        return err_set(err, ERR_UNAVAILABLE, "the server broke the connection before the answer was whole");
    if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL)
        return err_set(err, ERR_INVALID, "'%.*s' is no address of a server", STR_ARG(url));
    return err_set(err, ERR_UNAVAILABLE, "%s", curl_easy_strerror(result));
}

static void take_answer(CURL *easy, struct arena *arena, const struct exchange *exchange,
                        struct http_client_answer *answer_out)
{
    long status = 0;
    char *type = NULL;
    curl_off_t size = -1, modified_s = -1;
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &size);
    (void)curl_easy_getinfo(easy, CURLINFO_FILETIME_T, &modified_s);
    *answer_out = (struct http_client_answer){
        .status = (int)status,
        .content_type = str_copy(arena, str_from(type)),
        .body = str_copy(arena, buf_str(&exchange->body)),
        .size = size,
        .modified_us = modified_s < 0 ? -1 : modified_s * CLOCK_SECOND,
    };
}

bool http_client_run(struct http_client *client, struct arena *arena, const struct http_client_request *request,
                     struct http_client_answer *answer_out, struct err *err)
{
    struct exchange exchange = {.easy = client->easy,
                                .request = request,
                                .err = err,
                                .body_max = request->body_max > 0 ? request->body_max : GATHERED_MAX};
    struct curl_slist *fields = make_fields(arena, request);
    set_up(client, arena, &exchange, fields);
    CURLcode result = CURLE_OK;
    bool done = curl_multi_add_handle(client->multi, client->easy) == CURLM_OK
                    ? transfer(client, &exchange, &result, err)
                    : err_set(err, ERR_INTERNAL, "cannot start a request");
    if (done && (result != CURLE_OK || exchange.failed))
        done = explain(&exchange, result, err);
    if (done)
        take_answer(client->easy, arena, &exchange, answer_out);
    /* Removing the handle of a transfer that is under way closes its connection: the server sees the client go. */
    (void)curl_multi_remove_handle(client->multi, client->easy);
    curl_slist_free_all(fields);
    buf_done(&exchange.body);
    return done;
}
