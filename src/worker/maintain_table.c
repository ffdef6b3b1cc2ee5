/* Reading Iceberg's table metadata. */
#include "worker/maintain.h"

int64_t maintain_property(const struct maintain_table *table, const char *name, int64_t fallback)
{
    int64_t number;
    struct str text = json_text(json_get(json_get(table->metadata, "properties"), name));
    return text.len && str_to_i64(text, &number) ? number : fallback;
}

const struct json *maintain_by_id(const struct json *array, const char *member, int64_t id)
{
    for (size_t i = 0; i < json_count(array); i++)
        if (json_i64(json_get(json_at(array, i), member)) == id)
            return json_at(array, i);
    return NULL;
}

const struct json *maintain_snapshot_of(const struct maintain_table *table, int64_t id)
{
    return maintain_by_id(json_get(table->metadata, "snapshots"), "snapshot-id", id);
}

struct str maintain_key(struct str location)
{
    ptrdiff_t scheme = str_find(location, S(":/"));
    struct str rest = scheme < 0 ? location : str_from_index(location, (size_t)scheme + 1);
    while (str_starts_with(rest, S("/")))
        rest = str_from_index(rest, 1);
    return rest;
}
