/* eider backup: a consistent copy of a running server's data directory, taken by the server and fetched file by file.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli_priv.h"
#include "cli/digest.h"
#include "cli/manifest.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/tree.h"

struct fetch {
    int fd;
    uint64_t bytes;
    struct cli_digest digest;
};

static bool on_body(void *owner, struct str bytes, struct err *err)
{
    struct fetch *fetch = owner;
    fetch->bytes += bytes.len;
    cli_digest_add(&fetch->digest, bytes);
    return cli_terminal_write(fetch->fd, bytes, err);
}

static struct str backup_path(struct cli *cli, struct str id, struct str file)
{
    struct buf path = {0};
    buf_append_str(&path, S("/api/v1/backups/"));
    cli_append_escaped(&path, id);
    if (file.len > 0)
        buf_append_str(&path, S("/files"));
    struct str part;
    while (str_split_next(&file, '/', &part)) {
        buf_append_char(&path, '/');
        cli_append_escaped(&path, part);
    }
    struct str result = str_copy(cli->arena, buf_str(&path));
    buf_done(&path);
    return result;
}

static bool fetch_bytes(struct cli *cli, struct str id, struct cli_manifest_file *file, int fd, struct err *err)
{
    struct fetch fetch = {.fd = fd};
    char sha256[CLI_DIGEST_TEXT];
    cli_digest_init(&fetch.digest);
    struct http_client_request request = {
        .method = S("GET"),
        .url = str_format(cli->arena, "%.*s%.*s", STR_ARG(cli->server.url), STR_ARG(backup_path(cli, id, file->path))),
        .is_cancelled = cli_interrupt_came,
        .on_body = on_body,
        .owner = &fetch,
    };
    struct http_client_answer answer;
    if (!cli_send(cli, &request, &answer, err))
        return false;
    if (answer.status < 200 || answer.status > 299)
        return cli_call_error(cli, &answer, err);
    if (fetch.bytes != file->size)
        return err_set(err, ERR_DATA_LOSS, "%.*s has %llu bytes instead of %llu", STR_ARG(file->path),
                       (unsigned long long)fetch.bytes, (unsigned long long)file->size);
    cli_digest_finish(&fetch.digest, sha256);
    file->sha256 = str_copy(cli->arena, str_from(sha256));
    return true;
}

static bool fetch_file(struct cli *cli, struct str directory, struct str id, struct cli_manifest_file *file,
                       struct err *err)
{
    int fd = cli_tree_create(cli->arena, directory, file->path, err);
    if (fd < 0)
        return false;
    struct err closing;
    bool fetched = fetch_bytes(cli, id, file, fd, err);
    bool closed = cli_tree_close(fd, file->path, fetched ? err : &closing);
    return fetched && closed;
}

static bool write_manifest(struct cli *cli, struct str directory, const struct cli_manifest *manifest, struct err *err)
{
    int fd = cli_tree_create(cli->arena, directory, S(CLI_MANIFEST_NAME), err);
    if (fd < 0)
        return false;
    AUTO(buf) struct buf text = {0};
    cli_manifest_encode(manifest, &text);
    struct err closing;
    bool written = cli_terminal_write(fd, buf_str(&text), err);
    bool closed = cli_tree_close(fd, S(CLI_MANIFEST_NAME), written ? err : &closing);
    return written && closed && cli_tree_sync(cli->arena, directory, err);
}

static bool fetch_all(struct cli *cli, struct str directory, const struct json *answer, struct err *err)
{
    struct cli_manifest manifest;
    if (!cli_manifest_decode(cli->arena, answer, &manifest, err))
        return false;
    int64_t started_us = clock_now_us();
    uint64_t bytes = 0;
    for (size_t i = 0; i < manifest.file_count; i++) {
        if (!fetch_file(cli, directory, manifest.id, &manifest.files[i], err))
            return err_wrap(err, "fetch %.*s", STR_ARG(manifest.files[i].path));
        bytes += manifest.files[i].size;
    }
    if (!write_manifest(cli, directory, &manifest, err))
        return false;
    AUTO(buf) struct buf text = {0};
    cli_text_bytes(&text, (double)bytes);
    buf_append_str(&text, S(" in "));
    cli_text_duration(&text, clock_now_us() - started_us);
    (void)printf("backup of %zu files, %.*s, in %.*s\n", manifest.file_count, STR_ARG(buf_str(&text)),
                 STR_ARG(directory));
    return true;
}

static bool run(struct cli *cli, struct err *err)
{
    struct str directory = cli->options.arguments[0];
    const struct json *answer, *ignored_answer;
    struct err ignored;
    cli_interrupt_catch(NULL);
    if (!cli_tree_make_empty(cli->arena, directory, err) || !cli_connect(cli, true, err) ||
        !cli_call(cli, "POST", S("/api/v1/backups"), S("{}"), &answer, err))
        return false;
    bool done = fetch_all(cli, directory, answer, err);
    struct str id = json_text(json_get(answer, "id"));
    /* The server keeps its copy until it is told, so it is told also after an error. */
    if (id.len > 0 && !cli_interrupt_came())
        (void)!cli_call(cli, "DELETE", backup_path(cli, id, S("")), S(""), &ignored_answer, &ignored);
    if (!done)
        cli_tree_remove(cli->arena, directory);
    return done;
}

static const struct cli_option options[] = {CLI_SERVER_OPTIONS, CLI_HELP_OPTION};

const struct cli_command cli_command_backup = {
    .name = "backup",
    .summary = "copy the whole data directory while the server runs",
    .usage = "DIR",
    .details =
        "DIR must be empty or not there. The copy is consistent: it holds what was committed when it was taken.\n",
    .examples = "  eider backup /backup/2026-11-21\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
