/* Commits to one table or view, and to several tables at once. */
#include "face/iceberg/iceberg_priv.h"

/* CommitTableRequest. named: it may, or has to, name the table itself. */
static bool iceberg_change_get(struct iceberg_exchange *exchange, const struct json *request, bool named,
                               struct catalog_change *change_out, struct err *err)
{
    change_out->requirements = json_get(request, "requirements");
    change_out->updates = json_get(request, "updates");
    if (named && !iceberg_parse_identifier(exchange->arena, request, "identifier", &change_out->name, err))
        return false;
    if (change_out->requirements && json_kind(change_out->requirements) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "requirements has to be an array");
    if (json_kind(change_out->updates) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "updates has to be an array");
    return true;
}

void iceberg_commit_post(struct iceberg_exchange *exchange)
{
    struct catalog_change change = {.name = *exchange->name};
    struct err err;
    if (iceberg_change_get(exchange, exchange->body, false, &change, &err))
        catalog_commit(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_answer_committed),
                       exchange->route->kind, &change);
    else
        iceberg_fail(exchange, &err);
}

static bool iceberg_changes_get(struct iceberg_exchange *exchange, struct catalog_change **changes_out,
                                size_t *count_out, struct err *err)
{
    const struct json *array = json_get(exchange->body, "table-changes");
    size_t count = json_count(array);
    if (json_kind(array) != JSON_ARRAY || count == 0)
        return err_set(err, ERR_INVALID, "table-changes has to be an array with a change");
    struct catalog_change *changes = arena_array(exchange->arena, count, sizeof(*changes));
    for (size_t i = 0; i < count; i++) {
        if (!iceberg_change_get(exchange, json_at(array, i), true, &changes[i], err))
            return err_wrap(err, "table-changes %zu", i);
    }
    *changes_out = changes;
    *count_out = count;
    return true;
}

void iceberg_transaction_post(struct iceberg_exchange *exchange)
{
    struct catalog_change *changes = NULL;
    size_t count = 0;
    struct err err;
    if (iceberg_changes_get(exchange, &changes, &count, &err))
        catalog_commit_all(exchange->iceberg->options.catalog, iceberg_ask(exchange, iceberg_answer_empty), changes,
                           count);
    else
        iceberg_fail(exchange, &err);
}
