/* {"servers": {"http://127.0.0.1:8815": "eider_t1_…"}} */
#include "cli/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/json/json.h"

#define CREDENTIAL_FILE_MAX ((size_t)1 << 20)

static struct str credential_directory(struct arena *arena)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    if (base && base[0])
        return str_format(arena, "%s/eider", base);
    return str_format(arena, "%s/.config/eider", home ? home : ".");
}

struct str cli_credential_path(struct arena *arena)
{
    return str_format(arena, "%.*s/credentials.json", STR_ARG(credential_directory(arena)));
}

/* The member servers of the file; NULL in *servers_out when there is no file. */
static bool credential_read(struct arena *arena, const struct json **servers_out, struct err *err)
{
    struct str path = cli_credential_path(arena);
    struct stat status;
    *servers_out = NULL;
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? true : err_errno(err, "open %s", path.ptr);
    char *text = arena_alloc(arena, CREDENTIAL_FILE_MAX);
    ssize_t len = fstat(fd, &status) == 0 ? read(fd, text, CREDENTIAL_FILE_MAX) : -1;
    (void)close(fd);
    if (len < 0)
        return err_errno(err, "read %s", path.ptr);
    if (status.st_mode & (S_IRWXG | S_IRWXO)) {
        err_set(err, ERR_PRECONDITION, "others may read the tokens in %s", path.ptr);
        return err_hint(err, "chmod 600 %s", path.ptr);
    }
    const struct json *file = json_parse(arena, str_bytes(text, (size_t)len), err);
    if (!file)
        return err_wrap(err, "%s", path.ptr);
    *servers_out = json_get(file, "servers");
    return true;
}

bool cli_credential_find(struct arena *arena, struct str url, struct str *token_out, struct err *err)
{
    struct str given = str_from(getenv("EIDER_TOKEN"));
    const struct json *servers;
    *token_out = given;
    if (given.len > 0)
        return true;
    if (!credential_read(arena, &servers, err))
        return false;
    *token_out = json_text(json_get(servers, str_cstr(arena, url)));
    return true;
}

static void credential_encode(struct buf *text, const struct json *servers, struct str url, struct str token)
{
    struct json_writer writer = {.buf = text};
    json_begin_object(&writer, NULL);
    json_begin_object(&writer, "servers");
    for (size_t i = 0; i < json_count(servers); i++) {
        AUTO(arena) struct arena *scratch = arena_new();
        struct str key = json_key_at(servers, i);
        if (!str_equal(key, url))
            json_write_text(&writer, str_cstr(scratch, key), json_text(json_at(servers, i)));
    }
    if (token.len > 0) {
        AUTO(arena) struct arena *scratch = arena_new();
        json_write_text(&writer, str_cstr(scratch, url), token);
    }
    json_end_object(&writer);
    json_end_object(&writer);
    buf_append_char(text, '\n');
}

/* Makes the directory, and the one around it. */
static bool credential_make_directory(struct arena *arena, struct err *err)
{
    struct str directory = credential_directory(arena);
    ptrdiff_t slash = 0;
    for (size_t i = 1; i < directory.len; i++)
        if (directory.ptr[i] == '/')
            slash = (ptrdiff_t)i;
    const char *parent = str_cstr(arena, str_slice(directory, 0, (size_t)slash));
    if (mkdir(parent, S_IRWXU) != 0 && errno != EEXIST)
        return err_errno(err, "create %s", parent);
    if (mkdir(directory.ptr, S_IRWXU) != 0 && errno != EEXIST)
        return err_errno(err, "create %s", directory.ptr);
    return true;
}

bool cli_credential_store(struct arena *arena, struct str url, struct str token, struct err *err)
{
    const struct json *servers;
    if (!credential_read(arena, &servers, err) || !credential_make_directory(arena, err))
        return false;
    AUTO(buf) struct buf text = {0};
    credential_encode(&text, servers, url, token);
    const char *path = cli_credential_path(arena).ptr;
    const char *part = str_format(arena, "%s.part", path).ptr;
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return err_errno(err, "create %s", part);
    bool written = write(fd, buf_str(&text).ptr, buf_len(&text)) == (ssize_t)buf_len(&text) && fsync(fd) == 0;
    if (close(fd) != 0 || !written || rename(part, path) != 0) {
        err_errno(err, "write %s", path);
        (void)unlink(part);
        return false;
    }
    return true;
}
