#include "domain/catalog/state_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct grant state_grants[] = {
    {.tenant = {"acme", 4}, .role = ROLE_OWNER},
    {.tenant = {"acme", 4}, .role = ROLE_WRITER},
    {.tenant = {"acme", 4}, .role = ROLE_READER},
};
const struct principal state_owner = {.user = {"ann", 3}, .grants = &state_grants[0], .grant_count = 1};
const struct principal state_writer = {.user = {"bob", 3}, .grants = &state_grants[1], .grant_count = 1};
const struct principal state_reader = {.user = {"cat", 3}, .grants = &state_grants[2], .grant_count = 1};
const struct principal state_stranger = {.user = {"dan", 3}};

static void *state_run_store(void *owner)
{
    struct state *state = owner;
    store_thread(state->store, state->loop);
    return NULL;
}

static void *state_run_work(void *owner)
{
    work_pool_thread(owner);
    return NULL;
}

static void state_open(struct state *state)
{
    struct err error = {0};
    state->loop = loop_new(&error);
    state->store = store_open(str_format(state->arena, "%s/eider.db", state->data), &error);
    assert_non_null(state->store);
    state->tenants = tenant_list_open(state->store, str_from(state->data), &error);
    assert_non_null(state->tenants);
    state->audit = audit_open(state->loop, state->store, &error);
    state->pool = work_pool_new(state->loop);
    const struct catalog_warehouse warehouse = {.root = state->warehouse};
    const struct catalog_options options = {.loop = state->loop,
                                            .store = state->store,
                                            .tenants = state->tenants,
                                            .audit = state->audit,
                                            .pool = state->pool,
                                            .warehouse = &warehouse};
    state->catalog = catalog_new(&options, &error);
    if (!state->catalog)
        fail_msg("%s", error.message);
    assert_int_equal(pthread_create(&state->store_thread, NULL, state_run_store, state), 0);
    for (size_t i = 0; i < STATE_THREADS; i++)
        assert_int_equal(pthread_create(&state->threads[i], NULL, state_run_work, state->pool), 0);
}

static void state_stop(void *owner)
{
    loop_stop(owner);
}

static void state_close(struct state *state)
{
    work_pool_stop(state->pool);
    for (size_t i = 0; i < STATE_THREADS; i++)
        pthread_join(state->threads[i], NULL);
    audit_flush(state->audit);
    store_stop(state->store);
    pthread_join(state->store_thread, NULL);
    loop_post(state->loop, state_stop, state->loop);
    loop_run(state->loop);
    catalog_free(&state->catalog);
    audit_close(&state->audit);
    work_pool_free(&state->pool);
    tenant_list_close(&state->tenants);
    store_close(&state->store);
    loop_free(&state->loop);
}

void state_restart(struct state *state)
{
    state_close(state);
    state_open(state);
}

static void state_on_tenant(void *owner, const struct err *error)
{
    struct state *state = owner;
    assert_null(error);
    loop_stop(state->loop);
}

struct state *state_begin(const char *data)
{
    struct state *state = mem_new(struct state);
    snprintf(state->data, sizeof(state->data), "%s", data);
    state->arena = arena_new();
    state->warehouse = str_format(state->arena, "file://%s/warehouse", state->data);
    state->who = &state_owner;
    state_open(state);
    struct err error;
    if (!tenant_find(state->tenants, S("acme"), &error)) {
        tenant_create(state->tenants, NULL, S("acme"), state_on_tenant, state);
        loop_run(state->loop);
    }
    return state;
}

void state_end(struct state **state_ptr)
{
    struct state *state = *state_ptr;
    *state_ptr = NULL;
    state_close(state);
    arena_free(&state->arena);
    mem_free(state);
}

int state_setup(void **out)
{
    char data[] = "/tmp/eider-catalog-XXXXXX";
    if (!mkdtemp(data))
        return -1;
    *out = state_begin(data);
    return 0;
}

bool state_remove(const char *data)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct str root = str_format(arena, "file://%s", data);
    struct err error;
    const struct object_options options = {.root = root};
    AUTO(object) struct object_store *all = object_open(&options, &error);
    bool ok = all && object_delete_below(all, root, &error);
    rmdir(data);
    return ok;
}

