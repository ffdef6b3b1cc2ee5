/* Flatbuffers may refer to one text or table from many places, which is what makes these messages small. */
#include "platform/arrow/fields.h"

#include <nanoarrow/nanoarrow_ipc.h>
#include <nanoarrow/flatcc_generated.h>

#include "base/vec.h"

#define ns(x) FLATBUFFERS_WRAP_NAMESPACE(org_apache_arrow_flatbuf, x)

struct arrow_fields_pair {
    struct arrow_pair pair;
    flatbuffers_string_ref_t key;
    ns(KeyValue_ref_t) ref;
};

struct arrow_fields {
    flatcc_builder_t flatcc;
    VEC(struct arrow_fields_pair) pairs; /* of this message */
    VEC(ns(Field_ref_t)) columns;        /* of this message */
    VEC(ns(KeyValue_ref_t)) metadata;    /* of the column at work */
    int64_t dictionary; /* id of the next one: depth first, outer before inner, as arrow_message_schema gives them */
};

static void arrow_fields_check(bool ok)
{
    if (!ok)
        mem_panic("no memory for a flatbuffer");
}

static void arrow_fields_start(struct arrow_fields *fields)
{
    vec_clear(&fields->pairs);
    vec_clear(&fields->columns);
    fields->dictionary = 0;
    flatcc_builder_reset(&fields->flatcc);
    arrow_fields_check(ns(Message_start_as_root(&fields->flatcc)) == 0);
}

struct arrow_fields *arrow_fields_new(void)
{
    struct arrow_fields *fields = mem_new(struct arrow_fields);
    arrow_fields_check(flatcc_builder_init(&fields->flatcc) == 0);
    arrow_fields_start(fields);
    return fields;
}

void arrow_fields_free(struct arrow_fields **fields)
{
    if (!*fields)
        return;
    flatcc_builder_clear(&(*fields)->flatcc);
    vec_done(&(*fields)->pairs);
    vec_done(&(*fields)->columns);
    vec_done(&(*fields)->metadata);
    mem_free(*fields);
    *fields = NULL;
}

static ns(KeyValue_ref_t) arrow_fields_pair(struct arrow_fields *fields, const struct arrow_pair *pair)
{
    flatcc_builder_t *flatcc = &fields->flatcc;
    struct arrow_fields_pair added = {.pair = *pair};
    for (size_t i = 0; i < fields->pairs.count; i++) {
        const struct arrow_fields_pair *known = &fields->pairs.items[i];
        if (known->pair.key != pair->key)
            continue;
        if (str_equal(known->pair.value, pair->value))
            return known->ref;
        added.key = known->key;
    }
    if (!added.key)
        added.key = flatbuffers_string_create_str(flatcc, pair->key);
    flatbuffers_string_ref_t value = flatbuffers_string_create(flatcc, pair->value.ptr, pair->value.len);
    added.ref = ns(KeyValue_create(flatcc, added.key, value));
    arrow_fields_check(added.ref != 0);
    vec_push(&fields->pairs, added);
    return added.ref;
}

/* The metadata that the type brings along, then ours. */
static ns(KeyValue_vec_ref_t) arrow_fields_metadata(struct arrow_fields *fields, ns(Field_table_t) from,
                                                    const struct arrow_pair *pairs, size_t pair_count)
{
    ns(KeyValue_vec_t) inherited = ns(Field_custom_metadata(from));
    vec_clear(&fields->metadata);
    for (size_t i = 0; i < ns(KeyValue_vec_len(inherited)); i++)
        vec_push(&fields->metadata, ns(KeyValue_clone(&fields->flatcc, ns(KeyValue_vec_at(inherited, i)))));
    for (size_t i = 0; i < pair_count; i++)
        vec_push(&fields->metadata, arrow_fields_pair(fields, &pairs[i]));
    if (fields->metadata.count == 0)
        return 0;
    return ns(KeyValue_vec_create(&fields->flatcc, fields->metadata.items, fields->metadata.count));
}

