/* eider ingest: files into tables, over Arrow Flight. An import worker reads CSV, JSON and Parquet; Arrow data goes as
 * it is. One upload per table, each whole or not at all. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli_priv.h"
#include "cli/ipc.h"
#include "cli/layout.h"
#include "cli/progress.h"
#include "cli/source.h"
#include "cli/terminal.h"
#include "cli/text.h"
#include "cli/upload.h"
#include "domain/query/import.h"

#define CONNECT_TIMEOUT_US (5 * CLOCK_SECOND)
#define SPOOL_CHUNK ((size_t)1 << 20)

/* The upload of one table. */
struct transfer {
    struct cli *cli;
    const struct cli_source *source;
    struct cli_upload *upload;
    struct query_import *import; /* NULL for Arrow data, and once it has ended */
    struct cli_ipc ipc;          /* of the file under way (Arrow data) */
    size_t file_index;           /* of the next file (Arrow data) */
    bool file_open;
    struct str schema; /* of the first file; the others must have the same (Arrow data) */
    uint64_t rows;
    struct cli_progress progress;
    bool upload_ended;
    bool failed; /* error is set; the first one counts */
    struct err error;
    struct str result; /* the server's JSON */
};

/* The command. */
struct ingest {
    struct cli *cli;
    struct loop *loop;
    struct rpc_client *client;
    struct cli_output *output;
    uint64_t rows, bytes;
};

static struct loop *running_loop; /* for the signal handler */

static void wake_loop(void)
{
    if (running_loop)
        loop_stop(running_loop);
}

static void fail(struct transfer *transfer, const struct err *error)
{
    if (transfer->failed)
        return;
    transfer->failed = true;
    transfer->error = *error;
}

static void end_if_done(struct transfer *transfer)
{
    if (transfer->upload_ended && !transfer->import)
        wake_loop();
}

/* The reason is known; both ends stop. */
static void give_up(struct transfer *transfer, const struct err *error)
{
    fail(transfer, error);
    cli_upload_cancel(transfer->upload);
    if (transfer->import)
        query_import_cancel(transfer->import);
    end_if_done(transfer);
}

static void on_upload_end(void *owner, struct str result, const struct err *error)
{
    struct transfer *transfer = owner;
    transfer->upload_ended = true;
    if (error)
        fail(transfer, error);
    else
        transfer->result = str_copy(transfer->cli->arena, result);
    /* A server that ends the call early has refused the rest. */
    if (transfer->import)
        query_import_cancel(transfer->import);
    end_if_done(transfer);
}

/* --- By an import worker. --- */

static void on_piece(void *owner, struct query_piece *piece)
{
    struct transfer *transfer = owner;
    struct err error;
    bool sent = true;
    if (piece->first)
        sent = cli_upload_message(transfer->upload, str_bytes(piece->header.ptr, piece->header.len), piece->body_total,
                                  &error);
    transfer->rows += piece->rows;
    slice_release(&piece->header);
    /* The upload keeps the block until it has left: that is what holds the worker back. */
    if (sent)
        cli_upload_body(transfer->upload, piece->body);
    else
        slice_release(&piece->body);
    if (!sent)
        give_up(transfer, &error);
    cli_progress_update(&transfer->progress, transfer->rows, cli_upload_bytes(transfer->upload));
}

/* The import's SQL is ours: what matters to the user is the file, not the position in that SQL. */
static struct err explain_import(const struct transfer *transfer, const struct err *error)
{
    struct err told = *error;
    char *position = strstr(told.message, " (line ");
    if (position && strstr(position, ", column ") && str_ends_with(str_from(position), S(")")))
        *position = '\0';
    if (transfer->source->file_count > 1)
        (void)err_wrap(&told, "%s and %zu more", transfer->source->files[0].ptr, transfer->source->file_count - 1);
    else
        (void)err_wrap(&told, "%s", transfer->source->files[0].ptr);
    return told;
}

static void on_import_end(void *owner, const struct query_end *end)
{
    struct transfer *transfer = owner;
    if (end->error) {
        struct err told = explain_import(transfer, end->error);
        fail(transfer, &told);
        cli_upload_cancel(transfer->upload);
    } else {
        cli_upload_finish(transfer->upload);
    }
    query_import_free(&transfer->import); /* and with it end */
    end_if_done(transfer);
}

