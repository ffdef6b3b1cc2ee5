#include "domain/pipeline/alert_send.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "domain/pipeline/command.h"
#include "domain/pipeline/delivery.h"
#include "domain/pipeline/run_metrics.h"
#include "platform/net/loop.h"

#define ALERT_COMMAND_US (20 * CLOCK_SECOND)
#define ALERT_VARIABLES 6

/* A message that waits for its command, or has it. */
struct alert_call {
    struct list node;
    struct arena *arena;
    struct str document;
    struct str environment[ALERT_VARIABLES];
};

struct alert_sender {
    struct pipeline *pipeline;
    const struct project_alert *settings;
    struct delivery *webhook; /* NULL: none */
    struct list calls;        /* the first one's command runs */
    size_t call_count;
    struct command *command; /* NULL: none runs */
    struct loop_timer timer;
    bool refused; /* that commands may not run was said */
    void (*on_idle)(void *owner);
    void *owner;
};

const char *alert_kind_name(enum alert_kind kind)
{
    static const char *const names[] = {"failure", "recovery", "freshness"};
    return names[kind];
}

static void alert_on_gone(bool delivered, uint64_t count)
{
    run_metrics_count_alert(delivered ? "sent" : "dropped", count);
}

static void alert_on_time(struct loop_timer *timer)
{
    struct alert_sender *sender = timer->owner;
    log_warn("alert.command_slow", LOG_I64("seconds", ALERT_COMMAND_US / CLOCK_SECOND));
    command_stop(sender->command);
}

struct alert_sender *alert_sender_new(struct pipeline *pipeline, const struct project_alert *settings,
                                      void (*on_idle)(void *owner), void *owner)
{
    const struct pipeline_options *options = pipeline_options(pipeline);
    const struct delivery_options delivery = {.loop = options->loop,
                                              .pool = options->pool,
                                              .outgoing = options->settings->outgoing,
                                              .url = settings->webhook,
                                              .name = "alert",
                                              .on_gone = alert_on_gone};
    struct alert_sender *sender = mem_new(struct alert_sender);
    *sender = (struct alert_sender){.pipeline = pipeline, .settings = settings, .on_idle = on_idle, .owner = owner};
    sender->timer = (struct loop_timer){.on_time = alert_on_time, .owner = sender};
    list_init(&sender->calls);
    if (settings->webhook.len > 0)
        sender->webhook = delivery_new(&delivery);
    return sender;
}

/* --- Commands --- */

static void alert_call_free(struct alert_sender *sender, struct alert_call *call)
{
    struct arena *arena = call->arena;
    list_remove(&call->node);
    sender->call_count--;
    arena_free(&arena);
}

static void alert_command_next(struct alert_sender *sender);

static void alert_on_line(void *owner, bool is_error, struct str line)
{
    (void)owner, (void)is_error;
    log_info("alert.command_output", LOG_STR("line", str_slice(line, 0, 1000)));
}

static void alert_on_exit(void *owner, int code, const struct err *error)
{
    struct alert_sender *sender = owner;
    loop_timer_cancel(pipeline_options(sender->pipeline)->loop, &sender->timer);
    if (error)
        log_warn("alert.command_failed", LOG_ERR(error));
    else if (code != 0)
        log_warn("alert.command_failed", LOG_I64("exit_code", code));
    run_metrics_count_alert(error || code != 0 ? "failed" : "sent", 1);
    command_free(&sender->command);
    alert_call_free(sender, list_object(list_first(&sender->calls), struct alert_call, node));
    alert_command_next(sender);
}

static void alert_command_next(struct alert_sender *sender)
{
    const struct pipeline_options *options = pipeline_options(sender->pipeline);
    while (!list_is_empty(&sender->calls) && !sender->command) {
        struct alert_call *call = list_object(list_first(&sender->calls), struct alert_call, node);
        const struct command_options command = {.program = options->program,
                                                .argv = sender->settings->command,
                                                .argc = sender->settings->command_count,
                                                .directory = options->settings->root,
                                                .environment = call->environment,
                                                .environment_count = ALERT_VARIABLES,
                                                .hidden = options->data,
                                                .input = call->document,
                                                .on_line = alert_on_line,
                                                .on_exit = alert_on_exit,
                                                .owner = sender};
        struct err err;
        sender->command = command_start(options->loop, &command, &err);
        if (sender->command) {
            loop_timer_set(options->loop, &sender->timer, ALERT_COMMAND_US);
            return;
        }
        log_warn("alert.command_failed", LOG_ERR(&err));
        run_metrics_count_alert("failed", 1);
        alert_call_free(sender, call);
    }
    sender->on_idle(sender->owner);
}

/* As command assets: what a project's file names runs only where its owner, or the server's own configuration, says so.
 */
static bool alert_may_run(struct alert_sender *sender)
{
    const struct pipeline_options *options = pipeline_options(sender->pipeline);
    if (options->is_private || options->settings->commands)
        return true;
    if (!sender->refused)
        log_warn("alert.command_refused", LOG_STR("hint", S("`commands: true` in eider.yaml lets them run")));
    sender->refused = true;
    return false;
}

static void alert_command(struct alert_sender *sender, const struct alert_message *message)
{
    if (!alert_may_run(sender) || sender->call_count >= (size_t)limits_get(LIMIT_PIPELINE_NOTICES)) {
        run_metrics_count_alert("dropped", 1);
        return;
    }
    struct arena *arena = arena_new();
    struct alert_call *call = arena_new_object(arena, struct alert_call);
    const struct project_settings *settings = pipeline_settings(sender->pipeline);
    const struct {
        const char *name;
        struct str value;
    } variables[ALERT_VARIABLES] = {{"ALERT", str_from(alert_kind_name(message->kind))},
                                    {"PROJECT", settings->name},
                                    {"ENVIRONMENT", message->environment},
                                    {"RUN", message->run},
                                    {"ASSETS", message->assets},
                                    {"TEXT", message->text}};
    call->arena = arena;
    call->document = str_copy(arena, message->document);
    for (size_t i = 0; i < ALERT_VARIABLES; i++)
        call->environment[i] = str_format(arena, "EIDER_%s=%.*s", variables[i].name, STR_ARG(variables[i].value));
    list_append(&sender->calls, &call->node);
    if (sender->call_count++ == 0)
        alert_command_next(sender);
}

void alert_send(struct alert_sender *sender, const struct alert_message *message)
{
    if (sender->webhook)
        delivery_put(sender->webhook, message->document);
    if (sender->settings->command_count > 0)
        alert_command(sender, message);
}

bool alert_sender_is_idle(const struct alert_sender *sender)
{
    return list_is_empty(&sender->calls);
}

void alert_sender_free(struct alert_sender **sender_ptr)
{
    struct alert_sender *sender = *sender_ptr;
    if (!sender)
        return;
    loop_timer_cancel(pipeline_options(sender->pipeline)->loop, &sender->timer);
    command_free(&sender->command);
    list_each(&sender->calls, node) alert_call_free(sender, list_object(node, struct alert_call, node));
    delivery_free(&sender->webhook);
    mem_free(sender);
    *sender_ptr = NULL;
}
