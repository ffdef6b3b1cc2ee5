#include "domain/query/schedule.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/vec.h"
#include "domain/catalog/catalog.h"
#include "domain/query/publish.h"
#include "platform/json/json.h"

/* One thing that is done again and again. */
struct query_schedule_job {
    struct query_schedule *schedule;
    const char *event; /* of its log line */
    int64_t interval_us;
    bool (*begin)(struct query_schedule_job *job, struct str tenant, struct err *err);
    struct loop_timer timer;
    struct arena *arena;     /* of this round */
    VEC(struct str) waiting; /* tenants of this round; in arena */
    size_t next;
    int64_t started_us;
};

struct query_schedule {
    struct query_schedule_options options;
    struct query_schedule_job maintain, publish;
    bool stopped;
};

void query_maintain_kept(struct catalog *catalog, struct str tenant, struct json_writer *writer)
{
    AUTO(arena) struct arena *arena = arena_new();
    const struct str *locations;
    size_t count = catalog_locations(catalog, tenant, arena, &locations);
    json_begin_array(writer, "kept");
    for (size_t i = 0; i < count; i++)
        json_write_text(writer, NULL, locations[i]);
    json_end_array(writer);
}

/* --- A round --- */

static void query_schedule_step(struct query_schedule_job *job);

static void query_schedule_ended(struct query_schedule_job *job, const struct err *error)
{
    struct str tenant = job->waiting.items[job->next - 1];
    int64_t took_us = clock_now_us() - job->started_us;
    if (error && error->code != ERR_NOT_FOUND) /* the tenant was deleted meanwhile */
        log_warn(job->event, LOG_STR("tenant", tenant), LOG_ERR(error), LOG_I64("duration_us", took_us));
    else
        log_info(job->event, LOG_STR("tenant", tenant), LOG_I64("duration_us", took_us));
    query_schedule_step(job);
}

static void query_schedule_round_end(struct query_schedule_job *job)
{
    vec_clear(&job->waiting);
    arena_free(&job->arena);
    if (!job->schedule->stopped)
        loop_timer_set(job->schedule->options.loop, &job->timer, job->interval_us);
}

/* The next tenant; what is refused at once is told, and the one behind it has its turn. */
static void query_schedule_step(struct query_schedule_job *job)
{
    while (job->next < job->waiting.count && !job->schedule->stopped) {
        struct err err;
        job->started_us = clock_now_us();
        struct str tenant = job->waiting.items[job->next++];
        if (job->begin(job, tenant, &err))
            return;
        log_warn(job->event, LOG_STR("tenant", tenant), LOG_ERR(&err));
    }
    query_schedule_round_end(job);
}

static bool query_schedule_wants(const struct query_schedule_job *job, struct str tenant)
{
    const struct query_schedule *schedule = job->schedule;
    const struct query_schedule_plan *plan = &schedule->options.plan;
    if (job == &schedule->maintain)
        return catalog_is_used(schedule->options.catalog, tenant);
    bool wanted = plan->published_count == 0;
    for (size_t i = 0; i < plan->published_count; i++)
        wanted = wanted || str_equal(plan->published[i], tenant);
    return wanted;
}

static void query_schedule_on_time(struct loop_timer *timer)
{
    struct query_schedule_job *job = timer->owner;
    const struct tenant_list *tenants = job->schedule->options.tenants;
    job->arena = arena_new();
    job->next = 0;
    for (size_t i = 0; i < tenant_count(tenants); i++) {
        struct str tenant = str_copy(job->arena, tenant_at(tenants, i)->id);
        if (query_schedule_wants(job, tenant))
            vec_push(&job->waiting, tenant);
    }
    query_schedule_step(job);
}

/* --- What is done --- */

static void query_schedule_on_end(void *owner, const struct query_end *end)
{
    query_schedule_ended(owner, end->error);
}

static bool query_schedule_maintain(struct query_schedule_job *job, struct str tenant, struct err *err)
{
    const struct query_schedule_options *options = &job->schedule->options;
    const struct query_schedule_plan *plan = &options->plan;
    AUTO(buf) struct buf arguments = {0};
    struct json_writer writer = {.buf = &arguments};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "actions");
    if (plan->compact)
        json_write_text(&writer, NULL, S("compact"));
    if (plan->expire)
        json_write_text(&writer, NULL, S("expire"));
    if (plan->orphans)
        json_write_text(&writer, NULL, S("orphans"));
    json_end_array(&writer);
    query_maintain_kept(options->catalog, tenant, &writer);
    json_end_object(&writer);
    const struct query_procedure_request request = {.tenant = tenant,
                                                    .kind = QUERY_MAINTAIN,
                                                    .arguments = buf_str(&arguments),
                                                    .format = QUERY_FORMAT_JSON_LINES,
                                                    .deadline_us = CLOCK_NEVER,
                                                    .protocol = S("schedule")};
    const struct query_sink sink = {.on_end = query_schedule_on_end, .owner = job};
    return query_procedure(options->query, &request, &sink, err) != NULL;
}

static void query_schedule_published(void *owner, const struct query_published *published, const struct err *error)
{
    (void)published;
    query_schedule_ended(owner, error);
}

static bool query_schedule_publish(struct query_schedule_job *job, struct str tenant, struct err *err)
{
    const struct query_schedule_options *options = &job->schedule->options;
    const struct query_publish_request request = {.tenant = tenant,
                                                  .with_iceberg = options->plan.with_iceberg,
                                                  .deadline_us = CLOCK_NEVER,
                                                  .protocol = S("schedule")};
    return query_publish(options->query, &request, query_schedule_published, job, err) != NULL;
}

/* --- Life --- */

static void query_schedule_start(struct query_schedule_job *job, struct query_schedule *schedule, const char *event,
                                 int64_t interval_us,
                                 bool (*begin)(struct query_schedule_job *job, struct str tenant, struct err *err))
{
    *job =
        (struct query_schedule_job){.schedule = schedule, .event = event, .interval_us = interval_us, .begin = begin};
    job->timer = (struct loop_timer){.on_time = query_schedule_on_time, .owner = job};
    if (interval_us > 0)
        loop_timer_set(schedule->options.loop, &job->timer, interval_us);
}

struct query_schedule *query_schedule_new(const struct query_schedule_options *options)
{
    struct query_schedule *schedule = mem_new(struct query_schedule);
    schedule->options = *options;
    query_schedule_start(&schedule->maintain, schedule, "schedule.maintained", options->plan.maintain_us,
                         query_schedule_maintain);
    query_schedule_start(&schedule->publish, schedule, "schedule.published", options->plan.publish_us,
                         query_schedule_publish);
    return schedule;
}

void query_schedule_stop(struct query_schedule *schedule)
{
    if (!schedule)
        return;
    schedule->stopped = true;
    loop_timer_cancel(schedule->options.loop, &schedule->maintain.timer);
    loop_timer_cancel(schedule->options.loop, &schedule->publish.timer);
}

void query_schedule_free(struct query_schedule **schedule)
{
    if (!*schedule)
        return;
    query_schedule_stop(*schedule);
    struct query_schedule_job *jobs[] = {&(*schedule)->maintain, &(*schedule)->publish};
    for (size_t i = 0; i < 2; i++) {
        vec_done(&jobs[i]->waiting);
        arena_free(&jobs[i]->arena);
    }
    mem_free(*schedule);
    *schedule = NULL;
}
