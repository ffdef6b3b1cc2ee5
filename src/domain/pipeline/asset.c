/* An asset's file: where its properties begin and end, of which kind it is, and which properties fit together. */
#include "domain/pipeline/asset.h"

#include "base/buf.h"
#include "domain/pipeline/asset_property.h"
#include "platform/net/digest.h"

#define ASSET_PROPERTIES_MAX 65536

void asset_problem_add(struct asset_problems *problems, struct str path, int line, struct str asset,
                       const struct err *error)
{
    struct asset_problem problem = {
        .path = str_copy(problems->arena, path),
        .line = line,
        .asset = str_copy(problems->arena, asset),
        .message = str_copy(problems->arena, err_message(error)),
        .hint = str_copy(problems->arena, str_from(error->hint)),
    };
    vec_push(&problems->list, problem);
}

/* "pipelines/trans/orders.sql" is orders. */
static struct str asset_stem(struct str path)
{
    size_t start = path.len, end = path.len;
    while (start > 0 && path.ptr[start - 1] != '/')
        start--;
    for (size_t i = start; i < path.len; i++)
        if (path.ptr[i] == '.') {
            end = i;
            break;
        }
    return str_slice(path, start, end - start);
}

static int asset_line_at(struct str text, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at; i++)
        line += text.ptr[i] == '\n';
    return line;
}

static bool asset_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where the comment with the properties is when only white space and other comments stand before it, or -1. */
static ptrdiff_t asset_find_properties(struct str text)
{
    size_t at = str_starts_with(text, S("\xef\xbb\xbf")) ? 3 : 0;
    for (;;) {
        while (at < text.len && asset_is_space(text.ptr[at]))
            at++;
        struct str rest = str_from_index(text, at);
        ptrdiff_t end;
        if (str_starts_with(rest, S("/* eider")) && (rest.len == 8 || asset_is_space(rest.ptr[8])))
            return (ptrdiff_t)at;
        if (str_starts_with(rest, S("--")))
            end = str_find_char(rest, '\n');
        else if (str_starts_with(rest, S("/*")) && (end = str_find(rest, S("*/"))) >= 0)
            end++;
        else
            return -1;
        if (end < 0)
            return -1;
        at += (size_t)end + 1;
    }
}

/* Behind the comment's end, or 0: a star and a slash with white space on one side, so that a glob is not the end. */
static size_t asset_properties_end(struct str text, size_t start)
{
    for (size_t i = start + 8; i + 1 < text.len; i++) {
        if (text.ptr[i] != '*' || text.ptr[i + 1] != '/')
            continue;
        if (i + 2 == text.len || asset_is_space(text.ptr[i + 2]) || asset_is_space(text.ptr[i - 1]))
            return i + 2;
    }
    return 0;
}

/* A copy with white space from start to end, so that lines and columns of the rest stay what they are. */
static struct str asset_blank(struct arena *arena, struct str text, size_t start, size_t end)
{
    char *copy = str_cstr(arena, text);
    for (size_t i = start; i < end && i < text.len; i++)
        if (copy[i] != '\n')
            copy[i] = ' ';
    return str_bytes(copy, text.len);
}

/* "line 3, column 7: why" of the YAML parser. */
static bool asset_yaml_problem(struct property_reader *reader, const struct err *err)
{
    struct str place = err_message(err), line;
    struct err why = *err;
    int64_t number = 0;
    ptrdiff_t colon = str_find(place, S(": "));
    if (!str_starts_with(place, S("line ")) || colon < 0)
        return property_problem_err(reader, 0, err);
    (void)err_set(&why, err->code, "%s", err->message + colon + 2);
    place = str_slice(place, 5, (size_t)colon - 5);
    bool known = str_split_next(&place, ',', &line) && str_to_i64(line, &number);
    return property_problem_err(reader, known ? (int)number : 0, &why);
}

static int asset_line_of(const struct yaml *properties, const char *name)
{
    for (size_t i = 0; i < yaml_count(properties); i++)
        if (str_equal(yaml_key_at(properties, i), str_from(name)))
            return yaml_key_line(properties, i);
    return yaml_line(properties);
}

