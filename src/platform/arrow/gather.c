/* One function per layout; each reserves or writes its own buffers and hands the pieces of its children on. */
#include "platform/arrow/gather.h"

#include <assert.h>
#include <string.h>

#include "platform/arrow/bits.h"

struct arrow_gather {
    struct arrow_body *body;
    struct arena *scratch;
    struct err *err;
};

struct arrow_pieces {
    const struct arrow_piece *items;
    size_t count;
};

static bool arrow_gather_column(struct arrow_gather *gather, const struct ArrowSchema *schema,
                                struct arrow_pieces pieces);

/* The position of a piece's first row in its buffers. */
static size_t arrow_piece_start(const struct arrow_piece *piece)
{
    return (size_t)(piece->array->offset + piece->from);
}

static int64_t arrow_pieces_rows(struct arrow_pieces pieces)
{
    int64_t rows = 0;
    for (size_t i = 0; i < pieces.count; i++)
        rows += pieces.items[i].count;
    return rows;
}

static int64_t arrow_pieces_nulls(struct arrow_pieces pieces)
{
    int64_t nulls = 0;
    for (size_t i = 0; i < pieces.count; i++) {
        const struct arrow_piece *piece = &pieces.items[i];
        const void *valid = piece->array->buffers[0];
        if (valid && piece->array->null_count != 0)
            nulls += piece->count - (int64_t)arrow_bits_count(valid, arrow_piece_start(piece), (size_t)piece->count);
    }
    return nulls;
}

/* Node and validity bitmap; columns without nulls have an empty bitmap. */
static void arrow_gather_validity(struct arrow_gather *gather, struct arrow_pieces pieces)
{
    int64_t rows = arrow_pieces_rows(pieces), nulls = arrow_pieces_nulls(pieces);
    arrow_body_node(gather->body, rows, nulls);
    uint8_t *out = arrow_body_buffer(gather->body, nulls ? (size_t)(rows + 7) / 8 : 0);
    size_t at = 0;
    for (size_t i = 0; out && nulls && i < pieces.count; i++) {
        const struct arrow_piece *piece = &pieces.items[i];
        const void *valid = piece->array->buffers[0];
        if (valid)
            arrow_bits_copy(out, at, valid, arrow_piece_start(piece), (size_t)piece->count);
        else
            arrow_bits_set(out, at, (size_t)piece->count);
        at += (size_t)piece->count;
    }
}

static bool arrow_gather_bits(struct arrow_gather *gather, struct arrow_pieces pieces)
{
    arrow_gather_validity(gather, pieces);
    uint8_t *out = arrow_body_buffer(gather->body, (size_t)(arrow_pieces_rows(pieces) + 7) / 8);
    size_t at = 0;
    for (size_t i = 0; out && i < pieces.count; i++) {
        arrow_bits_copy(out, at, pieces.items[i].array->buffers[1], arrow_piece_start(&pieces.items[i]),
                        (size_t)pieces.items[i].count);
        at += (size_t)pieces.items[i].count;
    }
    return true;
}

static void arrow_gather_values(struct arrow_gather *gather, struct arrow_pieces pieces, int buffer, size_t width)
{
    uint8_t *out = arrow_body_buffer(gather->body, (size_t)arrow_pieces_rows(pieces) * width);
    for (size_t i = 0; out && i < pieces.count; i++) {
        size_t size = (size_t)pieces.items[i].count * width;
        const uint8_t *values = pieces.items[i].array->buffers[buffer];
        if (size > 0)
            memcpy(out, values + arrow_piece_start(&pieces.items[i]) * width, size);
        out += size;
    }
}

static bool arrow_gather_fixed(struct arrow_gather *gather, struct arrow_pieces pieces, size_t width)
{
    arrow_gather_validity(gather, pieces);
    arrow_gather_values(gather, pieces, 1, width);
    return true;
}

static int64_t arrow_piece_offset(const struct arrow_piece *piece, int64_t row, bool large)
{
    const void *offsets = piece->array->buffers[1];
    size_t index = arrow_piece_start(piece) + (size_t)row;
    return large ? ((const int64_t *)offsets)[index] : ((const int32_t *)offsets)[index];
}

