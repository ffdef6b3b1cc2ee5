/* /api/v1/tenants/{id}/iceberg/tables/{table}/…: snapshots, branches and tags, and the way back. Ids of snapshots are
 * texts: JSON's numbers are too small for them in many a language. */
#include <stdio.h>

#include "base/clock.h"
#include "face/rest/iceberg.h"

static const struct json *rest_snapshot_find(const struct json *metadata, int64_t id)
{
    const struct json *snapshots = json_get(metadata, "snapshots");
    for (size_t i = 0; i < json_count(snapshots); i++)
        if (json_i64(json_get(json_at(snapshots, i), "snapshot-id")) == id)
            return json_at(snapshots, i);
    return NULL;
}

static int64_t rest_snapshot_current(const struct json *metadata)
{
    const struct json *current = json_get(metadata, "current-snapshot-id");
    return json_kind(current) == JSON_I64 ? json_i64(current) : -1;
}

static void rest_write_id(struct json_writer *writer, const char *key, const struct json *id)
{
    char text[24];
    if (json_kind(id) != JSON_I64) {
        json_write_null(writer, key);
        return;
    }
    (void)snprintf(text, sizeof(text), "%lld", (long long)json_i64(id));
    json_write_text(writer, key, str_from(text));
}

static void rest_write_moment(struct json_writer *writer, const char *key, const struct json *ms)
{
    char text[28];
    clock_format(json_i64(ms) * CLOCK_MILLISECOND, text);
    json_write_text(writer, key, str_from(text));
}

/* --- Snapshots --- */

/* A figure of the summary, which has texts. */
static void rest_write_figure(struct json_writer *writer, const char *key, const struct json *summary, const char *name)
{
    int64_t number;
    if (str_to_i64(json_text(json_get(summary, name)), &number))
        json_write_i64(writer, key, number);
    else
        json_write_null(writer, key);
}

static void rest_snapshot_encode(struct json_writer *writer, const struct json *metadata, const struct json *snapshot)
{
    const struct json *summary = json_get(snapshot, "summary"), *refs = json_get(metadata, "refs");
    int64_t id = json_i64(json_get(snapshot, "snapshot-id"));
    json_begin_object(writer, NULL);
    rest_write_id(writer, "id", json_get(snapshot, "snapshot-id"));
    rest_write_id(writer, "parent", json_get(snapshot, "parent-snapshot-id"));
    rest_write_moment(writer, "committed", json_get(snapshot, "timestamp-ms"));
    json_write_text(writer, "operation", json_text(json_get(summary, "operation")));
    json_write_bool(writer, "current", id == rest_snapshot_current(metadata));
    json_begin_array(writer, "refs");
    for (size_t i = 0; i < json_count(refs); i++)
        if (json_i64(json_get(json_at(refs, i), "snapshot-id")) == id)
            json_write_text(writer, NULL, json_key_at(refs, i));
    json_end_array(writer);
    rest_write_figure(writer, "added_rows", summary, "added-records");
    rest_write_figure(writer, "rows", summary, "total-records");
    rest_write_figure(writer, "files", summary, "total-data-files");
    rest_write_figure(writer, "bytes", summary, "total-files-size");
    json_end_object(writer);
}

static void rest_snapshots_loaded(struct rest_lake *lake, const struct json *metadata)
{
    const struct json *snapshots = json_get(metadata, "snapshots");
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "snapshots");
    for (size_t i = json_count(snapshots); i > 0; i--) /* the newest first */
        rest_snapshot_encode(&writer, metadata, json_at(snapshots, i - 1));
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(lake->exchange, 200, &body);
}

void rest_lake_snapshots_get(struct rest_exchange *exchange)
{
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_READER, NULL);
    if (lake)
        rest_lake_load(lake, rest_snapshots_loaded);
}

/* --- Branches and tags --- */

