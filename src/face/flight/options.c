/* One table of names for both ways in. */
#include "face/flight/options.h"

#include "platform/json/json.h"
#include "platform/rpc/rpc.h"

static bool flight_options_mode(struct str text, enum query_mode *mode_out, struct err *err)
{
    static const struct {
        const char *name;
        enum query_mode mode;
    } modes[] = {{"create", QUERY_MODE_CREATE},
                 {"append", QUERY_MODE_APPEND},
                 {"replace", QUERY_MODE_REPLACE},
                 {"create_append", QUERY_MODE_CREATE_APPEND}};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (str_equal(text, str_from(modes[i].name))) {
            *mode_out = modes[i].mode;
            return true;
        }
    }
    err_set(err, ERR_INVALID, "unknown mode '%.*s'", STR_ARG(str_slice(text, 0, 64)));
    return err_hint(err, "one of create, append, replace, create_append");
}

static bool flight_options_target(struct str text, enum query_target *target_out, struct err *err)
{
    static const char *const names[] = {"auto", "duckdb", "iceberg"}; /* as enum query_target */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_equal(text, str_from(names[i]))) {
            *target_out = (enum query_target)i;
            return true;
        }
    }
    err_set(err, ERR_INVALID, "unknown target '%.*s'", STR_ARG(str_slice(text, 0, 64)));
    return err_hint(err, "one of auto, duckdb, iceberg");
}

/* name is without the prefix. */
static bool flight_options_set(struct flight_options_of_call *options, bool upload, struct str name, struct str value,
                               struct err *err)
{
    if (str_equal(name, S("tenant"))) {
        options->tenant = value;
        return true;
    }
    if (upload && str_equal(name, S("mode")))
        return flight_options_mode(value, &options->mode, err);
    if (upload && str_equal(name, S("target")))
        return flight_options_target(value, &options->target, err);
    struct str *text = !upload ? NULL
                       : str_equal(name, S("partition-by")) || str_equal(name, S("partition_by"))
                           ? &options->partition_by
                       : str_equal(name, S("sort-by")) || str_equal(name, S("sort_by")) ? &options->sort_by
                                                                                        : NULL;
    if (text) {
        *text = value;
        return true;
    }
    err_set(err, ERR_INVALID, "unknown header 'eider-%.*s'", STR_ARG(str_slice(name, 0, 64)));
    return err_hint(err, "known for this call: %s",
                    upload ? "eider-tenant, eider-mode, eider-target, eider-partition-by, eider-sort-by"
                           : "eider-tenant");
}

bool flight_options_from_headers(struct rpc_call *call, bool upload, struct flight_options_of_call *options_out,
                                 struct err *err)
{
    static const size_t prefix = sizeof("eider-") - 1;
    struct flight_options_of_call options = {.mode = QUERY_MODE_CREATE_APPEND};
    struct str name, value;
    for (size_t i = 0; rpc_call_metadata_at(call, i, &name, &value); i++) {
        if (str_starts_with(name, S("eider-")) &&
            !flight_options_set(&options, upload, str_from_index(name, prefix), value, err))
            return false;
    }
    *options_out = options;
    return true;
}

bool flight_options_from_json(struct arena *arena, struct str text, struct flight_options_of_call *options,
                              struct err *err)
{
    static const char *const keys[] = {"mode", "target", "tenant", "partition_by", "sort_by", NULL};
    if (text.len == 0)
        return true;
    const struct json *object = json_parse(arena, text, err);
    if (!object || !json_only_keys(object, keys, err))
        return err_wrap(err, "app_metadata");
    for (size_t i = 0; i < json_count(object); i++) {
        struct str name = json_key_at(object, i);
        if (json_kind(json_at(object, i)) != JSON_TEXT)
            return err_set(err, ERR_INVALID, "app_metadata: %.*s has to be a text", STR_ARG(name));
        if (!flight_options_set(options, true, name, json_text(json_at(object, i)), err))
            return err_wrap(err, "app_metadata");
    }
    return true;
}
