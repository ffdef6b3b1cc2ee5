/* The list of a backup's files, kept beside them as backup.json. It is written last, so a directory that has it is
 * whole. */
#pragma once
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "platform/json/json.h"

#define CLI_MANIFEST_NAME "backup.json"
/* The files of Iceberg tables, a line of JSON for each: they may be many. Of a warehouse on the server's machine only.
 */
#define CLI_MANIFEST_LIST "warehouse.list"
/* Where they are in the backup. */
#define CLI_MANIFEST_WAREHOUSE "warehouse"

struct cli_manifest_file {
    struct str path; /* relative, never leaves the directory */
    uint64_t size;
    struct str sha256; /* hexadecimal; empty in the server's answer */
};

struct cli_manifest {
    struct str id;
    struct cli_manifest_file *files;
    size_t file_count;
    struct str warehouse;     /* "file:///…" or "s3://…"; empty: a backup that knows none */
    uint64_t warehouse_files; /* as the server says */
};

/* From the server's answer, or from backup.json: {id, files: [{path, size, sha256}], warehouse: {location, files}}.
 * Paths that are absolute, empty or have a part "." or ".." are ERR_INVALID. */
bool cli_manifest_decode(struct arena *arena, const struct json *json, struct cli_manifest *manifest_out,
                         struct err *err) MUST_USE;
void cli_manifest_encode(const struct cli_manifest *manifest, struct buf *out);

/* The file of that path, or NULL. */
struct cli_manifest_file *cli_manifest_find(const struct cli_manifest *manifest, struct str path);

/* Line by line through the list. */
struct cli_manifest_list {
    FILE *file;
    char *line;
    size_t room;
    struct arena *arena; /* of the present line */
};
bool cli_manifest_list_open(struct cli_manifest_list *list, struct str path, struct err *err) MUST_USE;
void cli_manifest_list_close(struct cli_manifest_list *list);
/* True with a file, whose texts are good until the next one; false at the end, or with err->code set. */
bool cli_manifest_list_next(struct cli_manifest_list *list, struct cli_manifest_file *file_out, struct err *err);
/* Appends its line. */
void cli_manifest_list_encode(const struct cli_manifest_file *file, struct buf *out);
