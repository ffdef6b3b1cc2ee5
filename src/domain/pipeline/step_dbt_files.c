/* Files around dbt: what it gets, what it leaves, what is kept for the next time. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "domain/pipeline/step_dbt.h"
#include "platform/json/json.h"

/* Of manifest.json, the larger one: 600 KB of macros, and some KB for each node. */
#define STEP_DBT_FILE_MAX (size_t)(64 << 20)

#define STEP_DBT_COPY_BYTES (size_t)(1 << 30)

/* --- What it gets --- */

static bool step_dbt_write(const char *path, struct str text, struct err *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len;
    if (!ok)
        err_errno(err, "write dbt's profile");
    if (fd >= 0)
        close(fd);
    return ok;
}

/* As JSON, which is YAML. */
static bool step_dbt_write_profile(struct step_dbt *step, struct str snapshot, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    json_begin_object(&writer, NULL);
    json_begin_object(&writer, "eider");
    json_write_text(&writer, "target", S("eider"));
    json_begin_object(&writer, "outputs");
    json_begin_object(&writer, "eider");
    json_write_text(&writer, "type", S("duckdb"));
    json_write_text(&writer, "path", step->database);
    json_write_i64(&writer, "threads", step->pipeline->settings->parallel);
    json_begin_array(&writer, "attach");
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "path", snapshot);
    json_write_text(&writer, "alias", step->work->run->environment->tenant);
    json_write_bool(&writer, "read_only", true);
    json_end_object(&writer);
    json_end_array(&writer);
    for (int i = 0; i < 4; i++)
        json_end_object(&writer);
    struct str path = str_format(step->files, "%.*s/profiles.yml", STR_ARG(program_scratch(step->program)));
    return step_dbt_write(path.ptr, buf_str(&text), err);
}

/* What was kept stays as it is until a run succeeds: incremental models and snapshots hold what their sources may not
 * have any more. */
static bool step_dbt_copy(const char *from, const char *to, struct err *err)
{
    int source = open(from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (source < 0)
        return errno == ENOENT || err_errno(err, "open");
    int target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t copied = target < 0 ? -1 : 1;
    while (copied > 0)
        copied = copy_file_range(source, NULL, target, NULL, STEP_DBT_COPY_BYTES, 0);
    bool ok = copied == 0 || err_errno(err, "copy");
    close(source);
    if (target >= 0)
        close(target);
    return ok;
}

bool step_dbt_prepare(struct step_dbt *step, struct err *err)
{
    struct str snapshot = str_format(step->files, "%.*s/%.*s.duckdb", STR_ARG(step->inputs),
                                     STR_ARG(step->work->run->environment->tenant));
    /* A link: the next one to publish replaces the other name. */
    if (link(step->snapshot.ptr, snapshot.ptr) != 0)
        return err_errno(err, "link the tenant's snapshot");
    if (!step->work->run->full_refresh && !step_dbt_copy(step->kept.ptr, step->database.ptr, err))
        return err_wrap(err, "take what dbt has built before");
    return step_dbt_write_profile(step, snapshot, err);
}

/* --- What it leaves --- */

/* The directory is the program's to fill: nothing that it has put there leads out of it. */
static bool step_dbt_slurp(struct step_dbt *step, const char *name, struct str *text_out, struct err *err)
{
    struct str path = str_format(step->files, "%.*s/target", STR_ARG(program_scratch(step->program)));
    int directory = open(path.ptr, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int fd = directory < 0 ? -1 : openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat stat;
    bool ok = false;
    if (fd < 0 || fstat(fd, &stat) != 0) {
        err_errno(err, "dbt has left no %s", name);
    } else if (!S_ISREG(stat.st_mode) || (uint64_t)stat.st_size > STEP_DBT_FILE_MAX) {
        err_set(err, ERR_RESOURCE, "dbt's %s is no file of at most %zu bytes", name, STEP_DBT_FILE_MAX);
    } else {
        char *text = arena_alloc(step->files, (size_t)stat.st_size + 1);
        ssize_t got = 0, all = 0;
        while (all < stat.st_size && (got = read(fd, text + all, (size_t)(stat.st_size - all))) > 0)
            all += got;
        *text_out = str_bytes(text, (size_t)all);
        ok = got >= 0 || err_errno(err, "read dbt's %s", name);
    }
    if (fd >= 0)
        close(fd);
    if (directory >= 0)
        close(directory);
    return ok;
}

bool step_dbt_read(struct step_dbt *step, struct err *err)
{
    struct str manifest, results;
    return step_dbt_slurp(step, "manifest.json", &manifest, err) &&
           step_dbt_slurp(step, "run_results.json", &results, err) &&
           dbt_results_parse(manifest, results, step->files, &step->results, err);
}

void step_dbt_keep(struct step_dbt *step)
{
    struct str path = step->database;
    struct stat file, log;
    AUTO(arena) struct arena *arena = arena_new_small();
    bool is_closed = lstat(str_format(arena, "%.*s.wal", STR_ARG(path)).ptr, &log) != 0;
    bool is_plain = lstat(path.ptr, &file) == 0 && S_ISREG(file.st_mode) && file.st_nlink == 1;
    if (step->results.keeps && is_closed && is_plain && rename(path.ptr, step->kept.ptr) != 0)
        log_warn("pipeline.dbt_not_kept", LOG_STR("asset", step->work->step->asset), LOG_I64("errno", errno));
}
