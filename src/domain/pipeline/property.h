/* Properties as people write them in YAML: a table says which there are, of what type, and where each value goes.
 * docs/reference/pipelines.md is compared with the tables by tests. What is wrong becomes a problem with file and line,
 * and reading goes on. */
#pragma once
#include "domain/pipeline/asset.h"
#include "platform/yaml/yaml.h"

struct property;

struct property_reader {
    struct arena *arena; /* of what is read */
    struct asset_problems *problems;
    struct str path, asset; /* of problems */
    unsigned where;         /* bit of a kind of asset, see below; 0: anywhere */
    const char *beside;     /* a member of maps that the caller reads himself; NULL: none */
    void *owner;            /* of the tables' own readers */
};

/* The value of one property into its field; false after a problem. */
typedef bool property_read(struct property_reader *reader, const struct property *property, const struct yaml *value,
                           void *field);

struct property {
    const char *name;     /* NULL: the table's end */
    const char *type;     /* for the reference */
    const char *fallback; /* what it is when nobody says it, for the reference; "": nothing */
    property_read *read;
    size_t offset;            /* of the field in what the table is about */
    const char *const *words; /* of property_word, NULL-terminated; the value is the index */
    unsigned where;           /* kinds of assets that take it: 1 << enum asset_kind; 0: all */
};

/* A problem of this line; always false. */
bool property_problem(struct property_reader *reader, int line, const char *format, ...) PRINTF(3, 4);
/* The same, of an error with its hint. */
bool property_problem_err(struct property_reader *reader, int line, const struct err *err);
/* "unknown property 'x'" with the nearest known name. */
bool property_unknown(struct property_reader *reader, int line, const char *what, struct str name,
                      const char *const *known);

/* All members of a map into the fields of target. name: the map, for problems. */
bool property_map(struct property_reader *reader, const char *name, const struct yaml *map,
                  const struct property *table, void *target);

property_read property_text;     /* struct str, not empty */
property_read property_texts;    /* struct property_list: a text, or a list of texts */
property_read property_flag;     /* bool */
property_read property_count;    /* uint32_t */
property_read property_integer;  /* int64_t, not negative */
property_read property_share;    /* double, 0 to 1 */
property_read property_duration; /* int64_t microseconds: "5m", "1h30m", 30 (seconds) */
property_read property_word;     /* an enum: one of words */

/* What fields of texts look like: a pointer and its count behind it. */
struct property_list {
    const struct str *items;
    size_t count;
};

/* "5m", "90s", "1h30m", "500ms", "2d", "1w", "30" (seconds). false: it is none. */
bool property_parse_duration(struct str text, int64_t *us_out) MUST_USE;
/* A path inside the project below one of the NULL-terminated directories ("data/final/"), without "..". */
bool property_is_below(struct str path, const char *const *directories);
