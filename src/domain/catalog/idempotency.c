/* Requests that are repeated with the same Idempotency-Key: what was answered is kept in the transaction of the change,
 * and given again. A key is looked for where it is kept, at the end of the work: whatever the second request found
 * meanwhile ("already exists") gives way to the first one's answer. */
#include "domain/catalog/idempotency.h"

#include "base/clock.h"
#include "base/limits.h"
#include "domain/catalog/catalog_priv.h"
#include "platform/json/json.h"

#define IDEMPOTENCY_SWEEP_US (600 * CLOCK_SECOND)
#define IDEMPOTENCY_LIFE_US (CATALOG_KEY_LIFE_S * CLOCK_SECOND)

bool idempotency_check_key(struct str key, struct err *err)
{
    bool ok = key.len == 36;
    for (size_t i = 0; ok && i < key.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool digit = (key.ptr[i] >= '0' && key.ptr[i] <= '9') || (key.ptr[i] >= 'a' && key.ptr[i] <= 'f') ||
                     (key.ptr[i] >= 'A' && key.ptr[i] <= 'F');
        ok = dash ? key.ptr[i] == '-' : digit;
    }
    return ok || err_set(err, ERR_INVALID, "Idempotency-Key is no UUID");
}

bool idempotency_is_final(enum catalog_problem problem)
{
    switch (problem) {
    case CATALOG_FINE:
    case CATALOG_BAD_REQUEST:
    case CATALOG_NO_NAMESPACE:
    case CATALOG_NO_TABLE:
    case CATALOG_NO_VIEW:
    case CATALOG_NO_FILE:
    case CATALOG_EXISTS:
    case CATALOG_COMMIT_FAILED:
    case CATALOG_NOT_EMPTY:
    case CATALOG_UNPROCESSABLE:
    case CATALOG_READ_ONLY:
    case CATALOG_UNSUPPORTED:
        return true;
    case CATALOG_NO_WAREHOUSE:
    case CATALOG_FORBIDDEN:
    case CATALOG_UNAVAILABLE:
    case CATALOG_FAILED:
        return false;
    }
    return false;
}

/* --- What an answer is, as text --- */

static void idempotency_write_texts(struct json_writer *writer, const char *key, const struct str *texts, size_t count)
{
    json_begin_array(writer, key);
    for (size_t i = 0; i < count; i++)
        json_write_text(writer, NULL, texts[i]);
    json_end_array(writer);
}

static struct str idempotency_detail(const struct operation *operation)
{
    const struct catalog_answer *answer = &operation->answer;
    AUTO(buf) struct buf text = {0};
    struct json_writer writer = {.buf = &text};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "location", answer->location);
    json_begin_array(&writer, "properties");
    for (size_t i = 0; i < answer->property_count; i++) {
        json_write_text(&writer, NULL, answer->properties[i].key);
        json_write_text(&writer, NULL, answer->properties[i].value);
    }
    json_end_array(&writer);
    idempotency_write_texts(&writer, "updated", answer->updated, answer->updated_count);
    idempotency_write_texts(&writer, "removed", answer->removed, answer->removed_count);
    idempotency_write_texts(&writer, "missing", answer->missing, answer->missing_count);
    json_end_object(&writer);
    return str_copy(operation->arena, buf_str(&text));
}

static const struct str *idempotency_texts(struct arena *arena, const struct json *detail, const char *key,
                                           size_t *count_out)
{
    const struct json *array = json_get(detail, key);
    size_t count = *count_out = json_count(array);
    struct str *texts = arena_array(arena, count + 1, sizeof(*texts));
    for (size_t i = 0; i < count; i++)
        texts[i] = json_text(json_at(array, i));
    return texts;
}

/* The answer of then; runs on the store's thread, where the operation is. */
static void idempotency_recall(struct operation *operation, struct str detail_text)
{
    struct arena *arena = operation->arena;
    struct catalog_answer *answer = &operation->answer;
    struct err error;
    const struct json *detail = json_parse(arena, str_copy(arena, detail_text), &error);
    answer->location = json_text(json_get(detail, "location"));
    size_t count;
    const struct str *flat = idempotency_texts(arena, detail, "properties", &count);
    struct catalog_pair *properties = arena_array(arena, count / 2 + 1, sizeof(*properties));
    for (size_t i = 0; i < count / 2; i++)
        properties[i] = (struct catalog_pair){flat[2 * i], flat[2 * i + 1]};
    answer->properties = properties;
    answer->property_count = count / 2;
    answer->updated = idempotency_texts(arena, detail, "updated", &answer->updated_count);
    answer->removed = idempotency_texts(arena, detail, "removed", &answer->removed_count);
    answer->missing = idempotency_texts(arena, detail, "missing", &answer->missing_count);
}

