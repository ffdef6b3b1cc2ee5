/* Reading eider.yaml and the environment, and putting the three sources together. */
#include "app/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config_priv.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/nearest.h"
#include "base/vec.h"

#define CONFIG_FILE "eider.yaml"
#define CONFIG_LISTEN "127.0.0.1:8815"
#define CONFIG_FILE_MAX (1 << 20)

/* The server's own keys; those of a project are config_project_properties. What is not served yet says so instead of
 * being ignored. */
static const char *const config_keys[] = {"listen", "data", "log_level", "limits",    "hosts",    "tls",    "trino",
                                          "users",  "oidc", "outgoing",  "warehouse", "maintain", "publish"};
static const char *const config_later[] = {"trino"};

struct str config_environment(const char *name)
{
    const char *value = getenv(name);
    return value ? str_from(value) : S("");
}

bool config_read_file(struct config_reader *reader, struct str path, struct str *text_out)
{
    AUTO(buf) struct buf text = {0};
    int fd = open(str_cstr(reader->arena, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(reader->err, "open %.*s", STR_ARG(path));
    ssize_t len;
    while ((len = read(fd, buf_reserve(&text, 16384), 16384)) > 0 && buf_len(&text) <= CONFIG_FILE_MAX)
        buf_commit(&text, (size_t)len);
    bool ok = len >= 0 ? true : err_errno(reader->err, "read %.*s", STR_ARG(path));
    close(fd);
    if (ok && buf_len(&text) > CONFIG_FILE_MAX)
        return err_set(reader->err, ERR_INVALID, "%.*s is larger than 1 MiB", STR_ARG(path));
    if (ok)
        *text_out = str_copy(reader->arena, buf_str(&text));
    return ok;
}

bool config_bad(struct config_reader *reader, const struct yaml *value, const char *why)
{
    return err_set(reader->err, ERR_INVALID, "line %d: %s", yaml_line(value), why);
}

bool config_texts(struct config_reader *reader, const struct yaml *value, const char *why, const struct str **texts_out,
                  size_t *count_out)
{
    bool list = yaml_kind(value) == YAML_LIST;
    size_t count = list ? yaml_count(value) : 1;
    struct str *texts = arena_array(reader->arena, count, sizeof(*texts));
    for (size_t i = 0; i < count; i++) {
        const struct yaml *item = list ? yaml_at(value, i) : value;
        texts[i] = yaml_text(item);
        if (texts[i].len == 0)
            return config_bad(reader, item, why);
    }
    if (count == 0)
        return config_bad(reader, value, why);
    *texts_out = texts;
    *count_out = count;
    return true;
}

/* Sets a limit from text; the error names limit and nearest name. */
static bool config_limit(struct config_reader *reader, struct str name, struct str text)
{
    struct err *err = reader->err;
    const char *names[LIMIT_COUNT + 1] = {NULL};
    for (int i = 0; i < LIMIT_COUNT; i++) {
        names[i] = limits_name((enum limit)i);
        int64_t value;
        if (!str_equal(name, str_from(names[i])))
            continue;
        if (!config_quantity(text, str_from(limits_unit((enum limit)i)), &value, err))
            return err_wrap(err, "limit %s", names[i]);
        return reader->keep_limits || limits_set(name, value, err);
    }
    err_set(err, ERR_INVALID, "unknown limit '%.*s'", STR_ARG(str_slice(name, 0, 64)));
    const char *nearest = nearest_name(name, names);
    return nearest ? err_hint(err, "did you mean '%s'?", nearest) : false;
}

static bool config_limits(struct config_reader *reader, const struct yaml *limits)
{
    if (yaml_kind(limits) != YAML_MAP)
        return config_bad(reader, limits, "limits must be a map: limits: {query.max_sql: 1MiB}");
    for (size_t i = 0; i < yaml_count(limits); i++) {
        if (!config_limit(reader, yaml_key_at(limits, i), yaml_text(yaml_at(limits, i))))
            return err_wrap(reader->err, "line %d", yaml_key_line(limits, i));
    }
    return true;
}

static bool config_log_level(struct config_reader *reader, struct str name)
{
    if (log_level_parse(name, &reader->config->log_level))
        return true;
    return err_set(reader->err, ERR_INVALID, "'%.*s' is not a log level: debug, info, warn, error",
                   STR_ARG(str_slice(name, 0, 40)));
}

struct str config_beside(struct config_reader *reader, struct str path)
{
    struct str file = reader->config->file;
    size_t len = file.len;
    while (len && file.ptr[len - 1] != '/')
        len--;
    if (len == 0 || str_starts_with(path, S("/")))
        return path;
    return str_format(reader->arena, "%.*s%.*s", (int)len, file.ptr, STR_ARG(path));
}

static bool config_only_keys(struct config_reader *reader, const struct yaml *file)
{
    size_t count = sizeof(config_keys) / sizeof(config_keys[0]), project = 0;
    while (config_project_properties[project].name)
        project++;
    const char **known = arena_array(reader->arena, count + project + 1, sizeof(*known));
    memcpy(known, config_keys, sizeof(config_keys));
    for (size_t i = 0; i < project; i++)
        known[count + i] = config_project_properties[i].name;
    return yaml_only_keys(file, known, reader->err);
}

static bool config_apply_file(struct config_reader *reader, const struct yaml *file)
{
    struct config *config = reader->config;
    if (!config_only_keys(reader, file))
        return false;
    for (size_t i = 0; i < sizeof(config_later) / sizeof(config_later[0]); i++) {
        const struct yaml *later = yaml_get(file, config_later[i]);
        if (later)
            return err_set(reader->err, ERR_UNIMPLEMENTED, "line %d: '%s' is not supported by this version",
                           yaml_line(later), config_later[i]);
    }
    const struct yaml *listen = yaml_get(file, "listen"), *hosts = yaml_get(file, "hosts");
    const struct yaml *data = yaml_get(file, "data"), *level = yaml_get(file, "log_level");
    const struct yaml *limits = yaml_get(file, "limits"), *tls = yaml_get(file, "tls");
    const struct yaml *users = yaml_get(file, "users");
    if (!config_outgoing_file(reader, yaml_get(file, "outgoing")) || !config_project_file(reader, file))
        return false;
    if (listen && !config_texts(reader, listen, "listen must be an address like 127.0.0.1:8815, or a list of them",
                                &config->listen, &config->listen_count))
        return false;
    if (hosts && !config_texts(reader, hosts, "hosts must be a list of names", &config->hosts, &config->host_count))
        return false;
    if (data && yaml_text(data).len == 0)
        return config_bad(reader, data, "data must be the path of a directory");
    if (data)
        config->data = config_beside(reader, yaml_text(data));
    if (level && !config_log_level(reader, yaml_text(level)))
        return err_wrap(reader->err, "line %d", yaml_line(level));
    if (users && yaml_text(users).len == 0)
        return config_bad(reader, users, "users must be the path of a file");
    if (users)
        config->users = config_beside(reader, yaml_text(users));
    if (tls && !config_tls_file(reader, tls))
        return false;
    if (!config_oidc_file(reader, yaml_get(file, "oidc")) ||
        !config_warehouse_read(reader, yaml_get(file, "warehouse")) ||
        !config_schedule_file(reader, yaml_get(file, "maintain"), yaml_get(file, "publish")))
        return false;
    return !limits || config_limits(reader, limits);
}

/* --config, EIDER_CONFIG, or the eider.yaml of the working directory if there is one. */
static bool config_file(struct config_reader *reader, struct str named)
{
    struct str path = named.len ? named : config_environment("EIDER_CONFIG");
    if (path.len == 0 && access(CONFIG_FILE, F_OK) == 0)
        path = S(CONFIG_FILE);
    reader->config->file = path;
    struct str text;
    if (path.len == 0)
        return true;
    if (!config_read_file(reader, path, &text))
        return false;
    const struct yaml *file = yaml_parse(reader->arena, text, reader->err);
    if (file && yaml_kind(file) == YAML_EMPTY)
        return true;
    if (file && yaml_kind(file) != YAML_MAP)
        config_bad(reader, file, "expected 'key: value' lines");
    else if (file && config_apply_file(reader, file))
        return true;
    return err_wrap(reader->err, "%.*s", STR_ARG(str_slice(path, 0, 200)));
}

/* "a,b" */
static void config_split(struct config_reader *reader, struct str text, const struct str **texts_out, size_t *count_out)
{
    VEC(struct str) texts = {0};
    struct str part;
    while (str_split_next(&text, ',', &part))
        vec_push(&texts, str_copy(reader->arena, str_trim(part)));
    *texts_out = arena_copy(reader->arena, texts.items, texts.count * sizeof(struct str));
    *count_out = texts.count;
    vec_done(&texts);
}

/* EIDER_LIMIT_QUERY_MAX_SQL for query.max_sql */
static bool config_environment_limits(struct config_reader *reader)
{
    for (int i = 0; i < LIMIT_COUNT; i++) {
        char variable[80];
        int len = snprintf(variable, sizeof(variable), "EIDER_LIMIT_%s", limits_name((enum limit)i));
        for (int k = 0; k < len; k++) {
            char c = variable[k];
            variable[k] = c == '.' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        }
        struct str text = config_environment(variable);
        if (text.len && !config_limit(reader, str_from(limits_name((enum limit)i)), text))
            return err_wrap(reader->err, "%s", variable);
    }
    return true;
}

static bool config_apply_environment(struct config_reader *reader)
{
    struct str listen = config_environment("EIDER_LISTEN"), hosts = config_environment("EIDER_HOSTS");
    struct str level = config_environment("EIDER_LOG_LEVEL"), data = config_environment("EIDER_DATA");
    if (listen.len)
        config_split(reader, listen, &reader->config->listen, &reader->config->listen_count);
    if (hosts.len)
        config_split(reader, hosts, &reader->config->hosts, &reader->config->host_count);
    if (data.len)
        reader->config->data = data;
    config_tls_environment(reader);
    if (level.len && !config_log_level(reader, level))
        return err_wrap(reader->err, "EIDER_LOG_LEVEL");
    return config_environment_limits(reader);
}

static bool config_apply_flags(struct config_reader *reader, const struct config_flags *flags)
{
    struct config *config = reader->config;
    if (flags->listen_count) {
        config->listen = flags->listen;
        config->listen_count = flags->listen_count;
    }
    if (flags->data.len)
        config->data = flags->data;
    config->insecure = flags->insecure;
    config_tls_flags(reader, flags);
    if (flags->log_level.len && !config_log_level(reader, flags->log_level))
        return false;
    for (size_t i = 0; i < flags->limit_count; i++) {
        struct str rest = flags->limits[i], name;
        if (!str_split_next(&rest, '=', &name) || !config_limit(reader, name, rest))
            return err_wrap(reader->err, "--limit");
    }
    return true;
}

/* Where data lies when nobody said it: beside eider.yaml, else in the user's data home. */
static bool config_default_data(struct config_reader *reader)
{
    struct config *config = reader->config;
    const char *share = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (config->file.len)
        config->data = config_beside(reader, S("db"));
    else if (share && share[0] == '/')
        config->data = str_format(reader->arena, "%s/eider", share);
    else if (home && home[0] == '/')
        config->data = str_format(reader->arena, "%s/.local/share/eider", home);
    else
        return err_set(reader->err, ERR_INVALID, "no data directory: give --data DIR");
    return true;
}

static bool config_check_listen(struct config_reader *reader)
{
    struct config *config = reader->config;
    for (size_t i = 0; i < config->listen_count && !config->insecure; i++) {
        if (config_is_loopback(config->listen[i]) || config_has_tls(config) || config->tls.proxy)
            continue;
        err_set(reader->err, ERR_PRECONDITION,
                "%.*s is reachable from other machines, and connections to it would not be encrypted",
                STR_ARG(str_slice(config->listen[i], 0, 200)));
        return err_hint(reader->err, "give tls: {cert, key}, --tls-self-signed, or tls: proxy if TLS ends in front of "
                                     "it; or listen on 127.0.0.1");
    }
    return true;
}

bool config_needs_users(const struct config *config)
{
    bool open = config->tls.proxy;
    for (size_t i = 0; i < config->listen_count; i++)
        open = open || !config_is_loopback(config->listen[i]);
    return open && !config->insecure;
}

bool config_is_loopback(struct str address)
{
    size_t colon = address.len;
    while (colon && address.ptr[colon - 1] != ':')
        colon--;
    struct str host = colon ? str_slice(address, 0, colon - 1) : address;
    struct in_addr v4;
    char text[64];
    if (host.len == 0 || host.len >= sizeof(text))
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (str_equal_nocase(host, S("localhost")) || str_equal(host, S("[::1]")))
        return true;
    return inet_pton(AF_INET, text, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

static bool config_read(struct config_reader *reader, const struct config_flags *flags)
{
    static const struct str listen = {CONFIG_LISTEN, sizeof(CONFIG_LISTEN) - 1};
    struct config *config = reader->config;
    *config = (struct config){
        .listen = &listen, .listen_count = 1, .log_level = LOG_INFO, .data = S(""), .file = S(""), .users = S("")};
    config->outgoing = http_outgoing_new(reader->arena, NULL, 0, reader->err);
    if (!config_file(reader, flags->file) || !config_apply_environment(reader) || !config_apply_flags(reader, flags))
        return false;
    if (config->data.len == 0 && !config_default_data(reader))
        return false;
    return config_tls_finish(reader) && config_check_listen(reader);
}

bool config_load(struct arena *arena, const struct config_flags *flags, struct config *config_out, struct err *err)
{
    struct config config;
    struct config_reader reader = {.arena = arena, .config = &config, .err = err};
    if (!config_read(&reader, flags))
        return false;
    *config_out = config;
    return true;
}

bool config_reload(struct arena *arena, const struct config_flags *flags, struct config *config_out, struct err *err)
{
    struct config config;
    struct config_reader reader = {.arena = arena, .config = &config, .err = err, .keep_limits = true};
    if (!config_read(&reader, flags))
        return false;
    *config_out = config;
    return true;
}
