/* Compaction: small files, and files with deletes, become larger files without. The rows are read by DuckDB's scan of
 * the snapshot, which applies every kind of deletes. Readers of older snapshots are not disturbed: their files stay
 * until expiry. Row lineage (format version 3) goes along in the columns that the specification reserves for it. */
#include <stdlib.h>

#include "base/failpoint.h"
#include "worker/maintain_choose.h"
#include "worker/maintain_write.h"

#define MAINTAIN_TARGET_BYTES INT64_C(134217728)
#define MAINTAIN_COMMITS 5
#define MAINTAIN_DELETES_IN_ONE 50
/* format/spec.md "Reserved Field IDs" */
#define MAINTAIN_LINEAGE ", '_row_id': 2147483540, '_last_updated_sequence_number': 2147483539"

/* A delete file deletes rows of a data file. */
struct maintain_edge {
    size_t deletes, data; /* indices of files */
    int64_t rows;
};

/* A table as it is at one moment. */
struct maintain_state {
    struct maintain_table table;
    const struct json *snapshot, *schema;
    struct maintain_files files;
    VEC(struct maintain_edge) edges;
};

static void maintain_state_done(struct maintain_state *state)
{
    maintain_files_done(&state->files);
    vec_done(&state->edges);
    arena_free(&state->table.arena);
    *state = (struct maintain_state){0};
}

/* --- What deletes what --- */

static void maintain_index_data(const struct maintain_files *files, struct map *by_path)
{
    for (size_t i = 0; i < files->files.count; i++)
        if (files->files.items[i].content == MAINTAIN_DATA)
            map_put(by_path, maintain_key(files->files.items[i].path), &files->files.items[i]);
}

static void maintain_add_edge(struct maintain_state *state, const struct map *by_path, size_t deletes, struct str path,
                              int64_t rows)
{
    const struct maintain_file *data = map_get(by_path, maintain_key(path));
    if (!data || data->sequence > state->files.files.items[deletes].sequence)
        return;
    struct maintain_edge edge = {deletes, (size_t)(data - state->files.files.items), rows};
    vec_push(&state->edges, edge);
}

static bool maintain_take_edges(struct maintain *maintain, struct maintain_state *state, const struct map *by_path,
                                struct buf *sql, struct err *err)
{
    const struct json *rows;
    if (buf_len(sql) == 0)
        return true;
    if (!sql_rows(maintain->statement, state->table.arena, buf_str(sql), &rows, err))
        return false;
    for (size_t i = 0; i < json_count(rows); i++) {
        const struct json *row = json_at(rows, i);
        maintain_add_edge(state, by_path, (size_t)sql_number(json_get(row, "i"), 0), json_text(json_get(row, "path")),
                          sql_number(json_get(row, "n"), 0));
    }
    buf_clear(sql);
    return true;
}

/* Position deletes say inside which files they are about. */
static bool maintain_read_edges(struct maintain *maintain, struct maintain_state *state, const struct map *by_path,
                                struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    size_t gathered = 0;
    for (size_t i = 0; i < state->files.files.count; i++) {
        const struct maintain_file *file = &state->files.files.items[i];
        if (file->content != MAINTAIN_POSITION_DELETES)
            continue;
        if (file->referenced.len) {
            maintain_add_edge(state, by_path, i, file->referenced, file->rows);
            continue;
        }
        buf_printf(&sql, "%sSELECT %zu AS i, file_path AS path, count(DISTINCT pos) AS n FROM read_parquet(",
                   buf_len(&sql) ? " UNION ALL " : "", i);
        sql_append_text(&sql, file->path);
        buf_append_str(&sql, S(") GROUP BY file_path"));
        if (++gathered % MAINTAIN_DELETES_IN_ONE == 0 && !maintain_take_edges(maintain, state, by_path, &sql, err))
            return false;
    }
    return maintain_take_edges(maintain, state, by_path, &sql, err);
}

static int64_t maintain_spec_of(const struct maintain_state *state, const struct maintain_file *file)
{
    return state->files.manifests.items[file->manifest].spec;
}

