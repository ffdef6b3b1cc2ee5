/* An object store, driven from tests: object_tool ROOT COMMAND [WORD...]. Of an S3 store, the environment says the
 * rest: ENDPOINT, REGION, PATH_STYLE, KEY_ID, KEY, SESSION_TOKEN; and TIMEOUT, in seconds. A failure is "kind:
 * message", then the hint in a line of its own, and exit 1. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/limits.h"
#include "platform/object/object.h"

struct tool {
    struct arena *arena;
    struct object_store *store;
    struct str *words;
    size_t count;
    struct err err;
};

static struct str variable(const char *name)
{
    const char *value = getenv(name);
    return str_from(value ? value : "");
}

static struct str read_input(struct arena *arena)
{
    struct buf input = {0};
    char block[65536];
    size_t len;
    while ((len = fread(block, 1, sizeof(block), stdin)) > 0)
        buf_append(&input, block, len);
    struct str text = str_copy(arena, buf_str(&input));
    buf_done(&input);
    return text;
}

static bool print_entry(void *owner, const struct object_info *info)
{
    (void)owner;
    printf("%" PRIu64 " %" PRId64 " %.*s\n", info->size, info->modified_us, STR_ARG(info->location));
    return true;
}

static bool print_one_entry(void *owner, const struct object_info *info)
{
    (void)print_entry(owner, info);
    return false;
}

static bool tool_read(struct tool *tool)
{
    struct str bytes;
    uint64_t max = 1 << 30;
    if (tool->count > 1 && !str_to_u64(tool->words[1], &max))
        return false;
    if (!object_read(tool->store, tool->arena, tool->words[0], max, &bytes, &tool->err))
        return false;
    fwrite(bytes.ptr, 1, bytes.len, stdout);
    return true;
}

static bool tool_put(struct tool *tool)
{
    enum object_put_mode mode = tool->count > 1 ? OBJECT_PUT_IF_ABSENT : OBJECT_PUT_REPLACE;
    return object_put(tool->store, tool->words[0], read_input(tool->arena), mode, &tool->err);
}

static bool tool_head(struct tool *tool)
{
    struct object_info info;
    return object_head(tool->store, tool->words[0], &info, &tool->err) && print_entry(NULL, &info);
}

static bool tool_list(struct tool *tool)
{
    return object_list(tool->store, tool->words[0], tool->count > 1 ? print_one_entry : print_entry, NULL, &tool->err);
}

/* Names of the words, or one in each line of the input. */
static bool tool_delete(struct tool *tool)
{
    if (tool->count > 0)
        return object_delete(tool->store, tool->words, tool->count, &tool->err);
    struct str rest = read_input(tool->arena), line;
    struct str *lines = arena_array(tool->arena, rest.len + 1, sizeof(*lines));
    size_t count = 0;
    while (str_split_next(&rest, '\n', &line))
        lines[count++] = line;
    return object_delete(tool->store, lines, count, &tool->err);
}

static bool tool_delete_below(struct tool *tool)
{
    return object_delete_below(tool->store, tool->words[0], &tool->err);
}

static bool tool_vend(struct tool *tool)
{
    struct object_credentials credentials;
    bool may_write = tool->count > 1;
    if (!object_vend(tool->store, tool->arena, tool->words[0], may_write, &credentials, &tool->err))
        return false;
    printf("%.*s\n%.*s\n%.*s\n%" PRId64 "\n", STR_ARG(credentials.key_id), STR_ARG(credentials.secret),
           STR_ARG(credentials.session_token), credentials.expires_us);
    return true;
}

/* LOCATION METHOD URI [NAME VALUE]...; the body is the input. */
static bool tool_sign(struct tool *tool)
{
    struct object_request request = {.method = tool->words[1], .uri = tool->words[2], .body = read_input(tool->arena)};
    struct object_field *sent = arena_array(tool->arena, tool->count, sizeof(*sent));
    for (size_t i = 3; i + 1 < tool->count; i += 2)
        sent[request.field_count++] = (struct object_field){tool->words[i], tool->words[i + 1]};
    request.fields = sent;
    struct object_field fields[OBJECT_SIGNED_MAX];
    size_t count;
    if (!object_sign(tool->store, tool->arena, tool->words[0], &request, fields, &count, &tool->err))
        return false;
    for (size_t i = 0; i < count; i++)
        printf("%.*s: %.*s\n", STR_ARG(fields[i].name), STR_ARG(fields[i].value));
    return true;
}

static bool tool_open(struct tool *tool, struct str root)
{
    int64_t timeout_s;
    if (str_to_i64(variable("TIMEOUT"), &timeout_s) && !limits_set(S("object.timeout"), timeout_s, &tool->err))
        return false;
    struct secret *key = secret_new(variable("KEY"));
    struct object_s3 s3 = {
        .endpoint = variable("ENDPOINT"),
        .region = variable("REGION"),
        .path_style = variable("PATH_STYLE").len > 0,
        .key_id = variable("KEY_ID"),
        .key = key,
        .session_token = variable("SESSION_TOKEN"),
    };
    struct object_options options = {.root = root, .s3 = &s3};
    tool->store = object_open(&options, &tool->err);
    secret_free(&key);
    return tool->store != NULL;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        size_t least;
        bool (*run)(struct tool *tool);
    } commands[] = {{"read", 1, tool_read}, {"put", 1, tool_put},       {"head", 1, tool_head},
                    {"list", 1, tool_list}, {"delete", 0, tool_delete}, {"delete_below", 1, tool_delete_below},
                    {"vend", 1, tool_vend}, {"sign", 3, tool_sign}};
    struct tool tool = {.arena = arena_new()};
    tool.words = arena_array(tool.arena, (size_t)argc, sizeof(*tool.words));
    for (int i = 3; i < argc; i++)
        tool.words[tool.count++] = str_from(argv[i]);
    bool ok = argc > 2 && tool_open(&tool, str_from(argv[1]));
    bool found = false;
    for (size_t i = 0; ok && !found && i < sizeof(commands) / sizeof(commands[0]); i++) {
        found = strcmp(argv[2], commands[i].name) == 0 && tool.count >= commands[i].least;
        if (found)
            ok = commands[i].run(&tool);
    }
    object_close(&tool.store);
    if (!ok && tool.err.code)
        fprintf(stderr, "%s: %s\n%s\n", err_code_name(tool.err.code), tool.err.message, tool.err.hint);
    arena_free(&tool.arena);
    return ok && found ? 0 : tool.err.code ? 1 : 2;
}
