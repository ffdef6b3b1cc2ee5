/* Finding a project's directory and what lies in it. */
#include "cli/project.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform/yaml/yaml.h"

/* An eider.yaml is not longer. */
#define CONFIG_MAX ((size_t)1 << 20)

/* "/a" of "/a/b", "/" of "/a". */
static struct str directory_of(struct str path)
{
    while (path.len > 1 && path.ptr[path.len - 1] != '/')
        path.len--;
    return path.len > 1 ? str_slice(path, 0, path.len - 1) : path;
}

static bool real_path(struct arena *arena, struct str path, struct str *real_out, struct err *err)
{
    char real[PATH_MAX];
    if (!realpath(str_cstr(arena, path), real))
        return err_errno(err, "open %.*s", STR_ARG(path));
    *real_out = str_copy(arena, str_from(real));
    return true;
}

/* A path as it is meant before the directory changes; it need not be there yet. */
static struct str absolute(struct arena *arena, struct str path)
{
    char here[PATH_MAX];
    if (path.len == 0 || path.ptr[0] == '/' || !getcwd(here, sizeof(here)))
        return path;
    return str_format(arena, "%s/%.*s", here, STR_ARG(path));
}

bool cli_project_is(struct arena *arena, struct str directory)
{
    struct err ignored;
    int fd = open(str_format(arena, "%.*s/eider.yaml", STR_ARG(directory)).ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    char *text = arena_alloc(arena, CONFIG_MAX);
    ssize_t len = read(fd, text, CONFIG_MAX);
    (void)close(fd);
    const struct yaml *settings = len > 0 ? yaml_parse(arena, str_bytes(text, (size_t)len), &ignored) : NULL;
    return len > 0 && (!settings || yaml_get(settings, "tenant"));
}

/* The nearest project, here or above; else here. */
static struct str nearest(struct arena *arena)
{
    char here[PATH_MAX];
    if (!getcwd(here, sizeof(here)))
        return S(".");
    for (struct str directory = str_from(here);; directory = directory_of(directory)) {
        if (cli_project_is(arena, directory))
            return str_copy(arena, directory);
        if (directory.len <= 1)
            return S(".");
    }
}

bool cli_project_enter(struct cli *cli, struct cli_project *project_out, struct err *err)
{
    struct arena *arena = cli->arena;
    struct str root = cli_option(cli, "project"), named = cli_option(cli, "config");
    struct str data =
        absolute(arena, cli_option(cli, "data").len ? cli_option(cli, "data") : str_from(getenv("EIDER_DATA")));
    struct cli_project project = {.config = S("")};
    if (named.len == 0)
        named = str_from(getenv("EIDER_CONFIG"));
    if (named.len > 0 && !real_path(arena, named, &project.config, err))
        return false;
    if (root.len == 0)
        root = named.len > 0 ? directory_of(project.config) : nearest(arena);
    if (!real_path(arena, root, &project.root, err))
        return false;
    if (chdir(project.root.ptr) != 0)
        return err_errno(err, "go to %.*s", STR_ARG(project.root));
    if (project.config.len == 0 && access("eider.yaml", F_OK) == 0)
        project.config = str_format(arena, "%.*s/eider.yaml", STR_ARG(project.root));
    if (project.config.len == 0 && cli_option(cli, "project").len > 0) {
        (void)err_set(err, ERR_NOT_FOUND, "%.*s is no project: it has no eider.yaml", STR_ARG(project.root));
        return err_hint(err, "`eider new NAME` makes one");
    }
    if (project.config.len > 0)
        (void)setenv("EIDER_CONFIG", project.config.ptr, 1);
    /* Both mean what they meant where the command was called. */
    if (data.len > 0)
        (void)setenv("EIDER_DATA", str_cstr(arena, data), 1);
    for (size_t i = 0; i < cli->options.value_count; i++)
        if (strcmp(cli->options.values[i].option->name, "data") == 0)
            cli->options.values[i].text = data;
    project.data = absolute(arena, cli_data_directory(arena, data));
    struct str home = project.config.len > 0 ? project.root : project.data;
    project.log = str_format(arena, "%.*s/logs/server.log", STR_ARG(home));
    project.pid_file = str_format(arena, "%.*s/eider.pid", STR_ARG(home));
    *project_out = project;
    return true;
}

bool cli_project_pid(struct arena *arena, const struct cli_project *project, struct process *process_out)
{
    char text[PROCESS_TEXT];
    int fd = open(str_cstr(arena, project->pid_file), O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
    if (fd >= 0)
        (void)close(fd);
    return len > 0 && process_parse(str_bytes(text, (size_t)len), process_out);
}

struct str cli_project_words(struct arena *arena, const struct cli_project *project)
{
    if (project->config.len > 0)
        return str_format(arena, "the project in %.*s", STR_ARG(project->root));
    return str_format(arena, "the data directory %.*s", STR_ARG(project->data));
}
