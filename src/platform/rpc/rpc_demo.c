/* A server with nothing behind it, for tests/platform: prints its port, then serves
 *   GET /health, POST /echo, GET /stream?chunks=N&size=B, GET /later, GET /broken, GET /metrics
 *   /demo.Demo/Echo (each message comes back), /demo.Demo/Download (JSON-free: "count size"), /demo.Demo/Upload
 * (streams in, answers with the number of bytes), /demo.Demo/Fail, /demo.Demo/Hang until SIGTERM, which it obeys
 * gracefully. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/metric.h"
#include "platform/rpc/rpc_server.h"

static struct loop *demo_loop;
static struct rpc_server *demo_server;
static int demo_open_calls; /* calls that were accepted and not closed yet */

struct demo_later {
    struct loop_timer timer;
    struct http_request *request;
};

static void demo_on_later(struct loop_timer *timer)
{
    struct demo_later *later = timer->owner;
    if (later->request) {
        later->request->on_gone = NULL;
        http_answer(later->request, 200, S("text/plain"), S("later\n"), NULL, 0);
    }
    mem_free(later);
}

static void demo_on_gone(struct http_request *request)
{
    ((struct demo_later *)request->handler_data)->request = NULL;
}

static void demo_answer_later(struct http_request *request)
{
    struct demo_later *later = mem_new(struct demo_later);
    later->request = request;
    later->timer = (struct loop_timer){.on_time = demo_on_later, .owner = later};
    request->handler_data = later;
    request->on_gone = demo_on_gone;
    loop_timer_set(demo_loop, &later->timer, 200 * CLOCK_MILLISECOND);
}

static int64_t demo_number(struct http_request *request, struct str name)
{
    int64_t number = 0;
    return str_to_i64(http_parameter(request, name), &number) ? number : 0;
}

static uint8_t demo_block[1 << 20];

static void demo_stream(struct http_request *request)
{
    int64_t chunks = demo_number(request, S("chunks")), size = demo_number(request, S("size"));
    http_begin(request, 200, S("application/octet-stream"), NULL, 0);
    for (int64_t i = 0; i < chunks; i++)
        http_write(request, (struct slice){.ptr = demo_block, .len = (size_t)size});
    http_end(request);
}

static void demo_on_request(struct http_service *service, struct http_request *request)
{
    (void)service;
    if (str_equal(request->path, S("/health"))) {
        http_answer(request, 200, S("application/json"), S("{\"status\":\"ok\"}\n"), NULL, 0);
    } else if (str_equal(request->path, S("/echo"))) {
        http_answer(request, 200, S("application/octet-stream"), request->body, NULL, 0);
    } else if (str_equal(request->path, S("/stream"))) {
        demo_stream(request);
    } else if (str_equal(request->path, S("/later"))) {
        demo_answer_later(request);
    } else if (str_equal(request->path, S("/broken"))) {
        http_begin(request, 200, S("text/plain"), NULL, 0);
        http_write(request, slice_copy(S("half of it")));
        http_abort(request);
    } else if (str_equal(request->path, S("/metrics"))) {
        AUTO(buf) struct buf text = {0};
        metric_render(&text);
        buf_printf(&text, "demo_open_calls %d\n", demo_open_calls);
        http_answer(request, 200, S("text/plain"), buf_str(&text), NULL, 0);
    } else {
        http_answer(request, 404, S("text/plain"), S("no such path\n"), NULL, 0);
    }
}

struct demo_call {
    uint64_t bytes;
    int64_t left; /* messages still to send */
    int64_t size;
    size_t waiting; /* blocks that have not left */
};

static void demo_on_closed(struct rpc_call *call, bool finished)
{
    (void)call, (void)finished;
    demo_open_calls--;
}

static void demo_echo_message(struct rpc_call *call, struct str message)
{
    struct slice slice = slice_copy(message);
    rpc_send(call, &slice, 1);
}

static void demo_finish(struct rpc_call *call)
{
    rpc_finish(call, NULL);
}

static void demo_pump(struct rpc_call *call)
{
    struct demo_call *demo = rpc_call_owner(call);
    while (demo->left > 0 && rpc_call_unsent(call) < (4u << 20)) {
        struct slice slice = {.ptr = demo_block, .len = (size_t)demo->size};
        demo->left--;
        rpc_send(call, &slice, 1);
    }
    if (demo->left == 0)
        rpc_finish(call, NULL);
}

/* "count size" */
static void demo_download_message(struct rpc_call *call, struct str message)
{
    struct demo_call *demo = rpc_call_owner(call);
    struct str count;
    if (!str_split_next(&message, ' ', &count) || !str_to_i64(count, &demo->left) ||
        !str_to_i64(message, &demo->size) || demo->size > (int64_t)sizeof(demo_block)) {
        struct err err = {0};
        err_set(&err, ERR_INVALID, "write count and size");
        rpc_finish(call, &err);
        return;
    }
    demo_pump(call);
}

