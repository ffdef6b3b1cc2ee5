/* /api/v1/pipelines/graph and check: what depends on what, and what is wrong with it. */
#include "face/rest/pipeline.h"

/* The selectors of the parameter `select`: words between spaces. */
static const struct str *rest_graph_selectors(struct rest_exchange *exchange, size_t *count_out)
{
    struct str rest = http_parameter(exchange->edge.http, S("select")), word;
    struct str *selectors = arena_array(rest_arena(exchange), rest.len, sizeof(*selectors));
    *count_out = 0;
    while (str_split_next(&rest, ' ', &word))
        if (word.len > 0)
            selectors[(*count_out)++] = word;
    return selectors;
}

static const char *const rest_graph_formats[] = {
    [GRAPH_TEXT] = "text", [GRAPH_DOT] = "dot", [GRAPH_JSON] = "json", [GRAPH_MERMAID] = "mermaid"};

static bool rest_graph_format(struct rest_exchange *exchange, enum graph_format *format_out, struct err *err)
{
    struct str name = http_parameter(exchange->edge.http, S("format"));
    *format_out = GRAPH_JSON;
    if (!name.ptr)
        return true;
    for (size_t i = 0; i < sizeof(rest_graph_formats) / sizeof(rest_graph_formats[0]); i++) {
        if (str_equal(name, str_from(rest_graph_formats[i]))) {
            *format_out = (enum graph_format)i;
            return true;
        }
    }
    (void)err_set(err, ERR_INVALID, "unknown format '%.*s'", STR_ARG(str_slice(name, 0, 32)));
    return err_hint(err, "one of json, text, dot, mermaid");
}

static void rest_graph_answer(void *owner, const struct graph *graph, const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    struct err err;
    enum graph_format format;
    size_t count;
    if (!exchange)
        return;
    bool *chosen = arena_array(rest_arena(exchange), graph->node_count, sizeof(*chosen));
    const struct str *selectors = rest_graph_selectors(exchange, &count);
    if (!rest_graph_format(exchange, &format, &err) || !graph_select(graph, selectors, count, chosen, &err)) {
        rest_fail(exchange, &err);
        return;
    }
    AUTO(buf) struct buf body = {0};
    graph_print(graph, chosen, format, &body);
    struct str type = format == GRAPH_JSON ? S("application/json") : S("text/plain; charset=utf-8");
    rest_answer(exchange, 200, type, buf_str(&body), NULL, 0);
}

void rest_graph_get(struct rest_exchange *exchange)
{
    struct err err;
    if (rest_environment_asked(exchange, ROLE_READER, &err))
        pipeline_graph(exchange->rest->pipeline, rest_graph_answer, edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}

static void rest_check_answer(void *owner, const struct asset_problem *problems, size_t count, size_t asset_count,
                              const struct err *error)
{
    struct rest_exchange *exchange = rest_wait_answer(owner, error);
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    if (!exchange)
        return;
    json_begin_object(&writer, NULL);
    json_write_i64(&writer, "assets", (int64_t)asset_count);
    json_begin_array(&writer, "problems");
    for (size_t i = 0; i < count; i++)
        rest_write_problem(&writer, &problems[i]);
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(exchange, 200, &body);
}

void rest_check_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"environment", NULL};
    struct str name;
    struct err err;
    const struct json *body = rest_body(exchange, keys, &err);
    const struct project_environment *environment = NULL;
    if (body && json_get_text(body, "environment", &name, &err))
        environment = rest_environment(exchange, name, ROLE_READER, &err);
    if (environment)
        pipeline_check(exchange->rest->pipeline, environment->name, rest_check_answer, edge_wait_new(&exchange->edge));
    else
        rest_fail(exchange, &err);
}