/* Equality deletes: of the same partition, or of all when their spec has none (format/spec.md "Scan Planning"). */
static bool maintain_equality_applies(const struct maintain_state *state, const struct maintain_file *deletes,
                                      const struct maintain_file *data)
{
    bool same = maintain_spec_of(state, deletes) == maintain_spec_of(state, data) &&
                str_equal(deletes->partition, data->partition);
    return data->sequence < deletes->sequence && (same || deletes->partition.len == 0);
}

/* --- Reading --- */

static struct str maintain_unfit_type(const struct json *type)
{
    static const char *const unfit[] = {"fixed", "geometry", "geography", "variant", "unknown"};
    const struct json *nested[] = {json_get(type, "element"), json_get(type, "key"), json_get(type, "value")};
    const struct json *fields = json_get(type, "fields");
    struct str text = json_text(type), found = {0};
    for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
        if (str_starts_with(text, str_from(unfit[i])))
            return text;
    for (size_t i = 0; i < 3 && !found.len && nested[i]; i++)
        found = maintain_unfit_type(nested[i]);
    for (size_t i = 0; i < json_count(fields) && !found.len; i++)
        found = maintain_unfit_type(json_get(json_at(fields, i), "type"));
    return found;
}

/* Why the table is left as it is; ptr NULL: it can be compacted. */
static struct str maintain_unfit(const struct maintain_state *state)
{
    struct arena *arena = state->table.arena;
    if (state->table.format < 2)
        return S("skipped: format version 1 is not rewritten; set the table property format-version to 2");
    struct str type = maintain_unfit_type(state->schema);
    if (type.len)
        return str_format(arena, "skipped: DuckDB does not write columns of type %.*s as Iceberg wants them",
                          STR_ARG(type));
    for (size_t i = 0; i < state->files.files.count; i++) {
        const struct maintain_file *file = &state->files.files.items[i];
        bool vector = file->content == MAINTAIN_POSITION_DELETES && file->referenced.len;
        if (!vector && !str_equal_nocase(file->format, S("parquet")))
            return str_format(arena, "skipped: a file is %.*s, not Parquet", STR_ARG(file->format));
        if (file->content == MAINTAIN_EQUALITY_DELETES && file->partition.len)
            return S("skipped: DuckDB applies equality deletes of one partition to the others, too");
    }
    return (struct str){0};
}

/* snapshot NULL: there is none. */
static bool maintain_state_read(struct maintain *maintain, const struct json *identifier, struct maintain_state *state,
                                struct err *err)
{
    if (!maintain_load(maintain, identifier, &state->table, err))
        return false;
    const struct json *metadata = state->table.metadata;
    state->files.arena = state->table.arena;
    state->snapshot = maintain_snapshot_of(&state->table, state->table.snapshot);
    if (!state->snapshot)
        return true;
    const struct json *schema = json_get(state->snapshot, "schema-id"), *schemas = json_get(metadata, "schemas");
    schema = schema ? schema : json_get(metadata, "current-schema-id");
    state->schema = maintain_by_id(schemas, "schema-id", json_i64(schema));
    return maintain_files_read(maintain, state->snapshot, &state->files, err);
}

static bool maintain_state_read_deletes(struct maintain *maintain, struct maintain_state *state, struct err *err)
{
    struct map by_path = {0};
    maintain_index_data(&state->files, &by_path);
    bool ok = maintain_read_edges(maintain, state, &by_path, err);
    map_done(&by_path);
    return ok;
}

/* --- Choosing --- */

/* A data file that may be rewritten. */
struct maintain_pick {
    const struct maintain_state *state;
    size_t file;
    struct maintain_candidate candidate;
    int64_t least, most; /* rows that it may have once its deletes are applied */
};
typedef VEC(struct maintain_pick) maintain_picks;

/* By spec, then partition, then as they came. */
static int maintain_pick_compare(const void *left, const void *right)
{
    const struct maintain_pick *a = left, *b = right;
    const struct maintain_file *one = &a->state->files.files.items[a->file];
    const struct maintain_file *other = &b->state->files.files.items[b->file];
    int64_t spec = maintain_spec_of(a->state, one), other_spec = maintain_spec_of(a->state, other);
    if (spec != other_spec)
        return spec < other_spec ? -1 : 1;
    int partition = str_compare(one->partition, other->partition);
    if (partition != 0)
        return partition;
    if (one->sequence != other->sequence)
        return one->sequence < other->sequence ? -1 : 1;
    return a->file < b->file ? -1 : a->file > b->file;
}

