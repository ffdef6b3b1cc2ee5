/* The front gives each row its number, so that repetitions can be added to a row that may not be written yet. */
#include "domain/tenant/audit.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/vec.h"
#include "domain/tenant/audit_priv.h"
#include "domain/tenant/recent.h"
#include "platform/net/loop.h"
#include "platform/store/store.h"

/* Longer texts are cut. */
#define AUDIT_TEXT_MAX 128
#define AUDIT_REPEAT_US (60 * CLOCK_SECOND)
/* Different events whose repetitions are counted; and rows that refusals may make in a minute: who is let in makes no
 * flood. */
#define AUDIT_RECENT_MAX 4096
#define AUDIT_FLOOD_ROWS 300
#define AUDIT_BEHIND_US CLOCK_SECOND
#define AUDIT_SWEEP_US (3600 * CLOCK_SECOND)
/* Rows that one sweep takes out, so that no commit waits long for it. */
#define AUDIT_SWEEP_ROWS 10000

struct audit_repeat {
    int64_t id; /* of the row */
    int64_t since_us;
};

struct audit_count {
    int64_t id, times;
};

struct audit {
    struct loop *loop;
    struct store *store;
    int64_t next_id;
    struct recent recent;           /* struct audit_repeat */
    int64_t minute_us, minute_rows; /* refusals with a row since then */
    int64_t flood_id;               /* row that counts what was too much; 0: none in this minute */
    struct loop_timer behind;
    VEC(struct audit_count) counts; /* to be written by the next behind */
    struct loop_timer sweep;
};

static const char *const audit_names[AUDIT_ACTION_COUNT] = {
    "login",          "access",           "user.add",       "user.remove",
    "user.change",    "user.password",    "user.import",    "grant",
    "revoke",         "token.create",     "token.revoke",   "tenant.create",
    "tenant.delete",  "statement.cancel", "backup",         "namespace.create",
    "namespace.drop", "table.create",     "table.register", "table.rename",
    "table.drop",     "table.undrop",
};

const char *audit_action_name(enum audit_action action)
{
    return audit_names[action];
}

bool audit_action_from_name(struct str name, enum audit_action *action_out, struct err *err)
{
    for (int i = 0; i < AUDIT_ACTION_COUNT; i++) {
        if (str_equal(name, str_from(audit_names[i]))) {
            *action_out = (enum audit_action)i;
            return true;
        }
    }
    err_set(err, ERR_INVALID, "unknown action '%.*s'", STR_ARG(str_slice(name, 0, 40)));
    return err_hint(err, "for example login, access, user.add, grant, token.create, tenant.delete");
}

/* --- Opening --- */

static void audit_on_sweep(struct loop_timer *timer);
static void audit_on_behind(struct loop_timer *timer);

static void audit_on_number(void *owner, const struct store_value *columns, size_t count)
{
    (void)count;
    *(int64_t *)owner = columns[0].number;
}

struct audit *audit_open(struct loop *loop, struct store *store, struct err *err)
{
    int64_t last = 0;
    if (!store_run(store_db(store), "SELECT max(id) FROM audit", NULL, 0, audit_on_number, &last, err))
        return NULL;
    struct audit *audit = mem_new(struct audit);
    audit->loop = loop;
    audit->store = store;
    audit->next_id = last + 1;
    recent_init(&audit->recent, AUDIT_RECENT_MAX, sizeof(struct audit_repeat));
    audit->behind = (struct loop_timer){.on_time = audit_on_behind, .owner = audit};
    audit->sweep = (struct loop_timer){.on_time = audit_on_sweep, .owner = audit};
    loop_timer_set(loop, &audit->sweep, 0);
    return audit;
}

void audit_close(struct audit **audit_ptr)
{
    struct audit *audit = *audit_ptr;
    *audit_ptr = NULL;
    if (!audit)
        return;
    loop_timer_cancel(audit->loop, &audit->behind);
    loop_timer_cancel(audit->loop, &audit->sweep);
    recent_done(&audit->recent);
    vec_done(&audit->counts);
    mem_free(audit);
}

/* --- Writing --- */

int64_t audit_take_id(struct audit *audit)
{
    return audit->next_id++;
}

static struct str audit_text(struct arena *arena, struct str text)
{
    return str_copy(arena, str_slice(text, 0, AUDIT_TEXT_MAX));
}

