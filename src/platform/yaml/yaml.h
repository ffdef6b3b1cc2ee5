/* YAML documents as people write configuration: maps, lists and plain texts, with the line of each value. Anchors,
 * aliases, tags and several documents in one text are refused: nobody needs them in configuration, and they hide what
 * is meant. */
#pragma once
#include "base/arena.h"
#include "base/err.h"

struct yaml;

enum yaml_kind { YAML_EMPTY, YAML_TEXT, YAML_LIST, YAML_MAP };

/* The whole text is one document; no document is a YAML_EMPTY. Errors name line and column. The tree lives as long as
 * the arena. */
const struct yaml *yaml_parse(struct arena *arena, struct str text, struct err *err);

enum yaml_kind yaml_kind(const struct yaml *value);
int yaml_line(const struct yaml *value);
/* A scalar as written; empty for other kinds. */
struct str yaml_text(const struct yaml *value);
/* Elements of a list, or members of a map in order. */
size_t yaml_count(const struct yaml *value);
const struct yaml *yaml_at(const struct yaml *value, size_t index);
struct str yaml_key_at(const struct yaml *value, size_t index);
/* The line of the key. */
int yaml_key_line(const struct yaml *value, size_t index);
/* Member by name, or NULL. Accepts NULL and values that are no map. */
const struct yaml *yaml_get(const struct yaml *value, const char *key);

/* ERR_INVALID that names the line of the first member not in the list (NULL-terminated) and the nearest known name. */
bool yaml_only_keys(const struct yaml *map, const char *const *keys, struct err *err) MUST_USE;
