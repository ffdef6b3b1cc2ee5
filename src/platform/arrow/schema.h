/* The schema of an incoming Arrow stream: which columns, how their buffers lie, and the same as a C data structure for
 * DuckDB. Types that cannot be stored are refused by name. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "platform/arrow/c_data.h"

enum arrow_layout {
    ARROW_LAYOUT_NULL,
    ARROW_LAYOUT_BITS,
    ARROW_LAYOUT_FIXED,      /* width bytes each */
    ARROW_LAYOUT_TEXT,       /* offsets of width bytes, data */
    ARROW_LAYOUT_VIEW,       /* 16-byte views into any number of buffers */
    ARROW_LAYOUT_LIST,       /* offsets of width bytes, one child */
    ARROW_LAYOUT_LIST_VIEW,  /* offsets and sizes of width bytes, one child */
    ARROW_LAYOUT_FIXED_LIST, /* list_size values each, one child */
    ARROW_LAYOUT_STRUCT,
    ARROW_LAYOUT_UNION, /* sparse: type ids, children as long as the column */
    ARROW_LAYOUT_RUNS,  /* two children: ends of runs, values */
};

struct arrow_field {
    enum arrow_layout layout;
    size_t width;
    int64_t list_size;
    bool utf8;              /* TEXT and VIEW: must be UTF-8 */
    bool map;               /* LIST: of entries whose keys are not NULL */
    bool is_signed;         /* FIXED: index or run-end type */
    int decimal_digits;     /* FIXED: values have at most so many; 0 = no decimal */
    const int8_t *type_ids; /* UNION: child_count ids */
    struct arrow_field *children;
    size_t child_count;
    struct arrow_field *dictionary; /* values, when this field is dictionary-encoded; its own layout is the index's */
    int64_t dictionary_id;
    const char *path;     /* name for messages: "a.b" */
    struct ArrowSchema c; /* release does nothing: the arena owns it */
};

/* Bounds of a schema. */
enum { ARROW_DEPTH_MAX = 32, ARROW_FIELDS_MAX = 20000 };

/* Decodes the flatbuffer of a Schema message. The root is a struct of the columns; all of it lives in the arena. */
struct arrow_field *arrow_schema_decode(struct arena *arena, struct str flatbuffer, struct err *err);

/* Names of the flatbuffer's fields, by number (Arrow format: Message.fbs, Schema.fbs). */
enum { ARROW_MESSAGE_HEADER_TYPE = 1, ARROW_MESSAGE_HEADER = 2, ARROW_MESSAGE_BODY_LENGTH = 3 };
enum { ARROW_HEADER_SCHEMA = 1, ARROW_HEADER_DICTIONARY = 2, ARROW_HEADER_BATCH = 3 };
