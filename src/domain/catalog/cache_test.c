#include "domain/catalog/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/limits.h"

static struct cache_document *document(size_t size)
{
    struct buf bytes = {0};
    memset(buf_reserve(&bytes, size), 'x', size);
    buf_commit(&bytes, size);
    return cache_document_new(&bytes);
}

static void keep(struct cache *cache, struct cache_document **place, size_t size)
{
    struct cache_document *made = document(size);
    cache_put(cache, place, made);
    cache_document_unref(&made);
}

static void cache_forgets_what_was_not_used(void **state)
{
    (void)state;
    struct err error;
    struct cache cache;
    struct cache_document *places[4] = {0};
    assert_true(limits_set(S("catalog.cache"), 3500, &error));
    cache_init(&cache);
    for (size_t i = 0; i < 3; i++)
        keep(&cache, &places[i], 1000);
    assert_non_null(cache_get(&cache, &places[0]));
    keep(&cache, &places[3], 1000);
    assert_non_null(places[0]);
    assert_null(cache_get(&cache, &places[1]));
    assert_non_null(places[2]);
    assert_non_null(places[3]);
    keep(&cache, &places[3], 10000); /* too large, and what it replaces is old */
    assert_null(places[3]);
    cache_drop(&cache, &places[0]);
    cache_drop(&cache, &places[2]);
    assert_int_equal(cache.bytes, 0);
}

static void cache_lends_what_it_forgets(void **state)
{
    (void)state;
    struct err error;
    struct cache cache;
    struct cache_document *place = NULL;
    assert_true(limits_set(S("catalog.cache"), 3500, &error));
    cache_init(&cache);
    keep(&cache, &place, 100);
    struct slice slice = cache_document_slice(place);
    cache_drop(&cache, &place);
    assert_int_equal(slice.len, 100);
    assert_int_equal(slice.ptr[99], 'x');
    slice_release(&slice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cache_forgets_what_was_not_used),
        cmocka_unit_test(cache_lends_what_it_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
