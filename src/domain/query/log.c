/* What runs and what ran: from memory what has not ended or was not written yet, the rest from the store. */
#include "base/clock.h"
#include "base/limits.h"
#include "domain/query/query_priv.h"
#include "platform/store/store.h"

/* Rows of the store that one page looks at, so that others who need the store do not wait for a rare filter. */
#define QUERY_LOG_SCAN 20000

struct query_log_page {
    struct store_job job;
    struct arena *arena; /* owns this */
    struct tenant_list *tenants;
    const struct principal *who;
    struct query_log_filter filter;
    int64_t slow_us;
    /* JSON lists of tenants, for SQL. */
    struct str visible, owned;
    VEC(struct query_info) infos;
    int64_t first, last; /* rows that the store has */
    int64_t from, at;    /* rows that are looked at: from <= number < filter.before; the last one that was taken */
    size_t taken;        /* from the store */
    query_log_done *done;
    void *owner;
};

/* --- Memory --- */

/* Their own; and an owner what ran since the tenant has existed: one of that name may have been deleted before. */
static bool query_log_may_see(const struct query_log_page *page, const struct query_info *info)
{
    struct err hidden;
    enum role role = principal_role(page->who, info->tenant);
    if (page->who->admin || (role != ROLE_NONE && str_equal(page->who->user, info->user)))
        return true;
    const struct tenant *tenant = tenant_find(page->tenants, info->tenant, &hidden);
    return role == ROLE_OWNER && tenant && tenant->created_us <= info->started_wall_us;
}

static void query_log_keep(struct query_log_page *page, const struct query_info *info)
{
    struct query_info copy = *info;
    struct str *texts[] = {&copy.id,  &copy.tenant,  &copy.user, &copy.protocol,
                           &copy.sql, &copy.session, &copy.role, &copy.error};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = str_copy(page->arena, *texts[i]);
    vec_push(&page->infos, copy);
}

static void query_log_offer(void *owner, const struct query_info *info)
{
    struct query_log_page *page = owner;
    const struct query_log_filter *filter = &page->filter;
    bool matches = (filter->state < 0 || filter->state == info->state) &&
                   (filter->outcome < 0 || (info->state == QUERY_ENDED && filter->outcome == info->outcome)) &&
                   (filter->tenant.len == 0 || str_equal(filter->tenant, info->tenant)) &&
                   (filter->user.len == 0 || str_equal(filter->user, info->user)) &&
                   info->started_wall_us >= filter->since_us && info->run_us >= page->slow_us;
    if (matches && page->infos.count < filter->limit && query_log_may_see(page, info))
        query_log_keep(page, info);
}

/* --- The store, on its thread --- */

/* The filter lets statements pass that have ended. */
static bool query_log_has_ended(const struct query_log_page *page)
{
    return page->filter.state < 0 || page->filter.state == QUERY_ENDED;
}

static void query_log_on_range(void *owner, const struct store_value *columns, size_t count)
{
    struct query_log_page *page = owner;
    (void)count;
    page->first = columns[0].number;
    page->last = columns[1].number;
}

static void query_log_on_row(void *owner, const struct store_value *columns, size_t count)
{
    struct query_log_page *page = owner;
    (void)count;
    const struct query_info info = {
        .id = columns[1].text,
        .tenant = columns[2].text,
        .user = columns[3].text,
        .role = columns[4].text,
        .session = columns[5].text,
        .protocol = columns[6].text,
        .sql = columns[7].text,
        .state = QUERY_ENDED,
        .outcome = (int)columns[8].number,
        .error = columns[9].text,
        .started_wall_us = columns[10].number,
        .queued_us = columns[11].number,
        .run_us = columns[12].number,
        .rows = (uint64_t)columns[13].number,
        .bytes = (uint64_t)columns[14].number,
        .memory_bytes = (uint64_t)columns[15].number,
    };
    page->at = columns[0].number;
    page->taken++;
    query_log_keep(page, &info);
}

