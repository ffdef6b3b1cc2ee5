#include "door.h"

const struct principal anna = {.user = {"anna", 4}, .admin = true};
static const struct grant acme_reader = {.tenant = {"acme", 4}, .role = ROLE_READER};
const struct principal rita = {.user = {"rita", 4}, .grants = &acme_reader, .grant_count = 1};
static const struct grant acme_writer = {.tenant = {"acme", 4}, .role = ROLE_WRITER};
const struct principal will = {.user = {"will", 4}, .grants = &acme_writer, .grant_count = 1};

/* --- Fixture --- */

bool fixture_has_project;

static void *run_store(void *owner)
{
    struct fixture *fixture = owner;
    store_thread(fixture->store, fixture->loop);
    return NULL;
}

void on_done(void *owner, const struct err *error)
{
    struct fixture *fixture = owner;
    fixture->done = true;
    fixture->error = error ? *error : (struct err){0};
    loop_stop(fixture->loop);
}

struct counted {
    struct fixture *fixture;
    size_t count;
};

static void counted_page(void *owner, const struct query_info *infos, size_t count, int64_t before,
                         const struct err *error)
{
    struct counted *counted = owner;
    for (size_t i = 0; i < count; i++)
        assert_true(infos[i].id.len > 8 && infos[i].id.ptr[0] == 'q');
    assert_int_equal(before, 0);
    counted->count = count;
    on_done(counted->fixture, error);
}

size_t count_statements(struct fixture *fixture, const struct principal *who, const char *tenant)
{
    struct counted counted = {.fixture = fixture};
    const struct query_log_filter filter = {.tenant = str_from(tenant), .state = -1, .outcome = -1, .limit = 100};
    fixture->done = false;
    query_log(fixture->query, who, &filter, counted_page, &counted);
    while (!fixture->done)
        loop_run(fixture->loop);
    assert_int_equal(fixture->error.code, ERR_OK);
    return counted.count;
}

bool create_tenant(struct fixture *fixture, const char *id)
{
    tenant_create(fixture->tenants, NULL, str_from(id), on_done, fixture);
    loop_run(fixture->loop);
    return fixture->error.code == ERR_OK;
}

int fixture_setup(void **state)
{
    struct fixture *fixture = mem_new(struct fixture);
    struct err error = {0};
    log_set_level(getenv("EIDER_TEST_VERBOSE") ? LOG_DEBUG : LOG_ERROR);
    snprintf(fixture->data, sizeof(fixture->data), "/tmp/eider-query-XXXXXX");
    if (!mkdtemp(fixture->data))
        return -1;
    fixture->arena = arena_new();
    struct str data = str_from(fixture->data);
    fixture->loop = loop_new(&error);
    fixture->store = store_open(str_format(fixture->arena, "%s/eider.db", fixture->data), &error);
    fixture->tenants = tenant_list_open(fixture->store, data, &error);
    struct query_options options = {.data = data,
                                    .program = str_from(getenv("EIDER_TEST_WORKER")),
                                    .library = str_from(getenv("EIDER_TEST_LIBRARY")),
                                    .store = fixture->store};
    static const struct str members[] = {S("acme")};
    if (fixture_has_project)
        options.project = (struct query_project){
            .root = str_format(fixture->arena, "%s/project", fixture->data), .tenants = members, .tenant_count = 1};
    if (fixture_has_project && mkdir(options.project.root.ptr, 0755) != 0)
        return -1;
    fixture->query = query_new(fixture->loop, fixture->tenants, &options, &error);
    if (!fixture->query || pthread_create(&fixture->store_thread, NULL, run_store, fixture) != 0) {
        fprintf(stderr, "setup: %s\n", error.message);
        return -1;
    }
    *state = fixture;
    return create_tenant(fixture, "acme") && create_tenant(fixture, "beta") ? 0 : -1;
}

static void on_drained(void *owner)
{
    on_done(owner, NULL);
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    fixture->done = false;
    query_drain(fixture->query, on_drained, fixture);
    while (!fixture->done)
        loop_run(fixture->loop);
    query_free(&fixture->query);
    store_stop(fixture->store);
    pthread_join(fixture->store_thread, NULL);
    tenant_list_close(&fixture->tenants);
    store_close(&fixture->store);
    loop_free(&fixture->loop);
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", fixture->data);
    int removed = system(command);
    arena_free(&fixture->arena);
    mem_free(fixture);
    return removed;
}

/* --- Statements --- */

static void outcome_on_piece(void *owner, struct query_piece *piece)
{
    struct outcome *outcome = owner;
    outcome->pieces++;
    outcome->roles[piece->role]++;
    outcome->rows += piece->rows;
    if (outcome->pieces == 1)
        buf_append(&outcome->first_header, piece->header.ptr, piece->header.len);
    buf_append(&outcome->text, piece->body.ptr, piece->body.len);
    if (outcome->keep) {
        vec_push(&outcome->kept, *piece);
        loop_stop(outcome->fixture->loop);
        return;
    }
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static void outcome_on_end(void *owner, const struct query_end *end)
{
    struct outcome *outcome = owner;
    struct str transaction = outcome->statement ? query_statement_transaction(outcome->statement) : S("");
    snprintf(outcome->transaction, sizeof(outcome->transaction), "%.*s", STR_ARG(transaction));
    outcome->kind = end->kind;
    outcome->ran = end->ran;
    outcome->ended = true;
    outcome->statement = NULL;
    if (end->error)
        outcome->error = *end->error;
    else
        outcome->rows = end->rows;
    loop_stop(outcome->fixture->loop);
}

void outcome_on_ready(void *owner)
{
    struct outcome *outcome = owner;
    outcome->ready = true;
    loop_stop(outcome->fixture->loop);
}

struct query_sink outcome_sink(struct outcome *outcome)
{
    return (struct query_sink){.on_piece = outcome_on_piece, .on_end = outcome_on_end, .owner = outcome};
}

void outcome_release(struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->kept.count; i++) {
        slice_release(&outcome->kept.items[i].header);
        slice_release(&outcome->kept.items[i].body);
    }
    vec_clear(&outcome->kept);
}

