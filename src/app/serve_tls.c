/* Certificates of the server. */
#include "app/serve_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "platform/net/tls_self.h"

#define SERVE_TLS_DAY_US (24 * 3600 * CLOCK_SECOND)
/* A certificate of ours is made anew when it would end within this time, one of others is complained about. */
#define SERVE_TLS_SOON_US (30 * SERVE_TLS_DAY_US)
#define SERVE_TLS_FILE_MAX 16384

struct serve_tls_names {
    struct str *items;
    size_t count;
    size_t capacity;
};

static void serve_tls_add(struct serve_tls_names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal_nocase(names->items[i], name))
            return;
    }
    vec_push(names, name);
}

/* Empty when it cannot be read. */
static struct str serve_tls_read(struct arena *arena, struct str path)
{
    char *text = arena_alloc(arena, SERVE_TLS_FILE_MAX);
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, SERVE_TLS_FILE_MAX) : -1;
    if (fd >= 0)
        close(fd);
    return len > 0 ? str_bytes(text, (size_t)len) : S("");
}

/* Whole or not at all, for the user alone. */
static bool serve_tls_write(struct arena *arena, struct str path, struct str text, struct err *err)
{
    struct str fresh = str_format(arena, "%.*s.new", STR_ARG(path));
    int fd = open(fresh.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len && fsync(fd) == 0 &&
              rename(fresh.ptr, path.ptr) == 0;
    if (!ok)
        err_errno(err, "write %.*s", STR_ARG(path));
    if (fd >= 0)
        close(fd);
    return ok;
}

/* The addresses of this machine, for a server that listens on all of them. */
static void serve_tls_add_interfaces(struct arena *arena, struct serve_tls_names *names)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        char text[INET6_ADDRSTRLEN];
        const void *address = NULL;
        int family = one->ifa_addr ? one->ifa_addr->sa_family : AF_UNSPEC;
        if (family == AF_INET)
            address = &((const struct sockaddr_in *)(const void *)one->ifa_addr)->sin_addr;
        else if (family == AF_INET6)
            address = &((const struct sockaddr_in6 *)(const void *)one->ifa_addr)->sin6_addr;
        if (address && inet_ntop(family, address, text, sizeof(text)))
            serve_tls_add(names, str_copy(arena, str_from(text)));
    }
    freeifaddrs(all);
}

/* Every name under which a client may know this server. */
static void serve_tls_gather_names(struct arena *arena, const struct config *config, struct serve_tls_names *names)
{
    char host[256] = "";
    serve_tls_add(names, S("localhost"));
    serve_tls_add(names, S("127.0.0.1"));
    serve_tls_add(names, S("::1"));
    if (gethostname(host, sizeof(host) - 1) == 0 && host[0])
        serve_tls_add(names, str_copy(arena, str_from(host)));
    for (size_t i = 0; i < config->host_count; i++)
        serve_tls_add(names, config->hosts[i]);
    for (size_t i = 0; i < config->listen_count; i++) {
        struct str listen = config->listen[i];
        while (listen.len && listen.ptr[listen.len - 1] != ':')
            listen.len--;
        struct str name = str_slice(listen, 0, listen.len ? listen.len - 1 : 0);
        if (str_starts_with(name, S("[")))
            name = str_slice(name, 1, name.len - 2);
        if (str_equal(name, S("0.0.0.0")) || str_equal(name, S("::")) || str_equal(name, S("*")))
            serve_tls_add_interfaces(arena, names);
        else if (name.len)
            serve_tls_add(names, name);
    }
}

static bool serve_tls_make(struct arena *arena, const struct config *config, struct str certificate_path,
                           struct str key_path, struct tls_server_options *options, struct err *err)
{
    struct serve_tls_names names = {0};
    serve_tls_gather_names(arena, config, &names);
    bool ok = tls_self_make(arena, names.items, names.count, &options->certificate, &options->key, err) &&
              serve_tls_write(arena, key_path, options->key, err) &&
              serve_tls_write(arena, certificate_path, options->certificate, err);
    vec_done(&names);
    return ok;
}

static struct tls *serve_tls_self_signed(struct arena *arena, const struct config *config, struct str directory,
                                         struct err *err)
{
    struct str certificate_path = str_format(arena, "%.*s/tls.crt", STR_ARG(directory));
    struct str key_path = str_format(arena, "%.*s/tls.key", STR_ARG(directory));
    struct tls_server_options options = {
        .certificate = serve_tls_read(arena, certificate_path),
        .key = serve_tls_read(arena, key_path),
        .client_ca = config->tls.client_ca,
    };
    struct err old = {0};
    struct tls *tls = options.certificate.len && options.key.len ? tls_new_server(&options, &old) : NULL;
    if (tls && tls_expires_us(tls) - clock_wall_us() > SERVE_TLS_SOON_US)
        return tls;
    tls_free(&tls);
    if (!serve_tls_make(arena, config, certificate_path, key_path, &options, err))
        return NULL;
    return tls_new_server(&options, err);
}

bool serve_tls_open(const struct config *config, const struct data *data, struct tls **tls_out, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    *tls_out = NULL;
    if (!config_has_tls(config))
        return true;
    if (config->tls.self_signed) {
        *tls_out = serve_tls_self_signed(arena, config, data->path, err);
    } else {
        struct tls_server_options options = {
            .certificate = config->tls.certificate,
            .key = secret_reveal(config->tls.key),
            .client_ca = config->tls.client_ca,
        };
        *tls_out = tls_new_server(&options, err);
    }
    if (!*tls_out)
        return err_wrap(err, "tls");
    int64_t left_us = tls_expires_us(*tls_out) - clock_wall_us();
    log_info("tls.certificate", LOG_STR("sha256", tls_fingerprint(*tls_out)),
             LOG_I64("days_left", left_us / SERVE_TLS_DAY_US));
    if (left_us < SERVE_TLS_SOON_US)
        log_warn("tls.certificate_ends", LOG_I64("days_left", left_us / SERVE_TLS_DAY_US));
    return true;
}
