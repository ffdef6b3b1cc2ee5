/* INSPECT: do the files that manifest lists lead to lie below the warehouse's root?
 *
 * {"root": "file:///…", "manifest_lists": […], "credentials": {"s3.access-key-id": …}}. The rules for locations are
 * those of platform/object/location.h; SQL picks out what may break them, since a manifest may name a hundred thousand
 * files. Manifests never change, so one that was found good is not read again. */
#include <pthread.h>

#include "base/map.h"
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
#include "platform/object/location.h"
#include "worker/procedures.h"
#include "worker/sql.h"
#include "worker/statement.h"

/* Manifests that are remembered; beyond it all are forgotten. */
#define INSPECT_KNOWN_MAX 20000

static struct {
    pthread_mutex_t lock; /* guards what follows */
    struct map good;      /* locations; the value says nothing */
} inspect_known = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool inspect_is_known(struct str location)
{
    pthread_mutex_lock(&inspect_known.lock);
    bool known = map_get(&inspect_known.good, location) != NULL;
    pthread_mutex_unlock(&inspect_known.lock);
    return known;
}

static void inspect_remember(struct str location)
{
    pthread_mutex_lock(&inspect_known.lock);
    if (inspect_known.good.count >= INSPECT_KNOWN_MAX)
        map_done(&inspect_known.good);
    map_put(&inspect_known.good, location, &inspect_known);
    pthread_mutex_unlock(&inspect_known.lock);
}

struct inspect {
    struct worker_statement *statement;
    struct str root;
};

/* SQL that is true for column `path` where no closer look is needed; regular expressions would take most of the time.
 */
static void inspect_append_plain(const struct inspect *inspect, struct buf *sql)
{
    static const char *const forms[] = {"file:///", "file:/", "/"};
    struct str root = inspect->root;
    bool local = str_starts_with(root, S("file:///"));
    buf_append_str(sql, S("(NOT contains(path, '/.') AND NOT contains(path, '\\') AND ("));
    for (size_t i = 0; i < (local ? 3 : 1); i++) {
        struct str below = local ? str_from_index(root, sizeof("file:///") - 1) : root;
        below = str_format(inspect->statement->arena, "%s%.*s/", local ? forms[i] : "", STR_ARG(below));
        buf_append_str(sql, i ? S(" OR starts_with(path, ") : S("starts_with(path, "));
        sql_append_text(sql, below);
        buf_append_char(sql, ')');
    }
    buf_append_str(sql, S("))"));
}

/* --- Reading --- */

/* "FROM read_avro('path')"; a local file by its bare path, which DuckDB's list of directories knows. */
static bool inspect_append_from(const struct inspect *inspect, struct buf *sql, struct str location, struct err *err)
{
    struct str path;
    if (!location_normal(inspect->statement->arena, location, &path, err))
        return false;
    if (str_starts_with(path, S("file://")))
        path = str_from_index(path, sizeof("file://") - 1);
    buf_append_str(sql, S(" FROM read_avro("));
    sql_append_text(sql, path);
    buf_append_char(sql, ')');
    return true;
}

static bool inspect_rows(struct inspect *inspect, struct str what, struct str location, struct buf *sql,
                         const struct json **rows_out, struct err *err)
{
    struct worker_statement *statement = inspect->statement;
    if (sql_rows(statement, statement->arena, buf_str(sql), rows_out, err))
        return true;
    if (err->code != ERR_CANCELLED && err->code != ERR_RESOURCE)
        err->code = ERR_INVALID;
    return err_wrap(err, "%.*s '%.*s' cannot be read", STR_ARG(what), STR_ARG(str_slice(location, 0, 150)));
}

static bool inspect_refuse(const struct inspect *inspect, struct str what, struct str location, struct str bad,
                           struct err *err)
{
    err_set(err, ERR_INVALID, "%.*s '%.*s' names '%.*s', which lies outside the tenant's warehouse", STR_ARG(what),
            STR_ARG(str_slice(location, 0, 150)), STR_ARG(str_slice(bad, 0, 150)));
    return err_hint(err, "every file of a table lies below %.*s", STR_ARG(str_slice(inspect->root, 0, 110)));
}

