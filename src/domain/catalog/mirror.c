/* What the namespace "default" shows from outside: lists, and requests that wait for a mirror. */
#include "domain/catalog/mirror.h"

#include "base/clock.h"
#include "base/limits.h"
#include "domain/catalog/page.h"

/* When who met a mirror that was not ready may come again. */
#define MIRROR_RETRY_S 5

static struct str mirror_key(void)
{
    return S("default");
}

/* A view is one of these when somebody asked for a mirror of its result. */
static bool mirror_is_table(const struct operation *operation, const struct catalog_local *local)
{
    const struct mirror *mirror = mirror_find(operation->catalog, operation->request.tenant, local->name);
    return !local->is_view || (mirror && mirror_item(mirror));
}

/* --- Lists --- */

struct mirror_listing {
    enum catalog_kind kind;
    struct str after;
    size_t max;
};

/* Copies of tables that are not there any more. */
static void mirror_sweep(struct operation *operation, const struct catalog_local *locals, size_t count)
{
    struct mirror_tenant *tenant = map_get(&operation->catalog->mirrors, operation->request.tenant);
    struct map names = {0};
    size_t position = 0;
    if (!tenant)
        return;
    for (size_t i = 0; i < count; i++)
        map_put(&names, locals[i].name, operation);
    for (struct map_entry *entry; (entry = map_next(&tenant->mirrors, &position));)
        if (!map_get(&names, entry->key))
            mirror_forget(entry->value);
    map_done(&names);
}

static void mirror_on_list(void *owner, const struct catalog_local *locals, size_t count, const struct err *error)
{
    struct operation *operation = owner;
    const struct mirror_listing *listing = operation->data;
    struct catalog_answer *answer = &operation->answer;
    operation->asking = false;
    if (error) {
        operation->error = *error;
        operation_fail_error(operation);
        return;
    }
    mirror_sweep(operation, locals, count);
    const struct catalog_namespace in = index_levels(operation->arena, mirror_key());
    size_t max = listing->max ? listing->max : count;
    struct catalog_name *names = arena_array(operation->arena, max + 1, sizeof(*names));
    for (size_t i = 0; i < count; i++) {
        bool is_table = mirror_is_table(operation, &locals[i]);
        if (is_table != (listing->kind == CATALOG_TABLE) || str_compare(locals[i].name, listing->after) <= 0)
            continue;
        if (answer->name_count == max) {
            answer->next_page = page_token(operation->arena, names[max - 1].name);
            break;
        }
        names[answer->name_count++] = (struct catalog_name){in, str_copy(operation->arena, locals[i].name)};
    }
    answer->names = names;
    operation_end(operation);
}

void mirror_list(struct operation *operation, enum catalog_kind kind, const struct catalog_page *page)
{
    const struct catalog_engine *engine = operation_engine(operation);
    struct mirror_listing *listing = arena_new_object(operation->arena, struct mirror_listing);
    size_t max = (size_t)limits_get(LIMIT_CATALOG_PAGE);
    *listing = (struct mirror_listing){.kind = kind, .after = S(""), .max = page->all ? 0 : max};
    if (!page->all && page->size && page->size < max)
        listing->max = page->size;
    if (page->token.len && !page_after(operation->arena, page->token, &listing->after, &operation->error)) {
        operation_fail_error(operation);
        return;
    }
    operation->data = listing;
    operation->asking = true;
    engine->locals(engine->owner, operation->request.tenant, S(""), mirror_on_list, operation);
}

/* --- Waiting --- */

static void mirror_wait_end(struct mirror_wait *wait)
{
    loop_timer_cancel(wait->operation->catalog->loop, &wait->timer);
    list_remove(&wait->node);
    list_remove(&wait->place);
}

void mirror_answer(struct mirror_wait *wait, const struct mirror *mirror)
{
    struct operation *operation = wait->operation;
    mirror_wait_end(wait);
    /* The generation lies where only the tenant's own worker sees anything. */
    operation->request.internal = true;
    table_answer(operation, mirror_item(mirror), &wait->load);
}

/* What may be over the next time, so that the last generation is a good answer meanwhile. */
static bool mirror_may_pass(enum err_code code)
{
    return code == ERR_UNAVAILABLE || code == ERR_RESOURCE || code == ERR_CANCELLED || code == ERR_DEADLINE ||
           code == ERR_CONFLICT;
}

void mirror_fail(struct mirror_wait *wait, const struct mirror *mirror, const struct err *error)
{
    struct operation *operation = wait->operation;
    bool passes = mirror_may_pass(error->code);
    if (passes && !wait->forced && mirror && mirror_item(mirror)) {
        mirror_answer(wait, mirror);
        return;
    }
    mirror_wait_end(wait);
    operation->error = *error;
    operation->answer.retry_after_s = MIRROR_RETRY_S;
    if (passes)
        operation->refusal = CATALOG_UNAVAILABLE;
    operation_fail_error(operation);
}

static void mirror_on_time(struct loop_timer *timer)
{
    struct mirror_wait *wait = timer->owner;
    struct operation *operation = wait->operation;
    const struct catalog_engine *engine = operation->catalog->engine;
    const struct mirror *mirror = mirror_find(operation->catalog, operation->request.tenant, wait->name);
    struct err error;
    if (operation->asking)
        engine->cancel(engine->owner, operation);
    operation->asking = false;
    err_set(&error, ERR_UNAVAILABLE,
            "the mirror of %.*s is being written and was not ready within mirror.wait (%lld s)",
            STR_ARG(str_slice(wait->name, 0, 100)), (long long)limits_get(LIMIT_MIRROR_WAIT));
    err_hint(&error, "ask again a little later");
    mirror_fail(wait, operation->kind == CATALOG_TABLE ? mirror : NULL, &error);
}

