#include "domain/catalog/operation.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/metric.h"
#include "domain/catalog/catalog_priv.h"
#include "domain/catalog/idempotency.h"
#include "domain/catalog/removal.h"

/* When who met a full queue may come again. */
#define OPERATION_RETRY_S 1
/* Bytes of a name, and of all levels of a namespace. */
#define OPERATION_NAME_MAX 255
#define OPERATION_KEY_MAX 1024

static struct metric operation_metric = {
    .name = "eider_catalog_changes_total", .help = "Changes of Iceberg catalogs by outcome.", .kind = METRIC_COUNTER};
static struct metric operation_seconds = {.name = "eider_catalog_change_seconds",
                                          .help = "Time of a change from its request to its answer.",
                                          .kind = METRIC_HISTOGRAM};

/* --- Beginning --- */

static void operation_finish(struct operation *operation);
static void operation_audited(struct operation *operation);

static void operation_on_later(struct loop_task *task)
{
    struct operation *operation = task->owner;
    operation->next(operation);
}

static void operation_on_locked(struct lock_set *set)
{
    struct operation *operation = list_object(set, struct operation, locks);
    loop_defer(operation->catalog->loop, &operation->later);
}

static bool operation_refuse(struct operation *operation, enum catalog_problem problem)
{
    operation->answer.problem = problem;
    return false;
}

/* May this principal do it, and is there room? */
static bool operation_admit(struct operation *operation, enum role role)
{
    const struct catalog_request *request = &operation->request;
    struct err *err = &operation->error;
    if (!tenant_find(operation->catalog->tenants, request->tenant, err))
        return operation_refuse(operation, CATALOG_NO_WAREHOUSE);
    if (!principal_need(request->who, request->tenant, role, err))
        return operation_refuse(operation, err->code == ERR_DENIED ? CATALOG_FORBIDDEN : CATALOG_NO_WAREHOUSE);
    if (request->idempotency_key.len && !idempotency_check_key(request->idempotency_key, err))
        return operation_refuse(operation, CATALOG_BAD_REQUEST);
    struct index_tenant *tenant = catalog_tenant_need(operation->catalog, request->tenant);
    if (tenant->ending) {
        err_set(err, ERR_UNAVAILABLE, "the warehouse of an earlier tenant of this name is still being removed");
        return operation_refuse(operation, CATALOG_UNAVAILABLE);
    }
    if (operation->changes && tenant->changes >= (size_t)limits_get(LIMIT_CATALOG_CHANGES)) {
        limits_err(LIMIT_CATALOG_CHANGES, err);
        return operation_refuse(operation, CATALOG_UNAVAILABLE);
    }
    operation->tenant = tenant;
    tenant->running++;
    if (operation->changes) {
        tenant->changes++;
        operation->catalog->changes++;
    }
    return true;
}

void *operation_new(struct catalog *catalog, struct catalog_call *call, size_t size, enum role role, bool changes)
{
    struct arena *arena = call->request.arena;
    struct operation *operation = arena_alloc(arena, size);
    assert(size >= sizeof(*operation));
    operation->catalog = catalog;
    operation->call = call;
    operation->request = call->request;
    operation->arena = arena;
    operation->changes = changes;
    operation->started_us = clock_now_us();
    operation->later = (struct loop_task){.run = operation_on_later, .owner = operation};
    operation->locks.on_ready = operation_on_locked;
    list_init(&operation->later.node);
    list_append(&catalog->operations, &operation->node);
    call->work = operation;
    if (operation_admit(operation, role))
        operation->root = catalog_root(catalog, operation->request.tenant, arena);
    return operation;
}

bool operation_ready(struct operation *operation)
{
    if (operation->answer.problem == CATALOG_FINE)
        return true;
    operation_later(operation, operation_audited);
    return false;
}

static void operation_unref(void *place)
{
    cache_document_unref(place);
}

void operation_hold(struct operation *operation, struct cache_document **place)
{
    arena_defer(operation->arena, operation_unref, place);
}

