#include "domain/catalog/document.h"

#include <zlib.h>

#include "base/limits.h"

/* windowBits of zlib that mean gzip's format. */
#define DOCUMENT_GZIP (15 + 16)

bool document_parse(struct arena *arena, enum catalog_kind kind, struct str text, struct document *document_out,
                    struct err *err)
{
    struct document document = {0};
    if (kind == CATALOG_TABLE)
        document.table = metadata_parse(arena, text, err);
    else
        document.view = view_parse(arena, text, err);
    if (document_is_none(&document))
        return false;
    *document_out = document;
    return true;
}

void document_write(const struct document *document, struct buf *buf)
{
    if (document->table)
        metadata_write(document->table, buf);
    else
        view_write(document->view, buf);
}

bool document_require(enum catalog_kind kind, const struct document *base, const struct json *requirements,
                      struct err *err)
{
    return kind == CATALOG_TABLE ? metadata_require(base->table, requirements, err)
                                 : view_require(base->view, requirements, err);
}

bool document_update(struct arena *arena, enum catalog_kind kind, const struct document *base,
                     const struct json *updates, const struct metadata_context *context, struct document *document_out,
                     struct err *err)
{
    struct document document = {0};
    bool ok = kind == CATALOG_TABLE ? metadata_update(arena, base->table, updates, context, &document.table, err)
                                    : view_update(arena, base->view, updates, context, &document.view, err);
    if (ok)
        *document_out = document;
    return ok;
}

struct str document_uuid(const struct document *document)
{
    return document->table ? metadata_uuid(document->table) : view_uuid(document->view);
}

struct str document_location(const struct document *document)
{
    return document->table ? metadata_location(document->table) : view_location(document->view);
}

struct str document_file(struct arena *arena, const struct document *document, int64_t version, struct str uuid)
{
    return document->table ? metadata_file(arena, document->table, version, uuid)
                           : view_file(arena, document->view, version, uuid);
}

/* Iceberg's own writer ends names in ".gz.metadata.json", others in ".metadata.json.gz". */
static bool document_is_packed(struct str location)
{
    return str_ends_with(location, S(".gz.metadata.json")) || str_ends_with(location, S(".metadata.json.gz"));
}

bool document_unpack(struct arena *arena, struct str location, struct str bytes, struct str *text_out, struct err *err)
{
    if (!document_is_packed(location)) {
        *text_out = bytes;
        return true;
    }
    size_t max = (size_t)limits_get(LIMIT_CATALOG_METADATA);
    AUTO(buf) struct buf text = {0};
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)bytes.ptr, .avail_in = (uInt)bytes.len};
    int code = inflateInit2(&stream, DOCUMENT_GZIP);
    while (code == Z_OK && buf_len(&text) <= max) {
        stream.avail_out = 1 << 16;
        stream.next_out = buf_reserve(&text, stream.avail_out);
        code = inflate(&stream, Z_NO_FLUSH);
        buf_commit(&text, (1 << 16) - stream.avail_out);
    }
    inflateEnd(&stream);
    if (buf_len(&text) > max)
        return limits_err(LIMIT_CATALOG_METADATA, err);
    if (code != Z_STREAM_END)
        return err_set(err, ERR_INVALID, "the metadata file is no whole gzip file");
    *text_out = str_copy(arena, buf_str(&text));
    return true;
}

bool document_pack(struct arena *arena, struct str location, struct str text, struct str *bytes_out, struct err *err)
{
    if (text.len > (size_t)limits_get(LIMIT_CATALOG_METADATA))
        return limits_err(LIMIT_CATALOG_METADATA, err);
    *bytes_out = text;
    if (!document_is_packed(location))
        return true;
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)text.ptr, .avail_in = (uInt)text.len};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, DOCUMENT_GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return err_set(err, ERR_RESOURCE, "no memory to compress metadata");
    size_t size = deflateBound(&stream, (uLong)text.len);
    char *bytes = arena_alloc(arena, size);
    stream.next_out = (Bytef *)bytes;
    stream.avail_out = (uInt)size;
    int code = deflate(&stream, Z_FINISH);
    *bytes_out = str_bytes(bytes, size - stream.avail_out);
    deflateEnd(&stream);
    return code == Z_STREAM_END || err_set(err, ERR_INTERNAL, "metadata could not be compressed");
}
