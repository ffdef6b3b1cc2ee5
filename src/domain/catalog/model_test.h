/* What tests of the model share: a table, documents written with ' for ", and commits that must or must not go. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#include "domain/catalog/metadata.h"
#include "platform/json/json.h"

#define MODEL_UUID_TEXT "01234567-89ab-cdef-0123-456789abcdef"
#define MODEL_COLUMNS                                        \
    "{'type':'struct','schema-id':0,'fields':["              \
    "{'id':10,'name':'id','required':true,'type':'long'},"   \
    "{'id':20,'name':'day','required':false,'type':'date'}," \
    "{'id':30,'name':'name','required':false,'type':'string','doc':'who'}]}"

#define MODEL_SNAPSHOT(id, parent, sequence)                                                            \
    "{'action':'add-snapshot','snapshot':{'snapshot-id':" #id "," parent "'sequence-number':" #sequence \
    ",'timestamp-ms':1700000000500,'manifest-list':'file:///w/t/ns/orders-1/metadata/snap-" #id         \
    ".avro','summary':{'operation':'append'},'schema-id':0}}"
#define MODEL_MOVE(id) "{'action':'set-snapshot-ref','ref-name':'main','type':'branch','snapshot-id':" #id "}"
#define MODEL_PARENT(id) "'parent-snapshot-id':" #id ","

struct model_bench {
    struct arena *arena;
    struct metadata_context context;
    struct err err;
};
int model_setup(void **state);
int model_teardown(void **state);
#define MODEL_TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

/* JSON with ' for ". */
const struct json *model_json(struct model_bench *bench, const char *text);
/* A table from a CreateTableRequest; NULL and bench->err. */
const struct metadata *model_create(struct model_bench *bench, const char *request);
/* MODEL_COLUMNS, partitioned by month(day), sorted by id, with the property a=1; and the same with three snapshots of
 * main, a tag `old` on the first, and statistics of the second. */
const struct metadata *model_orders(struct model_bench *bench);
const struct metadata *model_three(struct model_bench *bench);
/* A commit one second later; NULL and bench->err. The second must succeed. */
const struct metadata *model_update(struct model_bench *bench, const struct metadata *base, const char *updates);
const struct metadata *model_updated(struct model_bench *bench, const struct metadata *base, const char *updates);
/* What is written, which reads back. */
const struct json *model_document(struct model_bench *bench, const struct metadata *metadata);
void model_assert(struct model_bench *bench, const struct json *value, const char *expected);
/* result is NULL and bench->err says so, in these words among others. */
void model_refused(struct model_bench *bench, const void *result, enum err_code code, const char *part);