/* Each path that was found is allowed, or the error names the first that is not. */
static bool inspect_paths(struct inspect *inspect, struct str what, struct str location, const struct json *rows,
                          struct err *err)
{
    for (size_t i = 0; i < json_count(rows); i++) {
        struct str path = json_text(json_get(json_at(rows, i), "path"));
        struct err outside; /* which rule it breaks says less than which file it is */
        if (!location_check(inspect->statement->arena, inspect->root, path, &outside))
            return inspect_refuse(inspect, what, location, path, err);
    }
    return true;
}

static bool inspect_manifest(struct inspect *inspect, struct str location, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *rows;
    struct str what = S("manifest");
    if (inspect_is_known(location))
        return true;
    buf_append_str(&sql, S("SELECT path FROM (SELECT data_file.file_path AS path"));
    if (!inspect_append_from(inspect, &sql, location, err))
        return false;
    buf_append_str(&sql, S(") WHERE path IS NULL OR NOT "));
    inspect_append_plain(inspect, &sql);
    buf_append_str(&sql, S(" OR regexp_matches(path, '[\\x00-\\x1f\\x7f]')"));
    if (!inspect_rows(inspect, what, location, &sql, &rows, err) || !inspect_paths(inspect, what, location, rows, err))
        return false;
    inspect_remember(location);
    return true;
}

/* Its own location was checked with the metadata that names it. */
static bool inspect_list(struct inspect *inspect, struct str location, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *manifests;
    struct str what = S("manifest list");
    buf_append_str(&sql, S("SELECT manifest_path AS path"));
    if (!inspect_append_from(inspect, &sql, location, err) ||
        !inspect_rows(inspect, what, location, &sql, &manifests, err) ||
        !inspect_paths(inspect, what, location, manifests, err))
        return false;
    for (size_t i = 0; i < json_count(manifests); i++)
        if (!inspect_manifest(inspect, json_text(json_get(json_at(manifests, i), "path")), err))
            return false;
    return true;
}

/* --- Keys --- */

static void inspect_append_key(struct buf *sql, const char *option, struct str value)
{
    if (!value.len)
        return;
    buf_printf(sql, ", %s ", option);
    sql_append_text(sql, value);
}

/* Of this worker only, for what lies below the root. */
static bool inspect_unlock(struct inspect *inspect, const struct json *keys, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    struct str endpoint = json_text(json_get(keys, "s3.endpoint"));
    bool plain = str_starts_with(endpoint, S("http://"));
    if (!json_get(keys, "s3.access-key-id"))
        return true;
    ptrdiff_t host = str_find(endpoint, S("://"));
    buf_append_str(&sql, S("CREATE OR REPLACE TEMPORARY SECRET inspect (TYPE s3"));
    inspect_append_key(&sql, "KEY_ID", json_text(json_get(keys, "s3.access-key-id")));
    inspect_append_key(&sql, "SECRET", json_text(json_get(keys, "s3.secret-access-key")));
    inspect_append_key(&sql, "SESSION_TOKEN", json_text(json_get(keys, "s3.session-token")));
    inspect_append_key(&sql, "REGION", json_text(json_get(keys, "client.region")));
    inspect_append_key(&sql, "ENDPOINT", host < 0 ? endpoint : str_from_index(endpoint, (size_t)host + 3));
    if (str_equal(json_text(json_get(keys, "s3.path-style-access")), S("true")))
        inspect_append_key(&sql, "URL_STYLE", S("path"));
    inspect_append_key(&sql, "SCOPE", inspect->root);
    buf_printf(&sql, ", USE_SSL %s)", plain ? "false" : "true");
    return engine_tell(inspect->statement->session, buf_str(&sql), err);
}

bool worker_inspect(struct worker_statement *statement, const struct json *arguments, struct str *answer_out,
                    struct err *err)
{
    struct inspect inspect = {.statement = statement, .root = json_text(json_get(arguments, "root"))};
    const struct json *lists = json_get(arguments, "manifest_lists");
    if (!inspect_unlock(&inspect, json_get(arguments, "credentials"), err))
        return err_wrap(err, "reach the warehouse");
    for (size_t i = 0; i < json_count(lists); i++)
        if (!inspect_list(&inspect, json_text(json_at(lists, i)), err))
            return false;
    *answer_out = S("SELECT true AS good");
    return true;
}