/* Writes rebased offsets; ERR_RESOURCE when their sum does not fit. */
static bool arrow_gather_offsets(struct arrow_gather *gather, struct arrow_pieces pieces, bool large,
                                 int64_t *total_out)
{
    size_t width = large ? 8 : 4, at = 0;
    uint8_t *out = arrow_body_buffer(gather->body, ((size_t)arrow_pieces_rows(pieces) + 1) * width);
    int64_t total = 0;
    if (out)
        memset(out, 0, width);
    for (size_t i = 0; i < pieces.count; i++) {
        const struct arrow_piece *piece = &pieces.items[i];
        int64_t first = piece->count ? arrow_piece_offset(piece, 0, large) : 0;
        for (int64_t row = 1; out && row <= piece->count; row++) {
            int64_t end = total + arrow_piece_offset(piece, row, large) - first;
            memcpy(out + (at + (size_t)row) * width, &end, width); /* little endian */
        }
        at += (size_t)piece->count;
        total += piece->count ? arrow_piece_offset(piece, piece->count, large) - first : 0;
        if (!large && total > INT32_MAX)
            return err_set(gather->err, ERR_RESOURCE, "a batch of the result has more than 2 GiB in one column");
    }
    *total_out = total;
    return true;
}

static bool arrow_gather_text(struct arrow_gather *gather, struct arrow_pieces pieces, bool large)
{
    int64_t total;
    arrow_gather_validity(gather, pieces);
    if (!arrow_gather_offsets(gather, pieces, large, &total))
        return false;
    uint8_t *out = arrow_body_buffer(gather->body, (size_t)total);
    for (size_t i = 0; out && i < pieces.count; i++) {
        const struct arrow_piece *piece = &pieces.items[i];
        if (piece->count == 0)
            continue;
        int64_t first = arrow_piece_offset(piece, 0, large), end = arrow_piece_offset(piece, piece->count, large);
        if (end > first)
            memcpy(out, (const uint8_t *)piece->array->buffers[2] + first, (size_t)(end - first));
        out += end - first;
    }
    return true;
}

/* The pieces of child number `child`: start and length of each come from its parent's row range, times `width`. */
static struct arrow_pieces arrow_gather_children(struct arrow_gather *gather, struct arrow_pieces pieces, int64_t child,
                                                 int64_t width)
{
    struct arrow_piece *items = arena_array(gather->scratch, pieces.count, sizeof(*items));
    for (size_t i = 0; i < pieces.count; i++) {
        items[i].array = pieces.items[i].array->children[child];
        items[i].from = (int64_t)arrow_piece_start(&pieces.items[i]) * width;
        items[i].count = pieces.items[i].count * width;
    }
    return (struct arrow_pieces){items, pieces.count};
}

static bool arrow_gather_list(struct arrow_gather *gather, const struct ArrowSchema *schema, struct arrow_pieces pieces,
                              bool large)
{
    int64_t total;
    arrow_gather_validity(gather, pieces);
    if (!arrow_gather_offsets(gather, pieces, large, &total))
        return false;
    struct arrow_piece *items = arena_array(gather->scratch, pieces.count, sizeof(*items));
    for (size_t i = 0; i < pieces.count; i++) {
        const struct arrow_piece *piece = &pieces.items[i];
        items[i].array = piece->array->children[0];
        items[i].from = piece->count ? arrow_piece_offset(piece, 0, large) : 0;
        items[i].count = piece->count ? arrow_piece_offset(piece, piece->count, large) - items[i].from : 0;
    }
    return arrow_gather_column(gather, schema->children[0], (struct arrow_pieces){items, pieces.count});
}

static bool arrow_gather_struct(struct arrow_gather *gather, const struct ArrowSchema *schema,
                                struct arrow_pieces pieces)
{
    for (int64_t child = 0; child < schema->n_children; child++)
        if (!arrow_gather_column(gather, schema->children[child], arrow_gather_children(gather, pieces, child, 1)))
            return false;
    return true;
}

/* The number at the end of a format; formats come from our own decoder or from DuckDB. */
static size_t arrow_format_number(const char *text)
{
    uint64_t number = 0;
    bool ok = str_to_u64(str_from(text), &number);
    assert(ok);
    return (size_t)number;
}

