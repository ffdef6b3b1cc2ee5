/* What eider.yaml says about the project beside it: tenant, environments, connections, schedules, alerts. */
#include <limits.h>
#include <stdlib.h>

#include "app/config_priv.h"
#include "domain/pipeline/asset_property.h"
#include "domain/pipeline/connection.h"

#define CONFIG_PARALLEL 4
#define CONFIG_PRODUCTION "production"

/* On the way to the settings; reader->owner. */
struct config_project {
    struct config_reader *config;
    struct project_settings *settings;
};

/* Elements of a map of names; false after a problem. */
static bool config_named(struct property_reader *reader, const struct property *property, const struct yaml *value)
{
    bool ok = true;
    if (yaml_kind(value) != YAML_MAP)
        return property_problem(reader, yaml_line(value), "%s must be a map of names", property->name);
    for (size_t i = 0; i < yaml_count(value); i++)
        if (!asset_is_name(yaml_key_at(value, i)))
            ok = property_problem(reader, yaml_key_line(value, i),
                                  "%s: '%.*s' is no name: a letter, then letters, "
                                  "digits and _, all in lower case",
                                  property->name, STR_ARG(str_slice(yaml_key_at(value, i), 0, 64)));
    return ok;
}

static bool config_tenant(struct property_reader *reader, const struct property *property, const struct yaml *value,
                          void *field)
{
    struct str name;
    if (!property_text(reader, property, value, &name))
        return false;
    if (!asset_is_name(name) || name.ptr[0] == '_')
        return property_problem(reader, yaml_line(value), "'%.*s' is no name of a tenant: tenant_acme",
                                STR_ARG(str_slice(name, 0, 80)));
    memcpy(field, &name, sizeof(name));
    return true;
}

/* A short form of listen. */
static bool config_port(struct property_reader *reader, const struct property *property, const struct yaml *value,
                        void *field)
{
    struct config_reader *config = ((struct config_project *)reader->owner)->config;
    (void)field;
    int64_t port;
    if (!property_integer(reader, property, value, &port))
        return false;
    if (port > UINT16_MAX)
        return property_problem(reader, yaml_line(value), "port must be a number up to 65535");
    struct str *listen = arena_new_object(reader->arena, struct str);
    *listen = str_format(reader->arena, "127.0.0.1:%d", (int)port);
    config->config->listen = listen;
    config->config->listen_count = 1;
    return true;
}

/* --- Environments --- */

#define ENVIRONMENT(field) offsetof(struct project_environment, field)
const struct property config_environment_properties[] = {
    {"tenant", "text", "the project's, `_` and the name", config_tenant, ENVIRONMENT(tenant), NULL, 0},
    {"schedules", "flag", "in production", property_flag, ENVIRONMENT(schedules), NULL, 0},
    {0},
};

/* Production comes first, whether it is said or not. */
static bool config_environments(struct property_reader *reader, const struct property *property,
                                const struct yaml *value, void *field)
{
    (void)field;
    struct project_settings *settings = ((struct config_project *)reader->owner)->settings;
    if (value && !config_named(reader, property, value))
        return false;
    size_t given = value ? yaml_count(value) : 0, count = 1;
    struct project_environment *environments = arena_array(reader->arena, given + 1, sizeof(*environments));
    environments[0] =
        (struct project_environment){.name = S(CONFIG_PRODUCTION), .tenant = settings->tenant, .schedules = true};
    bool ok = true;
    for (size_t i = 0; i < given; i++) {
        const struct yaml *member = yaml_at(value, i);
        struct str name = yaml_key_at(value, i);
        bool first = str_equal(name, S(CONFIG_PRODUCTION));
        struct project_environment *one = &environments[first ? 0 : count++];
        one->name = name;
        if (!first)
            one->tenant = str_format(reader->arena, "%.*s_%.*s", STR_ARG(settings->tenant), STR_ARG(name));
        if (yaml_kind(member) != YAML_EMPTY)
            ok = property_map(reader, "an environment", member, config_environment_properties, one) && ok;
        if (first && !str_equal(one->tenant, settings->tenant))
            ok = property_problem(reader, yaml_line(member), "production has the project's own tenant");
        for (size_t k = 0; k < count; k++)
            if (&environments[k] != one && str_equal(environments[k].tenant, one->tenant))
                ok = property_problem(reader, yaml_line(member), "two environments have the tenant '%.*s'",
                                      STR_ARG(one->tenant));
    }
    settings->environments = environments;
    settings->environment_count = count;
    return ok;
}

/* --- Connections --- */