static bool start_import(struct ingest *ingest, struct transfer *transfer, struct err *err)
{
    struct query_sink sink = {.on_piece = on_piece, .on_end = on_import_end, .owner = transfer};
    const struct cli_source_csv csv = {.null_text = cli_option(ingest->cli, "null"),
                                       .delimiter = cli_option(ingest->cli, "delimiter")};
    struct str sql = cli_source_sql(ingest->cli->arena, transfer->source, &csv);
    struct cli_layout layout = cli_layout_find(ingest->cli->arena);
    const struct query_import_options options = {
        .program = layout.program,
        .library = layout.library,
        .paths = transfer->source->files,
        .path_count = transfer->source->file_count,
    };
    transfer->import = query_import_start(ingest->loop, &options, sql, &sink, err);
    return transfer->import != NULL;
}

/* --- Arrow data. --- */

static void unmap(void *owner)
{
    struct str *mapped = owner;
    union {
        const char *from;
        void *to;
    } address = {.from = mapped->ptr};
    (void)munmap(address.to, mapped->len);
}

/* The file in memory until the arena ends. */
static bool map_file(struct arena *arena, struct str path, struct str *bytes_out, struct err *err)
{
    struct stat status;
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        if (fd >= 0)
            (void)close(fd);
        return err_errno(err, "open %s", path.ptr);
    }
    void *memory = status.st_size > 0 ? mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    (void)close(fd);
    if (memory == MAP_FAILED)
        return err_errno(err, "read %s", path.ptr);
    if (!memory)
        return err_set(err, ERR_INVALID, "%s is empty", path.ptr);
    struct str *mapped = arena_new_object(arena, struct str);
    *mapped = str_bytes(memory, (size_t)status.st_size);
    arena_defer(arena, unmap, mapped);
    *bytes_out = *mapped;
    return true;
}

static bool next_arrow_file(struct transfer *transfer, struct err *err)
{
    struct str path = transfer->source->files[transfer->file_index++], bytes;
    if (!map_file(transfer->cli->arena, path, &bytes, err))
        return false;
    transfer->file_open = true;
    return cli_ipc_open(bytes, &transfer->ipc, err) || err_wrap(err, "%s", path.ptr);
}

/* repeated: the message is the schema again, of a second file. */
static bool next_message(struct transfer *transfer, struct cli_ipc_message *message_out, bool *end_out,
                         bool *repeated_out, struct err *err)
{
    bool is_schema = !transfer->ipc.schema_given;
    if (!cli_ipc_next(&transfer->ipc, message_out, end_out, err))
        return false;
    *repeated_out = is_schema && transfer->schema.ptr;
    if (*repeated_out && !str_equal(transfer->schema, message_out->header))
        return err_set(err, ERR_INVALID, "its columns are not those of the files before it");
    if (is_schema)
        transfer->schema = message_out->header;
    return true;
}

static bool pump_arrow(struct transfer *transfer, struct err *err)
{
    while (!cli_upload_is_full(transfer->upload)) {
        if (!transfer->file_open && !next_arrow_file(transfer, err))
            return false;
        struct cli_ipc_message message;
        bool end, repeated;
        if (!next_message(transfer, &message, &end, &repeated, err))
            return err_wrap(err, "%s", transfer->source->files[transfer->file_index - 1].ptr);
        if (end && transfer->file_index == transfer->source->file_count) {
            cli_upload_finish(transfer->upload);
            return true;
        }
        transfer->file_open = !end;
        if (end || repeated)
            continue;
        if (!cli_upload_message(transfer->upload, message.header, message.body.len, err))
            return false;
        cli_upload_body(transfer->upload,
                        (struct slice){.ptr = (const uint8_t *)message.body.ptr, .len = message.body.len});
        transfer->rows += message.rows;
    }
    return true;
}

static void on_upload_drained(void *owner)
{
    struct transfer *transfer = owner;
    struct err error;
    if (transfer->source->format == CLI_SOURCE_ARROW && !transfer->upload_ended && !transfer->failed &&
        !pump_arrow(transfer, &error))
        give_up(transfer, &error);
    cli_progress_update(&transfer->progress, transfer->rows, cli_upload_bytes(transfer->upload));
}

/* --- One table after the other. --- */

static void report(struct ingest *ingest, struct transfer *transfer, const struct json *result)
{
    ingest->rows += (uint64_t)json_i64(json_get(result, "rows"));
    ingest->bytes += cli_upload_bytes(transfer->upload);
}

static bool print_result(struct ingest *ingest, struct transfer *transfer, struct err *err)
{
    struct arena *arena = ingest->cli->arena;
    const struct json *result = json_parse(arena, transfer->result, err);
    if (!result)
        return err_wrap(err, "the server's answer");
    report(ingest, transfer, result);
    const struct cli_cell cells[] = {
        cli_cell(arena, json_get(result, "table")),  cli_cell(arena, json_get(result, "rows")),
        cli_cell(arena, json_get(result, "bytes")),  cli_cell(arena, json_get(result, "target")),
        cli_cell(arena, json_get(result, "reason")),
    };
    return cli_output_row(ingest->output, cells, err);
}