int state_teardown(void **in)
{
    struct state *state = *in;
    char data[sizeof(state->data)];
    memcpy(data, state->data, sizeof(data));
    state_end(&state);
    return state_remove(data) ? 0 : -1;
}

/* --- Calls --- */

static void state_on_done(void *owner, struct catalog_answer *answer)
{
    struct state_call *call = owner;
    struct state *state = call->state;
    struct arena *arena = state->arena;
    call->done = true;
    state->waiting--;
    call->answer = *answer;
    call->message = answer->error ? str_copy(arena, err_message(answer->error)) : S("");
    call->metadata = str_copy(arena, str_bytes(answer->metadata.ptr, answer->metadata.len));
    call->answer.metadata_location = str_copy(arena, answer->metadata_location);
    call->answer.location = str_copy(arena, answer->location);
    call->answer.etag = str_copy(arena, answer->etag);
    call->answer.next_page = str_copy(arena, answer->next_page);
    struct catalog_pair *pairs = arena_array(arena, answer->property_count + 1, sizeof(*pairs));
    for (size_t i = 0; i < answer->property_count; i++)
        pairs[i] = (struct catalog_pair){str_copy(arena, answer->properties[i].key),
                                         str_copy(arena, answer->properties[i].value)};
    call->answer.properties = pairs;
    struct catalog_name *names = arena_array(arena, answer->name_count + 1, sizeof(*names));
    for (size_t i = 0; i < answer->name_count; i++) {
        names[i].name = str_copy(arena, answer->names[i].name);
        names[i].in = index_levels(arena, index_key(arena, &answer->names[i].in));
    }
    call->answer.names = names;
    slice_release(&answer->metadata);
    loop_stop(state->loop);
}

struct state_call *state_call(struct state *state)
{
    struct state_call *call = arena_new_object(state->arena, struct state_call);
    struct arena *arena = arena_new();
    call->state = state;
    state->waiting++;
    call->call = (struct catalog_call){.request = {.arena = arena,
                                                   .who = principal_copy(arena, state->who),
                                                   .address = S("127.0.0.1:1"),
                                                   .tenant = S("acme"),
                                                   .internal = state->internal,
                                                   .idempotency_key = state->key,
                                                   .fingerprint = state->fingerprint},
                                       .done = state_on_done,
                                       .owner = call};
    state->key = S("");
    return call;
}

enum catalog_problem state_wait(struct state_call *call)
{
    struct state *state = call->state;
    struct err error;
    while (!call->done)
        loop_run(state->loop);
    state->answer = call->answer;
    state->message = call->message;
    state->metadata = call->metadata.len ? json_parse(state->arena, call->metadata, &error) : NULL;
    return call->answer.problem;
}

const struct json *state_json(struct arena *arena, const char *text)
{
    struct err error = {0};
    const struct json *value = json_parse(arena, str_from(text), &error);
    if (!value)
        fail_msg("%s: %s", text, error.message);
    return value;
}

struct catalog_namespace state_space(struct arena *arena, const char *text)
{
    char *key = str_cstr(arena, str_from(text));
    for (char *c = key; *c; c++)
        if (*c == '.')
            *c = INDEX_SEPARATOR;
    return index_levels(arena, str_from(key));
}

struct catalog_name state_name(struct arena *arena, const char *text)
{
    struct catalog_namespace all = state_space(arena, text);
    return (struct catalog_name){.in = {all.levels, all.count - 1}, .name = all.levels[all.count - 1]};
}

enum catalog_problem state_create_space(struct state *state, const char *space)
{
    struct state_call *call = state_call(state);
    const struct catalog_namespace name = state_space(call->call.request.arena, space);
    catalog_create_namespace(state->catalog, &call->call, &name, NULL, 0);
    return state_wait(call);
}

static enum catalog_problem state_make(struct state *state, enum catalog_kind kind, const char *full, const char *body)
{
    struct state_call *call = state_call(state);
    struct arena *arena = call->call.request.arena;
    const struct catalog_name name = state_name(arena, full);
    struct str text = str_format(arena, "{\"name\":\"%.*s\",%s}", STR_ARG(name.name), body);
    catalog_create(state->catalog, &call->call, kind, &name.in, state_json(arena, text.ptr));
    return state_wait(call);
}