/* ${VARIABLE} or file:PATH. */
static bool config_password(struct property_reader *reader, const struct property *property, const struct yaml *value,
                            void *field)
{
    struct config_reader *config = ((struct config_project *)reader->owner)->config;
    struct err err = {0}, *before = config->err;
    const struct secret *secret;
    config->err = &err;
    bool ok = config_secret(config, property->name, yaml_text(value), &secret);
    config->err = before;
    if (!ok)
        return property_problem_err(reader, yaml_line(value), &err);
    memcpy(field, &secret, sizeof(secret));
    return true;
}

/* No secret, but a text that may come from the environment all the same. */
static bool config_key_id(struct property_reader *reader, const struct property *property, const struct yaml *value,
                          void *field)
{
    struct str text;
    if (!property_text(reader, property, value, &text))
        return false;
    if (str_starts_with(text, S("${")) && str_ends_with(text, S("}"))) {
        struct str name = str_slice(text, 2, text.len - 3);
        text = config_environment(str_cstr(reader->arena, name));
        if (text.len == 0)
            return property_problem(reader, yaml_line(value), "%s: the environment variable %.*s is not set",
                                    property->name, STR_ARG(str_slice(name, 0, 64)));
    }
    memcpy(field, &text, sizeof(text));
    return true;
}

static const char *const config_connection_kinds[] = {"postgres", "http", "s3", NULL};
#define CONNECTION(field) offsetof(struct project_connection, field)
const struct property config_connection_properties[] = {
    {"type", "word", "by the url", property_word, CONNECTION(kind), config_connection_kinds, 0},
    {"url", "text", "", property_text, CONNECTION(url), NULL, 0},
    {"user", "text", "", property_text, CONNECTION(user), NULL, 0},
    {"password", "secret", "", config_password, CONNECTION(password), NULL, 0},
    {"key_id", "text", "", config_key_id, CONNECTION(key_id), NULL, 0},
    {"key", "secret", "", config_password, CONNECTION(password), NULL, 0},
    {"region", "text", "", property_text, CONNECTION(region), NULL, 0},
    {"endpoint", "text", "Amazon's", property_text, CONNECTION(endpoint), NULL, 0},
    {0},
};

static bool config_connection(struct property_reader *reader, const struct yaml *value,
                              struct project_connection *connection)
{
    static const struct {
        const char *begin;
        enum project_connection_kind kind;
    } schemes[] = {{"postgres://", PROJECT_POSTGRES},
                   {"postgresql://", PROJECT_POSTGRES},
                   {"http://", PROJECT_HTTP},
                   {"https://", PROJECT_HTTP},
                   {"s3://", PROJECT_S3}};
    struct connection parsed;
    struct err err = {0};
    if (!property_map(reader, "a connection", value, config_connection_properties, connection))
        return false;
    bool known = yaml_get(value, "type") != NULL;
    for (size_t i = 0; !known && i < sizeof(schemes) / sizeof(schemes[0]); i++)
        if (str_starts_with(connection->url, str_from(schemes[i].begin))) {
            connection->kind = schemes[i].kind;
            known = true;
        }
    if (connection->url.len == 0 || !known)
        return property_problem(reader, connection->line, "a connection needs url: postgres://, https:// or s3://");
    bool s3 = connection->kind == PROJECT_S3;
    if (!s3 && (yaml_get(value, "key") || yaml_get(value, "key_id") || yaml_get(value, "region") ||
                yaml_get(value, "endpoint")))
        return property_problem(reader, connection->line, "key_id, key, region and endpoint are for s3:// alone");
    if (s3 && (yaml_get(value, "password") || yaml_get(value, "user")))
        return property_problem(reader, connection->line, "a connection to S3 has key_id and key");
    return connection_parse(connection, reader->arena, &parsed, &err) ||
           property_problem_err(reader, connection->line, &err);
}

static bool config_connections(struct property_reader *reader, const struct property *property,
                               const struct yaml *value, void *field)
{
    (void)field;
    struct project_settings *settings = ((struct config_project *)reader->owner)->settings;
    if (!config_named(reader, property, value))
        return false;
    struct project_connection *connections = arena_array(reader->arena, yaml_count(value), sizeof(*connections));
    bool ok = true;
    for (size_t i = 0; i < yaml_count(value); i++) {
        connections[i] = (struct project_connection){
            .name = yaml_key_at(value, i),
            .url = S(""),
            .user = S(""),
            .region = S(""),
            .endpoint = S(""),
            .key_id = S(""),
            .line = yaml_key_line(value, i),
        };
        ok = config_connection(reader, yaml_at(value, i), &connections[i]) && ok;
    }
    settings->connections = connections;
    settings->connection_count = yaml_count(value);
    return ok;
}

/* --- Schedules --- */

/* Beside what an asset's schedule has. */
const struct property config_schedule_properties[] = {
    {"select", "texts", "everything", property_texts, offsetof(struct project_schedule, select), NULL, 0},
    {0},
};

