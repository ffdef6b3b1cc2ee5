/* Table or view metadata, where it does not matter which. Pure; any thread. */
#pragma once
#include "domain/catalog/catalog.h"
#include "domain/catalog/metadata.h"
#include "domain/catalog/view.h"

/* Both NULL: there is none. */
struct document {
    const struct metadata *table;
    const struct view *view;
};

static inline bool document_is_none(const struct document *document)
{
    return !document->table && !document->view;
}
static inline bool document_is_same(const struct document *one, const struct document *other)
{
    return one->table == other->table && one->view == other->view;
}
bool document_parse(struct arena *arena, enum catalog_kind kind, struct str text, struct document *document_out,
                    struct err *err) MUST_USE;
void document_write(const struct document *document, struct buf *buf);
bool document_require(enum catalog_kind kind, const struct document *base, const struct json *requirements,
                      struct err *err) MUST_USE;
bool document_update(struct arena *arena, enum catalog_kind kind, const struct document *base,
                     const struct json *updates, const struct metadata_context *context, struct document *document_out,
                     struct err *err) MUST_USE;
struct str document_uuid(const struct document *document);
struct str document_location(const struct document *document);
struct str document_file(struct arena *arena, const struct document *document, int64_t version, struct str uuid);

/* The bytes of a metadata file as text: unpacked where its name says gzip. ERR_RESOURCE beyond catalog.max_metadata. */
bool document_unpack(struct arena *arena, struct str location, struct str bytes, struct str *text_out,
                     struct err *err) MUST_USE;
/* The bytes to be written at the location. */
bool document_pack(struct arena *arena, struct str location, struct str text, struct str *bytes_out,
                   struct err *err) MUST_USE;
