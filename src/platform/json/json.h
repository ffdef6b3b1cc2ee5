/* JSON documents (RFC 8259): reading into a tree that lives in an arena, and a writer that appends to a buf. */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct json; /* a value of a parsed document */

enum json_kind { JSON_NULL, JSON_BOOL, JSON_I64, JSON_DOUBLE, JSON_TEXT, JSON_ARRAY, JSON_OBJECT };

/* The whole text must be one value; duplicate keys, depth beyond json.max_depth, whole numbers beyond 64 bits, \\u0000
 * and bad UTF-8 are errors that name line and column. The tree and its texts, which end in a NUL, live as long as the
 * arena. */
const struct json *json_parse(struct arena *arena, struct str text, struct err *err);
/* The same for what DuckDB writes: syntax trees nest deeper than documents. depth: at most 2000 levels. */
const struct json *json_parse_deep(struct arena *arena, struct str text, int64_t depth, struct err *err);

enum json_kind json_kind(const struct json *value);
/* Values of the kind; zero of the type for others. All of these accept NULL (an absent member): it is like JSON's null.
 */
struct str json_text(const struct json *value);
int64_t json_i64(const struct json *value);
double json_double(const struct json *value); /* also of an integer */
bool json_bool(const struct json *value);
/* Elements of an array, or members of an object in order. */
size_t json_count(const struct json *value);
const struct json *json_at(const struct json *value, size_t index);
struct str json_key_at(const struct json *value, size_t index);
/* Member by name, or NULL. Accepts NULL and values that are no object. */
const struct json *json_get(const struct json *value, const char *key);

/* Same kinds and values; members of objects in any order (of up to 1000). An absent value equals null. */
bool json_is_equal(const struct json *a, const struct json *b);

/* ERR_INVALID that names the first member not in the list (NULL-terminated) and the nearest known name. */
bool json_only_keys(const struct json *object, const char *const *keys, struct err *err);
/* Text member: absent or null gives an empty str; another kind is ERR_INVALID naming the key. */
bool json_get_text(const struct json *object, const char *key, struct str *text_out, struct err *err);

/* A writer puts commas and escapes; nesting is the caller's. `key` NULL inside arrays and at the top. */
struct json_writer {
    struct buf *buf;
    bool comma;
};
void json_begin_object(struct json_writer *writer, const char *key);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer, const char *key);
void json_end_array(struct json_writer *writer);
void json_write_text(struct json_writer *writer, const char *key, struct str text);
void json_write_i64(struct json_writer *writer, const char *key, int64_t number);
void json_write_double(struct json_writer *writer, const char *key, double number);
void json_write_bool(struct json_writer *writer, const char *key, bool value);
void json_write_null(struct json_writer *writer, const char *key);
/* A moment as RFC 3339 has it; nothing at all for 0, which means that there was none yet. */
void json_write_time(struct json_writer *writer, const char *key, int64_t wall_us);
/* A parsed value as it was read: members in order, integers exact, doubles with a point or an exponent. */
void json_write_value(struct json_writer *writer, const char *key, const struct json *value);
/* A quoted, escaped JSON string alone; bytes that are not UTF-8 become U+FFFD. */
void json_escape(struct buf *buf, struct str text);
