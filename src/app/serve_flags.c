/* The table of flags, and what they become. */
#include "app/serve_flags.h"

#include <stdio.h>

#include "base/buf.h"
#include "cli/options.h"

static const struct cli_option serve_options[] = {
    {.name = "config", .letter = 'c', .value = "FILE", .help = "configuration; default: eider.yaml of this directory"},
    {.name = "data",
     .value = "DIR",
     .help = "data directory; default: db beside eider.yaml, else ~/.local/share/eider"},
    {.name = "listen", .value = "ADDRESS", .help = "address to listen on; default: 127.0.0.1:8815", .many = true},
    {.name = "limit", .value = "NAME=VALUE", .help = "a limit, for example query.timeout=10min", .many = true},
    {.name = "log-level", .value = "LEVEL", .help = "how much to log", .choices = "debug|info|warn|error"},
    {.name = "log-file", .value = "FILE", .help = "log there instead of to standard error; it turns over by itself"},
    {.name = "pid-file", .value = "FILE", .help = "write number and start of the process there while it serves"},
    {.name = "tls-cert", .value = "FILE", .help = "certificate with its chain (PEM): connections need TLS then"},
    {.name = "tls-key", .value = "FILE", .help = "its private key (PEM)"},
    {.name = "tls-client-ca", .value = "FILE", .help = "CA of the certificates with which clients may log in (PEM)"},
    {.name = "tls-self-signed", .help = "TLS with a certificate of its own making, kept in the data directory"},
    {.name = "insecure", .help = "listen on any address, although everybody may then do everything"},
    {.name = "help", .letter = 'h', .help = "show this"},
    {.name = NULL},
};

static void serve_flags_help(void)
{
    AUTO(buf) struct buf text = {0};
    buf_append_str(&text, S("eider serve: run the server\n\nusage: eider serve [OPTION]...\n\noptions:\n"));
    cli_options_describe(serve_options, &text);
    buf_append_str(
        &text, S("\nMost of them may come from eider.yaml (listen, data, limits, log_level, hosts, users, tls: {cert, "
                 "key, client_ca}\nor tls: proxy) or from the environment (EIDER_LISTEN, EIDER_DATA, EIDER_LOG_LEVEL, "
                 "EIDER_HOSTS, EIDER_TLS_CERT,\nEIDER_TLS_KEY, EIDER_TLS_CLIENT_CA, EIDER_LIMIT_QUERY_TIMEOUT).\n"
                 "SIGTERM lets running statements finish, a second one does not. SIGHUP reads the log level and the "
                 "files of TLS\nagain.\n"));
    fwrite(buf_str(&text).ptr, 1, buf_len(&text), stdout);
}

/* All values of an option that may be given several times. */
static const struct str *serve_flags_texts(struct arena *arena, const struct cli_options *options, const char *name,
                                           size_t *count_out)
{
    struct str *texts = arena_array(arena, options->value_count, sizeof(*texts));
    for (size_t i = 0; i < options->value_count; i++) {
        if (str_equal(str_from(options->values[i].option->name), str_from(name)))
            texts[(*count_out)++] = options->values[i].text;
    }
    return texts;
}

enum serve_flags_outcome serve_flags_parse(struct arena *arena, int argc, char **argv, struct config_flags *flags_out,
                                           struct err *err)
{
    struct cli_options options;
    if (!cli_options_parse(arena, serve_options, argc - 2, argv + 2, &options, err)) {
        return SERVE_FLAGS_WRONG;
    }
    if (cli_options_has(&options, "help")) {
        serve_flags_help();
        return SERVE_FLAGS_HELP;
    }
    if (options.argument_count) {
        err_set(err, ERR_INVALID, "serve takes no argument '%.*s'", STR_ARG(options.arguments[0]));
        err_hint(err, "see `eider serve --help`");
        return SERVE_FLAGS_WRONG;
    }
    struct config_flags flags = {
        .file = cli_options_text(&options, "config"),
        .data = cli_options_text(&options, "data"),
        .log_level = cli_options_text(&options, "log-level"),
        .log_file = cli_options_text(&options, "log-file"),
        .pid_file = cli_options_text(&options, "pid-file"),
        .tls_certificate = cli_options_text(&options, "tls-cert"),
        .tls_key = cli_options_text(&options, "tls-key"),
        .tls_client_ca = cli_options_text(&options, "tls-client-ca"),
        .tls_self_signed = cli_options_has(&options, "tls-self-signed"),
        .insecure = cli_options_has(&options, "insecure"),
    };
    flags.listen = serve_flags_texts(arena, &options, "listen", &flags.listen_count);
    flags.limits = serve_flags_texts(arena, &options, "limit", &flags.limit_count);
    *flags_out = flags;
    return SERVE_FLAGS_RUN;
}