void operation_audit(struct operation *operation, enum audit_action action, struct str object)
{
    if (operation->request.internal || !operation->catalog->audit)
        return;
    operation->action = action;
    operation->object = object;
}

void catalog_cancel(struct catalog_call *call)
{
    struct operation *operation = call->work;
    call->work = NULL;
    if (operation)
        operation->call = NULL;
}

/* --- From place to place --- */

void operation_later(struct operation *operation, operation_step *next)
{
    operation->next = next;
    loop_defer(operation->catalog->loop, &operation->later);
}

static void operation_on_work(struct work_job *job)
{
    struct operation *operation = list_object(job, struct operation, work);
    operation->run(operation);
}

static void operation_on_worked(struct work_job *job)
{
    struct operation *operation = list_object(job, struct operation, work);
    operation->next(operation);
}

void operation_work(struct operation *operation, operation_step *run, operation_step *next)
{
    operation->run = run;
    operation->next = next;
    operation->work = (struct work_job){.run = operation_on_work, .done = operation_on_worked};
    work_submit(operation->catalog->pool, &operation->work);
}

static bool operation_on_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct operation *operation = job->owner;
    bool keyed = operation->changes && operation->request.idempotency_key.len;
    return (!keyed || idempotency_keep(operation, db, err)) &&
           (!operation->apply || operation->apply(operation, db, err));
}

static void operation_on_stored(struct store_job *job, const struct err *error)
{
    struct operation *operation = job->owner;
    if (error)
        operation->error = *error;
    else
        operation->keyed = true;
    operation->next(operation);
}

void operation_store(struct operation *operation, bool (*apply)(struct operation *, struct store_db *, struct err *),
                     operation_step *next)
{
    operation->apply = apply;
    operation->next = next;
    operation->store = (struct store_job){.apply = operation_on_apply, .done = operation_on_stored, .owner = operation};
    store_submit(operation->catalog->store, &operation->store);
}

void operation_lock(struct operation *operation, const struct operation_name *names, size_t count, operation_step *next)
{
    struct str *keys = arena_array(operation->arena, count + 1, sizeof(*keys));
    for (size_t i = 0; i < count; i++)
        keys[i] = str_format(operation->arena, "%.*s\n%.*s\n%.*s", STR_ARG(operation->request.tenant),
                             STR_ARG(names[i].key), STR_ARG(names[i].name));
    bool ready;
    operation->next = next;
    if (!lock_take(&operation->catalog->locks, operation->arena, &operation->locks, keys, count, &ready,
                   &operation->error))
        operation_fail(operation, CATALOG_UNAVAILABLE, "%s", operation->error.message);
    else if (ready)
        loop_defer(operation->catalog->loop, &operation->later);
}

const struct catalog_engine *operation_engine(const struct operation *operation)
{
    return operation->request.internal ? NULL : operation->catalog->engine;
}

static void operation_on_inspected(void *owner, struct str answer, const struct err *error)
{
    struct operation *operation = owner;
    (void)answer;
    operation->asking = false;
    if (error)
        operation->error = *error;
    if (error && error->code != ERR_INVALID) /* not the manifests' fault: nobody could look at them now */
        operation->error.code = ERR_UNAVAILABLE;
    operation->next(operation);
}

void operation_inspect(struct operation *operation, const struct str *manifest_lists, size_t count,
                       operation_step *next)
{
    const struct catalog_engine *engine = operation_engine(operation);
    if (!engine || !engine->inspect || count == 0 || operation->catalog->warehouse.outside) {
        next(operation);
        return;
    }
    operation->next = next;
    operation->asking = true;
    const struct catalog_pair *keys = NULL;
    size_t key_count = catalog_own_credentials(operation->catalog, operation->arena, &keys);
    engine->inspect(engine->owner, operation->request.tenant, operation->root, manifest_lists, count, keys, key_count,
                    operation_on_inspected, operation);
}

/* --- Ending --- */