/* An asset's schedule with select beside its properties. */
static bool config_schedules(struct property_reader *reader, const struct property *property, const struct yaml *value,
                             void *field)
{
    (void)field;
    struct project_settings *settings = ((struct config_project *)reader->owner)->settings;
    if (!config_named(reader, property, value))
        return false;
    struct project_schedule *schedules = arena_array(reader->arena, yaml_count(value), sizeof(*schedules));
    bool ok = true;
    for (size_t i = 0; i < yaml_count(value); i++) {
        const struct yaml *member = yaml_at(value, i), *select = yaml_get(member, "select");
        const struct asset_schedule *when = NULL;
        const struct property row = {.name = str_cstr(reader->arena, yaml_key_at(value, i))};
        schedules[i].name = yaml_key_at(value, i);
        reader->beside = config_schedule_properties[0].name;
        ok = asset_read_schedule(reader, &row, member, &when) && ok;
        reader->beside = NULL;
        if (when)
            schedules[i].when = *when;
        if (select)
            ok = property_texts(reader, &config_schedule_properties[0], select, &schedules[i].select) && ok;
    }
    settings->schedules = schedules;
    settings->schedule_count = yaml_count(value);
    return ok;
}

/* --- Alerts --- */

static const char *const config_events[] = {"failure", "recovery", "freshness", NULL};

static bool config_alert_on(struct property_reader *reader, const struct property *property, const struct yaml *value,
                            void *field)
{
    struct project_alert *alert = field;
    struct property_list list;
    if (!property_texts(reader, property, value, &list))
        return false;
    alert->on_failure = alert->on_recovery = alert->on_freshness = false;
    for (size_t i = 0; i < list.count; i++) {
        if (str_equal(list.items[i], S("failure")))
            alert->on_failure = true;
        else if (str_equal(list.items[i], S("recovery")))
            alert->on_recovery = true;
        else if (str_equal(list.items[i], S("freshness")))
            alert->on_freshness = true;
        else
            return property_unknown(reader, yaml_line(value), "event", list.items[i], config_events);
    }
    return true;
}

static bool config_url(struct property_reader *reader, const struct property *property, const struct yaml *value,
                       void *field)
{
    struct str url;
    if (!config_key_id(reader, property, value, &url))
        return false;
    if (!str_starts_with(url, S("http://")) && !str_starts_with(url, S("https://")))
        return property_problem(reader, yaml_line(value), "%s must begin with http:// or https://", property->name);
    memcpy(field, &url, sizeof(url));
    return true;
}

#define ALERT(field) offsetof(struct project_alert, field)
const struct property config_alert_properties[] = {
    {"on", "words", "all of them", config_alert_on, 0, config_events, 0},
    {"webhook", "address", "", config_url, ALERT(webhook), NULL, 0},
    {"command", "command", "", asset_read_command, ALERT(command), NULL, 0},
    {"select", "texts", "everything", property_texts, ALERT(select), NULL, 0},
    {0},
};

static bool config_alerts(struct property_reader *reader, const struct property *property, const struct yaml *value,
                          void *field)
{
    (void)field, (void)property;
    struct project_settings *settings = ((struct config_project *)reader->owner)->settings;
    bool is_list = yaml_kind(value) == YAML_LIST, ok = true;
    size_t count = is_list ? yaml_count(value) : 1;
    struct project_alert *alerts = arena_array(reader->arena, count, sizeof(*alerts));
    for (size_t i = 0; i < count; i++) {
        const struct yaml *member = is_list ? yaml_at(value, i) : value;
        alerts[i] =
            (struct project_alert){.on_failure = true, .on_recovery = true, .on_freshness = true, .webhook = S("")};
        if (!property_map(reader, "an alert", member, config_alert_properties, &alerts[i]))
            ok = false;
        else if (alerts[i].webhook.len == 0 && alerts[i].command_count == 0)
            ok = property_problem(reader, yaml_line(member), "an alert needs webhook or command");
    }
    settings->alerts = alerts;
    settings->alert_count = count;
    return ok;
}

/* --- Lineage --- */

/* Below the project, and not where programs of it lie. */
static bool config_lineage_path(struct property_reader *reader, const struct property *property,
                                const struct yaml *value, void *field)
{
    static const char *const directories[] = {"logs/", "data/processed/", "data/final/", NULL};
    struct str path;
    if (!property_text(reader, property, value, &path))
        return false;
    if (!property_is_below(path, directories))
        return property_problem(reader, yaml_line(value), "%s must be below logs/, data/processed/ or data/final/",
                                property->name);
    memcpy(field, &path, sizeof(path));
    return true;
}

#define SETTINGS(field) offsetof(struct project_settings, field)
const struct property config_lineage_properties[] = {
    {"file", "path", "", config_lineage_path, SETTINGS(lineage_file), NULL, 0},
    {"url", "address", "", config_url, SETTINGS(lineage_url), NULL, 0},
    {"namespace", "text", "the tenant", property_text, SETTINGS(lineage_namespace), NULL, 0},
    {0},
};