static bool maintain_same_group(const struct maintain_pick *a, const struct maintain_pick *b)
{
    const struct maintain_file *one = &a->state->files.files.items[a->file];
    const struct maintain_file *other = &b->state->files.files.items[b->file];
    return maintain_spec_of(a->state, one) == maintain_spec_of(a->state, other) &&
           str_equal(one->partition, other->partition);
}

/* What deletes do to each pick. at[file]: its pick's index + 1. */
static void maintain_apply_deletes(const struct maintain_state *state, maintain_picks *picks, const size_t *at)
{
    for (size_t i = 0; i < state->edges.count; i++) {
        const struct maintain_edge *edge = &state->edges.items[i];
        struct maintain_pick *pick = &picks->items[at[edge->data] - 1];
        int64_t left = state->files.files.items[edge->data].rows - edge->rows;
        pick->candidate.has_deletes = true;
        pick->least -= edge->rows;
        pick->most = left < pick->most ? left : pick->most;
    }
    for (size_t i = 0; i < state->files.files.count; i++) {
        const struct maintain_file *deletes = &state->files.files.items[i];
        if (deletes->content != MAINTAIN_EQUALITY_DELETES)
            continue;
        for (size_t j = 0; j < picks->count; j++) {
            struct maintain_pick *pick = &picks->items[j];
            if (!maintain_equality_applies(state, deletes, &state->files.files.items[pick->file]))
                continue;
            pick->candidate.has_deletes = true;
            pick->least = 0;
        }
    }
}

static uint32_t maintain_choose(struct maintain_state *state, maintain_picks *picks)
{
    struct arena *arena = state->table.arena;
    int64_t target = maintain_property(&state->table, "write.target-file-size-bytes", MAINTAIN_TARGET_BYTES);
    for (size_t i = 0; i < state->files.files.count; i++) {
        const struct maintain_file *file = &state->files.files.items[i];
        struct maintain_pick pick = {.state = state, .file = i, .candidate.bytes = file->bytes, .least = file->rows};
        pick.most = file->rows;
        if (file->content == MAINTAIN_DATA)
            vec_push(picks, pick);
    }
    if (picks->count == 0)
        return 0;
    qsort(picks->items, picks->count, sizeof(*picks->items), maintain_pick_compare);
    size_t *at = arena_array(arena, state->files.files.count, sizeof(*at));
    for (size_t i = 0; i < picks->count; i++)
        at[picks->items[i].file] = i + 1;
    maintain_apply_deletes(state, picks, at);
    struct maintain_candidate *candidates = arena_array(arena, picks->count, sizeof(*candidates));
    for (size_t i = 0, group = 0; i < picks->count; i++) {
        group += i > 0 && !maintain_same_group(&picks->items[i - 1], &picks->items[i]);
        candidates[i] = picks->items[i].candidate;
        candidates[i].group = (uint32_t)group;
    }
    uint32_t bins = maintain_choose_bins(candidates, picks->count, target > 0 ? target : MAINTAIN_TARGET_BYTES);
    for (size_t i = 0; i < picks->count; i++)
        picks->items[i].candidate = candidates[i];
    return bins;
}

/* --- Writing data --- */

/* " ORDER BY …" of the table's sort order; false when some of it cannot be told in SQL: then there is none. */
static bool maintain_append_order(struct buf *sql, const struct maintain_state *state, int64_t id)
{
    const struct json *orders = json_get(state->table.metadata, "sort-orders");
    const struct json *fields = json_get(maintain_by_id(orders, "order-id", id), "fields");
    AUTO(buf) struct buf order = {0};
    for (size_t i = 0; i < json_count(fields); i++) {
        const struct json *field = json_at(fields, i);
        const struct json *column =
            maintain_by_id(json_get(state->schema, "fields"), "id", json_i64(json_get(field, "source-id")));
        struct str transform = json_text(json_get(field, "transform"));
        if (!column || str_starts_with(transform, S("bucket")))
            return false;
        buf_append_str(&order, i ? S(", ") : S(" ORDER BY "));
        sql_append_name(&order, json_text(json_get(column, "name")));
        buf_append_str(&order, str_equal(json_text(json_get(field, "direction")), S("desc")) ? S(" DESC") : S(" ASC"));
        buf_append_str(&order, str_equal(json_text(json_get(field, "null-order")), S("nulls-last"))
                                   ? S(" NULLS LAST")
                                   : S(" NULLS FIRST"));
    }
    buf_append_str(sql, buf_str(&order));
    return json_count(fields) > 0;
}