/* --- Keeping --- */

struct idempotency_seen {
    struct operation *operation;
    bool found, differs;
};

/* problem, message, metadata, detail, fingerprint */
static void idempotency_on_row(void *owner, const struct store_value *columns, size_t count)
{
    struct idempotency_seen *seen = owner;
    struct operation *operation = seen->operation;
    struct catalog_answer *answer = &operation->answer;
    (void)count;
    seen->found = true;
    if (!str_equal(columns[4].text, operation->request.fingerprint)) {
        seen->differs = true;
        return;
    }
    answer->problem = (enum catalog_problem)columns[0].number;
    err_set(&operation->error, ERR_PRECONDITION, "%.*s", STR_ARG(columns[1].text));
    answer->metadata_location = str_copy(operation->arena, columns[2].text);
    idempotency_recall(operation, columns[3].text);
}

static bool idempotency_insert(struct operation *operation, struct store_db *db, size_t *count_out, struct err *err)
{
    const struct catalog_answer *answer = &operation->answer;
    bool fine = answer->problem == CATALOG_FINE;
    const struct store_value values[] = {
        STORE_STRING(operation->request.tenant),
        STORE_STRING(operation->request.idempotency_key),
        STORE_STRING(operation->request.fingerprint),
        STORE_NUMBER(answer->problem),
        STORE_STRING(fine ? S("") : err_message(&operation->error)),
        STORE_STRING(fine ? answer->metadata_location : S("")),
        STORE_STRING(fine ? idempotency_detail(operation) : S("{}")),
        STORE_NUMBER(clock_wall_us()),
    };
    return rows_count(db,
                      "INSERT INTO catalog_keys(tenant, key, fingerprint, problem, message, metadata, detail, at_us) "
                      "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING key",
                      values, 8, count_out, err);
}

bool idempotency_keep(struct operation *operation, struct store_db *db, struct err *err)
{
    size_t count;
    if (!idempotency_insert(operation, db, &count, err))
        return false;
    if (count)
        return true;
    const struct store_value values[] = {STORE_STRING(operation->request.tenant),
                                         STORE_STRING(operation->request.idempotency_key)};
    struct idempotency_seen seen = {.operation = operation};
    if (!store_run(db,
                   "SELECT problem, message, metadata, detail, fingerprint FROM catalog_keys WHERE tenant = ? AND key "
                   "= ?",
                   values, 2, idempotency_on_row, &seen, err))
        return false;
    if (seen.differs) {
        operation->refusal = CATALOG_UNPROCESSABLE;
        return err_set(err, ERR_PRECONDITION, "this Idempotency-Key was used for another request");
    }
    operation->replayed = true;
    *err = operation->error;
    return false;
}

void idempotency_answer(struct operation *operation, operation_step *next)
{
    const struct catalog_answer *answer = &operation->answer;
    slice_release(&operation->answer.metadata);
    operation->recalled = true;
    if (answer->problem != CATALOG_FINE || answer->metadata_location.len == 0) {
        operation_later(operation, next);
        return;
    }
    operation->error = (struct err){0};
    table_answer_file(operation, operation->kind, answer->metadata_location);
}

/* --- Forgetting --- */

struct idempotency_sweep {
    struct store_job job;
    int64_t before_us;
};

static bool idempotency_sweep_apply(struct store_job *job, struct store_db *db, struct err *err)
{
    const struct idempotency_sweep *sweep = job->owner;
    const struct store_value value = STORE_NUMBER(sweep->before_us);
    return store_run(db, "DELETE FROM catalog_keys WHERE at_us < ?", &value, 1, NULL, NULL, err);
}

static void idempotency_swept(struct store_job *job, const struct err *error)
{
    (void)error; /* the next sweep tries again */
    mem_free(job->owner);
}

static void idempotency_on_sweep(struct loop_timer *timer)
{
    struct catalog *catalog = timer->owner;
    struct idempotency_sweep *sweep = mem_new(struct idempotency_sweep);
    sweep->before_us = clock_wall_us() - IDEMPOTENCY_LIFE_US;
    sweep->job = (struct store_job){.apply = idempotency_sweep_apply, .done = idempotency_swept, .owner = sweep};
    store_submit(catalog->store, &sweep->job);
    loop_timer_set(catalog->loop, timer, IDEMPOTENCY_SWEEP_US);
}

void idempotency_start(struct catalog *catalog)
{
    catalog->sweep_keys = (struct loop_timer){.on_time = idempotency_on_sweep, .owner = catalog};
    loop_timer_set(catalog->loop, &catalog->sweep_keys, IDEMPOTENCY_SWEEP_US);
}
