#include "domain/catalog/model_test.h"

int model_setup(void **state)
{
    struct model_bench *bench = mem_new(struct model_bench);
    bench->arena = arena_new();
    bench->context = (struct metadata_context){.now_ms = 1700000000000, .random = 0x1234567890ABCDEF};
    *state = bench;
    return 0;
}

int model_teardown(void **state)
{
    struct model_bench *bench = *state;
    arena_free(&bench->arena);
    mem_free(bench);
    return 0;
}

/* JSON with ' for ". */
const struct json *model_json(struct model_bench *bench, const char *text)
{
    struct str copy = str_copy(bench->arena, str_from(text));
    for (size_t i = 0; i < copy.len; i++) {
        if (copy.ptr[i] == '\'')
            ((char *)(uintptr_t)copy.ptr)[i] = '"';
    }
    const struct json *json = json_parse(bench->arena, copy, &bench->err);
    if (!json)
        fail_msg("%s: %s", bench->err.message, copy.ptr);
    return json;
}

const struct metadata *model_create(struct model_bench *bench, const char *request)
{
    struct metadata_create create = {
        .request = model_json(bench, request), .uuid = S(MODEL_UUID_TEXT), .location = S("file:///w/t/ns/orders-1/")};
    return metadata_new(bench->arena, &create, &bench->context, &bench->err);
}

const struct metadata *model_orders(struct model_bench *bench)
{
    const struct metadata *table =
        model_create(bench, "{'name':'orders','schema':" MODEL_COLUMNS ","
                            "'partition-spec':{'spec-id':0,'fields':[{'source-id':20,'field-id':"
                            "1000,'name':'day_month','transform':'month'}]},"
                            "'write-order':{'order-id':1,'fields':[{'source-id':10,'transform':'"
                            "identity','direction':'asc','null-order':'nulls-first'}]},"
                            "'properties':{'a':'1','format-version':'2'}}");
    if (!table)
        fail_msg("%s", bench->err.message);
    return table;
}

const struct metadata *model_update(struct model_bench *bench, const struct metadata *base, const char *updates)
{
    const struct metadata *next = NULL;
    bench->context.now_ms += 1000;
    if (!metadata_update(bench->arena, base, model_json(bench, updates), &bench->context, &next, &bench->err))
        return NULL;
    return next;
}

const struct metadata *model_updated(struct model_bench *bench, const struct metadata *base, const char *updates)
{
    const struct metadata *next = model_update(bench, base, updates);
    if (!next)
        fail_msg("%s", bench->err.message);
    return next;
}

static struct str model_written(struct model_bench *bench, const struct metadata *metadata)
{
    struct buf buf = {0};
    metadata_write(metadata, &buf);
    struct str text = str_copy(bench->arena, buf_str(&buf));
    buf_done(&buf);
    if (!metadata_parse(bench->arena, text, &bench->err))
        fail_msg("%s: %s", bench->err.message, text.ptr);
    return text;
}

const struct json *model_document(struct model_bench *bench, const struct metadata *metadata)
{
    return json_parse(bench->arena, model_written(bench, metadata), &bench->err);
}

void model_assert(struct model_bench *bench, const struct json *value, const char *expected)
{
    if (json_is_equal(value, model_json(bench, expected)))
        return;
    struct buf buf = {0};
    struct json_writer writer = {.buf = &buf};
    json_write_value(&writer, NULL, value);
    buf_append_char(&buf, 0);
    fail_msg("%s is not %s", (const char *)buf.ptr, expected);
}

void model_refused(struct model_bench *bench, const void *result, enum err_code code, const char *part)
{
    assert_null(result);
    if (bench->err.code != code || str_find(err_message(&bench->err), str_from(part)) < 0)
        fail_msg("%s: %s, wanted %s: %s", err_code_name(bench->err.code), bench->err.message, err_code_name(code),
                 part);
}

const struct metadata *model_three(struct model_bench *bench)
{
    const struct metadata *table =
        model_updated(bench, model_orders(bench), "[" MODEL_SNAPSHOT(1, "", 1) "," MODEL_MOVE(1) "]");
    table = model_updated(bench, table, "[" MODEL_SNAPSHOT(2, MODEL_PARENT(1), 2) "," MODEL_MOVE(2) "]");
    return model_updated(
        bench, table,
        "[" MODEL_SNAPSHOT(3, MODEL_PARENT(2), 3) "," MODEL_MOVE(
            3) ","
               "{'action':'set-snapshot-ref','ref-name':'old','type':'tag','snapshot-id':1,'max-ref-age-ms':9},"
               "{'action':'set-statistics','statistics':{'snapshot-id':2,'statistics-path':'p',"
               "'file-size-in-bytes':1,'file-footer-size-in-bytes':1,'blob-metadata':[{'type':'t','snapshot-id':2,"
               "'sequence-number':2,'fields':[1]}]}},"
               "{'action':'set-partition-statistics','partition-statistics':{'snapshot-id':2,"
               "'statistics-path':'q','file-size-in-bytes':1}}]");
}