struct audit_event audit_copy(struct arena *arena, const struct audit_event *event)
{
    struct audit_event copy = *event;
    copy.user = audit_text(arena, event->user);
    copy.address = audit_text(arena, event->address);
    copy.object = audit_text(arena, event->object);
    copy.tenant = audit_text(arena, event->tenant);
    return copy;
}

bool audit_insert(struct store_db *db, int64_t id, int64_t at_us, const struct audit_event *event, struct err *err)
{
    const struct store_value values[] = {STORE_NUMBER(id),
                                         STORE_NUMBER(at_us),
                                         STORE_STRING(event->user),
                                         STORE_STRING(event->address),
                                         STORE_NUMBER(event->action),
                                         STORE_STRING(event->object),
                                         STORE_STRING(event->tenant),
                                         STORE_NUMBER(event->result)};
    return store_run(db,
                     "INSERT INTO audit(id, at_us, user, address, action, object, tenant, result, times) VALUES (?, ?, "
                     "?, ?, ?, ?, ?, ?, 1)",
                     values, 8, NULL, NULL, err);
}

/* "[::1]:1" and "1.2.3.4:1" without the port. */
static struct str audit_host(struct str address)
{
    size_t len = address.len;
    while (len && address.ptr[len - 1] != ':')
        len--;
    return len ? str_slice(address, 0, len - 1) : address;
}

static void audit_count_again(struct audit *audit, int64_t id)
{
    for (size_t i = 0; i < audit->counts.count; i++) {
        if (audit->counts.items[i].id == id) {
            audit->counts.items[i].times++;
            return;
        }
    }
    struct audit_count count = {id, 1};
    vec_push(&audit->counts, count);
    if (audit->counts.count == 1)
        loop_timer_set(audit->loop, &audit->behind, AUDIT_BEHIND_US);
}

bool audit_is_repeated(struct audit *audit, const struct audit_event *event)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct audit_event cut = audit_copy(arena, event);
    int64_t now_us = clock_now_us();
    struct str key =
        str_format(arena, "%d %d %.*s %.*s %.*s %.*s", (int)cut.action, (int)cut.result,
                   STR_ARG(audit_host(cut.address)), STR_ARG(cut.tenant), STR_ARG(cut.object), STR_ARG(cut.user));
    struct audit_repeat *repeat = recent_get(&audit->recent, key);
    if (repeat && now_us - repeat->since_us < AUDIT_REPEAT_US) {
        audit_count_again(audit, repeat->id);
        return true;
    }
    if (now_us - audit->minute_us >= AUDIT_REPEAT_US) {
        audit->minute_us = now_us;
        audit->minute_rows = audit->flood_id = 0;
    }
    if (cut.result != ERR_OK && audit->flood_id) {
        audit_count_again(audit, audit->flood_id);
        return true;
    }
    repeat = recent_need(&audit->recent, key);
    *repeat = (struct audit_repeat){.id = audit->next_id, .since_us = now_us};
    if (cut.result != ERR_OK && ++audit->minute_rows >= AUDIT_FLOOD_ROWS)
        audit->flood_id = audit->next_id;
    return false;
}

struct audit_writing {
    struct store_job job;
    struct arena *arena; /* owns this */
    int64_t id, at_us;
    bool repeated; /* only counted: there is nothing to write */
    struct audit_event event;
    void (*done)(void *owner, const struct err *error); /* may be NULL */
    void *owner;
};

static bool audit_writing_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct audit_writing *writing = job->owner;
    return writing->repeated || audit_insert(db, writing->id, writing->at_us, &writing->event, err);
}

static void audit_writing_done(struct store_job *job, const struct err *error)
{
    struct audit_writing *writing = job->owner;
    struct arena *arena = writing->arena;
    if (writing->done)
        writing->done(writing->owner, error);
    arena_free(&arena);
}

static void audit_submit(struct audit *audit, const struct audit_event *event, bool repeated,
                         void (*done)(void *owner, const struct err *error), void *owner)
{
    struct arena *arena = arena_new();
    struct audit_writing *writing = arena_new_object(arena, struct audit_writing);
    *writing = (struct audit_writing){.arena = arena, .repeated = repeated, .done = done, .owner = owner};
    writing->event = audit_copy(arena, event);
    writing->id = repeated ? 0 : audit_take_id(audit);
    writing->at_us = clock_wall_us();
    writing->job = (struct store_job){.apply = audit_writing_apply, .done = audit_writing_done, .owner = writing};
    store_submit(audit->store, &writing->job);
}

