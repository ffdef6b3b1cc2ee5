/* Reading YAML: libyaml's events become a tree in the arena. */
#include "platform/yaml/yaml.h"

#include <assert.h>
#include <yaml.h>

#include "base/nearest.h"
#include "base/vec.h"

/* Configuration nests four levels deep; more is a mistake. */
#define YAML_DEPTH_MAX 32

struct yaml_member {
    struct str key; /* empty in lists */
    int line;       /* of the key */
    const struct yaml *value;
};

struct yaml {
    enum yaml_kind kind;
    int line;
    struct str text;
    size_t count;
    const struct yaml_member *members;
};

struct yaml_reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the current one */
    struct arena *arena;
    struct err *err;
    int depth;
};

static bool yaml_refuse(struct yaml_reader *reader, const char *why)
{
    yaml_mark_t at = reader->event.start_mark;
    return err_set(reader->err, ERR_INVALID, "line %zu, column %zu: %s", at.line + 1, at.column + 1, why);
}

/* Goes to the next event. */
static bool yaml_next(struct yaml_reader *reader)
{
    yaml_event_delete(&reader->event);
    if (yaml_parser_parse(&reader->parser, &reader->event))
        return true;
    yaml_mark_t at = reader->parser.problem_mark;
    const char *problem = reader->parser.problem ? reader->parser.problem : "not valid YAML";
    return err_set(reader->err, ERR_INVALID, "line %zu, column %zu: %s", at.line + 1, at.column + 1, problem);
}

static const struct yaml *yaml_read(struct yaml_reader *reader);

static struct yaml *yaml_new(struct yaml_reader *reader, enum yaml_kind kind)
{
    struct yaml *value = arena_new_object(reader->arena, struct yaml);
    value->kind = kind;
    value->line = (int)reader->event.start_mark.line + 1;
    return value;
}

static struct str yaml_scalar(struct yaml_reader *reader)
{
    return str_copy(reader->arena, str_bytes(reader->event.data.scalar.value, reader->event.data.scalar.length));
}

static bool yaml_check_new(struct yaml_reader *reader, const struct yaml_member *members, size_t count, struct str key)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(members[i].key, key))
            return yaml_refuse(reader, "this key was there before");
    }
    return true;
}

/* The members up to the end event, which stays current. */
static bool yaml_read_members(struct yaml_reader *reader, struct yaml *value)
{
    yaml_event_type_t end = value->kind == YAML_MAP ? YAML_MAPPING_END_EVENT : YAML_SEQUENCE_END_EVENT;
    VEC(struct yaml_member) members = {0};
    bool ok = yaml_next(reader);
    while (ok && reader->event.type != end) {
        struct yaml_member member = {.line = (int)reader->event.start_mark.line + 1, .key = S("")};
        if (value->kind == YAML_MAP) {
            ok = reader->event.type == YAML_SCALAR_EVENT || yaml_refuse(reader, "a key must be a text");
            member.key = ok ? yaml_scalar(reader) : S("");
            ok = ok && yaml_check_new(reader, members.items, members.count, member.key) && yaml_next(reader);
        }
        member.value = ok ? yaml_read(reader) : NULL;
        ok = member.value && yaml_next(reader);
        vec_push(&members, member);
    }
    if (ok) {
        value->count = members.count;
        value->members = arena_copy(reader->arena, members.items, members.count * sizeof(struct yaml_member));
    }
    vec_done(&members);
    return ok;
}

static const struct yaml *yaml_read_collection(struct yaml_reader *reader, enum yaml_kind kind)
{
    struct yaml *value = yaml_new(reader, kind);
    if (++reader->depth > YAML_DEPTH_MAX) {
        yaml_refuse(reader, "nested too deeply");
        return NULL;
    }
    if (!yaml_read_members(reader, value))
        return NULL;
    reader->depth--;
    return value;
}

/* An unquoted ~, null or nothing at all. */
static bool yaml_is_empty(struct yaml_reader *reader, struct str text)
{
    return reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (text.len == 0 || str_equal(text, S("~")) || str_equal(text, S("null")));
}

