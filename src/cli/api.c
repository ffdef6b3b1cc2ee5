/* Calls of the REST interface, and small things that several commands need. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli_priv.h"
#include "cli/credential.h"
#include "base/clock.h"
#include "cli/terminal.h"

#define CALL_TIMEOUT_US (600 * CLOCK_SECOND)

struct str cli_option(const struct cli *cli, const char *name)
{
    return cli_options_text(&cli->options, name);
}

bool cli_flag(const struct cli *cli, const char *name)
{
    return cli_options_has(&cli->options, name);
}

enum cli_format cli_format(const struct cli *cli)
{
    return cli_format_of(cli_option(cli, "output"));
}

struct str cli_tenant(const struct cli *cli)
{
    struct str tenant = cli_option(cli, "tenant");
    return tenant.ptr ? tenant : str_from(getenv("EIDER_TENANT"));
}

bool cli_option_seconds(struct cli *cli, const char *name, int64_t *seconds_out, struct err *err)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    struct str text = cli_option(cli, name);
    int64_t count;
    if (text.len == 0)
        return true;
    for (size_t i = 0; text.len > 1 && i < sizeof(units) / sizeof(units[0]); i++) {
        bool is_unit = text.ptr[text.len - 1] == units[i].unit;
        if (is_unit && str_to_i64(str_slice(text, 0, text.len - 1), &count) && count >= 0 && count < 1000000) {
            *seconds_out = count * units[i].seconds;
            return true;
        }
    }
    return cli_wrong_use(cli, err, "--%s wants a time like 90d, 12h, 30m or 45s, not '%.*s'", name, STR_ARG(text));
}

bool cli_wrong_use(struct cli *cli, struct err *err, const char *format, ...)
{
    char message[sizeof(err->message)];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    cli->exit_code = CLI_EXIT_USAGE;
    (void)err_set(err, ERR_INVALID, "%s", message);
    return err_hint(err, "see `eider %s --help`", cli->command->name);
}

bool cli_connect(struct cli *cli, bool may_start, struct err *err)
{
    if (!cli_server_find(cli->arena, cli_option(cli, "url"), cli_option(cli, "data"), may_start, &cli->server, err))
        return false;
    if (cli_option(cli, "ca").len > 0)
        cli->server.trust = (struct tls_trust){.ca = cli_option(cli, "ca"), .fingerprint = S("")};
    cli->http = http_client_open(err);
    if (!cli->http || !http_client_trust(cli->http, &cli->server.trust, err))
        return false;
    struct str token = cli->server.token;
    if (token.len == 0 && !cli_credential_find(cli->arena, cli->server.url, &token, err))
        return false;
    if (token.len > 0)
        cli->authorization = str_format(cli->arena, "Bearer %.*s", STR_ARG(token));
    return true;
}

bool cli_send(struct cli *cli, struct http_client_request *request, struct http_client_answer *answer_out,
              struct err *err)
{
    const struct http_field field = {S("authorization"), cli->authorization};
    request->fields = &field;
    request->field_count = cli->authorization.len > 0;
    return http_client_run(cli->http, cli->arena, request, answer_out, err);
}

bool cli_call_error(struct cli *cli, const struct http_client_answer *answer, struct err *err)
{
    struct err ignored;
    const struct json *error = json_get(json_parse(cli->arena, answer->body, &ignored), "error");
    struct str message = json_text(json_get(error, "message")), hint = json_text(json_get(error, "hint"));
    struct str name = json_text(json_get(error, "code"));
    if (message.len == 0)
        return err_set(err, ERR_UNKNOWN, "the server at %.*s answered with HTTP status %d", STR_ARG(cli->server.url),
                       answer->status);
    enum err_code code = ERR_UNKNOWN;
    for (int i = ERR_CANCELLED; i <= ERR_UNAUTHENTICATED; i++)
        if (str_equal_nocase(name, str_from(err_code_name((enum err_code)i))))
            code = (enum err_code)i;
    (void)err_set(err, code, "%.*s", STR_ARG(message));
    if (hint.len > 0)
        (void)err_hint(err, "%.*s", STR_ARG(hint));
    return false;
}

bool cli_call(struct cli *cli, const char *method, struct str path, struct str body, const struct json **answer_out,
              struct err *err)
{
    struct http_client_request request = {
        .method = str_from(method),
        .url = str_format(cli->arena, "%.*s%.*s", STR_ARG(cli->server.url), STR_ARG(path)),
        .accept = S("application/json"),
        /* The server asks for a content type on every request that changes something. */
        .content_type = strcmp(method, "GET") == 0 ? S("") : S("application/json"),
        .body = body,
        .timeout_us = CALL_TIMEOUT_US,
        .is_cancelled = cli_interrupt_came,
    };
    struct http_client_answer answer;
    if (!cli_send(cli, &request, &answer, err))
        return false;
    if (answer.status < 200 || answer.status > 299)
        return cli_call_error(cli, &answer, err);
    *answer_out = NULL;
    if (str_trim(answer.body).len == 0)
        return true;
    *answer_out = json_parse(cli->arena, answer.body, err);
    return *answer_out || err_wrap(err, "the server's answer");
}

void cli_append_escaped(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && memchr("-._~", c, 4));
        if (plain)
            buf_append_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

void cli_append_parameter(struct buf *path, const char *name, struct str value)
{
    if (value.len == 0)
        return;
    buf_printf(path, "%c%s=", str_find_char(buf_str(path), '?') < 0 ? '?' : '&', name);
    cli_append_escaped(path, value);
}

const struct json *cli_list(const struct json *answer, const char *name)
{
    return answer && json_kind(answer) == JSON_ARRAY ? answer : json_get(answer, name);
}

struct cli_cell cli_cell(struct arena *arena, const struct json *value)
{
    if (!value)
        return (struct cli_cell){0};
    switch (json_kind(value)) {
    case JSON_TEXT:
        return CLI_TEXT(json_text(value));
    case JSON_I64:
        return CLI_RAW(str_format(arena, "%lld", (long long)json_i64(value)));
    case JSON_DOUBLE:
        return CLI_RAW(str_format(arena, "%.15g", json_double(value)));
    case JSON_BOOL:
        return CLI_RAW(json_bool(value) ? S("true") : S("false"));
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return (struct cli_cell){0};
}

bool cli_print_list(struct cli *cli, const struct json *list, const struct cli_column *columns,
                    const char *const *members, size_t count, struct err *err)
{
    AUTO(cli_output)
    struct cli_output *output = cli_output_open(cli_format(cli), STDOUT_FILENO, true, columns, count);
    for (size_t i = 0; i < json_count(list); i++) {
        struct cli_cell *cells = arena_alloc(cli->arena, count * sizeof(*cells));
        for (size_t j = 0; j < count; j++)
            cells[j] = cli_cell(cli->arena, json_get(json_at(list, i), members[j]));
        if (!cli_output_row(output, cells, err))
            return false;
    }
    return cli_output_finish(output, err);
}