static ns(DictionaryEncoding_ref_t)
    arrow_fields_dictionary(struct arrow_fields *fields, ns(DictionaryEncoding_table_t) from)
{
    flatcc_builder_t *flatcc = &fields->flatcc;
    arrow_fields_check(ns(DictionaryEncoding_start(flatcc)) == 0 &&
                       ns(DictionaryEncoding_id_add(flatcc, fields->dictionary++)) == 0 &&
                       ns(DictionaryEncoding_indexType_pick(flatcc, from)) == 0 &&
                       ns(DictionaryEncoding_isOrdered_pick(flatcc, from)) == 0);
    return ns(DictionaryEncoding_end(flatcc));
}

/* What a field has besides name, nullability and metadata is copied. */
static ns(Field_ref_t) arrow_fields_copy(struct arrow_fields *fields, ns(Field_table_t) from, struct str name,
                                         bool nullable, const struct arrow_pair *pairs, size_t pair_count)
{
    flatcc_builder_t *flatcc = &fields->flatcc;
    ns(Field_vec_t) children = ns(Field_children(from));
    VEC(ns(Field_ref_t)) copies = {0};
    ns(DictionaryEncoding_ref_t) dictionary = 0;
    if (ns(Field_dictionary_is_present(from)))
        dictionary = arrow_fields_dictionary(fields, ns(Field_dictionary(from)));
    for (size_t i = 0; i < ns(Field_vec_len(children)); i++) {
        ns(Field_table_t) child = ns(Field_vec_at(children, i));
        flatbuffers_string_t child_name = ns(Field_name(child));
        vec_push(&copies, arrow_fields_copy(fields, child, str_bytes(child_name, flatbuffers_string_len(child_name)),
                                            ns(Field_nullable(child)), NULL, 0));
    }
    ns(KeyValue_vec_ref_t) metadata = arrow_fields_metadata(fields, from, pairs, pair_count);
    arrow_fields_check(ns(Field_start(flatcc)) == 0 && ns(Field_name_create(flatcc, name.ptr, name.len)) == 0 &&
                       ns(Field_nullable_add(flatcc, nullable)) == 0 && ns(Field_type_pick(flatcc, from)) == 0 &&
                       (!dictionary || ns(Field_dictionary_add(flatcc, dictionary)) == 0) &&
                       ns(Field_children_create(flatcc, copies.items, copies.count)) == 0 &&
                       (!metadata || ns(Field_custom_metadata_add(flatcc, metadata)) == 0));
    vec_done(&copies);
    return ns(Field_end(flatcc));
}

void arrow_fields_add(struct arrow_fields *fields, struct str name, bool nullable, struct str type,
                      const struct arrow_pair *pairs, size_t pair_count)
{
    ns(Message_table_t) message = ns(Message_as_root(type.ptr));
    ns(Schema_table_t) schema = (ns(Schema_table_t))ns(Message_header(message));
    ns(Field_table_t) from = ns(Field_vec_at(ns(Schema_fields(schema)), 0));
    ns(Field_ref_t) copy = arrow_fields_copy(fields, from, name, nullable, pairs, pair_count);
    arrow_fields_check(copy != 0);
    vec_push(&fields->columns, copy);
}

void arrow_fields_take(struct arrow_fields *fields, struct buf *flatbuffer)
{
    flatcc_builder_t *flatcc = &fields->flatcc;
    arrow_fields_check(ns(Message_version_add(flatcc, ns(MetadataVersion_V5))) == 0 &&
                       ns(Message_header_Schema_start(flatcc)) == 0 &&
                       ns(Schema_fields_create(flatcc, fields->columns.items, fields->columns.count)) == 0 &&
                       ns(Message_header_Schema_end(flatcc)) == 0 && ns(Message_end_as_root(flatcc)) != 0);
    size_t size = flatcc_builder_get_buffer_size(flatcc);
    flatcc_builder_copy_buffer(flatcc, buf_reserve(flatbuffer, size), size);
    buf_commit(flatbuffer, size);
    arrow_fields_start(fields);
}