enum catalog_problem operation_problem(enum err_code code)
{
    switch (code) {
    case ERR_OK:
        return CATALOG_FINE;
    case ERR_INVALID:
    case ERR_RANGE:
    case ERR_PRECONDITION:
        return CATALOG_BAD_REQUEST;
    case ERR_NOT_FOUND:
        return CATALOG_NO_FILE;
    case ERR_EXISTS:
        return CATALOG_EXISTS;
    case ERR_CONFLICT:
        return CATALOG_COMMIT_FAILED;
    case ERR_RESOURCE:
        return CATALOG_UNPROCESSABLE;
    case ERR_DENIED:
    case ERR_UNAUTHENTICATED:
        return CATALOG_FORBIDDEN;
    case ERR_UNIMPLEMENTED:
        return CATALOG_UNSUPPORTED;
    case ERR_UNAVAILABLE:
    case ERR_DEADLINE:
    case ERR_CANCELLED:
        return CATALOG_UNAVAILABLE;
    case ERR_INTERNAL:
    case ERR_UNKNOWN:
    case ERR_DATA_LOSS:
        return CATALOG_FAILED;
    }
    return CATALOG_FAILED;
}

void operation_fail(struct operation *operation, enum catalog_problem problem, const char *format, ...)
{
    char message[sizeof(operation->error.message)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    memcpy(operation->error.message, message, sizeof(message));
    operation->error.code = operation->error.code ? operation->error.code : ERR_INVALID;
    operation->answer.problem = problem;
    operation_end(operation);
}

void operation_fail_error(struct operation *operation)
{
    if (operation->replayed && !operation->recalled) {
        idempotency_answer(operation, operation_audited);
        return;
    }
    operation->answer.problem = operation->refusal ? operation->refusal : operation_problem(operation->error.code);
    operation_end(operation);
}

/* The answer is in the store, or an earlier one was found there. What cannot be kept is answered all the same. */
static void operation_kept(struct operation *operation)
{
    const struct err *before = operation->data;
    if (operation->replayed) {
        idempotency_answer(operation, operation_audited);
        return;
    }
    if (operation->refusal)
        operation->answer.problem = operation->refusal;
    else
        operation->error = *before;
    operation_audited(operation);
}

/* A turn later: whoever ends it may still look at what lives in its arena. */
static void operation_ended(struct operation *operation)
{
    const struct catalog_answer *answer = &operation->answer;
    bool keep = operation->changes && operation->tenant && operation->request.idempotency_key.len &&
                !operation->keyed && !operation->replayed && idempotency_is_final(answer->problem);
    if (!keep) {
        operation_audited(operation);
        return;
    }
    operation->data = arena_copy(operation->arena, &operation->error, sizeof(operation->error));
    operation_store(operation, NULL, operation_kept);
}

void operation_end(struct operation *operation)
{
    operation_later(operation, operation_ended);
}

static void operation_on_audited(void *owner, const struct err *error)
{
    (void)error; /* what happened stays */
    operation_finish(owner);
}

/* Leaves the row that belongs to it. */
static void operation_audited(struct operation *operation)
{
    bool fine = operation->answer.problem == CATALOG_FINE;
    if (!operation->object.len || operation->replayed || (!fine && operation->answer.problem != CATALOG_FORBIDDEN)) {
        operation_finish(operation);
        return;
    }
    const struct audit_event event = {.user = operation->request.who->user,
                                      .address = operation->request.address,
                                      .action = operation->action,
                                      .object = operation->object,
                                      .tenant = operation->request.tenant,
                                      .result = fine ? ERR_OK : ERR_DENIED};
    audit_write(operation->catalog->audit, &event, operation_on_audited, operation);
}

static void operation_measure(const struct operation *operation)
{
    const char *outcome = "outcome=\"refused\"";
    if (operation->answer.problem == CATALOG_FINE)
        outcome = "outcome=\"done\"";
    else if (operation->answer.problem == CATALOG_COMMIT_FAILED)
        outcome = "outcome=\"conflict\"";
    else if (operation->answer.problem == CATALOG_FAILED || operation->answer.problem == CATALOG_UNAVAILABLE)
        outcome = "outcome=\"failed\"";
    metric_add(metric_series(&operation_metric, outcome), 1);
    metric_observe(metric_series(&operation_seconds, ""),
                   (double)(clock_now_us() - operation->started_us) / (double)CLOCK_SECOND);
}

static void operation_finish(struct operation *operation)
{
    struct catalog *catalog = operation->catalog;
    struct index_tenant *tenant = operation->tenant;
    struct arena *arena = operation->arena;
    bool changes = operation->changes && tenant;
    if (operation->changes)
        operation_measure(operation);
    lock_release(&operation->locks);
    list_remove(&operation->node);
    operation->answer.error = operation->answer.problem == CATALOG_FINE ? NULL : &operation->error;
    if (operation->answer.problem == CATALOG_UNAVAILABLE && !operation->answer.retry_after_s)
        operation->answer.retry_after_s = OPERATION_RETRY_S;
    if (operation->answer.problem != CATALOG_FINE)
        slice_release(&operation->answer.metadata); /* it was ready before the store said no */
    struct catalog_call *call = operation->call;
    if (call) {
        call->work = NULL;
        call->done(call->owner, &operation->answer);
    } else {
        slice_release(&operation->answer.metadata);
    }
    arena_free(&arena);
    if (changes)
        tenant->changes--;
    if (tenant)
        removal_left(tenant);
    if (changes)
        catalog_change_ended(catalog);
}

/* --- Names --- */

struct str operation_show(struct operation *operation, struct str key, struct str name)
{
    struct str shown = index_show(operation->arena, key);
    return str_format(operation->arena, "%.*s%s%.*s", STR_ARG(shown), key.len ? "." : "", STR_ARG(name));
}

static const char *operation_name_fault(struct str name)
{
    if (name.len == 0)
        return "is empty";
    if (name.len > OPERATION_NAME_MAX)
        return "is too long";
    if (str_equal(name, S(".")) || str_equal(name, S("..")))
        return "means another place";
    if (!str_is_utf8(name.ptr, name.len))
        return "is not UTF-8";
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < 0x20 || name.ptr[i] == 0x7f)
            return "has a control character";
    return NULL;
}