static void demo_upload_bytes(struct rpc_call *call, struct str bytes)
{
    struct demo_call *demo = rpc_call_owner(call);
    demo->bytes += bytes.len;
}

static void demo_upload_end(struct rpc_call *call)
{
    struct demo_call *demo = rpc_call_owner(call);
    struct str text = str_format(rpc_call_arena(call), "%llu", (unsigned long long)demo->bytes);
    rpc_call_add_trailer(call, S("demo-note-bin"), S("\x00\x01\xff"));
    demo_echo_message(call, text);
    rpc_finish(call, NULL);
}

static const struct rpc_events demo_echo = {
    .on_message = demo_echo_message, .on_half_close = demo_finish, .on_closed = demo_on_closed};
static const struct rpc_events demo_download = {
    .on_message = demo_download_message, .on_drained = demo_pump, .on_closed = demo_on_closed};
static const struct rpc_events demo_upload = {
    .on_message_bytes = demo_upload_bytes, .on_half_close = demo_upload_end, .on_closed = demo_on_closed};
static const struct rpc_events demo_hang = {.on_closed = demo_on_closed};

static void demo_accept(struct rpc_call *call, const struct rpc_events *events)
{
    demo_open_calls++;
    rpc_call_accept(call, events, arena_new_object(rpc_call_arena(call), struct demo_call));
}

static void demo_start_echo(void *service, struct rpc_call *call)
{
    (void)service;
    struct str note = rpc_call_metadata(call, S("demo-note-bin"));
    if (note.ptr)
        rpc_call_add_header(call, S("demo-note-bin"), note);
    demo_accept(call, &demo_echo);
}

static void demo_start_download(void *service, struct rpc_call *call)
{
    (void)service;
    demo_accept(call, &demo_download);
}

static void demo_start_upload(void *service, struct rpc_call *call)
{
    (void)service;
    demo_accept(call, &demo_upload);
}

static void demo_start_fail(void *service, struct rpc_call *call)
{
    (void)service;
    struct err err = {0};
    err_set(&err, ERR_NOT_FOUND, "no table 'größe' 100%%");
    err_hint(&err, "create it first");
    rpc_finish(call, &err);
}

static void demo_start_hang(void *service, struct rpc_call *call)
{
    (void)service;
    demo_accept(call, &demo_hang);
}

static const struct rpc_method demo_methods[] = {
    {"/demo.Demo/Echo", true, demo_start_echo},      {"/demo.Demo/Download", true, demo_start_download},
    {"/demo.Demo/Upload", false, demo_start_upload}, {"/demo.Demo/Fail", true, demo_start_fail},
    {"/demo.Demo/Hang", true, demo_start_hang},
};

static void demo_on_stopped(void *owner)
{
    (void)owner;
    loop_stop(demo_loop);
}

static void demo_stop(void *owner)
{
    (void)owner;
    rpc_server_stop(demo_server, demo_on_stopped, NULL);
}

static void demo_on_signal(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    char byte;
    if (read(watch->fd, &byte, 1) == 1)
        demo_stop(NULL);
}

static int demo_signal_pipe[2];

static void demo_signal(int number)
{
    (void)number;
    ssize_t written = write(demo_signal_pipe[1], "x", 1);
    (void)written;
}

static bool demo_run(struct str address, struct err *err)
{
    struct http_service http = {.on_request = demo_on_request};
    struct rpc_service rpc = {.methods = demo_methods, .method_count = sizeof(demo_methods) / sizeof(demo_methods[0])};
    struct rpc_server_options options = {.listen = {.addresses = &address, .address_count = 1}};
    struct loop_watch stop = {.on_ready = demo_on_signal};
    if (pipe(demo_signal_pipe) != 0 || !(demo_loop = loop_new(err)))
        return err_errno(err, "set up");
    stop.fd = demo_signal_pipe[0];
    demo_server = rpc_server_new(demo_loop, &options, &http, &rpc, err);
    bool ok = demo_server && loop_watch_add(demo_loop, &stop, 1 /* EPOLLIN */, err);
    if (ok) {
        signal(SIGTERM, demo_signal);
        printf("%u\n", rpc_server_port(demo_server, 0));
        fflush(stdout);
        loop_run(demo_loop);
    }
    rpc_server_free(&demo_server);
    loop_free(&demo_loop);
    return ok;
}

/* rpc_demo ADDRESS [LIMIT VALUE]... */
int main(int argc, char **argv)
{
    struct err err = {0};
    int64_t value;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!str_to_i64(str_from(argv[i + 1]), &value) || !limits_set(str_from(argv[i]), value, &err)) {
            fprintf(stderr, "%s: %s\n", argv[i], err.message);
            return 2;
        }
    }
    if (!demo_run(str_from(argc > 1 ? argv[1] : "127.0.0.1:0"), &err)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    return 0;
}
