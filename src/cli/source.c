/* Files, tables, formats, and the SQL to read them. */
#include "cli/source.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/vec.h"

/* What a row estimate looks at. */
#define SAMPLE_SIZE 65536

static const struct {
    const char *extension;
    enum cli_source_format format;
} extensions[] = {
    {".csv", CLI_SOURCE_CSV},       {".tsv", CLI_SOURCE_TSV},         {".tab", CLI_SOURCE_TSV},
    {".txt", CLI_SOURCE_CSV},       {".json", CLI_SOURCE_JSON},       {".jsonl", CLI_SOURCE_JSON},
    {".ndjson", CLI_SOURCE_JSON},   {".parquet", CLI_SOURCE_PARQUET}, {".pq", CLI_SOURCE_PARQUET},
    {".arrow", CLI_SOURCE_ARROW},   {".arrows", CLI_SOURCE_ARROW},    {".ipc", CLI_SOURCE_ARROW},
    {".feather", CLI_SOURCE_ARROW},
};

static bool has_extension(struct str path, const char *extension)
{
    struct str wanted = str_from(extension);
    return path.len > wanted.len && str_equal_nocase(str_from_index(path, path.len - wanted.len), wanted);
}

static bool is_compressed(struct str path)
{
    return has_extension(path, ".gz") || has_extension(path, ".zst");
}

/* Without .gz or .zst. */
static struct str strip_compression(struct str path)
{
    if (is_compressed(path))
        path.len -= has_extension(path, ".gz") ? 3 : 4;
    return path;
}

bool cli_source_format_of(struct str path, enum cli_source_format *format_out)
{
    path = strip_compression(path);
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        if (has_extension(path, extensions[i].extension)) {
            *format_out = extensions[i].format;
            return true;
        }
    }
    return false;
}

static enum cli_source_format format_named(struct str name)
{
    static const char *const names[] = {"csv", "tsv", "jsonl", "parquet", "arrow"};
    size_t format = 0;
    while (format < CLI_SOURCE_ARROW && !str_equal(name, str_from(names[format])))
        format++;
    return (enum cli_source_format)format;
}

struct str cli_source_table_name(struct arena *arena, struct str path)
{
    struct str name = path, part;
    while (str_split_next(&path, '/', &part))
        if (part.len > 0)
            name = part;
    name = strip_compression(name);
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        if (has_extension(name, extensions[i].extension)) {
            name.len -= strlen(extensions[i].extension);
            break;
        }
    }
    struct buf clean = {0};
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        char lower = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
        bool word = (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9');
        bool after_gap = buf_len(&clean) > 0 && str_ends_with(buf_str(&clean), S("_"));
        if (word)
            buf_append_char(&clean, lower);
        else if (!after_gap && buf_len(&clean) > 0)
            buf_append_char(&clean, '_');
    }
    struct str text = buf_str(&clean);
    while (str_ends_with(text, S("_")))
        text.len--;
    bool needs_letter = text.len == 0 || (text.ptr[0] >= '0' && text.ptr[0] <= '9');
    struct str result = str_format(arena, needs_letter ? "t_%.*s" : "%.*s", STR_ARG(text));
    buf_done(&clean);
    return result;
}

/* --- The plan. --- */

struct plan {
    struct arena *arena;
    const struct cli_source_request *request;
    VEC(struct cli_source) sources;
};

static bool add_file(struct plan *plan, const char *path, struct err *err)
{
    struct stat status;
    char absolute[PATH_MAX];
    if (!realpath(path, absolute) || stat(absolute, &status) != 0)
        return err_errno(err, "read %s", path);
    struct str file = str_copy(plan->arena, str_from(absolute));
    if (!S_ISREG(status.st_mode))
        return err_set(err, ERR_INVALID, "%s is not a file", path);
    enum cli_source_format format = format_named(plan->request->format);
    if (plan->request->format.len == 0 && !cli_source_format_of(str_from(path), &format)) {
        (void)err_set(err, ERR_INVALID, "the name of %s does not tell its format", path);
        return err_hint(err, "say --format " CLI_SOURCE_FORMATS);
    }
    struct str table = plan->request->table;
    if (table.len == 0)
        table = cli_source_table_name(plan->arena, str_from(path));
    struct cli_source *source = NULL;
    for (size_t i = 0; i < plan->sources.count; i++)
        if (str_equal(plan->sources.items[i].table, table))
            source = &plan->sources.items[i];
    if (!source) {
        struct cli_source fresh = {.table = table, .format = format};
        vec_push(&plan->sources, fresh);
        source = &plan->sources.items[plan->sources.count - 1];
    }
    if (source->format != format)
        return err_set(err, ERR_INVALID, "%s has another format than the files before it of table %.*s", path,
                       STR_ARG(table));
    struct str *files = arena_array(plan->arena, source->file_count + 1, sizeof(*files));
    if (source->file_count > 0)
        memcpy(files, source->files, source->file_count * sizeof(*files));
    files[source->file_count++] = file;
    source->files = files;
    source->bytes += (uint64_t)status.st_size;
    return true;
}

