/* What the events of a run say. */
#include "base/clock.h"
#include "base/map.h"
#include "cli/run.h"
#include "cli/text.h"

static const char *const names[CLI_RUN_STATES] = {"waiting", "ready",  "running", "retrying",  "done",
                                                  "warned",  "failed", "skipped", "cancelled", "interrupted"};

const char *cli_run_state_name(enum cli_run_state state)
{
    return names[state];
}

bool cli_run_state_is_end(enum cli_run_state state)
{
    return state >= CLI_RUN_DONE;
}

static bool state_from_name(struct str name, enum cli_run_state *state_out)
{
    for (size_t i = 0; i < CLI_RUN_STATES; i++) {
        if (str_equal(name, str_from(names[i]))) {
            *state_out = (enum cli_run_state)i;
            return true;
        }
    }
    return false;
}

static struct str clean_copy(struct arena *arena, struct str text)
{
    AUTO(buf) struct buf clean = {0};
    cli_text_clean(&clean, text);
    return str_copy(arena, buf_str(&clean));
}

/* --- The tree --- */

/* A step stands below the last of those that it waits for. indexes: of steps so far, plus one, by asset. */
static size_t parent_of(const struct map *indexes, const struct json *planned)
{
    const struct json *upstream = json_get(planned, "upstream");
    size_t parent = SIZE_MAX;
    for (size_t i = 0; i < json_count(upstream); i++) {
        size_t index = (size_t)(uintptr_t)map_get(indexes, json_text(json_at(upstream, i)));
        if (index > 0 && (parent == SIZE_MAX || index - 1 > parent))
            parent = index - 1;
    }
    return parent;
}

/* Children follow their parent, in their own order: a step always comes after its parent, so one pass backwards that
 * chains siblings, and one walk. */
static void make_order(struct cli_run *run, const size_t *parents)
{
    size_t count = run->steps.count, first = SIZE_MAX, at = 0;
    size_t *child = arena_array(run->arena, count, sizeof(*child));
    size_t *sibling = arena_array(run->arena, count, sizeof(*sibling));
    for (size_t i = 0; i < count; i++)
        child[i] = SIZE_MAX;
    for (size_t i = count; i-- > 0;) {
        size_t *head = parents[i] == SIZE_MAX ? &first : &child[parents[i]];
        sibling[i] = *head;
        *head = i;
    }
    run->order = arena_array(run->arena, count, sizeof(*run->order));
    for (size_t i = first; i != SIZE_MAX;) {
        run->order[at++] = i;
        if (child[i] != SIZE_MAX) {
            i = child[i];
            continue;
        }
        while (i != SIZE_MAX && sibling[i] == SIZE_MAX)
            i = parents[i];
        if (i != SIZE_MAX)
            i = sibling[i];
    }
    run->order_count = at;
}

static struct cli_run_step *add_step(struct cli_run *run, const struct json *described)
{
    const struct cli_run_step step = {.asset = clean_copy(run->arena, json_text(json_get(described, "asset"))),
                                      .rows = -1,
                                      .bytes = -1,
                                      .run_us = -1,
                                      .attempt = 1};
    vec_push(&run->steps, step);
    return &run->steps.items[run->steps.count - 1];
}

void cli_run_begin(struct cli_run *run, struct arena *arena, const struct json *answer)
{
    const struct json *planned = json_get(answer, "steps");
    size_t count = json_count(planned);
    size_t *parents = arena_array(arena, count, sizeof(*parents));
    struct map indexes = {0};
    *run = (struct cli_run){.arena = arena,
                            .id = json_text(json_get(answer, "id")),
                            .environment = json_text(json_get(answer, "environment")),
                            .tenant = json_text(json_get(answer, "tenant")),
                            .number = json_i64(json_get(answer, "number")),
                            .state = json_text(json_get(answer, "state")),
                            .begun_us = clock_now_us(),
                            .run_us = -1};
    for (size_t i = 0; i < count; i++) {
        struct cli_run_step *step = add_step(run, json_at(planned, i));
        parents[i] = parent_of(&indexes, json_at(planned, i));
        step->depth = parents[i] == SIZE_MAX ? 0 : run->steps.items[parents[i]].depth + 1;
        (void)map_put(&indexes, json_text(json_get(json_at(planned, i), "asset")), (void *)(uintptr_t)(i + 1));
    }
    map_done(&indexes);
    make_order(run, parents);
}