bool operation_check_name(struct operation *operation, struct str name)
{
    const char *fault = operation_name_fault(name);
    if (fault)
        operation_fail(operation, CATALOG_BAD_REQUEST, "the name '%.*s' %s", STR_ARG(str_slice(name, 0, 80)), fault);
    return !fault;
}

bool operation_check_namespace(struct operation *operation, const struct catalog_namespace *name)
{
    size_t len = 0;
    for (size_t i = 0; i < name->count; i++) {
        if (!operation_check_name(operation, name->levels[i]))
            return false;
        len += name->levels[i].len + 1;
    }
    if (name->count && name->count <= CATALOG_LEVELS_MAX && len <= OPERATION_KEY_MAX)
        return true;
    operation_fail(operation, CATALOG_BAD_REQUEST,
                   "a namespace has 1 to %d levels and at most %d bytes; this one has %zu and %zu", CATALOG_LEVELS_MAX,
                   OPERATION_KEY_MAX, name->count, len);
    return false;
}

bool operation_is_mirror(const struct operation *operation, const struct catalog_namespace *name)
{
    return operation_engine(operation) && name->count == 1 && str_equal(name->levels[0], S("default"));
}

void operation_fail_mirror(struct operation *operation)
{
    err_hint(&operation->error, "write DuckDB tables by SQL or Flight, or create the table in the namespace iceberg");
    operation_fail(operation, CATALOG_READ_ONLY,
                   "the namespace default shows the tenant's DuckDB tables and is read-only");
}

struct index_space *operation_space(struct operation *operation, const struct catalog_namespace *name,
                                    struct str *key_out)
{
    struct str key = *key_out = index_key(operation->arena, name);
    struct index_space *space = NULL;
    if (operation->request.internal || !index_is_hidden(key))
        space = index_space_find(operation->tenant, key);
    if (!space) {
        struct str shown = index_show(operation->arena, key);
        operation_fail(operation, CATALOG_NO_NAMESPACE, "Namespace does not exist: %.*s",
                       STR_ARG(str_slice(shown, 0, 200)));
    }
    return space;
}
