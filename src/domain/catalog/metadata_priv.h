/* A commit to a table while its updates are applied one after the other; shared by metadata_update.c (all together),
 * metadata_shape.c (schemas, specs, sort orders) and metadata_history.c (snapshots, references, files). */
#pragma once
#include "domain/catalog/model.h"

#define METADATA_NONE_ADDED (-2)

struct metadata_updating {
    struct arena *arena;
    const struct metadata *base; /* NULL: a new table */
    const struct metadata_context *context;
    struct metadata next; /* its snapshots are put together at the end */
    bool changed;
    int added_schema, added_spec, added_sort; /* what -1 stands for in `set-…` */
    MODEL_LIST(struct model_snapshot) added;  /* snapshots; none of them removed again */
    bool *gone;                               /* of base's snapshots; NULL: none is */
    bool removed;                             /* some snapshot was */
    MODEL_LIST(int64_t) were_main;            /* snapshots that were added and made current by this commit */
};

/* metadata_shape.c */
bool metadata_add_schema(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_set_current_schema(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_remove_schemas(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_add_spec(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_set_default_spec(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_remove_specs(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_add_sort(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_set_default_sort(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
/* The same with values that were read: id of the schema, spec or order that stands for it now. */
bool metadata_take_schema(struct metadata_updating *to, const struct model_schema *schema, int *id_out,
                          struct err *err) MUST_USE;
bool metadata_take_spec(struct metadata_updating *to, const struct model_spec *spec, int *id_out,
                        struct err *err) MUST_USE;
bool metadata_take_sort(struct metadata_updating *to, const struct model_sort *sort, int *id_out,
                        struct err *err) MUST_USE;

/* metadata_history.c */
bool metadata_add_snapshot(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_remove_snapshots(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_set_ref(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_remove_ref(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_set_statistics(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_remove_statistics(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_set_partition_statistics(struct metadata_updating *to, const struct json *update,
                                       struct err *err) MUST_USE;
bool metadata_remove_partition_statistics(struct metadata_updating *to, const struct json *update,
                                          struct err *err) MUST_USE;
bool metadata_add_key(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
bool metadata_remove_key(struct metadata_updating *to, const struct json *update, struct err *err) MUST_USE;
/* By name; nothing happens where there is none. Without main there is no current snapshot. */
void metadata_drop_ref(struct metadata_updating *to, struct str name);
/* Puts snapshots and snapshot-log together, and drops what belongs to snapshots that were removed. */
bool metadata_finish_history(struct metadata_updating *to, struct err *err) MUST_USE;

/* metadata_update.c */
void metadata_begin(struct metadata_updating *to, struct arena *arena, const struct metadata *base,
                    const struct metadata_context *context);
/* NULL and *err, or what next became: checked, with times and logs. */
const struct metadata *metadata_finish(struct metadata_updating *to, struct err *err);
/* Before items are changed in place: a list that base shares is copied. */
#define metadata_own(to, list)                 \
    do {                                       \
        if ((list)->count == (list)->capacity) \
            model_copy((to)->arena, (list));   \
    } while (0)
