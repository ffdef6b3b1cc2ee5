/* Metadata files: reading, writing, and deleting those that nobody points at. */
#pragma once
#include "domain/catalog/cache.h"
#include "domain/catalog/document.h"

/* On a thread of the pool: reads and parses. A file of ours that is broken is ERR_DATA_LOSS, never ERR_INVALID. */
bool file_read(struct catalog *catalog, struct arena *arena, enum catalog_kind kind, struct str location,
               struct str *text_out, struct document *document_out, struct err *err) MUST_USE;
/* On a thread of the pool: writes a new metadata file. *cached_out is the document, one reference. */
bool file_write(struct catalog *catalog, struct arena *arena, const struct document *document, int64_t version,
                struct str *location_out, struct cache_document **cached_out, struct err *err) MUST_USE;
/* On a thread of the pool: the directories that clients forget. */
bool file_make_directories(struct catalog *catalog, struct arena *arena, enum catalog_kind kind, struct str location,
                           struct err *err) MUST_USE;
/* Deletes them some time, if it can. Texts are copied. */
void file_discard(struct catalog *catalog, const struct str *locations, size_t count);
void file_discards_done(struct catalog *catalog);
