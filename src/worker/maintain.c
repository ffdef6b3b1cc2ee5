/* The procedure: which tables, which actions, and what is reported of them. */
#include "worker/maintain.h"

#include "base/clock.h"
#include "platform/object/object.h"
#include "worker/procedures.h"
#include "worker/worker_priv.h"

/* How often an action is begun again that lost against another commit. */
#define MAINTAIN_TRIES 3

static const struct {
    const char *name;
    enum maintain_action action;
    bool (*run)(struct maintain *maintain, const struct json *identifier, struct err *err);
} maintain_actions[] = {
    {"compact", MAINTAIN_COMPACT, maintain_compact},
    {"expire", MAINTAIN_EXPIRE, maintain_expire},
    {"orphans", MAINTAIN_ORPHANS, maintain_orphans},
    {"statistics", MAINTAIN_STATISTICS, maintain_statistics},
};
#define MAINTAIN_ACTION_COUNT (sizeof(maintain_actions) / sizeof(maintain_actions[0]))

void maintain_report(struct maintain *maintain, const struct maintain_done *done)
{
    struct buf *answer = &maintain->answer;
    buf_append_str(answer, buf_len(answer) ? S(", (") : S("("));
    sql_append_text(answer, done->table);
    buf_printf(answer, ", '%s', %lld, %lld, %lld, ", done->action, (long long)done->files, (long long)done->bytes,
               (long long)done->rows);
    sql_append_text(answer, done->detail);
    buf_append_char(answer, ')');
}

void maintain_discard(struct maintain *maintain, const struct str *locations, size_t count)
{
    struct err ignored;
    bool deleted = object_delete(maintain->store, locations, count, &ignored);
    (void)deleted;
}

static bool maintain_wish_parse(const struct json *arguments, struct maintain_wish *wish, struct err *err)
{
    const struct json *actions = json_get(arguments, "actions");
    wish->dry_run = json_bool(json_get(arguments, "dry_run"));
    wish->older_than_ms = sql_number(json_get(arguments, "older_than_ms"), -1);
    wish->keep = sql_number(json_get(arguments, "keep"), -1);
    wish->grace_ms = sql_number(json_get(arguments, "grace_ms"), limits_get(LIMIT_MAINTAIN_GRACE) * 1000);
    wish->orphan_age_ms =
        sql_number(json_get(arguments, "orphan_age_ms"), limits_get(LIMIT_MAINTAIN_ORPHAN_AGE) * 1000);
    for (size_t i = 0; i < json_count(actions); i++) {
        unsigned known = 0;
        for (size_t j = 0; j < MAINTAIN_ACTION_COUNT; j++)
            if (str_equal(json_text(json_at(actions, i)), str_from(maintain_actions[j].name)))
                known = maintain_actions[j].action;
        if (!known)
            return err_set(err, ERR_INVALID, "no action of maintenance is called '%.*s'",
                           STR_ARG(json_text(json_at(actions, i))));
        wish->actions |= known;
    }
    return true;
}

static bool maintain_try(struct maintain *maintain, size_t action, const struct json *identifier, struct err *err)
{
    bool ok = false;
    for (int tries = 0; tries < MAINTAIN_TRIES && !ok; tries++) {
        ok = maintain_actions[action].run(maintain, identifier, err);
        if (!ok && err->code != ERR_CONFLICT)
            return false;
    }
    return ok;
}

/* One table's trouble does not keep others from being maintained: it becomes a row of the answer. */
static bool maintain_table_all(struct maintain *maintain, const struct json *identifier, bool alone, struct err *err)
{
    for (size_t i = 0; i < MAINTAIN_ACTION_COUNT; i++) {
        if (!(maintain->wish.actions & maintain_actions[i].action))
            continue;
        if (maintain_try(maintain, i, identifier, err))
            continue;
        if (alone || err->code == ERR_CANCELLED)
            return false;
        if (err->code == ERR_NOT_FOUND) /* dropped meanwhile */
            return true;
        struct maintain_done done = {.table = json_text(json_get(identifier, "name")),
                                     .action = maintain_actions[i].name,
                                     .detail = str_format(maintain->arena, "failed: %s", err->message)};
        maintain_report(maintain, &done);
    }
    return true;
}

static bool maintain_work(struct maintain *maintain, const struct json *arguments, struct err *err)
{
    const struct json *table = json_get(arguments, "table"), *identifiers;
    if (table)
        return maintain_table_all(maintain, table, true, err);
    if (!maintain_list(maintain, maintain->arena, &identifiers, err))
        return false;
    for (size_t i = 0; i < json_count(identifiers); i++)
        if (!maintain_table_all(maintain, json_at(identifiers, i), false, err))
            return false;
    const struct json *kept = json_get(arguments, "kept");
    return !kept || !(maintain->wish.actions & MAINTAIN_ORPHANS) || maintain_strays(maintain, kept, err);
}

bool worker_maintain(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                     struct err *err)
{
    struct maintain maintain = {
        .statement = statement, .arena = statement->arena, .now_ms = clock_wall_us() / CLOCK_MILLISECOND};
    bool ok = maintain_wish_parse(arguments, &maintain.wish, err) && maintain_open(&maintain, err) &&
              maintain_work(&maintain, arguments, err);
    struct str rows = buf_str(&maintain.answer);
    if (ok)
        *answer_out = str_format(statement->arena,
                                 "SELECT \"table\", action, files::BIGINT AS files, bytes::BIGINT AS bytes, "
                                 "\"rows\"::BIGINT AS \"rows\", detail FROM (VALUES %.*s) "
                                 "t(\"table\", action, files, bytes, \"rows\", detail)%s",
                                 STR_ARG(rows.len ? rows : S("('', '', 0, 0, 0, '')")), rows.len ? "" : " WHERE false");
    maintain_close(&maintain);
    return ok;
}
