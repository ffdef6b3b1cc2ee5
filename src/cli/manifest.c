/* Reading and writing backup.json. */
#include "cli/manifest.h"

#include "base/mem.h"

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

static bool decode_file(struct arena *arena, const struct json *json, struct cli_manifest_file *file_out,
                        struct err *err)
{
    struct str path = json_text(json_get(json, "path"));
    int64_t size = json_i64(json_get(json, "size"));
    if (!is_inside(path) || size < 0 || str_equal(path, S(CLI_MANIFEST_NAME)))
        return err_set(err, ERR_INVALID, "the list of the backup's files has a bad path '%.*s'", STR_ARG(path));
    *file_out = (struct cli_manifest_file){
        .path = str_copy(arena, path),
        .size = (uint64_t)size,
        .sha256 = str_copy(arena, json_text(json_get(json, "sha256"))),
    };
    return true;
}

bool cli_manifest_decode(struct arena *arena, const struct json *json, struct cli_manifest *manifest_out,
                         struct err *err)
{
    const struct json *files = json_get(json, "files"), *warehouse = json_get(json, "warehouse");
    if (!files || json_kind(files) != JSON_ARRAY)
        return err_set(err, ERR_INVALID, "the list of the backup's files is missing");
    struct cli_manifest manifest = {
        .id = str_copy(arena, json_text(json_get(json, "id"))),
        .files = arena_array(arena, json_count(files), sizeof(struct cli_manifest_file)),
        .file_count = json_count(files),
        .warehouse = str_copy(arena, json_text(json_get(warehouse, "location"))),
        .warehouse_files = (uint64_t)json_i64(json_get(warehouse, "files")),
    };
    for (size_t i = 0; i < manifest.file_count; i++)
        if (!decode_file(arena, json_at(files, i), &manifest.files[i], err))
            return false;
    *manifest_out = manifest;
    return true;
}

static void encode_file(struct json_writer *writer, const struct cli_manifest_file *file)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "path", file->path);
    json_write_i64(writer, "size", (int64_t)file->size);
    json_write_text(writer, "sha256", file->sha256);
    json_end_object(writer);
}

void cli_manifest_encode(const struct cli_manifest *manifest, struct buf *out)
{
    struct json_writer writer = {.buf = out};
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "id", manifest->id);
    json_begin_array(&writer, "files");
    for (size_t i = 0; i < manifest->file_count; i++)
        encode_file(&writer, &manifest->files[i]);
    json_end_array(&writer);
    json_begin_object(&writer, "warehouse");
    json_write_text(&writer, "location", manifest->warehouse);
    json_write_i64(&writer, "files", (int64_t)manifest->warehouse_files);
    json_end_object(&writer);
    json_end_object(&writer);
    buf_append_char(out, '\n');
}

struct cli_manifest_file *cli_manifest_find(const struct cli_manifest *manifest, struct str path)
{
    for (size_t i = 0; i < manifest->file_count; i++)
        if (str_equal(manifest->files[i].path, path))
            return &manifest->files[i];
    return NULL;
}

/* --- The list --- */

bool cli_manifest_list_open(struct cli_manifest_list *list, struct str path, struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new_small();
    *list = (struct cli_manifest_list){.file = fopen(str_cstr(arena, path), "re")};
    return list->file || err_errno(err, "open %.*s", STR_ARG(path));
}

void cli_manifest_list_close(struct cli_manifest_list *list)
{
    if (list->file)
        (void)fclose(list->file);
    mem_free(list->line);
    arena_free(&list->arena);
    *list = (struct cli_manifest_list){0};
}

bool cli_manifest_list_next(struct cli_manifest_list *list, struct cli_manifest_file *file_out, struct err *err)
{
    *err = (struct err){0};
    ssize_t len = getline(&list->line, &list->room, list->file);
    if (len < 0)
        return !feof(list->file) && err_errno(err, "read the list of the warehouse's files");
    arena_free(&list->arena);
    list->arena = arena_new_small();
    const struct json *json = json_parse(list->arena, str_bytes(list->line, (size_t)len), err);
    return json && decode_file(list->arena, json, file_out, err);
}

void cli_manifest_list_encode(const struct cli_manifest_file *file, struct buf *out)
{
    struct json_writer writer = {.buf = out};
    encode_file(&writer, file);
    buf_append_char(out, '\n');
}
