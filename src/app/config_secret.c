/* Secrets come from where only the server looks: the environment, or a file of its own. */
#include <stdlib.h>
#include <sys/stat.h>

#include "app/config_priv.h"
#include "base/secret.h"

static void config_secret_close(void *object)
{
    struct secret *secret = object;
    secret_free(&secret);
}

static void config_secret_warn(struct config_reader *reader, const char *name, struct str path)
{
    struct stat about;
    if (stat(str_cstr(reader->arena, path), &about) == 0 && (about.st_mode & S_IRWXO))
        log_warn("config.secret_readable_by_others", LOG_STR("key", str_from(name)), LOG_STR("file", path));
}

bool config_secret(struct config_reader *reader, const char *name, struct str text, const struct secret **secret_out)
{
    struct str value;
    bool is_copy = false;
    if (str_starts_with(text, S("${")) && str_ends_with(text, S("}"))) {
        const char *variable = str_cstr(reader->arena, str_slice(text, 2, text.len - 3));
        const char *set = getenv(variable);
        if (!set || !set[0])
            return err_set(reader->err, ERR_INVALID, "%s: the environment variable %s is not set", name, variable);
        value = str_from(set);
    } else if (str_starts_with(text, S("file:"))) {
        struct str path = config_beside(reader, str_from_index(text, 5));
        if (!config_read_file(reader, path, &value))
            return err_wrap(reader->err, "%s", name);
        config_secret_warn(reader, name, path);
        is_copy = true;
    } else {
        err_set(reader->err, ERR_INVALID, "%s holds a secret", name);
        return err_hint(reader->err, "name where it is: ${VARIABLE} or file:PATH");
    }
    struct str whole = value;
    while (value.len && strchr(" \t\r\n", value.ptr[value.len - 1]))
        value.len--;
    struct secret *secret = secret_new(value);
    if (is_copy) /* in our arena, so it may be written to */
        explicit_bzero((void *)(uintptr_t)whole.ptr, whole.len);
    arena_defer(reader->arena, config_secret_close, secret);
    *secret_out = secret;
    return true;
}
