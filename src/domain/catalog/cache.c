#include "domain/catalog/cache.h"

#include <assert.h>

#include "base/limits.h"
#include "base/metric.h"

static struct metric cache_requests = {.name = "eider_catalog_cache_requests_total",
                                       .help = "Metadata documents that were asked for.",
                                       .kind = METRIC_COUNTER};
static struct metric cache_size = {
    .name = "eider_catalog_cache_bytes", .help = "Memory of cached metadata documents.", .kind = METRIC_GAUGE};

/* What a document costs beside its bytes. */
#define CACHE_OVERHEAD 128

struct cache_document {
    struct list node;              /* in the cache */
    struct cache_document **place; /* where its owner points at it; NULL: not in the cache */
    struct buf bytes;
    struct arena *arena; /* of parsed; or NULL */
    const void *parsed;
    size_t refs;
};

struct cache_document *cache_document_new(struct buf *bytes)
{
    struct cache_document *document = mem_new(struct cache_document);
    list_init(&document->node);
    document->bytes = *bytes;
    if (bytes->capacity > bytes->end + bytes->end / 8) { /* it grew by doubling, and stays for long */
        document->bytes.ptr = mem_realloc(bytes->ptr, bytes->end + 1);
        document->bytes.capacity = bytes->end + 1;
    }
    document->refs = 1;
    *bytes = (struct buf){0};
    return document;
}

struct cache_document *cache_document_ref(struct cache_document *document)
{
    document->refs++;
    return document;
}

void cache_document_unref(struct cache_document **document)
{
    struct cache_document *old = *document;
    *document = NULL;
    if (!old || --old->refs)
        return;
    assert(!old->place);
    buf_done(&old->bytes);
    arena_free(&old->arena);
    mem_free(old);
}

struct str cache_document_text(const struct cache_document *document)
{
    return buf_str(&document->bytes);
}

static void cache_release(void *owner)
{
    struct cache_document *document = owner;
    cache_document_unref(&document);
}

struct slice cache_document_slice(struct cache_document *document)
{
    struct str text = cache_document_text(document);
    return (struct slice){.ptr = (const uint8_t *)text.ptr,
                          .len = text.len,
                          .release = cache_release,
                          .owner = cache_document_ref(document)};
}

static size_t cache_cost(const struct cache_document *document)
{
    return document->bytes.capacity + (document->arena ? arena_used(document->arena) : 0) + CACHE_OVERHEAD;
}

void cache_init(struct cache *cache)
{
    *cache = (struct cache){0};
    list_init(&cache->documents);
    cache->hits = metric_series(&cache_requests, "result=\"hit\"");
    cache->misses = metric_series(&cache_requests, "result=\"miss\"");
    cache->size = metric_series(&cache_size, "");
}

void cache_drop(struct cache *cache, struct cache_document **place)
{
    struct cache_document *document = *place;
    if (!document)
        return;
    assert(document->place == place);
    document->place = NULL;
    list_remove(&document->node);
    cache->bytes -= cache_cost(document);
    cache_document_unref(place);
}

/* Until no more than so many bytes are left. */
static void cache_make_room(struct cache *cache, size_t bytes)
{
    while (cache->bytes > bytes) {
        struct cache_document *oldest = list_object(list_first(&cache->documents), struct cache_document, node);
        cache_drop(cache, oldest->place);
    }
}

const void *cache_document_parsed(const struct cache_document *document)
{
    return document->parsed;
}

void cache_attach(struct cache *cache, struct cache_document *document, struct arena *arena, const void *parsed)
{
    assert(!document->parsed);
    document->arena = arena;
    document->parsed = parsed;
    if (!document->place)
        return;
    cache->bytes += arena_used(arena);
    cache_make_room(cache, (size_t)limits_get(LIMIT_CATALOG_CACHE));
}

void cache_put(struct cache *cache, struct cache_document **place, struct cache_document *document)
{
    cache_drop(cache, place);
    size_t max = (size_t)limits_get(LIMIT_CATALOG_CACHE);
    size_t cost = cache_cost(document);
    if (cost > max || document->place) /* shown at another place already: as after a rename */
        return;
    cache_make_room(cache, max - cost);
    document->place = place;
    list_append(&cache->documents, &document->node);
    cache->bytes += cost;
    *place = cache_document_ref(document);
}

struct cache_document *cache_get(struct cache *cache, struct cache_document **place)
{
    struct cache_document *document = *place;
    metric_add(document ? cache->hits : cache->misses, 1);
    metric_set(cache->size, (double)cache->bytes);
    if (document) {
        list_remove(&document->node);
        list_append(&cache->documents, &document->node);
    }
    return document;
}