/* The value that the current event begins; ends at its last event. */
static const struct yaml *yaml_read(struct yaml_reader *reader)
{
    const yaml_event_t *event = &reader->event;
    bool marked = (event->type == YAML_SCALAR_EVENT && (event->data.scalar.anchor || event->data.scalar.tag)) ||
                  (event->type == YAML_SEQUENCE_START_EVENT &&
                   (event->data.sequence_start.anchor || event->data.sequence_start.tag)) ||
                  (event->type == YAML_MAPPING_START_EVENT &&
                   (event->data.mapping_start.anchor || event->data.mapping_start.tag));
    if (marked || event->type == YAML_ALIAS_EVENT) {
        yaml_refuse(reader, "anchors, aliases and tags are not allowed");
        return NULL;
    }
    if (event->type == YAML_SEQUENCE_START_EVENT)
        return yaml_read_collection(reader, YAML_LIST);
    if (event->type == YAML_MAPPING_START_EVENT)
        return yaml_read_collection(reader, YAML_MAP);
    assert(event->type == YAML_SCALAR_EVENT);
    struct yaml *value = yaml_new(reader, YAML_TEXT);
    value->text = yaml_scalar(reader);
    if (yaml_is_empty(reader, value->text))
        value->kind = YAML_EMPTY;
    return value;
}

static const struct yaml *yaml_read_document(struct yaml_reader *reader)
{
    if (!yaml_next(reader) || !yaml_next(reader)) /* start of the stream, start of the document */
        return NULL;
    if (reader->event.type == YAML_STREAM_END_EVENT)
        return yaml_new(reader, YAML_EMPTY);
    if (!yaml_next(reader))
        return NULL;
    const struct yaml *value = yaml_read(reader);
    if (!value || !yaml_next(reader) || !yaml_next(reader)) /* end of the document, what follows */
        return NULL;
    if (reader->event.type != YAML_STREAM_END_EVENT) {
        yaml_refuse(reader, "a second document");
        return NULL;
    }
    return value;
}

const struct yaml *yaml_parse(struct arena *arena, struct str text, struct err *err)
{
    struct yaml_reader reader = {.arena = arena, .err = err};
    if (!yaml_parser_initialize(&reader.parser))
        mem_panic("no memory for the YAML parser");
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(text.len ? text.ptr : ""), text.len);
    const struct yaml *value = yaml_read_document(&reader);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    return value;
}

enum yaml_kind yaml_kind(const struct yaml *value)
{
    return value->kind;
}

int yaml_line(const struct yaml *value)
{
    return value->line;
}

struct str yaml_text(const struct yaml *value)
{
    return value->kind == YAML_TEXT ? value->text : S("");
}

size_t yaml_count(const struct yaml *value)
{
    return value->count;
}

const struct yaml *yaml_at(const struct yaml *value, size_t index)
{
    assert(index < value->count);
    return value->members[index].value;
}

struct str yaml_key_at(const struct yaml *value, size_t index)
{
    assert(index < value->count);
    return value->members[index].key;
}

int yaml_key_line(const struct yaml *value, size_t index)
{
    assert(index < value->count);
    return value->members[index].line;
}

const struct yaml *yaml_get(const struct yaml *value, const char *key)
{
    if (!value || value->kind != YAML_MAP)
        return NULL;
    for (size_t i = 0; i < value->count; i++) {
        if (str_equal(value->members[i].key, str_from(key)))
            return value->members[i].value;
    }
    return NULL;
}

bool yaml_only_keys(const struct yaml *map, const char *const *keys, struct err *err)
{
    for (size_t i = 0; i < map->count; i++) {
        struct str key = map->members[i].key;
        bool known = false;
        for (size_t k = 0; keys[k] && !known; k++)
            known = str_equal(key, str_from(keys[k]));
        if (known)
            continue;
        err_set(err, ERR_INVALID, "line %d: unknown key '%.*s'", map->members[i].line, STR_ARG(str_slice(key, 0, 64)));
        const char *nearest = nearest_name(key, keys);
        return nearest ? err_hint(err, "did you mean '%s'?", nearest) : false;
    }
    return true;
}
