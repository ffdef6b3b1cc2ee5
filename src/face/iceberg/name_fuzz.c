/* What this face parses itself: a namespace of a path, a form, a page, an entity tag, and names in a body. What is
 * taken has to come out as it went in. */
#include <assert.h>

#include "face/iceberg/iceberg_priv.h"

static void join(struct buf *buf, const struct catalog_namespace *name)
{
    for (size_t i = 0; i < name->count; i++) {
        if (i > 0)
            buf_append_char(buf, '\x1f');
        buf_append_str(buf, name->levels[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena *arena = arena_new();
    AUTO(buf) struct buf joined = {0};
    struct str text = str_bytes(data, size), decoded;
    struct catalog_namespace name;
    struct catalog_page page;
    struct catalog_name identifier;
    struct err err;
    if (http_percent_decode(arena, text, false, &decoded) && iceberg_split_namespace(arena, decoded, &name, &err)) {
        join(&joined, &name);
        assert(str_equal(buf_str(&joined), decoded));
    }
    if (iceberg_parse_page(arena, text, &page, &err))
        assert(page.token.len <= size);
    assert(http_form_value(arena, text, S("client_secret")).len <= size);
    assert(iceberg_parse_etag(text).len <= size);
    const struct json *body = json_parse(arena, text, &err);
    if (body && iceberg_parse_identifier(arena, body, "identifier", &identifier, &err))
        assert(identifier.in.count > 0 && identifier.name.len > 0);
    return 0;
}
