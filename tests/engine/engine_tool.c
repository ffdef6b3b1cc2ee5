/* The engine alone, for tests and measurements, without channel and server:
 *   engine_tool --library L [--database D] [--temp T] [--parameters JSON] run FORMAT SQL    result to stdout
 *   engine_tool ... bench FORMAT SQL                         result thrown away, time and peak memory to stderr
 *   engine_tool ... describe SQL                             encapsulated schema messages of result and parameters to
 *                                                            stdout, kind to stderr
 *   engine_tool ... bind FORMAT SQL < stream                 run with the rows of an Arrow IPC stream as parameters
 *   engine_tool ... put MODE TABLE < stream                  upload of an Arrow IPC stream
 *   engine_tool ... prepared NUMBER                          what follows is kept prepared under it; 0: no more
 *   engine_tool ... rights own|write|read                    of what follows
 *   engine_tool ... temporary yes|no                         uploads that follow go into temporary tables
 *   engine_tool ... state                                    what is left in the session, to stdout
 *   engine_tool ... repeat COUNT SQL                         prepared with one whole number, seconds per run to stderr
 *   engine_tool ... metadata KIND [NAME=VALUE]...            messages to stdout; KIND is the enum's number
 *   engine_tool ... bench_metadata KIND [NAME=VALUE]...
 * Several commands may follow each other, separated by "--"; they share one session. With --outcomes true each says
 * "ok" or the kind of its error in a line on stdout, after its own output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/arrow/message.h"
#include "platform/engine/engine.h"
#include "platform/engine/metadata.h"

struct tool {
    struct engine_options options;
    struct str parameters;
    enum engine_rights rights;
    uint64_t prepared;
    bool temporary, outcomes;
    struct engine *engine;
    struct engine_session *session;
    uint8_t *block;
    size_t block_size;
    bool flight, quiet;
    uint64_t messages, largest;
};

static uint8_t *tool_reserve(void *owner, size_t size, struct err *err)
{
    (void)err;
    struct tool *tool = owner;
    if (size > tool->block_size) {
        mem_free(tool->block);
        tool->block = mem_alloc(size);
        tool->block_size = size;
    }
    return tool->block;
}

static bool tool_send(void *owner, struct str header, size_t len, uint64_t rows, struct err *err)
{
    (void)rows;
    struct tool *tool = owner;
    tool->messages++;
    if (header.len + len > tool->largest)
        tool->largest = header.len + len;
    if (tool->quiet)
        return true;
    if (tool->flight) {
        uint8_t *prefix = mem_alloc(arrow_prefix_size(header.len));
        arrow_prefix_write(prefix, header);
        fwrite(prefix, 1, arrow_prefix_size(header.len), stdout);
        mem_free(prefix);
    }
    if (fwrite(tool->block, 1, len, stdout) != len)
        return err_errno(err, "stdout");
    return true;
}

static void tool_report(const struct tool *tool, const struct engine_stats *stats, int64_t start)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    fprintf(stderr,
            "{\"seconds\": %.4f, \"rows\": %llu, \"bytes\": %llu, \"messages\": %llu, \"largest\": %llu, "
            "\"rss_mb\": %ld}\n",
            (double)(clock_now_us() - start) / 1e6, (unsigned long long)stats->rows, (unsigned long long)stats->bytes,
            (unsigned long long)tool->messages, (unsigned long long)tool->largest, usage.ru_maxrss / 1024);
}

static bool tool_run(struct tool *tool, const char *format, const char *sql, const struct engine_binds *binds,
                     struct err *err)
{
    static const char *const names[] = {"flight", "arrow", "json", "jsonl", "csv", "parquet"};
    struct engine_request request = {.sql = str_from(sql),
                                     .parameters = tool->parameters,
                                     .batch_target = 716800,
                                     .statement_id = S("test"),
                                     .binds = binds,
                                     .prepared = tool->prepared,
                                     .policy.rights = tool->rights};
    struct engine_output output = {.owner = tool, .reserve = tool_reserve, .send = tool_send};
    struct engine_stats stats = {0};
    for (int i = 0; i < 6; i++)
        if (strcmp(format, names[i]) == 0)
            request.format = (enum engine_format)i;
    tool->flight = request.format == ENGINE_FORMAT_FLIGHT;
    tool->messages = tool->largest = 0;
    int64_t start = clock_now_us();
    if (!engine_run(tool->session, &request, &output, &stats, err))
        return false;
    if (tool->quiet)
        tool_report(tool, &stats, start);
    return true;
}

/* NAME=VALUE: a filter; type may come several times, schemas=1 asks for the tables' schemas. */
static bool tool_metadata(struct tool *tool, int count, char **words, struct err *err)
{
    struct engine_output output = {.owner = tool, .reserve = tool_reserve, .send = tool_send};
    struct engine_metadata_request request = {.kind = (enum engine_metadata_kind)atoi(words[0]),
                                              .batch_target = 716800};
    struct engine_stats stats = {0};
    struct str types[8];
    struct {
        const char *name;
        struct str *place;
    } filters[] = {{"catalog", &request.catalog},     {"schema", &request.schema},
                   {"table", &request.table},         {"fk_catalog", &request.fk_catalog},
                   {"fk_schema", &request.fk_schema}, {"fk_table", &request.fk_table}};
    for (int i = 1; i < count; i++) {
        struct str value = str_from(words[i]), name;
        str_split_next(&value, '=', &name);
        if (str_equal(name, S("type")))
            types[request.type_count++] = value;
        request.include_schema |= str_equal(name, S("schemas"));
        for (size_t k = 0; k < sizeof(filters) / sizeof(filters[0]); k++)
            if (str_equal(name, str_from(filters[k].name)))
                *filters[k].place = value;
    }
    request.types = types;
    tool->flight = true;
    tool->messages = tool->largest = 0;
    int64_t start = clock_now_us();
    bool ok = engine_metadata(tool->session, &request, &output, &stats, err);
    if (ok && tool->quiet)
        tool_report(tool, &stats, start);
    return ok;
}

