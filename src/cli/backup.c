/* eider backup: a consistent copy of a running server's data directory, taken by the server and fetched file by file.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli_priv.h"
#include "cli/manifest.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/tree.h"
#include "platform/net/digest.h"

struct fetch {
    int fd;
    uint64_t bytes;
    struct digest *digest;
};

static bool on_body(void *owner, struct str bytes, struct err *err)
{
    struct fetch *fetch = owner;
    fetch->bytes += bytes.len;
    digest_add(fetch->digest, bytes);
    return cli_terminal_write(fetch->fd, bytes, err);
}

static struct str backup_path(struct arena *arena, struct str id, struct str file)
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
    struct str result = str_copy(arena, buf_str(&path));
    buf_done(&path);
    return result;
}

/* Fetches the path of the backup; size and digest become what came. */
static bool fetch_bytes(struct cli *cli, struct str id, struct str path, int fd, struct cli_manifest_file *file,
                        struct err *err)
{
    AUTO(digest) struct digest *digest = digest_new();
    struct fetch fetch = {.fd = fd, .digest = digest};
    char sha256[DIGEST_TEXT_BYTES + 1];
    struct http_client_request request = {
        .method = S("GET"),
        .url = str_format(cli->arena, "%.*s%.*s", STR_ARG(cli->server.url), STR_ARG(backup_path(cli->arena, id, path))),
        .is_cancelled = cli_interrupt_came,
        .on_body = on_body,
        .owner = &fetch,
    };
    struct http_client_answer answer;
    if (!cli_send(cli, &request, &answer, err))
        return false;
    if (answer.status < 200 || answer.status > 299)
        return cli_call_error(cli, &answer, err);
    digest_finish(digest, sha256);
    file->size = fetch.bytes;
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
    uint64_t size = file->size;
    bool fetched = fetch_bytes(cli, id, file->path, fd, file, err);
    if (fetched && size != file->size)
        fetched = err_set(err, ERR_DATA_LOSS, "it has %llu bytes instead of %llu", (unsigned long long)file->size,
                          (unsigned long long)size);
    bool closed = cli_tree_close(fd, file->path, fetched ? err : &closing);
    return fetched && closed;
}

/* --- Files of Iceberg tables --- */

struct gather {
    struct cli *cli;
    struct str directory, id;
    struct digest *digest; /* of the list that is written */
    int list;
    uint64_t files, bytes, list_bytes;
    struct cli_progress progress;
};

/* A file that a client was writing when the backup was taken belongs to no table yet, and may have grown since it was
 * listed: what comes is what is kept. */
static bool gather_file(struct gather *gather, struct cli_manifest_file *file, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    AUTO(buf) struct buf line = {0};
    struct cli cli = *gather->cli; /* there may be many files: what one needs goes with it */
    cli.arena = arena;
    struct str path = str_format(arena, CLI_MANIFEST_WAREHOUSE "/%.*s", STR_ARG(file->path));
    int fd = cli_tree_create(arena, gather->directory, path, err);
    if (fd < 0)
        return false;
    bool fetched = fetch_bytes(&cli, gather->id, path, fd, file, err);
    if (close(fd) != 0 && fetched)
        fetched = err_errno(err, "write");
    if (!fetched)
        return err_wrap(err, "fetch %.*s", STR_ARG(path));
    cli_manifest_list_encode(file, &line);
    digest_add(gather->digest, buf_str(&line));
    gather->list_bytes += buf_len(&line);
    gather->files++;
    gather->bytes += file->size;
    cli_progress_update(&gather->progress, gather->files, gather->bytes);
    return cli_terminal_write(gather->list, buf_str(&line), err);
}

static bool gather_all(struct gather *gather, struct str path, struct err *err)
{
    struct cli_manifest_list list;
    struct cli_manifest_file file;
    if (!cli_manifest_list_open(&list, path, err))
        return false;
    bool ok = true;
    while (ok && cli_manifest_list_next(&list, &file, err))
        ok = gather_file(gather, &file, err);
    cli_manifest_list_close(&list);
    return ok && err->code == ERR_OK;
}

/* The server's list is replaced by one that has digests. */
static bool fetch_warehouse(struct cli *cli, struct str directory, struct cli_manifest *manifest, uint64_t *bytes,
                            struct err *err)
{
    struct cli_manifest_file *entry = cli_manifest_find(manifest, S(CLI_MANIFEST_LIST));
    if (!entry)
        return true;
    AUTO(digest) struct digest *digest = digest_new();
    struct gather gather = {.cli = cli, .directory = directory, .id = manifest->id, .digest = digest};
    struct str path = cli_tree_path(cli->arena, directory, S(CLI_MANIFEST_LIST));
    struct str plain = cli_tree_path(cli->arena, directory, S(CLI_MANIFEST_LIST ".server"));
    char sha256[DIGEST_TEXT_BYTES + 1];
    if (rename(path.ptr, plain.ptr) != 0)
        return err_errno(err, "rename %s", path.ptr);
    gather.list = cli_tree_create(cli->arena, directory, S(CLI_MANIFEST_LIST), err);
    if (gather.list < 0)
        return false;
    cli_progress_start(&gather.progress, S("Iceberg tables"), "files", manifest->warehouse_files);
    struct err closing;
    bool ok = gather_all(&gather, plain, err);
    cli_progress_end(&gather.progress);
    bool closed = cli_tree_close(gather.list, S(CLI_MANIFEST_LIST), ok ? err : &closing);
    (void)unlink(plain.ptr);
    if (!ok || !closed || !cli_tree_sync_all(cli->arena, directory, err))
        return false;
    digest_finish(digest, sha256);
    entry->size = gather.list_bytes;
    entry->sha256 = str_copy(cli->arena, str_from(sha256));
    manifest->warehouse_files = gather.files;
    *bytes += gather.bytes;
    return true;
}

/* --- All of it --- */

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
    if (!fetch_warehouse(cli, directory, &manifest, &bytes, err) || !write_manifest(cli, directory, &manifest, err))
        return false;
    AUTO(buf) struct buf text = {0};
    cli_text_bytes(&text, (double)bytes);
    buf_append_str(&text, S(" in "));
    cli_text_duration(&text, clock_now_us() - started_us);
    bool is_included = cli_manifest_find(&manifest, S(CLI_MANIFEST_LIST));
    (void)printf("backup of %zu files, %.*s, in %.*s\n",
                 manifest.file_count + (is_included ? (size_t)manifest.warehouse_files : 0), STR_ARG(buf_str(&text)),
                 STR_ARG(directory));
    if (!is_included && manifest.warehouse.len > 0)
        (void)printf("not in it: the files of Iceberg tables, which stay in %.*s\n", STR_ARG(manifest.warehouse));
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
        (void)!cli_call(cli, "DELETE", backup_path(cli->arena, id, S("")), S(""), &ignored_answer, &ignored);
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
        "DIR must be empty or not there. The copy is consistent: it holds what was committed when it was taken.\n"
        "\n"
        "The files of Iceberg tables on the server's machine are part of it. While their names are taken, nothing is\n"
        "deleted; clients that delete files by themselves (Spark's and Trino's expiry and orphan removal) should not "
        "do so\n"
        "then. Iceberg tables in S3 stay where they are: keep that bucket as long as the backup (versioning, no "
        "expiry).\n",
    .examples = "  eider backup /backup/2026-11-21\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
