/* warehouse: where Iceberg files lie. */
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/config_priv.h"

#define CONFIG_WAREHOUSE_KEYS "warehouse takes s3://bucket/prefix, file:///directory or a path, or a map with location"

static const char *const config_warehouse_keys[] = {"location",   "endpoint",      "region", "path_style", "key_id",
                                                    "key",        "session_token", "role",   "vend",       "sign",
                                                    "share_keys", "outside",       NULL};

/* Empty where it is not said. */
static struct str config_warehouse_text(const struct yaml *map, const char *key)
{
    const struct yaml *value = yaml_get(map, key);
    return value ? yaml_text(value) : S("");
}

static bool config_warehouse_flag(struct config_reader *reader, const struct yaml *map, const char *key, bool *flag)
{
    const struct yaml *value = yaml_get(map, key);
    if (!value)
        return true;
    *flag = str_equal(yaml_text(value), S("true"));
    if (*flag || str_equal(yaml_text(value), S("false")))
        return true;
    return err_set(reader->err, ERR_INVALID, "line %d: warehouse.%s must be true or false", yaml_line(value), key);
}

/* The first variable that is set. */
static struct str config_warehouse_variable(const char *first, const char *second)
{
    struct str text = config_environment(first);
    return text.len > 0 ? text : config_environment(second);
}

/* Keys of the map, or all of them of the environment: those of two places would not fit together. */
static bool config_warehouse_secrets(struct config_reader *reader, const struct yaml *map, struct object_s3 *s3)
{
    struct str key_from = config_warehouse_text(map, "key"), token_from = config_warehouse_text(map, "session_token");
    s3->key_id = config_warehouse_text(map, "key_id");
    if (s3->key_id.len > 0 && key_from.len == 0)
        return config_bad(reader, map, "warehouse.key_id needs warehouse.key: ${VARIABLE} or file:PATH");
    if (s3->key_id.len == 0 && key_from.len + token_from.len > 0)
        return config_bad(reader, map, "warehouse.key needs warehouse.key_id");
    struct str id = s3->key_id;
    if (id.len == 0) {
        id = config_environment("AWS_ACCESS_KEY_ID");
        key_from = S("${AWS_SECRET_ACCESS_KEY}");
        token_from = config_environment("AWS_SESSION_TOKEN").len > 0 ? S("${AWS_SESSION_TOKEN}") : S("");
    } else if (str_starts_with(id, S("${")) && str_ends_with(id, S("}"))) {
        id = config_environment(str_cstr(reader->arena, str_slice(id, 2, id.len - 3)));
    }
    const struct secret *session = NULL;
    if (id.len == 0) {
        (void)err_set(reader->err, ERR_INVALID, "line %d: a warehouse in S3 needs keys", yaml_line(map));
        return err_hint(reader->err, "give key_id and key, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    if (!config_secret(reader, "warehouse.key", key_from, &s3->key) ||
        (token_from.len > 0 && !config_secret(reader, "warehouse.session_token", token_from, &session)))
        return err_wrap(reader->err, "line %d", yaml_line(map));
    s3->key_id = id;
    s3->session_token = session ? secret_reveal(session) : S("");
    return true;
}

static bool config_warehouse_s3(struct config_reader *reader, const struct yaml *map,
                                struct catalog_warehouse *warehouse)
{
    struct object_s3 *s3 = arena_new_object(reader->arena, struct object_s3);
    s3->endpoint = config_warehouse_text(map, "endpoint");
    s3->region = config_warehouse_text(map, "region");
    s3->role = config_warehouse_text(map, "role");
    if (s3->endpoint.len == 0)
        s3->endpoint = config_warehouse_variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL");
    if (s3->region.len == 0)
        s3->region = config_warehouse_variable("AWS_REGION", "AWS_DEFAULT_REGION");
    if (s3->region.len == 0)
        s3->region = S("us-east-1");
    s3->outgoing = reader->config->outgoing;
    s3->path_style = s3->endpoint.len > 0; /* few stores but Amazon's have a name for each bucket */
    bool is_amazon = s3->endpoint.len == 0;
    warehouse->s3 = s3;
    warehouse->vend = !is_amazon || s3->role.len > 0;
    if (!config_warehouse_flag(reader, map, "path_style", &s3->path_style) ||
        !config_warehouse_flag(reader, map, "vend", &warehouse->vend) ||
        !config_warehouse_flag(reader, map, "share_keys", &warehouse->share_keys))
        return false;
    warehouse->sign = !warehouse->share_keys;
    if (!config_warehouse_flag(reader, map, "sign", &warehouse->sign))
        return false;
    if (warehouse->vend && is_amazon && s3->role.len == 0)
        return config_bad(reader, map, "warehouse.vend needs warehouse.role: the ARN of the role to assume");
    return config_warehouse_secrets(reader, map, s3);
}

/* A path becomes absolute: clients get it as it is here. */
static struct str config_warehouse_file(struct config_reader *reader, struct str location)
{
    char here[PATH_MAX];
    if (str_starts_with(location, S("file://")))
        return location;
    struct str path = config_beside(reader, location);
    if (str_starts_with(path, S("/")) || !getcwd(here, sizeof(here)))
        return str_format(reader->arena, "file://%.*s", STR_ARG(path));
    return str_format(reader->arena, "file://%s/%.*s", here, STR_ARG(path));
}

bool config_warehouse_read(struct config_reader *reader, const struct yaml *value)
{
    if (!value)
        return true;
    bool is_map = yaml_kind(value) == YAML_MAP;
    struct str location = is_map ? config_warehouse_text(value, "location") : yaml_text(value);
    if (is_map && !yaml_only_keys(value, config_warehouse_keys, reader->err))
        return false;
    for (size_t i = 0; is_map && i < yaml_count(value); i++)
        if (yaml_text(yaml_at(value, i)).len == 0)
            return err_set(reader->err, ERR_INVALID, "line %d: warehouse.%.*s must be a text",
                           yaml_line(yaml_at(value, i)), STR_ARG(yaml_key_at(value, i)));
    while (str_ends_with(location, S("/")))
        location.len--;
    bool is_s3 = str_starts_with(location, S("s3://"));
    if (location.len == 0 || (!is_s3 && !str_starts_with(location, S("file://")) && str_find(location, S("://")) >= 0))
        return config_bad(reader, value, CONFIG_WAREHOUSE_KEYS);
    struct catalog_warehouse *warehouse = arena_new_object(reader->arena, struct catalog_warehouse);
    reader->config->warehouse = warehouse;
    warehouse->root = is_s3 ? location : config_warehouse_file(reader, location);
    if (is_map && !config_warehouse_flag(reader, value, "outside", &warehouse->outside))
        return false;
    if (is_s3)
        return config_warehouse_s3(reader, value, warehouse);
    for (size_t i = 0; is_map && i < yaml_count(value); i++)
        if (!str_equal(yaml_key_at(value, i), S("location")) && !str_equal(yaml_key_at(value, i), S("outside")))
            return err_set(reader->err, ERR_INVALID, "line %d: warehouse.%.*s is for s3:// locations",
                           yaml_key_line(value, i), STR_ARG(yaml_key_at(value, i)));
    return true;
}
