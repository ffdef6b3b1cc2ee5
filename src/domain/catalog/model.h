/* The parts that table and view metadata are made of: types and schemas, partition specs, sort orders, snapshots and
 * references. Each keeps the JSON that it was read from, so that members which are not known here are carried along,
 * and the few numbers that the rules need. Pure and immutable once read; everything lives in the caller's arena. Used
 * by metadata*.c and view*.c only. */
#pragma once
#include "base/limits.h"
#include "domain/catalog/metadata.h"
#include "platform/json/json.h"

/* A list that grows in an arena. One that another document shares has capacity == count, so adding to it copies. */
#define MODEL_LIST(type) \
    struct {             \
        type *items;     \
        size_t count;    \
        size_t capacity; \
    }
void *model_grow(struct arena *arena, const void *items, size_t count, size_t *capacity, size_t item_size)
    __attribute__((returns_nonnull));
#define model_copy(arena, list) \
    ((list)->items = model_grow((arena), (list)->items, (list)->count, &(list)->capacity, sizeof(*(list)->items)))
#define model_add(arena, list, value)             \
    do {                                          \
        if ((list)->count == (list)->capacity)    \
            model_copy((arena), (list));          \
        (list)->items[(list)->count++] = (value); \
    } while (0)

/* --- Members of JSON objects (model_json.c). ERR_INVALID names the member. An optional one that is absent or null
 * gives `missing`. --- */
bool model_get_i64(const struct json *object, const char *key, int64_t *number_out, struct err *err) MUST_USE;
bool model_get_int(const struct json *object, const char *key, int *number_out, struct err *err) MUST_USE;
bool model_optional_i64(const struct json *object, const char *key, int64_t missing, int64_t *number_out,
                        struct err *err) MUST_USE;
bool model_optional_int(const struct json *object, const char *key, int missing, int *number_out,
                        struct err *err) MUST_USE;
bool model_get_text(const struct json *object, const char *key, struct str *text_out, struct err *err) MUST_USE;
/* ptr NULL when it is absent. */
bool model_optional_text(const struct json *object, const char *key, struct str *text_out, struct err *err) MUST_USE;
bool model_get_bool(const struct json *object, const char *key, bool *value_out, struct err *err) MUST_USE;
bool model_get_array(const struct json *object, const char *key, const struct json **array_out,
                     struct err *err) MUST_USE;
/* NULL when it is absent. */
bool model_optional_array(const struct json *object, const char *key, const struct json **array_out,
                          struct err *err) MUST_USE;
bool model_get_object(const struct json *object, const char *key, const struct json **object_out,
                      struct err *err) MUST_USE;
/* An object whose members are texts, as properties are. */
bool model_check_texts(const struct json *object, const char *what, struct err *err) MUST_USE;
bool model_check_objects(const struct json *array, const char *what, struct err *err) MUST_USE;
/* *id becomes greater than an id that is in use; ERR_INVALID when none is left. */
bool model_pass_id(int used, int *id, struct err *err) MUST_USE;
/* "8-4-4-4-12" hexadecimal digits. */
bool model_is_uuid(struct str text);
/* What a writer wrote, read again: how changed values are made. It must be valid JSON. */
const struct json *model_reread(struct arena *arena, const struct buf *buf);

/* --- Properties (model_property.c) --- */
struct model_properties {
    MODEL_LIST(struct model_property {
        struct str key;
        struct str value;
    })
    list;
};
bool model_properties_parse(struct arena *arena, const struct json *object, struct model_properties *properties_out,
                            struct err *err) MUST_USE;
struct str model_property(const struct model_properties *properties, struct str key); /* ptr NULL: not set */
/* A number that is set and is one, or missing. */
int64_t model_property_number(const struct model_properties *properties, struct str key, int64_t missing);
bool model_property_is_true(const struct model_properties *properties, struct str key);
/* Applies `set-properties` and `remove-properties`; *changed is set when something is different, never cleared.
 * Reserved names (they are fields of the metadata) are left out. */
bool model_properties_set(struct arena *arena, struct model_properties *properties, const struct json *updates,
                          const struct metadata_context *context, bool *changed, struct err *err) MUST_USE;
bool model_properties_remove(struct arena *arena, struct model_properties *properties, const struct json *removals,
                             bool *changed, struct err *err) MUST_USE;
void model_properties_write(struct json_writer *writer, const struct model_properties *properties);
bool model_is_reserved(struct str key);
bool model_check_location(const struct metadata_context *context, const char *what, struct str location,
                          struct err *err) MUST_USE;
/* "<location>/metadata/00003-<uuid>.metadata.json", or below write.metadata.path. codec: where the property is not set.
 */
struct str model_metadata_file(struct arena *arena, struct str location, const struct model_properties *properties,
                               struct str codec, int64_t version, struct str uuid);
/* Without slashes at the end. */
struct str model_location(struct str location);