static bool tool_describe(struct tool *tool, const char *sql, struct err *err)
{
    static const char *const kinds[] = {"read", "write", "ddl", "transaction", "setting"};
    struct engine_request request = {.sql = str_from(sql),
                                     .parameters = tool->parameters,
                                     .prepared = tool->prepared,
                                     .policy.rights = tool->rights};
    struct engine_description description;
    if (!engine_describe(tool->session, &request, &description, err))
        return false;
    fwrite(buf_str(&description.result).ptr, 1, buf_len(&description.result), stdout);
    fwrite(buf_str(&description.parameters).ptr, 1, buf_len(&description.parameters), stdout);
    fprintf(stderr, "{\"kind\": \"%s\", \"depends\": %s}\n", kinds[description.kind],
            description.depends ? "true" : "false");
    engine_description_done(&description);
    return true;
}

static void tool_release(void *body)
{
    mem_free(body);
}

static uint64_t tool_body_length(const uint8_t *flatbuffer);

/* Message.bodyLength, the fourth field of the root table. */
static uint64_t tool_body_length(const uint8_t *flatbuffer)
{
    uint32_t root;
    int32_t back;
    uint16_t table_size, field;
    uint64_t length = 0;
    memcpy(&root, flatbuffer, 4);
    memcpy(&back, flatbuffer + root, 4);
    const uint8_t *vtable = flatbuffer + root - back;
    memcpy(&table_size, vtable, 2);
    if (table_size >= 12) {
        memcpy(&field, vtable + 10, 2);
        if (field)
            memcpy(&length, flatbuffer + root + field, 8);
    }
    return length;
}

/* The next message of stdin; false at the end. */
static bool tool_message(struct buf *header, uint8_t **body_out, size_t *len_out)
{
    uint32_t word[2];
    if (fread(word, 4, 2, stdin) != 2 || word[1] == 0)
        return false;
    buf_clear(header);
    if (fread(buf_reserve(header, word[1]), 1, word[1], stdin) != word[1])
        return false;
    buf_commit(header, word[1]);
    *len_out = tool_body_length((const uint8_t *)buf_str(header).ptr);
    *body_out = mem_alloc(*len_out + 1);
    return fread(*body_out, 1, *len_out, stdin) == *len_out;
}

struct tool_binds {
    struct buf header;
    uint8_t *body;
};

static int tool_next(void *owner, struct engine_message *message, struct err *err)
{
    (void)err;
    struct tool_binds *binds = owner;
    size_t len;
    mem_free(binds->body);
    binds->body = NULL;
    if (!tool_message(&binds->header, &binds->body, &len))
        return 0;
    *message = (struct engine_message){.header = buf_str(&binds->header), .body = binds->body, .len = len};
    return 1;
}