void outcome_done(struct outcome *outcome)
{
    outcome_release(outcome);
    vec_done(&outcome->kept);
    buf_done(&outcome->text);
    buf_done(&outcome->first_header);
}

void outcome_request(struct outcome *outcome, struct fixture *fixture, const struct query_request *request)
{
    outcome->fixture = fixture;
    struct query_request copy = *request;
    if (!copy.who)
        copy.who = &anna;
    if (!copy.deadline_us)
        copy.deadline_us = CLOCK_NEVER;
    copy.protocol = S("test");
    struct query_sink sink = outcome_sink(outcome);
    outcome->statement = query_run(fixture->query, &copy, &sink, &outcome->error);
    outcome->ended = !outcome->statement;
}

void outcome_start(struct outcome *outcome, struct fixture *fixture, const char *tenant, const char *sql,
                   enum query_format format, int64_t deadline_us)
{
    struct query_request request = {
        .tenant = str_from(tenant), .sql = str_from(sql), .format = format, .deadline_us = deadline_us};
    outcome_request(outcome, fixture, &request);
}

void outcome_wait(struct outcome *outcome)
{
    while (!outcome->ended)
        loop_run(outcome->fixture->loop);
}

void assert_text(struct outcome *outcome, const char *wanted)
{
    AUTO(buf) struct buf plain = {0};
    for (size_t i = 0; i < buf_len(&outcome->text); i++)
        if (outcome->text.ptr[i] != '\r') /* RFC 4180 ends lines with both */
            buf_append_char(&plain, (char)outcome->text.ptr[i]);
    struct str text = buf_str(&plain);
    if (!str_equal(text, str_from(wanted)))
        fail_msg("'%.*s' instead of '%s'", STR_ARG(text), wanted);
}

void assert_csv(struct fixture *fixture, const char *tenant, const char *sql, const char *wanted)
{
    RUN(outcome, fixture, tenant, sql, QUERY_FORMAT_CSV);
    assert_text(&outcome, wanted);
}

/* Lets the loop run for so long. */
struct pause {
    struct loop_timer timer;
    struct loop *loop;
};
static void pause_on_time(struct loop_timer *timer)
{
    loop_stop(((struct pause *)timer->owner)->loop);
}
void pause_for(struct fixture *fixture, int64_t us)
{
    struct pause pause = {.loop = fixture->loop};
    pause.timer = (struct loop_timer){.on_time = pause_on_time, .owner = &pause};
    loop_timer_set(fixture->loop, &pause.timer, us);
    loop_run(fixture->loop);
    loop_timer_cancel(fixture->loop, &pause.timer);
}

static void find_pid(void *owner, const struct query_worker_info *info)
{
    if (str_equal(info->tenant, S("acme")))
        *(int *)owner = info->pid;
}

int worker_pid(struct fixture *fixture)
{
    int pid = 0;
    query_each_worker(fixture->query, find_pid, &pid);
    return pid;
}

/* Returns when the front knows. */
void kill_worker(struct fixture *fixture)
{
    int pid = worker_pid(fixture);
    assert_int_not_equal(pid, 0);
    kill(pid, SIGKILL);
    while (worker_pid(fixture) == pid)
        pause_for(fixture, 1000);
}

/* --- Sessions --- */

void on_expired(void *owner)
{
    struct fixture *fixture = owner;
    fixture->done = true;
    loop_stop(fixture->loop);
}

struct query_session *open_session(struct fixture *fixture)
{
    struct err err;
    fixture->done = false;
    struct query_session *session = query_session_open(fixture->query, &anna, on_expired, fixture, &err);
    assert_non_null(session);
    return session;
}

void start(struct outcome *outcome, struct fixture *fixture, struct query_session *session, const char *transaction,
           const char *sql)
{
    struct query_request request = {.tenant = S("acme"),
                                    .sql = str_from(sql),
                                    .session = session,
                                    .transaction = str_from(transaction),
                                    .format = QUERY_FORMAT_CSV};
    outcome_request(outcome, fixture, &request);
}

enum err_code run(struct fixture *fixture, struct query_session *session, const char *transaction, const char *sql)
{
    AUTO(outcome) struct outcome outcome = {0};
    start(&outcome, fixture, session, transaction, sql);
    outcome_wait(&outcome);
    return outcome.error.code;
}

void assert_in(struct fixture *fixture, struct query_session *session, const char *transaction, const char *sql,
               const char *wanted)
{
    RUN_IN(outcome, fixture, session, transaction, sql);
    assert_text(&outcome, wanted);
}

void collect(struct outcome *source, struct fixture *fixture, const char *sql)
{
    source->keep = true;
    outcome_start(source, fixture, "beta", sql, QUERY_FORMAT_FLIGHT, CLOCK_NEVER);
    outcome_wait(source);
    assert_int_equal(source->error.code, ERR_OK);
}

struct str bare_header(const struct outcome *source, size_t index)
{
    const struct slice *header = &source->kept.items[index].header;
    struct str text = str_bytes(header->ptr, header->len);
    bool framed = text.len >= 8 && memcmp(text.ptr, "\xff\xff\xff\xff", 4) == 0;
    return str_from_index(text, framed ? 8 : 0);
}
