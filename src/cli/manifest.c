/* Reading and writing backup.json. */
#include "cli/manifest.h"

static bool is_inside(struct str path)
{
    struct str part;
    if (path.len == 0 || path.ptr[0] == '/' || memchr(path.ptr, '\0', path.len) || str_ends_with(path, S("/")))
        return false;
    while (str_split_next(&path, '/', &part))
        if (part.len == 0 || str_equal(part, S(".")) || str_equal(part, S("..")))
            return false;
    return true;
}

bool cli_manifest_decode(struct arena *arena, const struct json *json, struct cli_manifest *manifest_out,
                         struct err *err)
{
    const struct json *files = json_get(json, "files");
    if (!files || json_kind(files) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "the list of the backup's files is missing");
    struct cli_manifest manifest = {
        .id = str_copy(arena, json_text(json_get(json, "id"))),
        .files = arena_array(arena, json_count(files), sizeof(struct cli_manifest_file)),
        .file_count = json_count(files),
    };
    for (size_t i = 0; i < manifest.file_count; i++) {
        const struct json *file = json_at(files, i);
        struct str path = json_text(json_get(file, "path"));
        int64_t size = json_i64(json_get(file, "size"));
        if (!is_inside(path) || size < 0 || str_equal(path, S(CLI_MANIFEST_NAME)))
            return err_set(err, ERR_INVALID, "the list of the backup's files has a bad path '%.*s'", STR_ARG(path));
        manifest.files[i] = (struct cli_manifest_file){
            .path = str_copy(arena, path),
            .size = (uint64_t)size,
            .sha256 = str_copy(arena, json_text(json_get(file, "sha256"))),
        };
    }
    *manifest_out = manifest;
    return true;
}

void cli_manifest_encode(const struct cli_manifest *manifest, struct buf *out)
{
    struct json_writer writer = {.buf = out};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "id", manifest->id);
    json_begin_array(&writer, "files");
    for (size_t i = 0; i < manifest->file_count; i++) {
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "path", manifest->files[i].path);
        json_write_i64(&writer, "size", (int64_t)manifest->files[i].size);
        json_write_text(&writer, "sha256", manifest->files[i].sha256);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    buf_append_char(out, '\n');
}