struct maintain_compaction {
    struct maintain *maintain;
    struct arena *arena; /* of the first state */
    maintain_picks picks;
    VEC(struct maintain_added) added;
    VEC(struct str) written; /* data files */
    struct map removed;      /* keys of the data files that go */
    int64_t files, bytes, rows;
};

/* A path in all spellings that the scan may give it: clients write file:/x, file:///x or /x. What matches none would be
 * missed when rows are counted. */
static void maintain_append_path(struct buf *sql, const struct maintain *maintain, struct str path)
{
    sql_append_text(sql, path);
    if (maintain_is_s3(maintain))
        return;
    static const char *const prefixes[] = {"file:///", "file:/", "/"};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        struct str key = maintain_key(path);
        struct str other = str_format(maintain->arena, "%s%.*s", prefixes[i], STR_ARG(key));
        buf_append_str(sql, S(", "));
        sql_append_text(sql, other);
    }
}

static void maintain_append_bin(struct buf *sql, const struct maintain_compaction *compaction,
                                const struct maintain_state *state, uint32_t bin)
{
    size_t count = 0;
    buf_append_str(sql, S(" FROM iceberg_scan("));
    sql_append_text(sql, state->table.metadata_location);
    buf_printf(sql, ", snapshot_from_id = %lld) WHERE filename IN (", (long long)state->table.snapshot);
    for (size_t i = 0; i < compaction->picks.count; i++) {
        const struct maintain_pick *pick = &compaction->picks.items[i];
        if (pick->candidate.bin != bin)
            continue;
        buf_append_str(sql, count++ ? S(", ") : S(""));
        maintain_append_path(sql, compaction->maintain, state->files.files.items[pick->file].path);
    }
    buf_append_char(sql, ')');
}

/* Rows that are missing or too many would be lost or doubled: nothing is committed then. */
static bool maintain_check_rows(const struct maintain_compaction *compaction, uint32_t bin, int64_t rows,
                                struct err *err)
{
    int64_t least = 0, most = 0;
    for (size_t i = 0; i < compaction->picks.count; i++) {
        const struct maintain_pick *pick = &compaction->picks.items[i];
        if (pick->candidate.bin != bin)
            continue;
        least += pick->least > 0 ? pick->least : 0;
        most += pick->most;
    }
    return (rows >= least && rows <= most) ||
           err_set(err, ERR_DATA_LOSS, "%lld rows were read where %lld to %lld have to be; nothing was changed",
                   (long long)rows, (long long)least, (long long)most);
}

static bool maintain_write_bin(struct maintain_compaction *compaction, const struct maintain_state *state, uint32_t bin,
                               struct err *err)
{
    AUTO(buf) struct buf sql = {0};
    bool lineage = state->table.format >= 3;
    int64_t order = json_i64(json_get(state->table.metadata, "default-sort-order-id"));
    size_t first = 0;
    while (compaction->picks.items[first].candidate.bin != bin)
        first++;
    const struct maintain_file *source = &state->files.files.items[compaction->picks.items[first].file];
    struct maintain_added added = {.path = maintain_new_location(compaction->arena, &state->table, "data", ".parquet"),
                                   .spec = maintain_spec_of(state, source),
                                   .sequence = json_i64(json_get(state->snapshot, "sequence-number")),
                                   .source = source->path};
    vec_push(&compaction->written, added.path);
    buf_append_str(&sql, lineage ? S("COPY (SELECT *, _row_id, _last_updated_sequence_number") : S("COPY (SELECT *"));
    maintain_append_bin(&sql, compaction, state, bin);
    added.sort_order = maintain_append_order(&sql, state, order) ? order : 0;
    buf_append_str(&sql, S(") TO "));
    sql_append_text(&sql, added.path);
    buf_append_str(&sql, S(" (FORMAT parquet, COMPRESSION zstd, FIELD_IDS {"));
    maintain_append_field_ids(&sql, state->schema);
    buf_append_str(&sql, lineage ? S(MAINTAIN_LINEAGE "})") : S("})"));
    if (!sql_run(compaction->maintain->statement, buf_str(&sql), err) ||
        !maintain_figures(compaction->maintain, compaction->arena, state->schema, &added, err) ||
        !maintain_check_rows(compaction, bin, added.rows, err))
        return err_wrap(err, "rewrite");
    if (added.rows > 0)
        vec_push(&compaction->added, added);
    return true;
}

