/* oidc: the issuer whose tokens are taken; outgoing: private addresses that the server may ask. */
#include "app/config_priv.h"
#include "base/clock.h"
#include "base/vec.h"
#include "platform/jwt/jwt.h"

#define CONFIG_SKEW_S 60
#define CONFIG_SKEW_MAX_S 600

static const char *const config_oidc_keys[] = {"issuer",     "audience",     "jwks",         "algorithms", "skew",
                                               "user_claim", "grants_claim", "groups_claim", "groups",     NULL};

bool config_outgoing_file(struct config_reader *reader, const struct yaml *outgoing)
{
    const struct str *ranges;
    size_t count;
    if (!outgoing)
        return true;
    if (!config_texts(reader, outgoing, "outgoing must be a list of addresses like 10.0.0.0/8", &ranges, &count))
        return false;
    reader->config->outgoing = http_outgoing_new(reader->arena, ranges, count, reader->err);
    return reader->config->outgoing || err_wrap(reader->err, "line %d: outgoing", yaml_line(outgoing));
}

static bool config_oidc_algorithms(struct config_reader *reader, const struct yaml *list, unsigned *algorithms_out)
{
    const struct str *names;
    size_t count;
    *algorithms_out = JWT_ALGORITHM_BIT(JWT_RS256) | JWT_ALGORITHM_BIT(JWT_ES256);
    if (!list)
        return true;
    if (!config_texts(reader, list, "oidc.algorithms must be a list like [RS256, ES256]", &names, &count))
        return false;
    *algorithms_out = 0;
    for (size_t i = 0; i < count; i++) {
        enum jwt_algorithm algorithm;
        if (!jwt_algorithm_from_name(names[i], &algorithm, reader->err))
            return err_wrap(reader->err, "line %d: oidc.algorithms", yaml_line(list));
        *algorithms_out |= JWT_ALGORITHM_BIT(algorithm);
    }
    return true;
}

/* "admin", "metrics", "audit", or "writer on tenant_acme". */
static bool config_oidc_group(struct config_reader *reader, const struct yaml *value, struct oidc_group *group)
{
    struct str text = str_trim(yaml_text(value)), role;
    ptrdiff_t on = str_find(text, S(" on "));
    if (str_equal(text, S("admin")))
        group->admin = true;
    else if (str_equal(text, S("metrics")))
        group->metrics = true;
    else if (str_equal(text, S("audit")))
        group->audit = true;
    else if (on > 0)
        role = str_slice(text, 0, (size_t)on);
    else
        return config_bad(reader, value, "a group gives admin, metrics, audit, or a role like: writer on tenant_acme");
    if (on <= 0)
        return true;
    group->grant.tenant = str_from_index(text, (size_t)on + 4);
    return role_from_name(role, &group->grant.role, reader->err) || err_wrap(reader->err, "line %d", yaml_line(value));
}

/* groups: {NAME: RIGHT or [RIGHT, …]} */
static bool config_oidc_groups(struct config_reader *reader, const struct yaml *map, struct oidc_options *options)
{
    VEC(struct oidc_group) groups = {0};
    bool ok = !map || yaml_kind(map) == YAML_MAP || config_bad(reader, map, "oidc.groups must be a map");
    for (size_t i = 0; ok && map && i < yaml_count(map); i++) {
        const struct yaml *rights = yaml_at(map, i);
        bool list = yaml_kind(rights) == YAML_LIST;
        for (size_t j = 0; ok && j < (list ? yaml_count(rights) : 1); j++) {
            struct oidc_group group = {.group = yaml_key_at(map, i)};
            ok = config_oidc_group(reader, list ? yaml_at(rights, j) : rights, &group);
            vec_push(&groups, group);
        }
    }
    struct oidc_group *copy = arena_array(reader->arena, groups.count + 1, sizeof(*copy));
    for (size_t i = 0; i < groups.count; i++)
        copy[i] = groups.items[i];
    options->groups = copy;
    options->group_count = groups.count;
    vec_done(&groups);
    return ok;
}

static bool config_oidc_skew(struct config_reader *reader, const struct yaml *skew, struct oidc_options *options)
{
    int64_t seconds = CONFIG_SKEW_S;
    if (skew && (!config_quantity(yaml_text(skew), S("s"), &seconds, reader->err) || seconds > CONFIG_SKEW_MAX_S))
        return config_bad(reader, skew, "oidc.skew must be a time of at most 10 minutes, like 60s");
    options->skew_us = seconds * CLOCK_SECOND;
    return true;
}

bool config_oidc_file(struct config_reader *reader, const struct yaml *oidc)
{
    if (!oidc)
        return true;
    if (yaml_kind(oidc) != YAML_MAP)
        return config_bad(reader, oidc, "oidc must be a map: oidc: {issuer: URL, audience: NAME, jwks: URL or FILE}");
    if (!yaml_only_keys(oidc, config_oidc_keys, reader->err))
        return false;
    struct oidc_options *options = arena_new_object(reader->arena, struct oidc_options);
    const struct {
        const char *key;
        struct str *text;
    } texts[] = {{"issuer", &options->issuer},
                 {"audience", &options->audience},
                 {"jwks", &options->jwks},
                 {"user_claim", &options->user_claim},
                 {"grants_claim", &options->grants_claim},
                 {"groups_claim", &options->groups_claim}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (yaml_get(oidc, texts[i].key))
            *texts[i].text = yaml_text(yaml_get(oidc, texts[i].key));
    if (options->issuer.len == 0 || options->audience.len == 0 || options->jwks.len == 0)
        return config_bad(reader, oidc,
                          "oidc needs issuer, audience and jwks (an address or a file of the issuer's keys)");
    if (str_find(options->jwks, S("://")) < 0)
        options->jwks = config_beside(reader, options->jwks);
    if (options->user_claim.len == 0)
        options->user_claim = S("sub");
    options->outgoing = reader->config->outgoing;
    reader->config->oidc = options;
    return config_oidc_algorithms(reader, yaml_get(oidc, "algorithms"), &options->algorithms) &&
           config_oidc_skew(reader, yaml_get(oidc, "skew"), options) &&
           config_oidc_groups(reader, yaml_get(oidc, "groups"), options);
}