static bool start_transfer(struct ingest *ingest, struct transfer *transfer, struct err *err)
{
    struct cli *cli = ingest->cli;
    const struct cli_upload_request request = {
        .tenant = cli_tenant(cli),
        .table = transfer->source->table,
        .mode = cli_option(cli, "mode"),
        .target = cli_option(cli, "target"),
        .partition_by = cli_option(cli, "partition-by"),
        .sort_by = cli_option(cli, "sort-by"),
        .authorization = cli->authorization,
    };
    const struct cli_upload_events events = {on_upload_drained, on_upload_end, transfer};
    transfer->upload = cli_upload_start(ingest->client, &request, &events, err);
    if (!transfer->upload)
        return false;
    if (transfer->source->format == CLI_SOURCE_ARROW)
        return pump_arrow(transfer, err);
    return start_import(ingest, transfer, err);
}

/* Until both ends have ended. The first Ctrl-C cancels the upload in order, the second one leaves at once. */
static void run_transfer(struct ingest *ingest, struct transfer *transfer)
{
    struct err interrupted;
    (void)err_set(&interrupted, ERR_CANCELLED, "interrupted; nothing of table %.*s was stored",
                  STR_ARG(transfer->source->table));
    while (!(transfer->upload_ended && !transfer->import)) {
        bool before = cli_interrupt_came();
        if (before)
            give_up(transfer, &interrupted);
        if (!transfer->upload_ended || transfer->import)
            loop_run(ingest->loop);
        if (before)
            break;
    }
}

static bool ingest_table(struct ingest *ingest, const struct cli_source *source, struct err *err)
{
    struct transfer transfer = {.cli = ingest->cli, .source = source};
    cli_progress_start(&transfer.progress, source->table, "rows", cli_source_estimate(source));
    bool started = start_transfer(ingest, &transfer, err);
    if (started)
        run_transfer(ingest, &transfer);
    cli_progress_end(&transfer.progress);
    query_import_free(&transfer.import);
    if (started && transfer.failed)
        *err = transfer.error;
    bool done = started && !transfer.failed && print_result(ingest, &transfer, err);
    if (!done) {
        (void)err_wrap(err, "table %.*s", STR_ARG(source->table));
        /* An upload that has not ended goes with the connection, and its events with it. */
        rpc_client_close(&ingest->client);
    }
    cli_upload_free(&transfer.upload);
    return done;
}

static void print_total(const struct ingest *ingest, int64_t started_us)
{
    int64_t elapsed_us = clock_now_us() - started_us;
    double seconds = (double)(elapsed_us > 0 ? elapsed_us : 1) / 1e6;
    struct buf line = {0};
    struct err ignored;
    cli_text_number(&line, ingest->rows);
    buf_append_str(&line, ingest->rows == 1 ? S(" row, ") : S(" rows, "));
    cli_text_bytes(&line, (double)ingest->bytes);
    buf_append_str(&line, S(" of Arrow data in "));
    cli_text_duration(&line, elapsed_us);
    buf_append_str(&line, S(" ("));
    cli_text_bytes(&line, (double)ingest->bytes / seconds);
    buf_append_str(&line, S("/s)\n"));
    (void)!cli_terminal_write(STDERR_FILENO, buf_str(&line), &ignored);
    buf_done(&line);
}

static bool ingest_all(struct ingest *ingest, const struct cli_source *sources, size_t count, struct err *err)
{
    static const struct cli_column columns[] = {
        {.name = {"table", 5}},
        {.name = {"rows", 4}, .right = true},
        {.name = {"bytes", 5}, .right = true},
        {.name = {"target", 6}},
        {.name = {"reason", 6}},
    };
    ingest->output =
        cli_output_open(cli_format(ingest->cli), STDOUT_FILENO, false, columns, sizeof(columns) / sizeof(columns[0]));
    int64_t started_us = clock_now_us();
    size_t stored = 0;
    while (stored < count && ingest_table(ingest, &sources[stored], err))
        stored++;
    /* What was stored before an error is stored: say so. */
    struct err ignored;
    bool all = stored == count;
    bool printed = (all || stored > 0) ? cli_output_finish(ingest->output, all ? err : &ignored) : true;
    if (stored > 0)
        print_total(ingest, started_us);
    cli_output_close(&ingest->output);
    return all && printed;
}

/* --- Standard input. --- */

static void remove_file(void *path)
{
    (void)unlink(path);
}

/* Parquet and Arrow files have their directory at the end, and CSV is looked at twice, so a pipe is put into a file
 * first. */