void audit_write_row(struct audit *audit, const struct audit_event *event,
                     void (*done)(void *owner, const struct err *error), void *owner)
{
    audit_submit(audit, event, false, done, owner);
}

void audit_write(struct audit *audit, const struct audit_event *event,
                 void (*done)(void *owner, const struct err *error), void *owner)
{
    audit_submit(audit, event, audit_is_repeated(audit, event), done, owner);
}

void audit_note(struct audit *audit, const struct audit_event *event)
{
    if (!audit_is_repeated(audit, event))
        audit_submit(audit, event, false, NULL, NULL);
}

/* --- Written behind: how often something happened again --- */

struct audit_behind {
    struct store_job job;
    VEC(struct audit_count) counts;
};

static bool audit_behind_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct audit_behind *behind = job->owner;
    for (size_t i = 0; i < behind->counts.count; i++) {
        const struct audit_count *count = &behind->counts.items[i];
        const struct store_value values[] = {STORE_NUMBER(count->times), STORE_NUMBER(count->id)};
        if (!store_run(db, "UPDATE audit SET times = times + ? WHERE id = ?", values, 2, NULL, NULL, err))
            return false;
    }
    return true;
}

static void audit_behind_done(struct store_job *job, const struct err *error)
{
    (void)error; /* a full disk: the row itself is there, only its count stays behind */
    struct audit_behind *behind = job->owner;
    vec_done(&behind->counts);
    mem_free(behind);
}

static void audit_write_counts(struct audit *audit)
{
    if (audit->counts.count == 0)
        return;
    struct audit_behind *behind = mem_new(struct audit_behind);
    for (size_t i = 0; i < audit->counts.count; i++)
        vec_push(&behind->counts, audit->counts.items[i]);
    vec_clear(&audit->counts);
    behind->job = (struct store_job){.apply = audit_behind_apply, .done = audit_behind_done, .owner = behind};
    store_submit(audit->store, &behind->job);
}

static void audit_on_behind(struct loop_timer *timer)
{
    audit_write_counts(timer->owner);
}

void audit_flush(struct audit *audit)
{
    if (!audit)
        return;
    loop_timer_cancel(audit->loop, &audit->behind);
    loop_timer_cancel(audit->loop, &audit->sweep);
    audit_write_counts(audit);
}

/* --- Retention --- */

struct audit_sweep {
    struct store_job job;
    struct audit *audit;
    int64_t before_us;
    int64_t gone; /* rows */
};

static bool audit_sweep_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct audit_sweep *sweep = job->owner;
    const struct store_value values[] = {STORE_NUMBER(sweep->before_us), STORE_NUMBER(AUDIT_SWEEP_ROWS)};
    return store_run(db, "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at_us < ? ORDER BY at_us LIMIT ?)",
                     values, 2, NULL, NULL, err) &&
           store_run(db, "SELECT changes()", NULL, 0, audit_on_number, &sweep->gone, err);
}

static void audit_sweep_done(struct store_job *job, const struct err *error)
{
    struct audit_sweep *sweep = job->owner;
    bool more = !error && sweep->gone == AUDIT_SWEEP_ROWS; /* else the next sweep tries again */
    if (more && sweep->audit->sweep.index)                 /* not set: it was flushed, the server ends */
        loop_timer_set(sweep->audit->loop, &sweep->audit->sweep, AUDIT_BEHIND_US);
    mem_free(sweep);
}

static void audit_on_sweep(struct loop_timer *timer)
{
    struct audit *audit = timer->owner;
    struct audit_sweep *sweep = mem_new(struct audit_sweep);
    sweep->audit = audit;
    sweep->before_us = clock_wall_us() - limits_get(LIMIT_AUDIT) * 24 * 3600 * CLOCK_SECOND;
    sweep->job = (struct store_job){.apply = audit_sweep_apply, .done = audit_sweep_done, .owner = sweep};
    store_submit(audit->store, &sweep->job);
    loop_timer_set(audit->loop, timer, AUDIT_SWEEP_US);
}