#define STATE_SCHEMA                                                                                           \
    "\"schema\":{\"type\":\"struct\",\"schema-id\":0,\"fields\":[{\"id\":1,\"name\":\"x\",\"required\":false," \
    "\"type\":\"long\"}]}"

enum catalog_problem state_create(struct state *state, const char *name, const char *location)
{
    AUTO(arena) struct arena *arena = arena_new();
    const char *body = STATE_SCHEMA;
    if (location)
        body = str_format(arena, "%s,\"location\":\"%s\"", STATE_SCHEMA, location).ptr;
    return state_make(state, CATALOG_TABLE, name, body);
}

enum catalog_problem state_stage(struct state *state, const char *name)
{
    return state_make(state, CATALOG_TABLE, name, "\"stage-create\":true," STATE_SCHEMA);
}

enum catalog_problem state_create_view(struct state *state, const char *name)
{
    return state_make(state, CATALOG_VIEW, name,
                      STATE_SCHEMA
                      ",\"properties\":{},\"view-version\":{\"version-id\":1,\"schema-id\":0,\"timestamp-ms\":1,"
                      "\"summary\":{},\"default-namespace\":[\"a\"],\"representations\":[{\"type\":\"sql\","
                      "\"sql\":\"SELECT 1 AS x\",\"dialect\":\"duckdb\"}]}");
}

enum catalog_problem state_load(struct state *state, enum catalog_kind kind, const char *full)
{
    struct state_call *call = state_call(state);
    const struct catalog_name name = state_name(call->call.request.arena, full);
    const struct catalog_load load = {0};
    catalog_load(state->catalog, &call->call, kind, &name, &load);
    return state_wait(call);
}

struct state_call *state_commit_begin(struct state *state, const char *full, const char *requirements,
                                      const char *updates)
{
    struct state_call *call = state_call(state);
    struct arena *arena = call->call.request.arena;
    const struct catalog_change change = {.name = state_name(arena, full),
                                          .requirements = state_json(arena, str_cstr(arena, str_from(requirements))),
                                          .updates = state_json(arena, str_cstr(arena, str_from(updates)))};
    catalog_commit(state->catalog, &call->call, CATALOG_TABLE, &change);
    return call;
}

enum catalog_problem state_commit(struct state *state, const char *name, const char *requirements, const char *updates)
{
    return state_wait(state_commit_begin(state, name, requirements, updates));
}

enum catalog_problem state_drop(struct state *state, enum catalog_kind kind, const char *full, bool now)
{
    struct state_call *call = state_call(state);
    const struct catalog_name name = state_name(call->call.request.arena, full);
    const struct catalog_drop drop = {.purge = true, .now = now};
    catalog_drop(state->catalog, &call->call, kind, &name, &drop);
    return state_wait(call);
}

enum catalog_problem state_rename(struct state *state, enum catalog_kind kind, const char *from, const char *to)
{
    struct state_call *call = state_call(state);
    const struct catalog_name old = state_name(call->call.request.arena, from);
    const struct catalog_name new = state_name(call->call.request.arena, to);
    catalog_rename(state->catalog, &call->call, kind, &old, &new);
    return state_wait(call);
}

enum catalog_problem state_register(struct state *state, const char *full, struct str file, bool overwrite)
{
    struct state_call *call = state_call(state);
    const struct catalog_name name = state_name(call->call.request.arena, full);
    catalog_register(state->catalog, &call->call, CATALOG_TABLE, &name, str_copy(call->call.request.arena, file),
                     overwrite);
    return state_wait(call);
}

static struct str state_names(struct state *state, const struct state_call *call)
{
    AUTO(buf) struct buf text = {0};
    for (size_t i = 0; i < call->answer.name_count; i++) {
        const struct catalog_name *name = &call->answer.names[i];
        struct str shown = name->name.len ? name->name : name->in.levels[name->in.count - 1];
        buf_printf(&text, "%s%.*s", i ? "," : "", STR_ARG(shown));
    }
    return str_copy(state->arena, buf_str(&text));
}