static bool arrow_gather_nested(struct arrow_gather *gather, const struct ArrowSchema *schema,
                                struct arrow_pieces pieces)
{
    const char *format = schema->format;
    if (strncmp(format, "+l", 2) == 0 || strncmp(format, "+m", 2) == 0)
        return arrow_gather_list(gather, schema, pieces, false);
    if (strncmp(format, "+L", 2) == 0)
        return arrow_gather_list(gather, schema, pieces, true);
    if (strncmp(format, "+w:", 3) == 0) {
        int64_t width = (int64_t)arrow_format_number(format + 3);
        arrow_gather_validity(gather, pieces);
        return arrow_gather_column(gather, schema->children[0], arrow_gather_children(gather, pieces, 0, width));
    }
    if (strncmp(format, "+us:", 4) == 0) {
        arrow_body_node(gather->body, arrow_pieces_rows(pieces), 0); /* unions have no validity bitmap */
        arrow_gather_values(gather, pieces, 0, 1);
        return arrow_gather_struct(gather, schema, pieces);
    }
    if (strcmp(format, "+s") == 0) {
        arrow_gather_validity(gather, pieces);
        return arrow_gather_struct(gather, schema, pieces);
    }
    return err_set(gather->err, ERR_UNIMPLEMENTED, "the Arrow format %s of column %s cannot be sent", format,
                   schema->name ? schema->name : "");
}

/* Bytes of one value, 0 for formats without a fixed width. */
static size_t arrow_format_width(const char *format)
{
    switch (format[0]) {
    case 'c':
    case 'C':
        return 1;
    case 's':
    case 'S':
    case 'e':
        return 2;
    case 'i':
    case 'I':
    case 'f':
        return 4;
    case 'l':
    case 'L':
    case 'g':
        return 8;
    case 'd': { /* d:precision,scale[,bits] */
        const char *comma = strchr(format, ',');
        const char *bits = comma ? strchr(comma + 1, ',') : NULL;
        return bits ? arrow_format_number(bits + 1) / 8 : 16;
    }
    case 'w':
        return arrow_format_number(format + 2);
    case 't':
        if (strcmp(format, "tdD") == 0 || strcmp(format, "tts") == 0 || strcmp(format, "ttm") == 0 ||
            strcmp(format, "tiM") == 0)
            return 4;
        return strcmp(format, "tin") == 0 ? 16 : 8;
    default:
        return 0;
    }
}

static bool arrow_gather_column(struct arrow_gather *gather, const struct ArrowSchema *schema,
                                struct arrow_pieces pieces)
{
    const char *format = schema->format;
    switch (format[0]) {
    case 'n':
        arrow_body_node(gather->body, arrow_pieces_rows(pieces), arrow_pieces_rows(pieces));
        return true;
    case 'b':
        return arrow_gather_bits(gather, pieces);
    case 'u':
    case 'z':
        return arrow_gather_text(gather, pieces, false);
    case 'U':
    case 'Z':
        return arrow_gather_text(gather, pieces, true);
    case '+':
        return arrow_gather_nested(gather, schema, pieces);
    default:
        break;
    }
    size_t width = arrow_format_width(format);
    if (width > 0)
        return arrow_gather_fixed(gather, pieces, width);
    return err_set(gather->err, ERR_UNIMPLEMENTED, "the Arrow format %s of column %s cannot be sent", format,
                   schema->name ? schema->name : "");
}

bool arrow_gather_knows(const struct ArrowSchema *schema)
{
    const char *format = schema->format;
    bool nested = format[0] == '+';
    if (schema->dictionary || format[0] == 'v' ||
        (nested && !strchr("lLmws", format[1]) && strncmp(format, "+us", 3) != 0))
        return false;
    for (int64_t i = 0; i < schema->n_children; i++)
        if (!arrow_gather_knows(schema->children[i]))
            return false;
    return true;
}

bool arrow_gather(struct arrow_body *body, const struct ArrowSchema *schema, const struct arrow_piece *pieces,
                  size_t count, struct arena *scratch, struct err *err)
{
    struct arrow_gather gather = {.body = body, .scratch = scratch, .err = err};
    return arrow_gather_column(&gather, schema, (struct arrow_pieces){pieces, count});
}