static void rest_refs_loaded(struct rest_lake *lake, const struct json *metadata)
{
    const struct json *refs = json_get(metadata, "refs");
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "refs");
    for (size_t i = 0; i < json_count(refs); i++) {
        const struct json *ref = json_at(refs, i), *age = json_get(ref, "max-ref-age-ms");
        const struct json *snapshot = rest_snapshot_find(metadata, json_i64(json_get(ref, "snapshot-id")));
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "name", json_key_at(refs, i));
        json_write_text(&writer, "type", json_text(json_get(ref, "type")));
        rest_write_id(&writer, "snapshot", json_get(ref, "snapshot-id"));
        rest_write_moment(&writer, "committed", json_get(snapshot, "timestamp-ms"));
        if (age)
            json_write_i64(&writer, "max_age_s", json_i64(age) / 1000);
        else
            json_write_null(&writer, "max_age_s");
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    rest_answer_json(lake->exchange, 200, &body);
}

void rest_lake_refs_get(struct rest_exchange *exchange)
{
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_READER, NULL);
    if (lake)
        rest_lake_load(lake, rest_refs_loaded);
}

/* A snapshot by its id, or by the name of a branch or tag; empty: the current one. */
static bool rest_snapshot_named(const struct json *metadata, struct str text, int64_t *id_out, struct err *err)
{
    const struct json *refs = json_get(metadata, "refs");
    *id_out = rest_snapshot_current(metadata);
    for (size_t i = 0; i < json_count(refs) && text.len; i++) {
        if (!str_equal(json_key_at(refs, i), text))
            continue;
        *id_out = json_i64(json_get(json_at(refs, i), "snapshot-id"));
        return true;
    }
    if (text.len && !str_to_i64(text, id_out))
        return err_set(err, ERR_INVALID, "'%.*s' is neither the id of a snapshot nor a branch or tag", STR_ARG(text));
    if (*id_out >= 0 && rest_snapshot_find(metadata, *id_out))
        return true;
    if (!text.len)
        return err_set(err, ERR_PRECONDITION, "the table has no snapshot yet");
    return err_set(err, ERR_NOT_FOUND, "the table has no snapshot %.*s", STR_ARG(text));
}

/* The table is the same, and the reference is where it was. */
static void rest_requirements(struct buf *text, const struct json *metadata, struct str ref)
{
    struct json_writer writer = {.buf = text};
    const struct json *refs = json_get(metadata, "refs"), *now = NULL;
    for (size_t i = 0; i < json_count(refs); i++)
        if (str_equal(json_key_at(refs, i), ref))
            now = json_get(json_at(refs, i), "snapshot-id");
    json_begin_array(&writer, NULL);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "type", S("assert-table-uuid"));
    json_write_text(&writer, "uuid", json_text(json_get(metadata, "table-uuid")));
    json_end_object(&writer);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "type", S("assert-ref-snapshot-id"));
    json_write_text(&writer, "ref", ref);
    if (now)
        json_write_i64(&writer, "snapshot-id", json_i64(now));
    else
        json_write_null(&writer, "snapshot-id");
    json_end_object(&writer);
    json_end_array(&writer);
}

static void rest_set_ref(struct rest_lake *lake, const struct json *metadata, struct str ref, bool is_tag, int64_t id,
                         int64_t max_age_s, rest_lake_answered *answered)
{
    AUTO(buf) struct buf requirements = {0};
    AUTO(buf) struct buf updates = {0};
    struct json_writer writer = {.buf = &updates};
    rest_requirements(&requirements, metadata, ref);
    json_begin_array(&writer, NULL);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "action", S("set-snapshot-ref"));
    json_write_text(&writer, "ref-name", ref);
    json_write_text(&writer, "type", is_tag ? S("tag") : S("branch"));
    json_write_i64(&writer, "snapshot-id", id);
    if (max_age_s > 0)
        json_write_i64(&writer, "max-ref-age-ms", max_age_s * 1000);
    json_end_object(&writer);
    json_end_array(&writer);
    rest_lake_commit(lake, buf_str(&requirements), buf_str(&updates), answered);
}

static bool rest_ref_check(struct str name, struct err *err)
{
    if (!str_equal(name, S("main")))
        return true;
    err_set(err, ERR_INVALID, "main is the table itself");
    return err_hint(err, "`eider rollback TABLE --to ID` sets it back");
}