static bool maintain_write_bins(struct maintain_compaction *compaction, const struct maintain_state *state,
                                uint32_t bins, struct err *err)
{
    for (uint32_t bin = 1; bin <= bins; bin++)
        if (!maintain_write_bin(compaction, state, bin, err))
            return false;
    return true;
}

/* --- Committing --- */

/* Marks what goes: the data files, then deletes that have nothing left to delete, then their manifests. False: the
 * table has changed so that the new files do not fit any more. */
static bool maintain_mark(struct maintain_compaction *compaction, struct maintain_state *state, int64_t sequence)
{
    struct maintain_files *files = &state->files;
    bool *needed = arena_array(state->table.arena, files->files.count, sizeof(*needed));
    size_t found = 0;
    for (size_t i = 0; i < files->files.count; i++) {
        struct maintain_file *file = &files->files.items[i];
        if (file->content != MAINTAIN_DATA && file->sequence > sequence)
            return false; /* deletes that came later name rows of files that go */
        file->removed = file->content == MAINTAIN_DATA && map_get(&compaction->removed, maintain_key(file->path));
        found += file->removed;
    }
    for (size_t i = 0; i < state->edges.count; i++)
        if (!files->files.items[state->edges.items[i].data].removed)
            needed[state->edges.items[i].deletes] = true;
    for (size_t i = 0; i < files->files.count; i++) {
        struct maintain_file *deletes = &files->files.items[i];
        for (size_t j = 0; j < files->files.count && deletes->content == MAINTAIN_EQUALITY_DELETES && !needed[i]; j++) {
            const struct maintain_file *data = &files->files.items[j];
            needed[i] =
                data->content == MAINTAIN_DATA && !data->removed && maintain_equality_applies(state, deletes, data);
        }
        deletes->removed = deletes->removed || (deletes->content != MAINTAIN_DATA && !needed[i]);
    }
    for (size_t i = 0; i < files->files.count; i++)
        if (files->files.items[i].removed)
            files->manifests.items[files->files.items[i].manifest].touched = true;
    for (size_t i = 0; i < files->manifests.count; i++)
        if (files->manifests.items[i].rows < 0)
            files->manifests.items[i].touched = true; /* its writer told no counts, which are required now */
    return found == compaction->removed.count;
}

/* Where the files whose partition the new ones take are named now. */
static void maintain_find_sources(struct maintain_compaction *compaction, const struct maintain_state *state)
{
    for (size_t i = 0; i < compaction->added.count; i++)
        for (size_t j = 0; j < state->files.files.count; j++)
            if (str_equal(state->files.files.items[j].path, compaction->added.items[i].source))
                compaction->added.items[i].manifest = state->files.files.items[j].manifest;
}

static bool maintain_commit_once(struct maintain_compaction *compaction, struct maintain_state *state, struct err *err)
{
    struct maintain_change change = {.maintain = compaction->maintain,
                                     .arena = state->table.arena,
                                     .table = &state->table,
                                     .files = &state->files,
                                     .added = compaction->added.items,
                                     .added_count = compaction->added.count};
    struct str updates;
    maintain_find_sources(compaction, state);
    bool ok = maintain_change_write(&change, &updates, err);
    FAILPOINT("maintain.compact.manifests");
    ok = ok && maintain_commit(compaction->maintain, &state->table, updates, err);
    FAILPOINT("maintain.compact.committed");
    if (!ok && err->code != ERR_UNKNOWN)
        maintain_discard(compaction->maintain, change.locations.items, change.locations.count);
    maintain_change_done(&change);
    return ok;
}

