/* tls: {cert, key, client_ca}, or tls: proxy. */
#include "app/config_priv.h"

static const char *const config_tls_keys[] = {"cert", "key", "client_ca", NULL};

bool config_tls_file(struct config_reader *reader, const struct yaml *tls)
{
    static const char why[] = "tls must be a map, tls: {cert: FILE, key: FILE}, or the word proxy";
    if (str_equal(yaml_text(tls), S("proxy"))) {
        reader->config->tls.proxy = true;
        return true;
    }
    if (yaml_kind(tls) != YAML_MAP || yaml_count(tls) == 0)
        return config_bad(reader, tls, why);
    if (!yaml_only_keys(tls, config_tls_keys, reader->err))
        return false;
    struct str *names[] = {&reader->tls.certificate, &reader->tls.key, &reader->tls.client_ca};
    for (size_t i = 0; config_tls_keys[i]; i++) {
        const struct yaml *value = yaml_get(tls, config_tls_keys[i]);
        struct str text = value ? yaml_text(value) : S("");
        if (value && text.len == 0)
            return config_bad(reader, value, why);
        bool is_secret = str_starts_with(text, S("${")) || str_starts_with(text, S("file:"));
        *names[i] = text.len && !is_secret ? config_beside(reader, text) : text;
    }
    return true;
}

static void config_tls_override(struct str *name, struct str by)
{
    if (by.len)
        *name = by;
}

void config_tls_environment(struct config_reader *reader)
{
    config_tls_override(&reader->tls.certificate, config_environment("EIDER_TLS_CERT"));
    config_tls_override(&reader->tls.key, config_environment("EIDER_TLS_KEY"));
    config_tls_override(&reader->tls.client_ca, config_environment("EIDER_TLS_CLIENT_CA"));
}

void config_tls_flags(struct config_reader *reader, const struct config_flags *flags)
{
    config_tls_override(&reader->tls.certificate, flags->tls_certificate);
    config_tls_override(&reader->tls.key, flags->tls_key);
    config_tls_override(&reader->tls.client_ca, flags->tls_client_ca);
    reader->config->tls.self_signed = flags->tls_self_signed;
}

/* The key may be named by a bare path as well. */
static bool config_tls_key(struct config_reader *reader)
{
    struct str name = reader->tls.key;
    bool is_secret = str_starts_with(name, S("${")) || str_starts_with(name, S("file:"));
    return config_secret(reader, "tls.key", is_secret ? name : str_format(reader->arena, "file:%.*s", STR_ARG(name)),
                         &reader->config->tls.key);
}

bool config_tls_finish(struct config_reader *reader)
{
    const struct config_tls_names *names = &reader->tls;
    struct config_tls *tls = &reader->config->tls;
    struct err *err = reader->err;
    tls->certificate = tls->client_ca = S("");
    bool named = names->certificate.len || names->key.len;
    if (tls->proxy && (named || names->client_ca.len || tls->self_signed))
        return err_set(err, ERR_INVALID, "tls is said to end at a proxy, so there is no use for a certificate here");
    if (tls->self_signed && named)
        return err_set(err, ERR_INVALID, "--tls-self-signed makes a certificate, and tls.cert names another");
    if (named && (names->certificate.len == 0 || names->key.len == 0))
        return err_set(err, ERR_INVALID, "tls needs both cert and key");
    if (names->client_ca.len && !named && !tls->self_signed)
        return err_set(err, ERR_INVALID, "tls.client_ca is of no use without cert and key");
    if (named && (!config_read_file(reader, names->certificate, &tls->certificate) || !config_tls_key(reader)))
        return err_wrap(err, "tls");
    if (names->client_ca.len && !config_read_file(reader, names->client_ca, &tls->client_ca))
        return err_wrap(err, "tls");
    return true;
}

bool config_has_tls(const struct config *config)
{
    return config->tls.self_signed || config->tls.certificate.len > 0;
}