/* --- Types (model_type.c) --- */
enum model_kind {
    MODEL_BOOLEAN,
    MODEL_INT,
    MODEL_LONG,
    MODEL_FLOAT,
    MODEL_DOUBLE,
    MODEL_DECIMAL,
    MODEL_DATE,
    MODEL_TIME,
    MODEL_TIMESTAMP,
    MODEL_TIMESTAMPTZ,
    MODEL_TIMESTAMP_NS,
    MODEL_TIMESTAMPTZ_NS,
    MODEL_STRING,
    MODEL_UUID,
    MODEL_FIXED,
    MODEL_BINARY,
    MODEL_UNKNOWN,
    MODEL_GEOMETRY,
    MODEL_GEOGRAPHY,
    MODEL_VARIANT, /* from here on not primitive */
    MODEL_STRUCT,
    MODEL_LIST_TYPE,
    MODEL_MAP,
};
struct model_type {
    enum model_kind kind;
    int precision, scale; /* decimal; precision is the length of fixed */
    struct str text;      /* canonical; of geometry and geography as written */
    size_t first, count;  /* nested: its fields are schema->fields[first .. first + count) */
};
/* A type that is written as one word; ERR_INVALID. */
bool model_type_parse(struct arena *arena, struct str text, struct model_type *type_out, struct err *err) MUST_USE;
static inline bool model_type_is_primitive(const struct model_type *type)
{
    return type->kind < MODEL_VARIANT;
}
bool model_type_equal(const struct model_type *a, const struct model_type *b); /* not what is nested inside */
/* The first format version that has it. */
int model_type_format(const struct model_type *type);
/* A default value as iceberg format/spec.md "JSON single-value serialization" wants it. */
bool model_type_check_value(const struct model_type *type, const struct json *value, struct err *err) MUST_USE;

/* --- Schemas (model_schema.c) --- */
struct model_field {
    int id;
    int parent; /* index, or -1 at the top */
    bool required;
    struct str name; /* element, key and value inside lists and maps */
    struct str path; /* names from the top, with dots */
    struct model_type type;
    const struct json *json; /* the field's object; NULL inside lists and maps */
};
struct model_schema {
    int id;
    const struct json *json;
    struct model_type root;                /* a struct */
    MODEL_LIST(struct model_field) fields; /* as Iceberg numbers them: those of a struct first, then what they nest */
    int highest;                           /* field id; 0 without fields */
    const int *by_id;                      /* indexes of fields, ordered by field id */
};
/* Checks names, ids, types, defaults and identifier-field-ids. missing_id: where "schema-id" is absent. */
const struct model_schema *model_schema_parse(struct arena *arena, const struct json *json, int missing_id,
                                              struct err *err);
/* Types and defaults are known in this format version. */
bool model_schema_fits(const struct model_schema *schema, int format, struct err *err) MUST_USE;
const struct model_field *model_schema_field(const struct model_schema *schema, int id);
const struct model_field *model_schema_at(const struct model_schema *schema, struct str path);
/* The same, but the parts "element" and "value" of lists and maps of structs may be left out. */
const struct model_field *model_schema_find(const struct model_schema *schema, struct str path);
/* The same columns, whatever the schema's id. */
bool model_schema_same(const struct model_schema *a, const struct model_schema *b);
/* The schema under another id, and with other field ids (ids[i] for fields[i]) unless ids is NULL. */
const struct model_schema *model_schema_renumber(struct arena *arena, const struct model_schema *schema, int id,
                                                 const int *ids);
typedef MODEL_LIST(const struct model_schema *) model_schemas;
bool model_schemas_parse(struct arena *arena, const struct json *array, model_schemas *schemas_out,
                         struct err *err) MUST_USE;
const struct model_schema *model_schemas_get(const model_schemas *schemas, int id);

/* --- Transforms and partition specs (model_partition.c) --- */
enum model_transform_kind {
    MODEL_IDENTITY,
    MODEL_BUCKET,
    MODEL_TRUNCATE,
    MODEL_YEAR,
    MODEL_MONTH,
    MODEL_DAY,
    MODEL_HOUR,
    MODEL_VOID,
    MODEL_OTHER, /* not known: kept, never refused for its source */
};
struct model_transform {
    enum model_transform_kind kind;
    int64_t width;
    struct str text;
};
bool model_transform_parse(struct arena *arena, struct str text, struct model_transform *transform_out,
                           struct err *err) MUST_USE;
bool model_transform_takes(const struct model_transform *transform, const struct model_type *type);

struct model_spec_field {
    int id;     /* -1: not given */
    int source; /* the first one */
    struct str name;
    struct model_transform transform;
    const struct json *json;
};
struct model_spec {
    int id;
    MODEL_LIST(struct model_spec_field) fields;
    const struct json *json;
};
#define MODEL_PARTITION_FIRST 1000 /* id of the first partition field */
/* json: the object with "fields", or the bare array of fields. missing_id: where "spec-id" is absent. */
const struct model_spec *model_spec_parse(struct arena *arena, const struct json *json, int missing_id,
                                          struct err *err);