/* --- Loading --- */

static bool mirror_is_fresh(const struct mirror *mirror, const struct catalog_local *local)
{
    const struct mirror_generation *current = mirror_current(mirror);
    return current && mirror_item(mirror) && current->epoch == local->epoch && current->version == local->version;
}

/* Too large to be written because somebody reads it. */
static void mirror_refuse_size(struct mirror_wait *wait, struct mirror *mirror)
{
    struct operation *operation = wait->operation;
    if (mirror_item(mirror)) {
        mirror_answer(wait, mirror);
        return;
    }
    mirror_wait_end(wait);
    err_hint(&operation->error, "`eider mirror %.*s` writes it now, a schedule does so regularly",
             STR_ARG(str_slice(mirror->name, 0, 60)));
    operation_fail(operation, CATALOG_UNSUPPORTED, "%.*s has more than mirror.max_bytes (%lld) and no mirror yet",
                   STR_ARG(str_slice(mirror->name, 0, 100)), (long long)limits_get(LIMIT_MIRROR_BYTES));
}

static void mirror_show_table(struct mirror_wait *wait, const struct catalog_local *local)
{
    struct operation *operation = wait->operation;
    struct mirror *mirror = mirror_need(operation->catalog, operation->request.tenant, local->name);
    if (mirror_is_fresh(mirror, local) && !wait->forced) {
        mirror->fresh_us = clock_now_us();
        mirror_answer(wait, mirror);
    } else if (local->bytes > (uint64_t)limits_get(LIMIT_MIRROR_BYTES) && !wait->forced) {
        mirror_refuse_size(wait, mirror);
    } else {
        wait->epoch = local->epoch;
        wait->version = local->version;
        wait->joined = mirror->begun;
        wait->asked_ms = clock_wall_us() / CLOCK_MILLISECOND;
        list_append(&mirror->waits, &wait->place);
        mirror_refresh(mirror);
    }
}

static void mirror_on_local(void *owner, const struct catalog_local *locals, size_t count, const struct err *error)
{
    struct operation *operation = owner;
    struct mirror_wait *wait = operation->data;
    struct mirror *mirror = mirror_find(operation->catalog, operation->request.tenant, wait->name);
    operation->asking = false;
    if (error) {
        mirror_fail(wait, operation->kind == CATALOG_TABLE ? mirror : NULL, error);
        return;
    }
    if (count == 0 && mirror)
        mirror_forget(mirror);
    bool is_table = count && (wait->forced || mirror_is_table(operation, &locals[0]));
    if (count == 0 || is_table != (operation->kind == CATALOG_TABLE)) {
        mirror_wait_end(wait);
        table_fail_missing(operation, operation->kind, mirror_key(), wait->name);
    } else if (wait->load.head) {
        mirror_wait_end(wait);
        operation_end(operation);
    } else if (is_table) {
        mirror_show_table(wait, &locals[0]);
    } else {
        mirror_wait_end(wait);
        mirror_show_view(operation, &wait->load, locals[0].name, locals[0].view);
    }
}

static void mirror_ask(struct operation *operation, struct str name, const struct catalog_load *load, bool forced)
{
    const struct catalog_engine *engine = operation_engine(operation);
    struct mirror_wait *wait = arena_new_object(operation->arena, struct mirror_wait);
    wait->operation = operation;
    wait->load = *load;
    wait->load.if_none_match = str_copy(operation->arena, load->if_none_match);
    wait->name = str_copy(operation->arena, name);
    wait->forced = forced;
    wait->timer = (struct loop_timer){.on_time = mirror_on_time, .owner = wait};
    list_init(&wait->place);
    list_append(&operation->catalog->mirror_waits, &wait->node);
    if (!forced)
        loop_timer_set(operation->catalog->loop, &wait->timer, limits_get(LIMIT_MIRROR_WAIT) * CLOCK_SECOND);
    operation->data = wait;
    operation->asking = true;
    engine->locals(engine->owner, operation->request.tenant, wait->name, mirror_on_local, operation);
}

/* Nobody need be asked: it was current a moment ago, which is new enough. */
static bool mirror_is_new_enough(const struct mirror *mirror)
{
    int64_t age_us = clock_now_us() - mirror->fresh_us;
    return mirror->fresh_us && age_us <= limits_get(LIMIT_MIRROR_STALENESS) * CLOCK_SECOND &&
           limits_get(LIMIT_MIRROR_STALENESS) && mirror_item(mirror);
}

void mirror_load(struct operation *operation, enum catalog_kind kind, struct str name, const struct catalog_load *load)
{
    const struct mirror *mirror = mirror_find(operation->catalog, operation->request.tenant, name);
    operation->kind = kind;
    if (kind == CATALOG_TABLE && mirror && mirror_is_new_enough(mirror)) {
        operation->request.internal = true; /* as in mirror_answer */
        table_answer(operation, mirror_item(mirror), load);
        return;
    }
    mirror_ask(operation, name, load, false);
}

void catalog_mirror(struct catalog *catalog, struct catalog_call *call, struct str name)
{
    struct operation *operation = operation_new(catalog, call, sizeof(*operation), ROLE_OWNER, false);
    operation->kind = CATALOG_TABLE;
    if (!operation_ready(operation))
        return;
    if (!operation_engine(operation)) {
        operation_fail(operation, CATALOG_UNSUPPORTED, "this server writes no mirrors");
        return;
    }
    mirror_ask(operation, name, &(struct catalog_load){0}, true);
}

/* --- The end --- */

void mirror_stop(struct catalog *catalog)
{
    list_each(&catalog->mirror_waits, node)
    {
        mirror_wait_end(list_object(node, struct mirror_wait, node));
    }
}
