/* /api/v1/log-level: how much the running server logs. */
#include "base/log.h"
#include "face/rest/rest_priv.h"

void rest_log_level_get(struct rest_exchange *exchange)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "level", str_from(log_level_name(log_level())));
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

static bool rest_log_level_set(struct rest_exchange *exchange, struct err *err)
{
    static const char *const keys[] = {"level", NULL};
    const struct json *body = rest_body(exchange, keys, err);
    struct str name;
    enum log_level level;
    if (!body || !json_get_text(body, "level", &name, err))
        return false;
    if (!log_level_parse(name, &level)) {
        err_set(err, ERR_INVALID, "unknown level '%.*s'", STR_ARG(str_slice(name, 0, 32)));
        return err_hint(err, "one of debug, info, warn, error");
    }
    const char *before = log_level_name(log_level());
    log_set_level(level);
    log_warn("log.level_changed", LOG_STR("from", str_from(before)), LOG_STR("to", str_from(log_level_name(level))),
             LOG_I64("request", exchange->edge.request.id));
    return true;
}

void rest_log_level_put(struct rest_exchange *exchange)
{
    struct err err;
    if (rest_log_level_set(exchange, &err))
        rest_log_level_get(exchange);
    else
        rest_fail(exchange, &err);
}