/* --- Reading --- */

struct audit_reading {
    struct store_job job;
    struct arena *arena; /* owns this */
    struct audit_filter filter;
    int64_t action; /* -1: all */
    struct err refused;
    VEC(struct audit_row) rows;
    audit_rows *done;
    void *owner;
};

static void audit_on_row(void *owner, const struct store_value *columns, size_t count)
{
    struct audit_reading *reading = owner;
    (void)count;
    struct audit_row row = {.id = columns[0].number, .at_us = columns[1].number, .times = columns[8].number};
    row.event = (struct audit_event){.user = str_copy(reading->arena, columns[2].text),
                                     .address = str_copy(reading->arena, columns[3].text),
                                     .action = (enum audit_action)columns[4].number,
                                     .object = str_copy(reading->arena, columns[5].text),
                                     .tenant = str_copy(reading->arena, columns[6].text),
                                     .result = (enum err_code)columns[7].number};
    if (columns[4].number >= 0 && columns[4].number < AUDIT_ACTION_COUNT)
        vec_push(&reading->rows, row);
}

static bool audit_reading_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct audit_reading *reading = job->owner;
    const struct audit_filter *filter = &reading->filter;
    if (reading->refused.code != ERR_OK) {
        *err = reading->refused;
        return false;
    }
    const struct store_value values[] = {STORE_NUMBER(filter->since_us), STORE_NUMBER(filter->before_id),
                                         STORE_STRING(filter->user),     STORE_STRING(filter->tenant),
                                         STORE_NUMBER(reading->action),  STORE_NUMBER((int64_t)filter->limit)};
    return store_run(db,
                     "SELECT id, at_us, user, address, action, object, tenant, result, times FROM audit WHERE at_us >= "
                     "?1 AND id < ?2 AND (?3 = '' OR user = ?3) AND (?4 = '' OR tenant = ?4) AND (?5 < 0 OR action = "
                     "?5) ORDER BY id DESC LIMIT ?6",
                     values, 6, audit_on_row, reading, err);
}

static void audit_reading_done(struct store_job *job, const struct err *error)
{
    struct audit_reading *reading = job->owner;
    struct arena *arena = reading->arena;
    reading->done(reading->owner, reading->rows.items, error ? 0 : reading->rows.count, error);
    vec_done(&reading->rows);
    arena_free(&arena);
}

static bool audit_list_check(struct audit_reading *reading, const struct principal *who, struct err *err)
{
    struct audit_filter *filter = &reading->filter;
    if (!who->admin && !who->audit && filter->tenant.len == 0) {
        err_set(err, ERR_DENIED, "the whole audit trail needs the server role audit; %.*s has it not",
                STR_ARG(who->user));
        return err_hint(err, "an owner of a tenant may read what concerns the tenant: --tenant");
    }
    if (!who->admin && !who->audit && !principal_need(who, filter->tenant, ROLE_OWNER, err))
        return false;
    enum audit_action action;
    reading->action = -1;
    if (filter->action.len) {
        if (!audit_action_from_name(filter->action, &action, err))
            return false;
        reading->action = action;
    }
    if (filter->limit > AUDIT_ROWS_MAX)
        return err_set(err, ERR_INVALID, "at most %d rows at once", AUDIT_ROWS_MAX);
    return true;
}

void audit_list(struct audit *audit, const struct principal *who, const struct audit_filter *filter, audit_rows *done,
                void *owner)
{
    struct arena *arena = arena_new();
    struct audit_reading *reading = arena_new_object(arena, struct audit_reading);
    reading->arena = arena;
    reading->filter = *filter;
    reading->filter.user = str_copy(arena, filter->user);
    reading->filter.tenant = str_copy(arena, filter->tenant);
    if (filter->limit == 0)
        reading->filter.limit = AUDIT_ROWS_DEFAULT;
    if (filter->before_id == 0)
        reading->filter.before_id = INT64_MAX;
    reading->done = done;
    reading->owner = owner;
    if (!audit_list_check(reading, who, &reading->refused))
        reading->filter.limit = 0;
    reading->job = (struct store_job){.apply = audit_reading_apply, .done = audit_reading_done, .owner = reading};
    store_submit(audit->store, &reading->job);
}
