/* eider restore: a backup becomes a data directory, all of it or nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli_priv.h"
#include "cli/digest.h"
#include "cli/manifest.h"
#include "cli/terminal.h"
#include "cli/tree.h"

#define CHUNK_SIZE 65536
#define MANIFEST_MAX ((off_t)64 << 20)

static bool read_manifest(struct cli *cli, struct str directory, struct cli_manifest *manifest_out, struct err *err)
{
    struct str path = cli_tree_path(cli->arena, directory, S(CLI_MANIFEST_NAME));
    struct stat status;
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size > MANIFEST_MAX) {
        if (fd >= 0)
            (void)close(fd);
        (void)err_set(err, ERR_NOT_FOUND, "%.*s is no backup, or not a whole one: it has no " CLI_MANIFEST_NAME,
                      STR_ARG(directory));
        return err_hint(err, "`eider backup DIR` makes one");
    }
    char *text = arena_alloc(cli->arena, (size_t)status.st_size + 1);
    ssize_t len = read(fd, text, (size_t)status.st_size);
    (void)close(fd);
    const struct json *json = json_parse(cli->arena, str_bytes(text, len > 0 ? (size_t)len : 0), err);
    return json ? cli_manifest_decode(cli->arena, json, manifest_out, err) : err_wrap(err, "%s", path.ptr);
}

/* Reads the file, gives each piece to `to` (-1: to nobody), and compares size and digest with the manifest's. */
static bool read_file(int from, int to, const struct cli_manifest_file *file, struct err *err)
{
    char chunk[CHUNK_SIZE], sha256[CLI_DIGEST_TEXT];
    struct cli_digest digest;
    uint64_t bytes = 0;
    ssize_t len;
    cli_digest_init(&digest);
    while ((len = read(from, chunk, CHUNK_SIZE)) > 0) {
        struct str piece = str_bytes(chunk, (size_t)len);
        if (to >= 0 && !cli_terminal_write(to, piece, err))
            return false;
        if (cli_interrupt_came())
            return err_set(err, ERR_CANCELLED, "interrupted");
        cli_digest_add(&digest, piece);
        bytes += piece.len;
    }
    if (len < 0)
        return err_errno(err, "read %.*s", STR_ARG(file->path));
    cli_digest_finish(&digest, sha256);
    if (bytes != file->size)
        return err_set(err, ERR_DATA_LOSS, "the backup's file %.*s has %llu bytes instead of %llu", STR_ARG(file->path),
                       (unsigned long long)bytes, (unsigned long long)file->size);
    return str_equal(file->sha256, str_from(sha256)) ||
           err_set(err, ERR_DATA_LOSS, "the backup's file %.*s is not what was backed up", STR_ARG(file->path));
}

static int open_file(struct cli *cli, struct str directory, const struct cli_manifest_file *file, struct err *err)
{
    int fd = open(cli_tree_path(cli->arena, directory, file->path).ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        (void)err_errno(err, "open the backup's file %.*s", STR_ARG(file->path));
    return fd;
}

/* Before anything is written: every file is there and is what it was. */
static bool verify(struct cli *cli, struct str directory, const struct cli_manifest *manifest, struct err *err)
{
    for (size_t i = 0; i < manifest->file_count; i++) {
        int fd = open_file(cli, directory, &manifest->files[i], err);
        bool same = fd >= 0 && read_file(fd, -1, &manifest->files[i], err);
        if (fd >= 0)
            (void)close(fd);
        if (!same)
            return false;
    }
    return true;
}

static bool copy_file(struct cli *cli, struct str from, struct str to, const struct cli_manifest_file *file,
                      struct err *err)
{
    int in = open_file(cli, from, file, err);
    if (in < 0)
        return false;
    int out = cli_tree_create(cli->arena, to, file->path, err);
    bool copied = out >= 0 && read_file(in, out, file, err);
    (void)close(in);
    if (out < 0)
        return false;
    struct err closing;
    bool closed = cli_tree_close(out, file->path, copied ? err : &closing);
    return copied && closed;
}

static bool copy_all(struct cli *cli, struct str from, struct str to, const struct cli_manifest *manifest,
                     struct err *err)
{
    for (size_t i = 0; i < manifest->file_count; i++)
        if (!copy_file(cli, from, to, &manifest->files[i], err))
            return false;
    return cli_tree_sync(cli->arena, to, err);
}

static bool check_target(struct cli *cli, struct str data, struct err *err)
{
    if (cli_data_is_locked(cli->arena, data)) {
        (void)err_set(err, ERR_PRECONDITION, "a server uses %.*s", STR_ARG(data));
        return err_hint(err, "stop it first");
    }
    if (cli_flag(cli, "force") || cli_tree_is_empty(cli->arena, data))
        return true;
    (void)err_set(err, ERR_EXISTS, "%.*s is not empty", STR_ARG(data));
    return err_hint(err, "name another --data, or put the present one aside with --force");
}

/* An empty directory is removed, a full one is put aside. */
static bool make_way(struct cli *cli, struct str data, struct err *err)
{
    if (!check_target(cli, data, err))
        return false;
    if (cli_tree_is_empty(cli->arena, data))
        return rmdir(str_cstr(cli->arena, data)) == 0 || errno == ENOENT ||
               err_errno(err, "replace the empty directory %.*s", STR_ARG(data));
    struct str aside =
        str_format(cli->arena, "%.*s.before-restore-%lld", STR_ARG(data), (long long)(clock_wall_us() / CLOCK_SECOND));
    if (rename(str_cstr(cli->arena, data), aside.ptr) != 0)
        return err_errno(err, "rename %.*s", STR_ARG(data));
    (void)printf("what was in %.*s is now in %.*s\n", STR_ARG(data), STR_ARG(aside));
    return true;
}

static struct str without_slash(struct str path)
{
    while (path.len > 1 && str_ends_with(path, S("/")))
        path.len--;
    return path;
}

static bool run(struct cli *cli, struct err *err)
{
    struct str backup = cli->options.arguments[0];
    struct str data = without_slash(cli_data_directory(cli->arena, cli_option(cli, "data")));
    struct str part = str_format(cli->arena, "%.*s.restore", STR_ARG(data));
    struct cli_manifest manifest;
    cli_interrupt_catch(NULL);
    if (!check_target(cli, data, err) || !read_manifest(cli, backup, &manifest, err) ||
        !verify(cli, backup, &manifest, err))
        return false;
    /* Written beside it and renamed, so that the data directory is never half there. */
    cli_tree_remove(cli->arena, part);
    bool done = cli_tree_make_empty(cli->arena, part, err) && copy_all(cli, backup, part, &manifest, err) &&
                make_way(cli, data, err);
    if (done && rename(part.ptr, str_cstr(cli->arena, data)) != 0)
        done = err_errno(err, "rename %s", part.ptr);
    if (!done) {
        cli_tree_remove(cli->arena, part);
        return false;
    }
    (void)printf("restored %zu files into %.*s\n", manifest.file_count, STR_ARG(data));
    return true;
}

static const struct cli_option options[] = {
    {.name = "data", .value = "DIR", .help = "the data directory to make (EIDER_DATA)"},
    {.name = "force", .help = "put an existing data directory aside"},
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_restore = {
    .name = "restore",
    .summary = "make a data directory from a backup",
    .usage = "DIR [--data NEW] [--force]",
    .details =
        "No server may use the data directory, and it must be empty or not there. Every file of the backup is checked\n"
        "first.\n",
    .examples = "  eider restore /backup/2026-11-21 --data /srv/eider\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
