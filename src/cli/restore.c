/* eider restore: a backup becomes a data directory, all of it or nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/cli_priv.h"
#include "cli/manifest.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/tree.h"
#include "cli/warehouse.h"
#include "platform/net/digest.h"

#define CHUNK_SIZE 65536
#define MANIFEST_MAX ((off_t)64 << 20)
#define DATABASE "eider.db"

static cli_metadata_check *metadata_check;

void cli_restore_asks(cli_metadata_check *check)
{
    metadata_check = check;
}

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
    char chunk[CHUNK_SIZE], sha256[DIGEST_TEXT_BYTES + 1];
    AUTO(digest) struct digest *digest = digest_new();
    uint64_t bytes = 0;
    ssize_t len;
    while ((len = read(from, chunk, CHUNK_SIZE)) > 0) {
        struct str piece = str_bytes(chunk, (size_t)len);
        if (to >= 0 && !cli_terminal_write(to, piece, err))
            return false;
        if (cli_interrupt_came())
            return err_set(err, ERR_CANCELLED, "interrupted");
        digest_add(digest, piece);
        bytes += piece.len;
    }
    if (len < 0)
        return err_errno(err, "read %.*s", STR_ARG(file->path));
    digest_finish(digest, sha256);
    if (bytes != file->size)
        return err_set(err, ERR_DATA_LOSS, "the backup's file %.*s has %llu bytes instead of %llu", STR_ARG(file->path),
                       (unsigned long long)bytes, (unsigned long long)file->size);
    return str_equal(file->sha256, str_from(sha256)) ||
           err_set(err, ERR_DATA_LOSS, "the backup's file %.*s is not what was backed up", STR_ARG(file->path));
}

static int open_file(struct arena *arena, struct str directory, const struct cli_manifest_file *file, struct err *err)
{
    int fd = open(cli_tree_path(arena, directory, file->path).ptr, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        (void)err_errno(err, "open the backup's file %.*s", STR_ARG(file->path));
    return fd;
}

static bool verify_file(struct arena *arena, struct str directory, const struct cli_manifest_file *file,
                        struct err *err)
{
    int fd = open_file(arena, directory, file, err);
    bool same = fd >= 0 && read_file(fd, -1, file, err);
    if (fd >= 0)
        (void)close(fd);
    return same;
}

static bool copy_file(struct arena *arena, struct str from, struct str to, const struct cli_manifest_file *file,
                      struct err *err)
{
    int in = open_file(arena, from, file, err);
    if (in < 0)
        return false;
    int out = cli_tree_create(arena, to, file->path, err);
    bool copied = out >= 0 && read_file(in, out, file, err);
    (void)close(in);
    if (out >= 0 && close(out) != 0 && copied)
        copied = err_errno(err, "write %.*s", STR_ARG(file->path));
    return copied;
}

/* --- One restore --- */

struct restore {
    struct cli *cli;
    struct str backup, data;
    struct str part; /* what becomes the data directory */
    struct cli_manifest manifest;
    struct cli_warehouse warehouse;
    bool has_warehouse; /* its files are in the backup, and wanted */
    bool is_begun;      /* they are being written */
};

/* Every file of the warehouse: to NULL: it is what it was; else it is copied there. */
static bool each_of_warehouse(struct restore *restore, const struct str *to, struct err *err)
{
    struct arena *arena = restore->cli->arena;
    struct str from = cli_tree_path(arena, restore->backup, S(CLI_MANIFEST_WAREHOUSE));
    struct cli_manifest_list list;
    struct cli_manifest_file file;
    struct cli_progress progress;
    uint64_t files = 0, bytes = 0;
    if (!cli_manifest_list_open(&list, cli_tree_path(arena, restore->backup, S(CLI_MANIFEST_LIST)), err))
        return false;
    cli_progress_start(&progress, to ? S("restore Iceberg tables") : S("check Iceberg tables"), "files",
                       restore->manifest.warehouse_files);
    bool ok = true;
    while (ok && cli_manifest_list_next(&list, &file, err)) {
        ok = to ? copy_file(list.arena, from, *to, &file, err) : verify_file(list.arena, from, &file, err);
        bytes += file.size;
        cli_progress_update(&progress, ++files, bytes);
    }
    ok = ok && err->code == ERR_OK;
    cli_progress_end(&progress);
    cli_manifest_list_close(&list);
    return ok;
}

/* Before much is written: every file is there and is what it was. */
static bool verify(struct restore *restore, struct err *err)
{
    for (size_t i = 0; i < restore->manifest.file_count; i++)
        if (!verify_file(restore->cli->arena, restore->backup, &restore->manifest.files[i], err))
            return false;
    return !restore->has_warehouse || each_of_warehouse(restore, NULL, err);
}

static bool copy_all(struct restore *restore, struct err *err)
{
    struct arena *arena = restore->cli->arena;
    for (size_t i = 0; i < restore->manifest.file_count; i++) {
        const struct cli_manifest_file *file = &restore->manifest.files[i];
        if (!str_equal(file->path, S(CLI_MANIFEST_LIST)) && !str_equal(file->path, S(DATABASE)) &&
            !copy_file(arena, restore->backup, restore->part, file, err))
            return false;
    }
    if (!restore->has_warehouse)
        return cli_tree_sync_all(arena, restore->part, err);
    restore->is_begun = cli_tree_make_empty(arena, restore->warehouse.place, err);
    return restore->is_begun && each_of_warehouse(restore, &restore->warehouse.place, err) &&
           cli_warehouse_confirm(arena, &restore->warehouse, err) &&
           cli_tree_sync_all(arena, restore->warehouse.place, err) && cli_tree_sync_all(arena, restore->part, err);
}