static struct state_call *state_list_call(struct state *state, enum catalog_kind kind, const char *space,
                                          const struct catalog_page *page)
{
    struct state_call *call = state_call(state);
    const struct catalog_namespace name = state_space(call->call.request.arena, space);
    catalog_list(state->catalog, &call->call, kind, &name, page);
    state_wait(call);
    return call;
}

struct str state_list(struct state *state, enum catalog_kind kind, const char *space)
{
    const struct catalog_page page = {.all = true};
    return state_names(state, state_list_call(state, kind, space, &page));
}

struct str state_page(struct state *state, const char *space, struct str token, size_t size, struct str *next_out)
{
    const struct catalog_page page = {.token = token, .size = size};
    struct str names = state_names(state, state_list_call(state, CATALOG_TABLE, space, &page));
    *next_out = state->answer.next_page;
    return names;
}

struct str state_spaces(struct state *state, const char *parent, const char *size)
{
    struct state_call *call = state_call(state);
    const struct catalog_page page = {.all = !size, .size = size ? (size_t)(size[0] - '0') : 0};
    struct catalog_namespace name = {0};
    if (parent)
        name = state_space(call->call.request.arena, parent);
    catalog_list_namespaces(state->catalog, &call->call, parent ? &name : NULL, &page);
    state_wait(call);
    return state_names(state, call);
}

enum catalog_problem state_drop_space(struct state *state, const char *space)
{
    struct state_call *call = state_call(state);
    const struct catalog_namespace name = state_space(call->call.request.arena, space);
    catalog_drop_namespace(state->catalog, &call->call, &name);
    return state_wait(call);
}

enum catalog_problem state_change_space(struct state *state, const char *space, const struct str *removals,
                                        size_t removal_count, const struct catalog_pair *updates, size_t update_count)
{
    struct state_call *call = state_call(state);
    const struct catalog_namespace name = state_space(call->call.request.arena, space);
    catalog_change_namespace(state->catalog, &call->call, &name, removals, removal_count, updates, update_count);
    return state_wait(call);
}

struct str state_show_space(struct state *state, const char *space)
{
    struct state_call *call = state_call(state);
    const struct catalog_namespace name = state_space(call->call.request.arena, space);
    catalog_load_namespace(state->catalog, &call->call, &name);
    state_wait(call);
    AUTO(buf) struct buf text = {0};
    for (size_t i = 0; i < state->answer.property_count; i++)
        buf_printf(&text, "%.*s=%.*s ", STR_ARG(state->answer.properties[i].key),
                   STR_ARG(state->answer.properties[i].value));
    return str_copy(state->arena, buf_str(&text));
}

bool state_has(struct state *state, struct str location)
{
    (void)state;
    AUTO(arena) struct arena *arena = arena_new();
    return access(str_cstr(arena, str_from_index(location, sizeof("file://") - 1)), F_OK) == 0;
}

/* --- Settling --- */

struct state_turn {
    struct state *state;
    struct work_job work;
    struct store_job store;
    size_t left; /* threads of the pool that have to come by */
};

static bool state_turn_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    (void)job;
    (void)db;
    (void)err;
    return true;
}

static void state_turn_stored(struct store_job *job, const struct err *error)
{
    struct state_turn *turn = job->owner;
    (void)error;
    loop_stop(turn->state->loop);
    turn->left--;
}

static void state_turn_run(struct work_job *job)
{
    (void)job;
}

static void state_turn_done(struct work_job *job)
{
    struct state_turn *turn = list_object(job, struct state_turn, work);
    turn->store = (struct store_job){.apply = state_turn_apply, .done = state_turn_stored, .owner = turn};
    store_submit(turn->state->store, &turn->store);
}

void state_settle(struct state *state)
{
    for (size_t round = 0;; round++) {
        struct state_turn turn = {.state = state, .left = 1};
        turn.work = (struct work_job){.run = state_turn_run, .done = state_turn_done};
        work_submit(state->pool, &turn.work);
        while (turn.left)
            loop_run(state->loop);
        if (list_is_empty(&state->catalog->operations) && list_is_empty(&state->catalog->deleting) &&
            list_is_empty(&state->catalog->discards) && list_is_empty(&state->catalog->removals) && round > 2)
            return;
    }
}