/* body: type, snapshot, max_age_s. */
static bool rest_ref_parse(const struct json *body, bool *is_tag_out, struct str *snapshot_out, int64_t *age_out,
                           struct err *err)
{
    const struct json *age = json_get(body, "max_age_s");
    struct str type;
    if (!json_get_text(body, "type", &type, err) || !json_get_text(body, "snapshot", snapshot_out, err))
        return err_wrap(err, "body");
    *is_tag_out = str_equal(type, S("tag"));
    if (!*is_tag_out && !str_equal(type, S("branch")))
        return err_set(err, ERR_INVALID, "body: type has to be tag or branch");
    *age_out = json_i64(age);
    if (age && (json_kind(age) != JSON_I64 || *age_out < 1 || *age_out > INT64_MAX / 1000))
        return err_set(err, ERR_INVALID, "body: max_age_s has to be a number of seconds above 0");
    return true;
}

static void rest_ref_put_loaded(struct rest_lake *lake, const struct json *metadata)
{
    struct str snapshot;
    int64_t id, age_s = 0;
    bool is_tag = false;
    struct err err;
    if (rest_ref_parse(lake->body, &is_tag, &snapshot, &age_s, &err) &&
        rest_snapshot_named(metadata, snapshot, &id, &err))
        rest_set_ref(lake, metadata, lake->parameter, is_tag, id, age_s, rest_lake_done);
    else
        rest_lake_fail(lake, &err);
}

void rest_lake_ref_put(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"type", "snapshot", "max_age_s", NULL};
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_WRITER, keys);
    struct err err;
    if (!lake)
        return;
    if (rest_ref_check(lake->parameter, &err))
        rest_lake_load(lake, rest_ref_put_loaded);
    else
        rest_lake_fail(lake, &err);
}

static void rest_ref_delete_loaded(struct rest_lake *lake, const struct json *metadata)
{
    const struct json *refs = json_get(metadata, "refs");
    AUTO(buf) struct buf requirements = {0};
    AUTO(buf) struct buf updates = {0};
    struct json_writer writer = {.buf = &updates};
    struct err err;
    bool found = false;
    for (size_t i = 0; i < json_count(refs); i++)
        found = found || str_equal(json_key_at(refs, i), lake->parameter);
    if (!found) {
        err_set(&err, ERR_NOT_FOUND, "the table has no branch or tag '%.*s'", STR_ARG(lake->parameter));
        rest_lake_fail(lake, &err);
        return;
    }
    rest_requirements(&requirements, metadata, lake->parameter);
    json_begin_array(&writer, NULL);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "action", S("remove-snapshot-ref"));
    json_write_text(&writer, "ref-name", lake->parameter);
    json_end_object(&writer);
    json_end_array(&writer);
    rest_lake_commit(lake, buf_str(&requirements), buf_str(&updates), rest_lake_done);
}

void rest_lake_ref_delete(struct rest_exchange *exchange)
{
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_OWNER, NULL);
    struct err err;
    if (!lake)
        return;
    if (rest_ref_check(lake->parameter, &err))
        rest_lake_load(lake, rest_ref_delete_loaded);
    else
        rest_lake_fail(lake, &err);
}

/* --- Rollback --- */

static void rest_rolled_back(struct rest_lake *lake, struct catalog_answer *answer)
{
    AUTO(buf) struct buf body = {0};
    struct json_writer writer = {.buf = &body};
    slice_release(&answer->metadata);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "snapshot", lake->shown);
    json_end_object(&writer);
    rest_answer_json(lake->exchange, 200, &body);
}

static void rest_rollback_loaded(struct rest_lake *lake, const struct json *metadata)
{
    struct str to;
    int64_t id;
    struct err err;
    bool ok = json_get_text(lake->body, "to", &to, &err);
    if (ok && to.len == 0)
        ok = err_set(&err, ERR_INVALID, "body: to is missing: a snapshot's id, or a tag");
    if (!ok || !rest_snapshot_named(metadata, to, &id, &err)) {
        rest_lake_fail(lake, &err);
        return;
    }
    lake->shown = str_format(rest_arena(lake->exchange), "%lld", (long long)id);
    rest_set_ref(lake, metadata, S("main"), false, id, 0, rest_rolled_back);
}

void rest_lake_rollback_post(struct rest_exchange *exchange)
{
    static const char *const keys[] = {"to", NULL};
    struct rest_lake *lake = rest_lake_new(exchange, ROLE_OWNER, keys);
    if (lake)
        rest_lake_load(lake, rest_rollback_loaded);
}