static bool tool_bind(struct tool *tool, const char *format, const char *sql, struct err *err)
{
    struct buf schema = {0};
    struct tool_binds owner = {0};
    size_t len;
    if (!tool_message(&schema, &owner.body, &len))
        return err_set(err, ERR_INVALID, "stdin is no Arrow stream");
    struct engine_binds binds = {.schema = buf_str(&schema), .streams = true, .owner = &owner, .next = tool_next};
    bool ok = tool_run(tool, format, sql, &binds, err);
    mem_free(owner.body);
    buf_done(&owner.header);
    buf_done(&schema);
    return ok;
}

static double tool_cpu_us(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e6 +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

/* The hot path of a point query: the same prepared statement with another number each time. */
static bool tool_repeat(struct tool *tool, int count, const char *sql, struct err *err)
{
    struct engine_output output = {.owner = tool, .reserve = tool_reserve, .send = tool_send};
    struct engine_stats stats;
    char text[32];
    bool ok = true;
    tool->quiet = true;
    struct rusage before;
    getrusage(RUSAGE_SELF, &before);
    int64_t start = clock_now_us();
    for (int i = 0; ok && i < count; i++) {
        snprintf(text, sizeof(text), "[%d]", i);
        struct engine_request request = {.sql = str_from(sql),
                                         .parameters = str_from(text),
                                         .batch_target = 716800,
                                         .prepared = tool->prepared,
                                         .policy.rights = tool->rights};
        ok = engine_run(tool->session, &request, &output, &stats, err);
    }
    struct rusage after;
    getrusage(RUSAGE_SELF, &after);
    fprintf(stderr, "{\"us_each\": %.2f, \"cpu_us_each\": %.2f}\n", (double)(clock_now_us() - start) / count,
            (tool_cpu_us(&after) - tool_cpu_us(&before)) / count);
    return ok;
}

static bool tool_put(struct tool *tool, const char *mode, const char *table, struct err *err)
{
    static const char *const modes[] = {"create", "append", "replace", "create_append"};
    struct engine_upload_request request = {
        .table = str_from(table), .temporary = tool->temporary, .policy.rights = tool->rights};
    for (int i = 0; i < 4; i++)
        if (strcmp(mode, modes[i]) == 0)
            request.mode = (enum engine_upload_mode)i;
    struct buf header = {0};
    uint8_t *body;
    size_t len;
    uint64_t rows = 0;
    int64_t start = clock_now_us();
    if (!tool_message(&header, &body, &len))
        return err_set(err, ERR_INVALID, "stdin is no Arrow stream");
    mem_free(body);
    struct engine_upload *upload = engine_upload_open(tool->session, &request, buf_str(&header), err);
    bool ok = upload != NULL;
    while (ok && tool_message(&header, &body, &len))
        ok = engine_upload_batch(upload, buf_str(&header), body, len, tool_release, body, err);
    ok = ok && engine_upload_commit(upload, &rows, err);
    engine_upload_close(&upload);
    buf_done(&header);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (ok)
        fprintf(stderr, "{\"put_rows\": %llu, \"seconds\": %.4f, \"rss_mb\": %ld}\n", (unsigned long long)rows,
                (double)(clock_now_us() - start) / 1e6, usage.ru_maxrss / 1024);
    return ok;
}

static enum engine_rights tool_rights(const char *word)
{
    return strcmp(word, "read") == 0 ? ENGINE_MAY_READ : strcmp(word, "write") == 0 ? ENGINE_MAY_WRITE : ENGINE_MAY_OWN;
}

/* Words that only change or show a state. */
static bool tool_state(struct tool *tool, int count, char **words)
{
    if (count == 2 && strcmp(words[0], "prepared") == 0)
        tool->prepared = (uint64_t)atoll(words[1]);
    else if (count == 2 && strcmp(words[0], "rights") == 0)
        tool->rights = tool_rights(words[1]);
    else if (count == 2 && strcmp(words[0], "temporary") == 0)
        tool->temporary = strcmp(words[1], "yes") == 0;
    else if (count == 1 && strcmp(words[0], "state") == 0)
        printf("{\"clean\": %d, \"transaction\": %d, \"kept\": %d}\n", engine_session_is_clean(tool->session),
               engine_session_in_transaction(tool->session), engine_session_is_kept(tool->session));
    else
        return false;
    return true;
}

static bool tool_command(struct tool *tool, int count, char **words, struct err *err)
{
    if (tool_state(tool, count, words))
        return true;
    if (count == 3 && (strcmp(words[0], "run") == 0 || strcmp(words[0], "bench") == 0)) {
        tool->quiet = strcmp(words[0], "bench") == 0;
        return tool_run(tool, words[1], words[2], NULL, err);
    }
    if (count == 3 && strcmp(words[0], "bind") == 0) {
        tool->quiet = false;
        return tool_bind(tool, words[1], words[2], err);
    }
    if (count == 3 && strcmp(words[0], "repeat") == 0)
        return tool_repeat(tool, atoi(words[1]), words[2], err);
    if (count == 2 && strcmp(words[0], "describe") == 0)
        return tool_describe(tool, words[1], err);
    if (count == 3 && strcmp(words[0], "put") == 0)
        return tool_put(tool, words[1], words[2], err);
    if (count >= 2 && (strcmp(words[0], "metadata") == 0 || strcmp(words[0], "bench_metadata") == 0)) {
        tool->quiet = words[0][0] == 'b';
        return tool_metadata(tool, count - 1, words + 1, err);
    }
    return err_set(err, ERR_INVALID, "unknown command %s", count ? words[0] : "");
}

static int tool_options(struct tool *tool, int argc, char **argv)
{
    int at = 1;
    for (; at + 1 < argc && strncmp(argv[at], "--", 2) == 0; at += 2) {
        if (strcmp(argv[at], "--library") == 0)
            tool->options.library = str_from(argv[at + 1]);
        else if (strcmp(argv[at], "--database") == 0)
            tool->options.database = str_from(argv[at + 1]);
        else if (strcmp(argv[at], "--temp") == 0)
            tool->options.temp_directory = str_from(argv[at + 1]);
        else if (strcmp(argv[at], "--threads") == 0)
            tool->options.threads = atoi(argv[at + 1]);
        else if (strcmp(argv[at], "--extensions") == 0)
            tool->options.extensions = str_from(argv[at + 1]);
        else if (strcmp(argv[at], "--catalog") == 0)
            tool->options.iceberg.url = str_from(argv[at + 1]);
        else if (strcmp(argv[at], "--pass") == 0)
            tool->options.iceberg.pass = str_from(argv[at + 1]);
        else if (strcmp(argv[at], "--warehouse") == 0)
            tool->options.iceberg.warehouse = str_from(argv[at + 1]);
        else if (strcmp(argv[at], "--parameters") == 0)
            tool->parameters = str_from(argv[at + 1]);
        else if (strcmp(argv[at], "--outcomes") == 0)
            tool->outcomes = strcmp(argv[at + 1], "true") == 0;
        else if (strcmp(argv[at], "--read-only") == 0)
            tool->rights = strcmp(argv[at + 1], "true") == 0 ? ENGINE_MAY_READ : ENGINE_MAY_OWN;
        else
            return argc;
    }
    return at;
}

int main(int argc, char **argv)
{
    struct tool tool = {0};
    struct err err = {0};
    int at = tool_options(&tool, argc, argv), failures = 0;
    int64_t start = clock_now_us();
    if ((tool.engine = engine_open(&tool.options, &err)))
        tool.session = engine_session_open(tool.engine, &err);
    if (!tool.session) {
        fprintf(stderr, "%s: %s\n%s\n", err_code_name(err.code), err.message, err.hint);
        return 2;
    }
    if (getenv("ENGINE_TOOL_TIMES"))
        fprintf(stderr, "{\"open_ms\": %.1f}\n", (double)(clock_now_us() - start) / 1e3);
    while (at < argc) {
        int end = at;
        while (end < argc && strcmp(argv[end], "--") != 0)
            end++;
        bool ok = tool_command(&tool, end - at, argv + at, &err);
        if (tool.outcomes) {
            printf("%s\n", ok ? "ok" : err_code_name(err.code));
        } else if (!ok) {
            fprintf(stderr, "%s: %s\n%s\n", err_code_name(err.code), err.message, err.hint);
            failures++;
        }
        at = end + 1;
    }
    fflush(stdout);
    engine_session_close(&tool.session);
    engine_close(&tool.engine);
    mem_free(tool.block);
    return failures ? 1 : 0;
}
