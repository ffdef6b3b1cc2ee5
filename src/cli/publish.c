/* eider publish: the server writes a consistent copy of a tenant's database for others to open; this side fetches it
 * where a file was named, aside and then in one step, so that nobody opens half of one. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/iceberg.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/tree.h"

struct fetched {
    int fd;
    uint64_t bytes;
};

static bool on_body(void *owner, struct str bytes, struct err *err)
{
    struct fetched *fetched = owner;
    fetched->bytes += bytes.len;
    return cli_terminal_write(fetched->fd, bytes, err);
}

static bool fetch_to(struct cli *cli, struct str path, int fd, int64_t size, struct err *err)
{
    struct fetched fetched = {.fd = fd};
    struct http_client_request request = {
        .method = S("GET"),
        .url = str_format(cli->arena, "%.*s%.*s", STR_ARG(cli->server.url), STR_ARG(path)),
        .is_cancelled = cli_interrupt_came,
        .on_body = on_body,
        .owner = &fetched,
    };
    struct http_client_answer answer;
    if (!cli_send(cli, &request, &answer, err))
        return false;
    if (answer.status < 200 || answer.status > 299)
        return cli_call_error(cli, &answer, err);
    return fetched.bytes == (uint64_t)size || err_set(err, ERR_CONFLICT, "the copy was published anew meanwhile");
}

static bool fetch(struct cli *cli, struct str path, struct str to, int64_t size, struct err *err)
{
    struct err closing;
    const char *slash = memrchr(to.ptr, '/', to.len);
    struct str directory = slash ? str_slice(to, 0, (size_t)(slash - to.ptr) + 1) : S(".");
    struct str aside = str_format(cli->arena, "%.*s.part", STR_ARG(to));
    int fd = open(aside.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(err, "create %s", aside.ptr);
    bool ok = fetch_to(cli, path, fd, size, err);
    ok = cli_tree_close(fd, aside, ok ? err : &closing) && ok;
    if (ok && rename(aside.ptr, str_cstr(cli->arena, to)) != 0)
        ok = err_errno(err, "put %.*s in its place", STR_ARG(to));
    if (!ok) {
        unlink(aside.ptr);
        return false;
    }
    return cli_tree_sync(cli->arena, directory, err);
}

static bool run(struct cli *cli, struct err *err)
{
    AUTO(buf) struct buf path = {0};
    AUTO(buf) struct buf text = {0};
    struct str tenant, to = cli_option(cli, "to");
    const struct json *answer;
    if (!cli_connect(cli, true, err) || !cli_tenant_need(cli, &tenant, err))
        return false;
    buf_append_str(&path, S("/api/v1/tenants/"));
    cli_append_escaped(&path, tenant);
    buf_append_str(&path, S("/published"));
    struct str body = cli_flag(cli, "with-iceberg") ? S("{\"with_iceberg\":true}") : S("{}");
    if (!cli_call(cli, "POST", buf_str(&path), body, &answer, err))
        return false;
    int64_t size = json_i64(json_get(answer, "size"));
    if (to.len && !fetch(cli, buf_str(&path), to, size, err))
        return false;
    cli_text_bytes(&text, (double)size);
    struct str where = to.len ? to : json_text(json_get(answer, "path"));
    (void)printf("%.*s is published: %.*s, %.*s\n", STR_ARG(tenant), STR_ARG(where), STR_ARG(buf_str(&text)));
    return true;
}

static const struct cli_option options[] = {
    {.name = "to", .value = "FILE", .help = "also fetch it into this file"},
    {.name = "with-iceberg", .help = "with the Iceberg tables, as tables of a schema iceberg"},
    CLI_TENANT_OPTION,
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_publish = {
    .name = "publish",
    .summary = "write a consistent copy of a tenant's database for others to read",
    .usage = "[--to FILE] [--with-iceberg]",
    .details = "The copy is snapshots/TENANT.duckdb in the server's data directory. Metabase, a notebook or any other\n"
               "DuckDB opens it read-only while the server goes on writing; who has opened the one before keeps it.\n"
               "Names with three parts in views need the file's name: keep it when you copy the file.\n",
    .examples =
        "  eider publish --tenant tenant_acme\n  eider publish --with-iceberg --to /srv/bi/tenant_acme.duckdb\n",
    .options = options,
    .run = run,
};