/* The server's tables come first: they say which Iceberg tables there are, and so where the rest may go. */
static bool prepare(struct restore *restore, struct err *err)
{
    struct arena *arena = restore->cli->arena;
    const struct cli_manifest_file *database = cli_manifest_find(&restore->manifest, S(DATABASE));
    cli_tree_remove(arena, restore->part);
    if (!database)
        return err_set(err, ERR_DATA_LOSS, "the backup has no " DATABASE);
    if (!cli_tree_make_empty(arena, restore->part, err) ||
        !copy_file(arena, restore->backup, restore->part, database, err) ||
        !cli_warehouse_read(arena, cli_tree_path(arena, restore->part, S(DATABASE)), restore->manifest.warehouse,
                            &restore->warehouse, err))
        return false;
    restore->has_warehouse = cli_manifest_find(&restore->manifest, S(CLI_MANIFEST_LIST)) &&
                             !cli_flag(restore->cli, "without-iceberg") && !cli_warehouse_is_empty(&restore->warehouse);
    return !restore->has_warehouse || cli_warehouse_find(arena, &restore->warehouse, restore->data, restore->part, err);
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

/* What fell short of a whole restore is taken away. */
static void undo(struct restore *restore)
{
    struct arena *arena = restore->cli->arena;
    cli_tree_remove(arena, restore->part);
    if (restore->is_begun && !cli_warehouse_is_inside(&restore->warehouse))
        cli_tree_clear(arena, restore->warehouse.place);
}

/* The backup has no files of tables in S3: are they still where they were? */
static bool check_s3(const struct restore *restore, struct err *err)
{
    struct arena *arena = restore->cli->arena;
    const struct cli_warehouse *warehouse = &restore->warehouse;
    size_t count = warehouse->tables.count, missing = 0;
    struct str *files = arena_array(arena, count + 1, sizeof(*files));
    bool *is_missing = arena_array(arena, count + 1, sizeof(*is_missing));
    if (!metadata_check || count == 0 || !str_starts_with(warehouse->location, S("s3://")))
        return true;
    for (size_t i = 0; i < count; i++)
        files[i] = warehouse->tables.items[i].metadata;
    if (!metadata_check(arena, restore->data, warehouse->location, files, count, is_missing, err)) {
        (void)fprintf(stderr, "whether the files of Iceberg tables are still in %.*s is not known: %s\n",
                      STR_ARG(warehouse->location), err->message);
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_missing[i])
            continue;
        missing++;
        (void)printf("missing: %.*s, the metadata of %.*s\n", STR_ARG(files[i]),
                     STR_ARG(warehouse->tables.items[i].name));
    }
    return missing == 0 ||
           err_set(err, ERR_DATA_LOSS, "restored, but the metadata of %zu Iceberg tables is missing", missing);
}

static void tell(const struct restore *restore)
{
    const struct cli_warehouse *warehouse = &restore->warehouse;
    (void)printf("restored %zu files into %.*s\n",
                 restore->manifest.file_count +
                     (restore->has_warehouse ? (size_t)restore->manifest.warehouse_files : 0),
                 STR_ARG(restore->data));
    if (restore->has_warehouse && !cli_warehouse_is_inside(warehouse))
        (void)printf("the files of its Iceberg tables are where they were: eider.yaml has to say `warehouse: %.*s`\n",
                     STR_ARG(warehouse->path));
    else if (!restore->has_warehouse && warehouse->path.len > 0 && warehouse->tables.count > 0)
        (void)printf("left out: the files of %zu Iceberg tables, which cannot be read\n", warehouse->tables.count);
}

static bool run(struct cli *cli, struct err *err)
{
    struct restore restore = {.cli = cli, .backup = cli->options.arguments[0]};
    restore.data = without_slash(cli_data_directory(cli->arena, cli_option(cli, "data")));
    restore.part = str_format(cli->arena, "%.*s.restore", STR_ARG(restore.data));
    cli_interrupt_catch(NULL);
    if (!check_target(cli, restore.data, err) || !read_manifest(cli, restore.backup, &restore.manifest, err))
        return false;
    /* Written beside it and renamed, so that the data directory is never half there. */
    bool done =
        prepare(&restore, err) && verify(&restore, err) && copy_all(&restore, err) && make_way(cli, restore.data, err);
    if (done && rename(restore.part.ptr, str_cstr(cli->arena, restore.data)) != 0)
        done = err_errno(err, "rename %s", restore.part.ptr);
    if (done)
        tell(&restore);
    else
        undo(&restore);
    done = done && check_s3(&restore, err);
    cli_warehouse_done(&restore.warehouse);
    return done;
}

static const struct cli_option options[] = {
    {.name = "data", .value = "DIR", .help = "the data directory to make (EIDER_DATA)"},
    {.name = "force", .help = "put an existing data directory aside"},
    {.name = "without-iceberg", .help = "leave the files of Iceberg tables out"},
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_restore = {
    .name = "restore",
    .summary = "make a data directory from a backup",
    .usage = "DIR [--data NEW] [--force] [--without-iceberg]",
    .details =
        "No server may use the data directory, and it must be empty or not there. Every file of the backup is checked\n"
        "first.\n"
        "\n"
        "Files of Iceberg tables name each other by absolute locations, so that they can be read only where they "
        "were:\n"
        "they go back into the same directory, whatever --data says, and it must be empty or not there. With the same\n"
        "--data as before all is where it was. With another one, eider.yaml has to name the warehouse's old "
        "directory.\n"
        "That may be a symbolic link to another one, or a mount. With --without-iceberg everything else is restored; "
        "the\n"
        "tables keep their names, and cannot be read. Tables in S3 have stayed there: with the `warehouse:` of "
        "eider.yaml\n"
        "it is checked that their metadata is still there.\n",
    .examples = "  eider restore /backup/2026-11-21 --data /srv/eider\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