/* Which way of incremental building fits what is said. */
static bool asset_check_incremental(struct property_reader *reader, const struct yaml *properties, struct asset *asset)
{
    bool partitioned = asset->partition.kind != ASSET_NOT_PARTITIONED, keyed = asset->unique_key_count > 0;
    if (!yaml_get(properties, "strategy"))
        asset->strategy = keyed || partitioned ? ASSET_DELETE_INSERT : ASSET_APPEND;
    int line = asset_line_of(properties, "strategy");
    if (asset->strategy == ASSET_APPEND && keyed)
        return property_problem(reader, line, "strategy append has no use for unique_key");
    if (asset->strategy == ASSET_MERGE && !keyed)
        return property_problem(reader, line, "strategy merge needs unique_key");
    if (asset->strategy == ASSET_DELETE_INSERT && !keyed && !partitioned)
        return property_problem(reader, line, "strategy delete+insert needs unique_key or partition_by");
    return true;
}

static bool asset_check(struct property_reader *reader, const struct yaml *properties, struct asset *asset)
{
    static const char *const incremental[] = {"strategy", "unique_key", "watermark", "partition_by"};
    static const char *const stored[] = {"export", "tests", "columns", "freshness"};
    bool ok = true;
    for (size_t i = 0; i < sizeof(incremental) / sizeof(incremental[0]); i++)
        if (asset->materialize != ASSET_INCREMENTAL && yaml_get(properties, incremental[i]))
            ok = property_problem(reader, asset_line_of(properties, incremental[i]),
                                  "%s needs materialize: incremental", incremental[i]);
    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++)
        if ((asset->materialize == ASSET_EPHEMERAL || (asset->materialize == ASSET_NONE && i < 3)) &&
            yaml_get(properties, stored[i]))
            ok = property_problem(reader, asset_line_of(properties, stored[i]),
                                  "%s needs a table or a view, and "
                                  "materialize: %s makes none",
                                  stored[i], asset_materialize_name(asset->materialize));
    if (asset->materialize == ASSET_EPHEMERAL && asset->schedule)
        ok = property_problem(reader, asset->schedule->line,
                              "materialize: ephemeral makes nothing that could be "
                              "scheduled");
    if (asset->connection.len > 0 && asset->materialize != ASSET_TABLE && asset->materialize != ASSET_INCREMENTAL &&
        asset->materialize != ASSET_ICEBERG)
        ok = property_problem(reader, asset_line_of(properties, "connection"), "connection needs a table");
    return ok && (asset->materialize != ASSET_INCREMENTAL || asset_check_incremental(reader, properties, asset));
}

/* What a file that says nothing is. */
static void asset_init(struct asset *asset, struct str name, struct str path, struct str text)
{
    *asset = (struct asset){
        .name = name,
        .path = path,
        .text = text,
        .source = text,
        .watermark = S(""),
        .owner = S(""),
        .description = S(""),
        .group = S(""),
        .connection = S(""),
        .dbt_project = S(""),
        .digest = S(""),
        .severity = ASSET_ERROR,
    };
}

static struct str asset_digest(struct arena *arena, struct str text)
{
    char sum[DIGEST_TEXT_BYTES + 1];
    AUTO(digest) struct digest *digest = digest_new();
    digest_add(digest, text);
    digest_finish(digest, sum);
    return str_copy(arena, str_from(sum));
}

/* The first directory below pipelines/; empty for files that lie there directly. */
static struct str asset_group(struct str path)
{
    struct str rest = path, group;
    if (!str_split_next(&rest, '/', &group) || !str_split_next(&rest, '/', &group) || rest.len == 0)
        return S("");
    return group;
}

/* The file's YAML in a text of the same lines and columns; false after a problem. *document stays empty when an SQL
 * file has none. */
static bool asset_cut(struct property_reader *reader, struct asset *asset, bool is_yaml, struct str *document)
{
    struct str text = asset->source;
    *document = is_yaml ? text : S("");
    if (is_yaml && text.len > ASSET_PROPERTIES_MAX)
        return property_problem(reader, 1, "larger than 64 KiB");
    if (is_yaml)
        return true;
    ptrdiff_t start = asset_find_properties(text);
    ptrdiff_t late = start < 0 ? str_find(text, S("\n/* eider\n")) : -1;
    if (late >= 0)
        return property_problem(reader, asset_line_at(text, (size_t)late + 1),
                                "the properties must stand before the "
                                "SQL");
    if (start < 0)
        return true;
    asset->properties_line = asset_line_at(text, (size_t)start);
    size_t end = asset_properties_end(text, (size_t)start);
    if (end == 0)
        return property_problem(reader, asset->properties_line, "the comment with the properties has no end");
    if (end - (size_t)start > ASSET_PROPERTIES_MAX)
        return property_problem(reader, asset->properties_line, "properties larger than 64 KiB");
    asset->text = asset_blank(reader->arena, text, (size_t)start, end);
    *document = asset_blank(reader->arena, str_slice(text, 0, end - 2), 0, (size_t)start + 8);
    return true;
}

