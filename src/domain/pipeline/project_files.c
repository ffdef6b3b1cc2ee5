/* Walking through pipelines/, seeds/ and tests/, and reading what is new there. */
#include "domain/pipeline/project_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "platform/net/digest.h"

#define PROJECT_DEPTH_MAX 16
/* The file system's clock goes in steps: what changed so shortly ago may change again and look the same. */
#define PROJECT_SETTLED_NS INT64_C(50000000)

struct project_walk {
    const struct project_settings *settings;
    const struct project *before;
    struct project_files *files;
    struct arena *arena; /* paths on the way */
    int root;
};

void project_file_unref(struct project_file **file)
{
    struct project_file *gone = *file;
    *file = NULL;
    if (!gone || atomic_fetch_sub(&gone->references, 1) > 1)
        return;
    struct arena *arena = gone->arena; /* the file lives in it */
    arena_free(&arena);
}

static struct project_file *project_file_find(const struct project *project, struct str path)
{
    size_t low = 0, high = project ? project->file_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(project->files[middle]->path, path);
        if (order == 0)
            return project->files[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static int64_t project_ns(struct timespec time)
{
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void project_file_mark(struct project_file *file, const struct stat *about)
{
    file->modified_ns = project_ns(about->st_mtim);
    file->changed_ns = project_ns(about->st_ctim);
    file->inode = (int64_t)about->st_ino;
    file->size = clock_wall_us() * 1000 - file->changed_ns < PROJECT_SETTLED_NS ? -1 : about->st_size;
}

static bool project_file_is_same(const struct project_file *file, const struct stat *about)
{
    return file->size == about->st_size && file->modified_ns == project_ns(about->st_mtim) &&
           file->changed_ns == project_ns(about->st_ctim) && file->inode == (int64_t)about->st_ino;
}

static bool project_is_seed(struct str path)
{
    return str_starts_with(path, S("seeds/"));
}

/* The whole file in the arena; at most pipeline.max_file. */
static bool project_read(struct project_file *file, int fd, struct str *text_out, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    int64_t max = limits_get(LIMIT_PIPELINE_FILE);
    ssize_t len = 0;
    while ((int64_t)buf_len(&text) <= max && (len = read(fd, buf_reserve(&text, 8192), 8192)) > 0)
        buf_commit(&text, (size_t)len);
    if (len < 0)
        return err_errno(err, "read");
    if ((int64_t)buf_len(&text) > max)
        return limits_err(LIMIT_PIPELINE_FILE, err);
    *text_out = str_copy(file->arena, buf_str(&text));
    return true;
}

static struct str project_sum(struct arena *arena, struct str text)
{
    char sum[DIGEST_TEXT_BYTES + 1];
    AUTO(digest) struct digest *digest = digest_new();
    digest_add(digest, text);
    digest_finish(digest, sum);
    return str_copy(arena, str_from(sum));
}

/* The asset of a file that is open, or problems. */
static void project_file_parse(struct project_walk *walk, struct project_file *file, int fd, int64_t size)
{
    struct asset_problems problems = {.arena = file->arena};
    struct err err = {0};
    struct str text;
    const struct asset *asset = NULL;
    if (project_is_seed(file->path)) {
        text = str_format(file->arena, "%.*s %" PRId64 " %" PRId64, STR_ARG(file->path), size, file->modified_ns);
        asset = asset_seed(file->arena, file->path, project_sum(file->arena, text));
        file->digest = asset->digest;
    } else if (!project_read(file, fd, &text, &err)) {
        asset_problem_add(&problems, file->path, 0, file->name, &err);
        file->size = -1;
    } else {
        asset = asset_parse(file->arena, file->path, text, &problems);
        file->digest = asset ? asset->digest : project_sum(file->arena, text);
    }
    if (asset && asset->retries.on == 0) { /* it says nothing about them */
        struct asset *with = arena_copy(file->arena, asset, sizeof(*asset));
        with->retries = walk->settings->retries;
        asset = with;
    }
    file->asset = asset;
    file->problem_count = problems.list.count;
    file->problems = arena_copy(file->arena, problems.list.items, problems.list.count * sizeof(struct asset_problem));
    vec_done(&problems.list);
}

static struct project_file *project_file_new(struct str path)
{
    struct arena *arena = arena_new_small();
    struct project_file *file = arena_new_object(arena, struct project_file);
    atomic_init(&file->references, 1);
    file->arena = arena;
    file->path = str_copy(arena, path);
    file->digest = S("");
    size_t start = path.len;
    while (start > 0 && path.ptr[start - 1] != '/')
        start--;
    struct str rest = str_from_index(file->path, start);
    if (!str_split_next(&rest, '.', &file->name))
        file->name = S("");
    return file;
}

static void project_file_refuse(struct project_file *file, const struct err *err)
{
    struct asset_problems problems = {.arena = file->arena};
    asset_problem_add(&problems, file->path, 0, file->name, err);
    file->size = -1;
    file->problem_count = 1;
    file->problems = arena_copy(file->arena, problems.list.items, sizeof(struct asset_problem));
    vec_done(&problems.list);
}

/* A link may lead to another file of the project. */
static bool project_link_is_inside(struct project_walk *walk, struct str path)
{
    char root[PATH_MAX], target[PATH_MAX];
    struct str full = str_format(walk->arena, "%.*s/%.*s", STR_ARG(walk->settings->root), STR_ARG(path));
    if (!realpath(str_cstr(walk->arena, walk->settings->root), root) || !realpath(full.ptr, target))
        return false;
    struct str rest = str_from(target);
    return str_starts_with(rest, str_from(root)) && rest.ptr[strlen(root)] == '/';
}

static void project_add(struct project_walk *walk, struct str path, bool is_link)
{
    struct project_file *before = project_file_find(walk->before, path), *file;
    struct stat about;
    struct err err = {0};
    const char *name = str_cstr(walk->arena, path);
    if ((int64_t)walk->files->list.count >= limits_get(LIMIT_PIPELINE_ASSETS)) {
        walk->files->too_many = true;
        return;
    }
    if (before && !is_link && fstatat(walk->root, name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
        project_file_is_same(before, &about)) {
        atomic_fetch_add(&before->references, 1);
        vec_push(&walk->files->list, before);
        return;
    }
    file = project_file_new(path);
    vec_push(&walk->files->list, file);
    if (is_link && !project_link_is_inside(walk, path)) {
        (void)err_set(&err, ERR_DENIED, "the link leads out of the project");
        project_file_refuse(file, &err);
        return;
    }
    int fd = openat(walk->root, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (is_link ? 0 : O_NOFOLLOW));
    if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        if (fd >= 0 && !S_ISREG(about.st_mode))
            (void)err_set(&err, ERR_INVALID, "not a file");
        else
            (void)err_errno(&err, "open");
        project_file_refuse(file, &err);
    } else {
        project_file_mark(file, &about);
        project_file_parse(walk, file, fd, about.st_size);
    }
    if (fd >= 0)
        close(fd);
}

/* Whether a file of this name is an asset there. */
static bool project_wants(struct str directory, struct str name)
{
    static const struct {
        const char *directory, *end;
    } wanted[] = {{"pipelines", ".sql"}, {"pipelines", ".yaml"}, {"pipelines", ".yml"},
                  {"tests", ".sql"},     {"seeds", ".csv"},      {"seeds", ".parquet"}};
    struct str rest = directory, top = S("");
    (void)str_split_next(&rest, '/', &top);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        if (str_equal(top, str_from(wanted[i].directory)) && str_ends_with(name, str_from(wanted[i].end)))
            return true;
    return false;
}

/* One directory and those below it. A directory that is not there is empty. */
static bool project_walk_into(struct project_walk *walk, struct str directory, int depth, struct err *err)
{
    int fd = openat(walk->root, str_cstr(walk->arena, directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT || err_errno(err, "open %.*s", STR_ARG(str_slice(directory, 0, 200)));
    DIR *entries = fdopendir(fd);
    if (!entries) {
        close(fd);
        return err_errno(err, "read %.*s", STR_ARG(str_slice(directory, 0, 200)));
    }
    bool ok = true;
    for (const struct dirent *entry; ok && (entry = readdir(entries)) != NULL;) {
        struct stat about;
        if (entry->d_name[0] == '.' || fstatat(fd, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        struct str path = str_format(walk->arena, "%.*s/%s", STR_ARG(directory), entry->d_name);
        if (S_ISDIR(about.st_mode) && depth < PROJECT_DEPTH_MAX)
            ok = project_walk_into(walk, path, depth + 1, err);
        else if (!S_ISDIR(about.st_mode) && project_wants(directory, str_from(entry->d_name)))
            project_add(walk, path, S_ISLNK(about.st_mode));
    }
    closedir(entries);
    return ok;
}

static int project_by_path(const void *a, const void *b)
{
    const struct project_file *const *left = a, *const *right = b;
    return str_compare((*left)->path, (*right)->path);
}

bool project_files_read(const struct project_settings *settings, const struct project *before,
                        struct project_files *files_out, struct err *err)
{
    static const char *const directories[] = {"pipelines", "seeds", "tests"};
    AUTO(arena) struct arena *arena = arena_new();
    struct project_files files = {0};
    struct project_walk walk = {.settings = settings, .before = before, .files = &files, .arena = arena};
    walk.root = open(str_cstr(arena, settings->root), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (walk.root < 0)
        return err_errno(err, "open %.*s", STR_ARG(str_slice(settings->root, 0, 300)));
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof(directories) / sizeof(directories[0]); i++)
        ok = project_walk_into(&walk, str_from(directories[i]), 0, err);
    close(walk.root);
    if (!ok) {
        for (size_t i = 0; i < files.list.count; i++)
            project_file_unref(&files.list.items[i]);
        vec_done(&files.list);
        return false;
    }
    if (files.list.count > 0)
        qsort(files.list.items, files.list.count, sizeof(struct project_file *), project_by_path);
    *files_out = files;
    return true;
}