/* A file, an address, or a map. */
static bool config_lineage(struct property_reader *reader, const struct property *property, const struct yaml *value,
                           void *field)
{
    struct project_settings *settings = field;
    if (yaml_kind(value) == YAML_MAP)
        return property_map(reader, property->name, value, config_lineage_properties, settings);
    if (str_find(yaml_text(value), S("://")) >= 0)
        return config_url(reader, property, value, &settings->lineage_url);
    return config_lineage_path(reader, property, value, &settings->lineage_file);
}

/* --- All of it --- */

/* tenant is first: others build on it. */
const struct property config_project_properties[] = {
    {"tenant", "text", "", config_tenant, SETTINGS(tenant), NULL, 0},
    {"name", "text", "the directory's", property_text, SETTINGS(name), NULL, 0},
    {"port", "number", "8815", config_port, 0, NULL, 0},
    {"environments", "map", "production", config_environments, 0, NULL, 0},
    {"connections", "map", "", config_connections, 0, NULL, 0},
    {"schedules", "map", "", config_schedules, 0, NULL, 0},
    {"alerts", "map or list", "", config_alerts, 0, NULL, 0},
    {"retries", "number or map", "0", asset_read_retries, SETTINGS(retries), NULL, 0},
    {"parallel", "number", "4", property_count, SETTINGS(parallel), NULL, 0},
    {"resume", "flag", "false", property_flag, SETTINGS(resume), NULL, 0},
    {"commands", "flag", "false", property_flag, SETTINGS(commands), NULL, 0},
    {"lineage", "path, address or map", "", config_lineage, 0, NULL, 0},
    {0},
};

/* The absolute directory of eider.yaml. */
static bool config_project_root(struct config_reader *reader, struct project_settings *settings)
{
    struct str file = reader->config->file;
    size_t len = file.len;
    while (len > 0 && file.ptr[len - 1] != '/')
        len--;
    char root[PATH_MAX];
    const char *directory = len > 0 ? str_cstr(reader->arena, str_slice(file, 0, len)) : ".";
    if (!realpath(directory, root))
        return err_errno(reader->err, "the directory of the project");
    settings->root = str_copy(reader->arena, str_from(root));
    len = settings->root.len;
    while (len > 0 && settings->root.ptr[len - 1] != '/')
        len--;
    settings->name = str_from_index(settings->root, len);
    return true;
}

/* Their first problem, with its line. */
static bool config_project_problem(struct config_reader *reader, const struct asset_problems *problems)
{
    const struct asset_problem *first = &problems->list.items[0];
    (void)err_set(reader->err, ERR_INVALID, "line %d: %.*s", first->line, STR_ARG(str_slice(first->message, 0, 400)));
    return first->hint.len == 0 || err_hint(reader->err, "%.*s", STR_ARG(str_slice(first->hint, 0, 150)));
}

bool config_project_file(struct config_reader *reader, const struct yaml *file)
{
    struct asset_problems problems = {.arena = reader->arena};
    struct project_settings *settings = arena_new_object(reader->arena, struct project_settings);
    struct config_project owner = {.config = reader, .settings = settings};
    struct property_reader properties = {
        .arena = reader->arena, .problems = &problems, .path = reader->config->file, .asset = S(""), .owner = &owner};
    bool is_project = yaml_get(file, "tenant") != NULL, ok = true;
    *settings = (struct project_settings){
        .lineage_file = S(""),
        .lineage_url = S(""),
        .retries = {.on = ASSET_FAILS_ANY},
        .parallel = CONFIG_PARALLEL,
        .outgoing = reader->config->outgoing,
    };
    if (is_project && !config_project_root(reader, settings))
        return false;
    for (const struct property *row = config_project_properties; row->name; row++) {
        const struct yaml *value = yaml_get(file, row->name);
        if (value && !is_project && row->read != config_port)
            ok = property_problem(&properties, yaml_line(value), "%s belongs to a project, which has a tenant",
                                  row->name);
        else if (value)
            ok = row->read(&properties, row, value, (char *)settings + row->offset) && ok;
    }
    if (ok && settings->environment_count == 0)
        ok = config_environments(&properties, &config_project_properties[0], NULL, NULL);
    if (ok && is_project && settings->parallel == 0)
        ok = property_problem(&properties, yaml_line(yaml_get(file, "parallel")), "parallel must be 1 at least");
    if (settings->lineage_namespace.len == 0)
        settings->lineage_namespace = settings->tenant;
    if (!ok)
        config_project_problem(reader, &problems);
    vec_done(&problems.list);
    if (ok && is_project)
        reader->config->project = settings;
    return ok;
}