static bool spool(struct arena *arena, struct str *path_out, struct err *err)
{
    const char *directory = getenv("TMPDIR");
    struct str path = str_format(arena, "%s/eider-ingest-XXXXXX", directory && *directory ? directory : "/tmp");
    char *name = str_cstr(arena, path);
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, "create a temporary file");
    arena_defer(arena, remove_file, name);
    char *chunk = arena_alloc(arena, SPOOL_CHUNK);
    ssize_t len;
    bool written = true;
    while (written && (len = read(STDIN_FILENO, chunk, SPOOL_CHUNK)) > 0)
        written = cli_terminal_write(fd, str_bytes(chunk, (size_t)len), err);
    if (written && len < 0)
        written =
            cli_interrupt_came() ? err_set(err, ERR_CANCELLED, "interrupted") : err_errno(err, "read standard input");
    (void)close(fd);
    *path_out = str_from(name);
    return written;
}

static bool plan(struct cli *cli, struct cli_source **sources_out, size_t *count_out, struct err *err)
{
    struct str *paths = arena_array(cli->arena, cli->options.argument_count, sizeof(*paths));
    const struct cli_source_request request = {
        .paths = paths,
        .path_count = cli->options.argument_count,
        .table = cli_option(cli, "table"),
        .format = cli_option(cli, "format"),
    };
    if (request.table.ptr && request.table.len == 0)
        return cli_wrong_use(cli, err, "--table is empty");
    for (size_t i = 0; i < request.path_count; i++) {
        paths[i] = cli->options.arguments[i];
        if (!str_equal(paths[i], S("-")))
            continue;
        if (request.table.len == 0 || request.format.len == 0)
            return cli_wrong_use(cli, err, "standard input needs --table and --format");
        if (!spool(cli->arena, &paths[i], err))
            return false;
    }
    return cli_source_plan(cli->arena, &request, sources_out, count_out, err);
}

static bool run(struct cli *cli, struct err *err)
{
    struct cli_source *sources;
    size_t count;
    cli_interrupt_catch(wake_loop);
    if (!plan(cli, &sources, &count, err) || !cli_connect(cli, true, err))
        return false;
    struct ingest ingest = {.cli = cli, .loop = loop_new(err)};
    if (!ingest.loop)
        return false;
    running_loop = ingest.loop;
    ingest.client = rpc_client_connect(ingest.loop, cli->server.host.ptr, cli->server.port, CONNECT_TIMEOUT_US,
                                       cli->server.is_secure ? &cli->server.trust : NULL, err);
    bool done = ingest.client && ingest_all(&ingest, sources, count, err);
    running_loop = NULL;
    rpc_client_close(&ingest.client);
    loop_free(&ingest.loop);
    return done;
}

static const struct cli_option options[] = {
    CLI_TENANT_OPTION,
    {.name = "table", .value = "NAME", .help = "the table for all files (default: each file's name)"},
    {.name = "mode",
     .value = "MODE",
     .help = "what to do with the table (default create_append)",
     .choices = "create|append|replace|create_append"},
    {.name = "target", .value = "TARGET", .help = "where to keep it (default auto)", .choices = "auto|duckdb|iceberg"},
    {.name = "partition-by", .value = "LIST", .help = "of a new Iceberg table, like 'day(at), bucket(16, id), region'"},
    {.name = "sort-by", .value = "LIST", .help = "order of the rows, like 'region, at desc'"},
    {.name = "format",
     .value = "FORMAT",
     .help = "of the files (default: by their names)",
     .choices = CLI_SOURCE_FORMATS},
    {.name = "delimiter",
     .value = "TEXT",
     .help = "between the columns of CSV (default: , ; tab or |, by the first line)"},
    {.name = "null", .value = "TEXT", .help = "what stands for NULL in CSV and TSV besides nothing, like NA"},
    CLI_OUTPUT_OPTION,
    CLI_SERVER_OPTIONS,
    CLI_HELP_OPTION,
};

const struct cli_command cli_command_ingest = {
    .name = "ingest",
    .summary = "put files into tables, over Arrow Flight",
    .usage = "FILE... [--tenant ID] [--table NAME] [OPTION]...",
    .details =
        "Reads CSV, TSV, JSON lines, Parquet (also .gz and .zst) and Arrow; - is standard input. Patterns in quotes\n"
        "are expanded. Each table is stored whole or not at all.\n",
    .examples = "  eider ingest orders.csv --tenant tenant_acme\n"
                "  eider ingest 'data/2024-*.parquet' --table orders --mode replace\n"
                "  gzip -dc log.jsonl.gz | eider ingest - --table log --format jsonl\n",
    .options = options,
    .arguments_min = 1,
    .arguments_max = SIZE_MAX,
    .run = run,
};
