/* The list of a backup's files, kept beside them as backup.json. It is written last, so a directory that has it is
 * whole. */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "platform/json/json.h"

#define CLI_MANIFEST_NAME "backup.json"

struct cli_manifest_file {
    struct str path; /* relative, never leaves the directory */
    uint64_t size;
    struct str sha256; /* hexadecimal; empty in the server's answer */
};

struct cli_manifest {
    struct str id;
    struct cli_manifest_file *files;
    size_t file_count;
};

/* From the server's answer, or from backup.json: {id, files: [{path, size, sha256}]}. Paths that are absolute, empty or
 * have a part
 * "." or ".." are ERR_INVALID. */
bool cli_manifest_decode(struct arena *arena, const struct json *json, struct cli_manifest *manifest_out,
                         struct err *err) MUST_USE;
void cli_manifest_encode(const struct cli_manifest *manifest, struct buf *out);