/* A path that names a file is that file, whatever characters it has; else it may be a pattern. */
static bool add_path(struct plan *plan, struct str path, struct err *err)
{
    char *text = str_cstr(plan->arena, path);
    if (access(text, F_OK) == 0)
        return add_file(plan, text, err);
    if (!strpbrk(text, "*?["))
        return err_set(err, ERR_NOT_FOUND, "there is no file %s", text);
    glob_t found;
    if (glob(text, GLOB_BRACE | GLOB_TILDE, NULL, &found) != 0)
        return err_set(err, ERR_NOT_FOUND, "no file matches %s", text);
    bool added = true;
    for (size_t i = 0; i < found.gl_pathc && added; i++)
        added = add_file(plan, found.gl_pathv[i], err);
    globfree(&found);
    return added;
}

bool cli_source_plan(struct arena *arena, const struct cli_source_request *request, struct cli_source **sources_out,
                     size_t *count_out, struct err *err)
{
    struct plan plan = {.arena = arena, .request = request};
    bool planned = true;
    for (size_t i = 0; i < request->path_count && planned; i++)
        planned = add_path(&plan, request->paths[i], err);
    if (planned) {
        *sources_out = arena_copy(arena, plan.sources.items, plan.sources.count * sizeof(struct cli_source));
        *count_out = plan.sources.count;
    }
    vec_done(&plan.sources);
    return planned;
}

/* --- SQL. --- */

/* A string literal; DuckDB knows no escapes in it but the doubled quote. */
static void append_literal(struct buf *sql, struct str text)
{
    buf_append_quoted(sql, text, '\'');
}

/* A path as DuckDB's glob takes it: characters of patterns stand for themselves in brackets. */
static void append_path(struct buf *sql, struct arena *arena, struct str path)
{
    struct buf plain = {0};
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if (c == '*' || c == '?' || c == '[')
            buf_printf(&plain, "[%c]", c);
        else
            buf_append_char(&plain, c);
    }
    append_literal(sql, str_copy(arena, buf_str(&plain)));
    buf_done(&plain);
}

/* The first bytes of the first file; none of a compressed one. */
static struct str read_sample(const struct cli_source *source, char *sample, size_t size)
{
    if (is_compressed(source->files[0]))
        return S("");
    int fd = open(source->files[0].ptr, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return S("");
    ssize_t len = read(fd, sample, size);
    (void)close(fd);
    return str_bytes(sample, len > 0 ? (size_t)len : 0);
}

/* The candidate that the first line has most of, outside of quotes; a comma when it has none. */
static struct str guess_delimiter(struct str sample)
{
    static const char candidates[] = ",;\t|";
    size_t counts[sizeof(candidates)] = {0}, best = 0;
    bool in_quotes = false;
    for (size_t i = 0; i < sample.len && (sample.ptr[i] != '\n' || in_quotes); i++) {
        char c = sample.ptr[i];
        const char *found = c && !in_quotes ? strchr(candidates, c) : NULL;
        if (c == '"')
            in_quotes = !in_quotes;
        else if (found)
            counts[found - candidates]++;
    }
    for (size_t i = 1; candidates[i]; i++)
        if (counts[i] > counts[best])
            best = i;
    return str_bytes(candidates + best, 1);
}

static void append_csv_options(struct buf *sql, const struct cli_source *source, const struct cli_source_csv *csv)
{
    char sample[SAMPLE_SIZE];
    struct str delimiter = csv->delimiter;
    if (delimiter.len == 0)
        delimiter =
            source->format == CLI_SOURCE_TSV ? S("\t") : guess_delimiter(read_sample(source, sample, sizeof(sample)));
    buf_append_str(sql, S(", skip = 0, quote = '\"', escape = '\"', delim = "));
    append_literal(sql, delimiter);
    if (csv->null_text.len > 0) {
        buf_append_str(sql, S(", nullstr = ['', "));
        append_literal(sql, csv->null_text);
        buf_append_str(sql, S("]"));
    }
}

struct str cli_source_sql(struct arena *arena, const struct cli_source *source, const struct cli_source_csv *csv)
{
    static const char *const readers[] = {"read_csv", "read_csv", "read_json", "read_parquet", ""};
    AUTO(buf) struct buf sql = {0};
    buf_printf(&sql, "SELECT * FROM %s([", readers[source->format]);
    for (size_t i = 0; i < source->file_count; i++) {
        if (i > 0)
            buf_append_str(&sql, S(", "));
        append_path(&sql, arena, source->files[i]);
    }
    buf_append_str(&sql, S("]"));
    if (source->file_count > 1)
        buf_append_str(&sql, S(", union_by_name = true"));
    if (source->format == CLI_SOURCE_CSV || source->format == CLI_SOURCE_TSV)
        append_csv_options(&sql, source, csv);
    buf_append_str(&sql, S(")"));
    return str_copy(arena, buf_str(&sql));
}

uint64_t cli_source_estimate(const struct cli_source *source)
{
    char bytes[SAMPLE_SIZE];
    if (source->format > CLI_SOURCE_JSON)
        return 0;
    struct str sample = read_sample(source, bytes, sizeof(bytes));
    uint64_t lines = 0;
    for (size_t i = 0; i < sample.len; i++)
        lines += sample.ptr[i] == '\n';
    return lines > 1 ? source->bytes * lines / sample.len : 0;
}