static bool query_log_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    struct query_log_page *page = job->owner;
    const struct query_log_filter *filter = &page->filter;
    if (!store_run(db, "SELECT min(number), max(number) FROM statements", NULL, 0, query_log_on_range, page, err))
        return false;
    int64_t before = filter->before && filter->before <= page->last ? filter->before : page->last + 1;
    page->from = before - QUERY_LOG_SCAN;
    const struct store_value values[] = {
        STORE_NUMBER(before),
        STORE_NUMBER(page->from),
        STORE_STRING(filter->tenant),
        STORE_STRING(filter->user),
        STORE_NUMBER(filter->outcome),
        STORE_NUMBER(filter->since_us),
        STORE_NUMBER(page->slow_us),
        STORE_NUMBER(page->who->admin),
        STORE_STRING(page->who->user),
        STORE_NUMBER(page->who->everywhere),
        STORE_STRING(page->visible),
        STORE_STRING(page->owned),
        STORE_NUMBER(query_log_has_ended(page) ? (int64_t)(filter->limit - page->infos.count) : 0),
        STORE_NUMBER(ROLE_OWNER),
    };
    return store_run(
        db,
        "SELECT number, s.id, tenant, user, role, session, protocol, sql, outcome, error, started_us, queued_us, "
        "run_us, rows, bytes, memory_bytes FROM statements s WHERE number < ?1 AND number >= ?2 AND (?3 = '' OR tenant "
        "= ?3) AND (?4 = '' OR user = ?4) AND (?5 < 0 OR outcome = ?5) AND started_us >= ?6 AND run_us >= ?7 AND (?8 "
        "OR (user = ?9 AND (?10 OR tenant IN (SELECT value FROM json_each(?11)))) "
        "OR ((?10 = ?14 OR tenant IN (SELECT value FROM json_each(?12))) "
        "AND started_us >= (SELECT created_us FROM tenants t WHERE t.id = tenant))) ORDER BY number DESC LIMIT ?13",
        values, sizeof(values) / sizeof(values[0]), query_log_on_row, page, err);
}

static void query_log_read(struct store_job *job, const struct err *error)
{
    struct query_log_page *page = job->owner;
    struct arena *arena = page->arena;
    bool full = page->infos.count == page->filter.limit;
    int64_t before = full ? (page->taken ? page->at : page->last + 1) : page->from;
    if (error || !query_log_has_ended(page) || before <= page->first)
        before = 0;
    page->done(page->owner, page->infos.items, error ? 0 : page->infos.count, before, error);
    vec_done(&page->infos);
    arena_free(&arena);
}

/* --- Asking --- */

/* ["a","b"]: the tenants in which who has this role by a grant. Ids need no escapes. */
static struct str query_log_tenants(struct arena *arena, const struct principal *who, enum role role)
{
    AUTO(buf) struct buf list = {0};
    buf_append_char(&list, '[');
    for (size_t i = 0; i < who->grant_count; i++) {
        if (who->grants[i].role < role || !tenant_id_check(who->grants[i].tenant, &(struct err){0}))
            continue;
        buf_printf(&list, "%s\"%.*s\"", buf_len(&list) > 1 ? "," : "", STR_ARG(who->grants[i].tenant));
    }
    buf_append_char(&list, ']');
    return str_copy(arena, buf_str(&list));
}

void query_log(struct query *query, const struct principal *who, const struct query_log_filter *filter,
               query_log_done *done, void *owner)
{
    struct arena *arena = arena_new();
    struct query_log_page *page = arena_new_object(arena, struct query_log_page);
    page->arena = arena;
    page->tenants = query->tenants;
    page->who = principal_copy(arena, who);
    page->filter = *filter;
    page->filter.tenant = str_copy(arena, filter->tenant);
    page->filter.user = str_copy(arena, filter->user);
    page->slow_us = filter->slow ? limits_get(LIMIT_SLOW) * CLOCK_MILLISECOND : 0;
    page->visible = query_log_tenants(arena, who, ROLE_READER);
    page->owned = query_log_tenants(arena, who, ROLE_OWNER);
    page->done = done;
    page->owner = owner;
    query_journal_flush(&query->journal);
    for (struct list *node = query->statements.prev; !filter->before && node != &query->statements; node = node->prev) {
        struct query_info info;
        query_statement_info(list_object(node, struct statement, node), &info);
        query_log_offer(page, &info);
    }
    if (!filter->before)
        query_journal_each(&query->journal, query_log_offer, page);
    page->job = (struct store_job){.apply = query_log_apply, .done = query_log_read, .owner = page};
    store_submit(query->journal.store, &page->job);
}
