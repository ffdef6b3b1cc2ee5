/* eider new: a project that runs, from a template. It is written beside its place and then renamed, so that it is there
 * whole or not at all. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "cli/cli_priv.h"
#include "cli/tree.h"

struct new_file {
    const char *template, *path;
    const unsigned char *bytes;
    size_t size;
};
#include "cli/templates/new_gen.h"

#define TENANT_PREFIX "tenant_"
#define TENANT_MAX 63

struct new_project {
    struct arena *arena;
    struct str place; /* as the user named it */
    struct str name;  /* its last part */
    struct str tenant;
    struct str part; /* where it is written */
};

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* "My Shop-2" becomes tenant_my_shop_2. */
static bool derive_tenant(struct new_project *project, struct err *err)
{
    AUTO(buf) struct buf tenant = {0};
    struct str lower = str_lower(project->arena, project->name);
    bool any = false;
    if (!str_starts_with(lower, S(TENANT_PREFIX)))
        buf_append_str(&tenant, S(TENANT_PREFIX));
    for (size_t i = 0; i < lower.len && buf_len(&tenant) < TENANT_MAX; i++) {
        any = any || is_word(lower.ptr[i]);
        buf_append_char(&tenant, is_word(lower.ptr[i]) ? lower.ptr[i] : '_');
    }
    if (!any)
        return err_set(err, ERR_INVALID, "'%.*s' has no letter or digit to name a tenant after",
                       STR_ARG(project->name));
    project->tenant = str_copy(project->arena, buf_str(&tenant));
    return true;
}

/* shop, work/shop, /srv/shop/ */
static bool name_project(struct cli *cli, struct new_project *project, struct err *err)
{
    struct str place = cli->options.arguments[0];
    while (place.len > 1 && str_ends_with(place, S("/")))
        place.len--;
    size_t start = place.len;
    while (start > 0 && place.ptr[start - 1] != '/')
        start--;
    struct str name = str_from_index(place, start);
    if (name.len == 0 || str_equal(name, S(".")) || str_equal(name, S("..")))
        return cli_wrong_use(cli, err, "'%.*s' is no name of a new directory", STR_ARG(place));
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < ' ')
            return cli_wrong_use(cli, err, "the name has a control character");
    *project = (struct new_project){
        .arena = cli->arena,
        .place = str_copy(cli->arena, place),
        .name = name,
        .part = str_format(cli->arena, "%.*s.%.*s.XXXXXX", (int)start, place.ptr, STR_ARG(name)),
    };
    return derive_tenant(project, err);
}

/* Where there is something nothing is written. */
static bool check_free(const struct new_project *project, struct err *err)
{
    struct stat about;
    if (lstat(project->place.ptr, &about) != 0)
        return errno == ENOENT || err_errno(err, "create %.*s", STR_ARG(project->place));
    if (S_ISDIR(about.st_mode) && cli_tree_is_empty(project->arena, project->place))
        return true;
    (void)err_set(err, ERR_EXISTS, "%.*s is there already, and %s", STR_ARG(project->place),
                  S_ISDIR(about.st_mode) ? "it is not empty" : "it is no directory");
    return err_hint(err, "choose another name; nothing was written");
}

static bool make_directories(struct new_project *project, struct str path, struct err *err)
{
    char *text = str_cstr(project->arena, path);
    for (size_t i = project->part.len + 1; i < path.len; i++) {
        if (text[i] != '/')
            continue;
        text[i] = '\0';
        if (mkdir(text, 0777) != 0 && errno != EEXIST)
            return err_errno(err, "create %s", text);
        text[i] = '/';
    }
    return true;
}

/* The text with @NAME@ and @TENANT@ replaced. */
static void fill_in(const struct new_project *project, struct str text, struct buf *out)
{
    const struct {
        struct str mark, value;
    } marks[] = {{S("@NAME@"), project->name}, {S("@TENANT@"), project->tenant}};
    while (text.len > 0) {
        size_t used = 1;
        for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
            if (str_starts_with(text, marks[i].mark)) {
                buf_append_str(out, marks[i].value);
                used = marks[i].mark.len;
            }
        }
        if (used == 1)
            buf_append_char(out, text.ptr[0]);
        text = str_from_index(text, used);
    }
}

static bool write_file(struct new_project *project, const struct new_file *file, struct err *err)
{
    AUTO(buf) struct buf text = {0};
    struct str path = cli_tree_path(project->arena, project->part, str_from(file->path));
    if (!make_directories(project, path, err))
        return false;
    fill_in(project, str_bytes(file->bytes, file->size), &text);
    int fd = open(path.ptr, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_errno(err, "create %.*s", STR_ARG(path));
    bool written = write(fd, buf_str(&text).ptr, buf_len(&text)) == (ssize_t)buf_len(&text) ||
                   err_errno(err, "write %.*s", STR_ARG(path));
    struct err ignored;
    return cli_tree_close(fd, path, written ? err : &ignored) && written;
}

static bool write_files(struct new_project *project, struct str template, struct err *err)
{
    for (size_t i = 0; i < sizeof(new_files) / sizeof(new_files[0]); i++)
        if (str_equal(str_from(new_files[i].template), template) && !write_file(project, &new_files[i], err))
            return false;
    return true;
}

/* Renaming replaces nothing but an empty directory, whatever has come there meanwhile. */
static bool put_in_place(struct new_project *project, struct err *err)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    if (chmod(project->part.ptr, 0777 & ~mask) == 0 && rename(project->part.ptr, project->place.ptr) == 0)
        return true;
    return err_errno(err, "create %.*s", STR_ARG(project->place));
}

static bool run(struct cli *cli, struct err *err)
{
    struct new_project project = {0};
    struct str template = cli_option(cli, "template").len > 0 ? cli_option(cli, "template") : S("basic");
    if (!name_project(cli, &project, err) || !check_free(&project, err))
        return false;
    char *part = str_cstr(cli->arena, project.part);
    if (!mkdtemp(part))
        return err_errno(err, "create %.*s", STR_ARG(project.place));
    project.part = str_from(part);
    if (!write_files(&project, template, err) || !put_in_place(&project, err)) {
        cli_tree_remove(cli->arena, project.part);
        return false;
    }
    (void)printf("%.*s is a project of the tenant %.*s (template %.*s). Try:\n\n", STR_ARG(project.place),
                 STR_ARG(project.tenant), STR_ARG(template));
    (void)printf("  cd %.*s\n"
                 "  eider run                    # once: data/source to data/final\n"
                 "  eider graph                  # what depends on what\n"
                 "  eider start                  # in the background, with its schedule\n"
                 "  eider status\n\n"
                 "README.md there says what each file is.\n",
                 STR_ARG(project.place));
    return true;
}

static const struct cli_option options[] = {
    {.name = "template",
     .value = "NAME",
     .help = "what it begins with (default: basic)",
     .choices = "basic|star|iceberg"},
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_new = {
    .name = "new",
    .summary = "make a project that runs",
    .usage = "NAME [OPTION]...",
    .details = "basic: CSV in, three stages of SQL, CSV out. star: dimensions and facts, built incrementally.\n"
               "iceberg: tables that Trino, Spark and pyiceberg read as well. Nothing is ever overwritten.\n",
    .examples = "  eider new shop\n  eider new shop --template star\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run,
};