void cli_run_done(struct cli_run *run)
{
    vec_done(&run->steps);
}

size_t cli_run_count(const struct cli_run *run, enum cli_run_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < run->steps.count; i++)
        count += run->steps.items[i].state == state;
    return count;
}

/* --- Events --- */

/* A step that was not planned (a model of dbt) comes with its first event. */
static struct cli_run_step *find_step(struct cli_run *run, const struct json *described)
{
    int64_t index = json_i64(json_get(described, "index"));
    if (index >= 0 && (size_t)index < run->steps.count)
        return &run->steps.items[index];
    return (size_t)index == run->steps.count ? add_step(run, described) : NULL;
}

static int64_t number_or(const struct json *object, const char *key, int64_t otherwise)
{
    const struct json *value = json_get(object, key);
    return value ? json_i64(value) : otherwise;
}

static void take_error(struct cli_run *run, struct cli_run_step *step, const struct json *error)
{
    AUTO(buf) struct buf text = {0};
    if (!error) {
        step->error = S("");
        return;
    }
    if (json_text(json_get(error, "path")).len == 0)
        buf_printf(&text, "%.*s: ", STR_ARG(step->asset));
    cli_pipeline_append_problem(&text, error);
    step->error = str_copy(run->arena, buf_str(&text));
}

static void take_step(struct cli_run *run, const struct json *described)
{
    struct cli_run_step *step = find_step(run, described);
    enum cli_run_state state;
    if (!step || !state_from_name(json_text(json_get(described, "state")), &state))
        return;
    int64_t attempt = number_or(described, "attempt", 1);
    bool changed = state != step->state || attempt != step->attempt;
    step->rows = number_or(described, "rows", -1);
    step->bytes = number_or(described, "bytes", -1);
    step->run_us = number_or(described, "run_us", -1);
    if (!changed)
        return;
    if (state == CLI_RUN_RUNNING)
        step->begun_us = clock_now_us();
    step->state = state;
    step->attempt = attempt;
    take_error(run, step, json_get(described, "error"));
    if (run->on_step)
        run->on_step(run->owner, run, step);
}

static void take_run(struct cli_run *run, const struct json *described)
{
    run->state = clean_copy(run->arena, json_text(json_get(described, "state")));
    run->ended = json_get(described, "ended") != NULL;
    run->run_us = number_or(described, "run_us", run->run_us);
    run->error = clean_copy(run->arena, json_text(json_get(described, "error")));
}

/* The stream has nothing more to say, also when the server stops and the run is to go on with the next one. */
static void take_end(struct cli_run *run, const struct json *described)
{
    run->state = clean_copy(run->arena, json_text(json_get(described, "state")));
    run->ended = true;
}

static void take_log(struct cli_run *run, const struct json *line)
{
    int64_t index = number_or(line, "step", -1);
    AUTO(buf) struct buf clean = {0};
    if (index < 0 || (size_t)index >= run->steps.count)
        return;
    struct cli_run_step *step = &run->steps.items[index];
    size_t width;
    cli_text_clean(&clean, str_slice(json_text(json_get(line, "text")), 0, CLI_RUN_LAST));
    struct str cut = cli_text_cut(buf_str(&clean), CLI_RUN_LAST / 4, &width);
    step->last_len = cut.len < CLI_RUN_LAST ? cut.len : CLI_RUN_LAST;
    memcpy(step->last, cut.ptr, step->last_len);
}

bool cli_run_event(struct cli_run *run, struct str name, struct str data, struct err *err)
{
    static const struct {
        const char *name;
        void (*take)(struct cli_run *run, const struct json *document);
    } takers[] = {{"step", take_step}, {"log", take_log}, {"run", take_run}, {"end", take_end}};
    const size_t count = sizeof(takers) / sizeof(takers[0]);
    size_t found = 0;
    while (found < count && !str_equal(name, str_from(takers[found].name)))
        found++;
    if (found == count)
        return true;
    AUTO(arena) struct arena *arena = arena_new();
    const struct json *document = json_parse(arena, data, err);
    if (!document)
        return err_wrap(err, "an event of the run");
    takers[found].take(run, document);
    return true;
}