/* Of which kind a file is; false after a problem. */
static bool asset_find_kind(struct property_reader *reader, struct asset *asset, bool is_yaml,
                            const struct yaml *properties)
{
    if (!is_yaml) {
        asset->kind = str_starts_with(asset->path, S("tests/")) ? ASSET_TEST : ASSET_SQL;
        return true;
    }
    bool command = yaml_get(properties, "command") != NULL, dbt = yaml_get(properties, "dbt") != NULL;
    asset->kind = dbt ? ASSET_DBT : ASSET_COMMAND;
    asset->materialize = ASSET_NONE;
    asset->properties_line = 1;
    return command != dbt ||
           property_problem(reader, yaml_line(properties), "expected either command or dbt among the properties");
}

static bool asset_read(struct property_reader *reader, struct asset_draft *draft)
{
    static const char *const names[] = {"an asset of SQL", "a seed", "a test", "a command", "a dbt asset"};
    struct asset *asset = &draft->asset;
    bool is_yaml = !str_ends_with(asset->path, S(".sql"));
    struct str document;
    struct err err = {0};
    if (!asset_is_name(asset->name))
        return property_problem(reader, 0,
                                "'%.*s' is no name of an asset: a letter or _, then letters, digits and _, "
                                "all in lower case",
                                STR_ARG(str_slice(asset->name, 0, 80)));
    if (!str_is_utf8(asset->source.ptr, asset->source.len))
        return property_problem(reader, 0, "not UTF-8");
    if (str_find_char(asset->source, '\0') >= 0)
        return property_problem(reader, asset_line_at(asset->source, (size_t)str_find_char(asset->source, '\0')),
                                "a NUL byte");
    if (!asset_cut(reader, asset, is_yaml, &document))
        return false;
    const struct yaml *properties = yaml_parse(reader->arena, document, &err);
    if (!properties)
        return asset_yaml_problem(reader, &err);
    if (yaml_kind(properties) != YAML_MAP && (is_yaml || yaml_kind(properties) != YAML_EMPTY))
        return property_problem(reader, yaml_line(properties), "expected 'property: value' lines");
    if (!asset_find_kind(reader, asset, is_yaml, properties))
        return false;
    reader->where = 1U << asset->kind;
    if (yaml_kind(properties) == YAML_MAP &&
        (!property_map(reader, names[asset->kind], properties, asset_properties, asset) ||
         !asset_check(reader, properties, asset)))
        return false;
    if (asset->group.len == 0 && asset->kind != ASSET_TEST)
        asset->group = asset_group(asset->path);
    bool empty = !is_yaml && str_trim(asset->text).len == 0;
    return !empty || property_problem(reader, 0, "the file has no SQL");
}

const struct asset *asset_parse(struct arena *arena, struct str path, struct str text, struct asset_problems *problems)
{
    struct asset_draft *draft = arena_new_object(arena, struct asset_draft);
    asset_init(&draft->asset, asset_stem(path), path, text);
    draft->column = S("");
    struct property_reader reader = {
        .arena = arena, .problems = problems, .path = path, .asset = draft->asset.name, .owner = draft};
    bool ok = asset_read(&reader, draft);
    draft->asset.tests = arena_copy(arena, draft->tests.items, draft->tests.count * sizeof(struct asset_test));
    draft->asset.test_count = draft->tests.count;
    vec_done(&draft->tests);
    if (ok)
        draft->asset.digest = asset_digest(arena, text);
    return ok ? &draft->asset : NULL;
}

const struct asset *asset_seed(struct arena *arena, struct str path, struct str digest)
{
    AUTO(buf) struct buf sql = {0};
    struct asset *asset = arena_new_object(arena, struct asset);
    bool parquet = str_ends_with(path, S(".parquet"));
    buf_append_str(&sql, parquet ? S("SELECT * FROM read_parquet(") : S("SELECT * FROM read_csv("));
    buf_append_quoted(&sql, path, '\'');
    buf_append_char(&sql, ')');
    asset_init(asset, asset_stem(path), path, str_copy(arena, buf_str(&sql)));
    asset->kind = ASSET_SEED;
    asset->digest = digest;
    return asset;
}