/* Commits to the table as it is, or as others made it meanwhile. */
static bool maintain_commit_all(struct maintain_compaction *compaction, const struct json *identifier,
                                struct maintain_state *state, struct err *err)
{
    int64_t sequence = json_i64(json_get(state->snapshot, "sequence-number"));
    for (int tries = 0; tries < MAINTAIN_COMMITS; tries++) {
        struct maintain_state now = {0};
        if (tries > 0 && (!maintain_state_read(compaction->maintain, identifier, &now, err) ||
                          !maintain_state_read_deletes(compaction->maintain, &now, err))) {
            maintain_state_done(&now);
            return false;
        }
        struct maintain_state *current = tries > 0 ? &now : state;
        bool fits = maintain_mark(compaction, current, sequence);
        bool ok = fits && maintain_commit_once(compaction, current, err);
        maintain_state_done(&now);
        if (ok || (fits && err->code != ERR_CONFLICT))
            return ok;
        if (!fits)
            break;
    }
    return err_set(err, ERR_CONFLICT, "others changed the files that were being rewritten");
}

static bool maintain_compact_bins(struct maintain_compaction *compaction, const struct json *identifier,
                                  struct maintain_state *state, uint32_t bins, struct err *err)
{
    bool ok = maintain_make_directories(compaction->maintain, &state->table, err) &&
              maintain_write_bins(compaction, state, bins, err);
    FAILPOINT("maintain.compact.data");
    ok = ok && maintain_commit_all(compaction, identifier, state, err);
    if (!ok && err->code != ERR_UNKNOWN)
        maintain_discard(compaction->maintain, compaction->written.items, compaction->written.count);
    return ok;
}

/* What will be gone. */
static void maintain_count_picks(struct maintain_compaction *compaction, const struct maintain_state *state)
{
    for (size_t i = 0; i < compaction->picks.count; i++) {
        const struct maintain_pick *pick = &compaction->picks.items[i];
        const struct maintain_file *file = &state->files.files.items[pick->file];
        if (pick->candidate.bin == 0)
            continue;
        map_put(&compaction->removed, maintain_key(file->path), compaction);
        compaction->files++;
        compaction->bytes += file->bytes;
        compaction->rows += file->rows;
    }
}

static bool maintain_compact_state(struct maintain *maintain, const struct json *identifier,
                                   struct maintain_state *state, struct err *err)
{
    struct maintain_done done = {.table = state->table.name, .action = "compact", .detail = S("nothing to do")};
    struct str unfit = state->snapshot ? maintain_unfit(state) : S("nothing to do: there is no snapshot");
    if (unfit.ptr) {
        done.detail = unfit;
        maintain_report(maintain, &done);
        return true;
    }
    if (!maintain_state_read_deletes(maintain, state, err))
        return false;
    struct maintain_compaction compaction = {.maintain = maintain, .arena = state->table.arena};
    uint32_t bins = maintain_choose(state, &compaction.picks);
    maintain_count_picks(&compaction, state);
    bool ok = bins == 0 || maintain->wish.dry_run || maintain_compact_bins(&compaction, identifier, state, bins, err);
    done.files = compaction.files;
    done.bytes = compaction.bytes;
    done.rows = compaction.rows;
    if (bins > 0)
        done.detail = str_format(maintain->arena, "%lld files %s %u", (long long)compaction.files,
                                 maintain->wish.dry_run ? "would become" : "became", bins);
    if (ok)
        maintain_report(maintain, &done);
    vec_done(&compaction.picks);
    vec_done(&compaction.added);
    vec_done(&compaction.written);
    map_done(&compaction.removed);
    return ok;
}

bool maintain_compact(struct maintain *maintain, const struct json *identifier, struct err *err)
{
    struct maintain_state state = {0};
    bool ok = maintain_state_read(maintain, identifier, &state, err) &&
              maintain_compact_state(maintain, identifier, &state, err);
    maintain_state_done(&state);
    return ok;
}
