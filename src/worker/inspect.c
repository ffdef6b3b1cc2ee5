/* INSPECT: do the files that manifest lists lead to lie below the warehouse's root?
 *
 * {"root": "file:///…", "manifest_lists": […], "credentials": {"s3.access-key-id": …}}. The rules for locations are
 * those of domain/catalog/location.c, here in SQL, since a manifest may name a hundred thousand files. Manifests never
 * change, so one that was found good is not read again. */
#include <pthread.h>

#include "base/map.h"
#include "platform/engine/procedure.h"
#include "platform/json/json.h"
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

/* --- Reading --- */

/* "FROM read_avro('path')"; a local file by its bare path, which DuckDB's list of directories knows. */
static void inspect_append_from(struct buf *sql, struct str location)
{
    static const char *const local[] = {"file://localhost/", "file:///", "file:/", "//localhost/", NULL};
    for (size_t i = 0; local[i]; i++) {
        if (!str_starts_with(location, str_from(local[i])))
            continue;
        location = str_from_index(location, strlen(local[i]) - 1);
        break;
    }
    buf_append_str(sql, S(" FROM read_avro("));
    sql_append_text(sql, location);
    buf_append_char(sql, ')');
}

/* Is the location in column `path` one that is not allowed? */
static void inspect_append_bad(const struct inspect *inspect, struct buf *sql)
{
    AUTO(buf) struct buf below = {0};
    buf_printf(&below, "%.*s/", STR_ARG(inspect->root));
    buf_append_str(sql, S("(path IS NULL OR regexp_matches(path, '(^|/)[.]{1,2}(/|$)|[\\x00-\\x1f\\x7f\\\\]') OR "
                          "NOT starts_with(regexp_replace(path, "
                          "'^(file:///|file://localhost/|//localhost/|file:/|/)', 'file:///'), "));
    sql_append_text(sql, buf_str(&below));
    buf_append_str(sql, S("))"));
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

/* Names the first file that is not allowed. */
static bool inspect_manifest(struct inspect *inspect, struct str location, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *rows;
    if (inspect_is_known(location))
        return true;
    buf_append_str(&sql, S("SELECT path FROM (SELECT data_file.file_path AS path"));
    inspect_append_from(&sql, location);
    buf_append_str(&sql, S(") WHERE "));
    inspect_append_bad(inspect, &sql);
    buf_append_str(&sql, S(" LIMIT 1"));
    if (!inspect_rows(inspect, S("manifest"), location, &sql, &rows, err))
        return false;
    if (json_count(rows))
        return inspect_refuse(inspect, S("manifest"), location, json_text(json_get(json_at(rows, 0), "path")), err);
    inspect_remember(location);
    return true;
}

/* Its own location was checked with the metadata that names it. */
static bool inspect_list(struct inspect *inspect, struct str location, struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    const struct json *manifests;
    struct str what = S("manifest list");
    buf_append_str(&sql, S("SELECT path, "));
    inspect_append_bad(inspect, &sql);
    buf_append_str(&sql, S(" AS bad FROM (SELECT manifest_path AS path"));
    inspect_append_from(&sql, location);
    buf_append_str(&sql, S(") ORDER BY bad DESC"));
    if (!inspect_rows(inspect, what, location, &sql, &manifests, err))
        return false;
    for (size_t i = 0; i < json_count(manifests); i++) {
        const struct json *manifest = json_at(manifests, i);
        struct str path = json_text(json_get(manifest, "path"));
        if (json_bool(json_get(manifest, "bad")))
            return inspect_refuse(inspect, what, location, path, err);
        if (!inspect_manifest(inspect, path, err))
            return false;
    }
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