/* Its fields can be computed from this schema, and their names do not hide other columns. */
bool model_spec_fits(const struct model_spec *spec, const struct model_schema *schema, struct err *err) MUST_USE;
bool model_spec_check_names(const struct model_spec *spec, const struct model_schema *schema, struct err *err) MUST_USE;
/* The same sources, transforms and names, whatever the ids. */
bool model_spec_same(const struct model_spec *a, const struct model_spec *b);
int model_spec_last(const struct model_spec *spec); /* highest field id; 999 without fields */
/* The same under another id, with field ids and (unless NULL) sources replaced one by one. */
const struct model_spec *model_spec_renumber(struct arena *arena, const struct model_spec *spec, int id,
                                             const int *field_ids, const int *sources);
typedef MODEL_LIST(const struct model_spec *) model_specs;
const struct model_spec *model_specs_get(const model_specs *specs, int id);

/* --- Sort orders (model_sort.c) --- */
struct model_sort_field {
    int source;
    struct model_transform transform;
    bool descending, nulls_last;
    const struct json *json;
};
struct model_sort {
    int id; /* 0: unsorted, and nothing else */
    MODEL_LIST(struct model_sort_field) fields;
    const struct json *json;
};
const struct model_sort *model_sort_parse(struct arena *arena, const struct json *json, int missing_id,
                                          struct err *err);
const struct model_sort *model_sort_none(struct arena *arena);
bool model_sort_fits(const struct model_sort *sort, const struct model_schema *schema, struct err *err) MUST_USE;
bool model_sort_same(const struct model_sort *a, const struct model_sort *b);
const struct model_sort *model_sort_renumber(struct arena *arena, const struct model_sort *sort, int id,
                                             const int *sources);
typedef MODEL_LIST(const struct model_sort *) model_sorts;
const struct model_sort *model_sorts_get(const model_sorts *sorts, int id);

/* --- Snapshots, references, statistics, keys (model_snapshot.c) --- */
struct model_snapshot {
    struct metadata_snapshot is;
    int64_t first_row, added_rows; /* -1: not set */
    const struct json *json;
};
bool model_snapshot_parse(const struct json *json, struct model_snapshot *snapshot_out, struct err *err) MUST_USE;
struct model_ref {
    struct metadata_ref is;
    const struct json *json; /* as read; NULL when it was made here */
};
/* json: the reference's members, in a document or in `set-snapshot-ref`. */
bool model_ref_parse(struct str name, const struct json *json, struct model_ref *ref_out, struct err *err) MUST_USE;
bool model_ref_equal(const struct model_ref *a, const struct model_ref *b);
void model_ref_write(struct json_writer *writer, const struct model_ref *ref);
/* Something that belongs to a snapshot: a statistics file. */
struct model_file {
    int64_t snapshot;
    struct str path;
    const struct json *json;
};
typedef MODEL_LIST(struct model_file) model_files;
bool model_statistics_parse(const struct json *json, struct model_file *file_out, struct err *err) MUST_USE;
bool model_partition_statistics_parse(const struct json *json, struct model_file *file_out, struct err *err) MUST_USE;
struct model_key {
    struct str id;
    const struct json *json;
};
bool model_key_parse(const struct json *json, struct model_key *key_out, struct err *err) MUST_USE;

/* --- The document --- */
struct model_snapshot_entry {
    int64_t timestamp_ms, snapshot;
};
struct model_file_entry {
    int64_t timestamp_ms;
    struct str file;
};
struct metadata {
    int format;
    struct str uuid, location;
    int64_t last_sequence, last_updated_ms, next_row;
    int last_column, current_schema, default_spec, last_partition, default_sort;
    model_schemas schemas;
    model_specs specs;
    model_sorts sorts;
    struct model_properties properties;
    int64_t current_snapshot; /* -1: none */
    MODEL_LIST(struct model_snapshot) snapshots;
    const uint32_t *by_id; /* indexes of snapshots, ordered by id */
    MODEL_LIST(struct model_ref) refs;
    MODEL_LIST(struct model_snapshot_entry) snapshot_log;
    MODEL_LIST(struct model_file_entry) metadata_log;
    model_files statistics, partition_statistics;
    MODEL_LIST(struct model_key) keys;
    const struct json *document; /* members that are not known are written from it; NULL: there are none */
};
#define MODEL_MAIN S("main")
/* Clocks of different machines differ; what is this much out of order is still in order. */
#define MODEL_SKEW_MS 60000
/* Index of the snapshot, or -1. */
ptrdiff_t metadata_find_snapshot(const struct metadata *metadata, int64_t id);
const struct model_ref *metadata_find_ref(const struct metadata *metadata, struct str name);
/* Orders by_id; ERR_INVALID when two snapshots have one id. */
bool metadata_index_snapshots(struct arena *arena, struct metadata *metadata, struct err *err) MUST_USE;
/* The rules that hold for every document, read or made. */
bool metadata_check(const struct metadata *metadata, struct err *err) MUST_USE;
