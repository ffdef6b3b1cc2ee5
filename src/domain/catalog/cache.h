/* Metadata documents in memory: whole files, immutable, counted, so that an answer lends one to a connection without a
 * copy. The cache keeps those used last, catalog.cache bytes of them. Loop thread only, except cache_document_new. */
#pragma once
#include "base/arena.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "platform/net/slice.h"

struct cache_document;
struct metric_series;

/* Takes the bytes; the caller has the one reference. Any thread. */
struct cache_document *cache_document_new(struct buf *bytes);
struct cache_document *cache_document_ref(struct cache_document *document);
/* Accepts NULL inside. */
void cache_document_unref(struct cache_document **document);
struct str cache_document_text(const struct cache_document *document);
/* With a reference of its own. */
struct slice cache_document_slice(struct cache_document *document);

/* What was read out of the text, or NULL. */
const void *cache_document_parsed(const struct cache_document *document);

/* What was read out of the text, or NULL. */
const void *cache_document_parsed(const struct cache_document *document);

/* Embedded in its owner; cache_init before use. */
struct cache {
    struct list documents; /* the one used last is the last */
    size_t bytes;
    struct metric_series *hits, *misses, *size;
};
void cache_init(struct cache *cache);
/* Keeps the document at *place, a pointer of whoever it describes, in place of another one; it becomes NULL when the
 * cache needs the room. One that is too large is not kept. The place must not move. */
void cache_put(struct cache *cache, struct cache_document **place, struct cache_document *document);
/* Used again, or NULL. The reference is the cache's. */
struct cache_document *cache_get(struct cache *cache, struct cache_document **place);
/* Keeps what was read out of the text with it. parsed is immutable and lives in the arena, which is the document's from
 * then on: done once only. */
void cache_attach(struct cache *cache, struct cache_document *document, struct arena *arena, const void *parsed);
/* Keeps what was read out of the text with it. parsed is immutable and lives in the arena, which is the document's from
 * then on: done once only. */
void cache_attach(struct cache *cache, struct cache_document *document, struct arena *arena, const void *parsed);
/* *place is NULL after it. */
void cache_drop(struct cache *cache, struct cache_document **place);
