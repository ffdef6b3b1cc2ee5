/* Finding the project and its server; small things that the commands of pipelines need. */
#include "cli/pipeline.h"

#include <stdlib.h>

#include "cli/text.h"

#define PREFIX "/api/v1/pipelines"

bool cli_pipeline_connect(struct cli *cli, bool may_start, struct str *root_out, struct err *err)
{
    struct cli_project project;
    bool named = cli_option(cli, "url").len > 0 || getenv("EIDER_URL");
    bool told = cli_option(cli, "project").len > 0 || getenv("EIDER_CONFIG");
    *root_out = S("");
    if (named)
        return cli_connect(cli, false, err);
    if (!cli_project_enter(cli, &project, err))
        return false;
    if (!told && !cli_project_is(cli->arena, project.root)) {
        (void)err_set(err, ERR_NOT_FOUND, "there is no project here: no eider.yaml with the key `tenant:`, nor above");
        return err_hint(err, "`eider new NAME` makes one; --project DIR and --url name one that is elsewhere");
    }
    *root_out = project.root;
    return cli_connect(cli, may_start, err);
}

bool cli_pipeline_call(struct cli *cli, const char *method, struct str path, struct str body,
                       const struct json **answer_out, struct err *err)
{
    return cli_call(cli, method, str_format(cli->arena, PREFIX "%.*s", STR_ARG(path)), body, answer_out, err);
}

bool cli_pipeline_post(struct cli *cli, struct str path, const struct json **answer_out, struct err *err)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    if (cli_option(cli, "env").len > 0)
        json_write_text(&writer, "environment", cli_option(cli, "env"));
    json_end_object(&writer);
    return cli_pipeline_call(cli, "POST", path, buf_str(&body), answer_out, err);
}

void cli_pipeline_append_environment(const struct cli *cli, struct buf *path)
{
    cli_append_parameter(path, "environment", cli_option(cli, "env"));
}

bool cli_pipeline_find_run(struct cli *cli, struct str word, struct str *id_out, struct err *err)
{
    uint64_t number = 0;
    bool by_number = str_to_u64(word, &number) && number < INT64_MAX;
    if (word.len > 0 && !by_number && !str_equal(word, S("last"))) {
        *id_out = word;
        return true;
    }
    const struct json *answer;
    AUTO(buf) struct buf path = {0};
    buf_append_str(&path, S("/runs?limit=1"));
    cli_pipeline_append_environment(cli, &path);
    if (by_number)
        cli_append_parameter(&path, "before", str_format(cli->arena, "%llu", (unsigned long long)number + 1));
    if (!cli_pipeline_call(cli, "GET", buf_str(&path), S(""), &answer, err))
        return false;
    const struct json *runs = cli_list(answer, "runs");
    const struct json *run = json_count(runs) > 0 ? json_at(runs, 0) : NULL;
    if (!run || (by_number && json_i64(json_get(run, "number")) != (int64_t)number)) {
        if (by_number)
            return err_set(err, ERR_NOT_FOUND, "there is no run %llu", (unsigned long long)number);
        (void)err_set(err, ERR_NOT_FOUND, "nothing has run yet");
        return err_hint(err, "`eider run` runs the project");
    }
    *id_out = json_text(json_get(run, "id"));
    return true;
}

void cli_pipeline_append_problem(struct buf *out, const struct json *problem)
{
    struct str path = json_text(json_get(problem, "path")), message = json_text(json_get(problem, "message"));
    struct str hint = json_text(json_get(problem, "hint"));
    int64_t line = json_i64(json_get(problem, "line")), column = json_i64(json_get(problem, "column"));
    /* A message may begin with the place already. */
    if (path.len > 0 && !str_starts_with(message, path)) {
        cli_text_clean(out, path);
        if (line > 0)
            buf_printf(out, ":%lld", (long long)line);
        if (line > 0 && column > 0)
            buf_printf(out, ":%lld", (long long)column);
        buf_append_str(out, S(": "));
    }
    cli_text_clean(out, message);
    buf_append_char(out, '\n');
    if (hint.len == 0)
        return;
    buf_append_str(out, S("  hint: "));
    cli_text_clean(out, hint);
    buf_append_char(out, '\n');
}
