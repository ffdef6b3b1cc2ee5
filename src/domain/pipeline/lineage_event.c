#include "domain/pipeline/lineage_event.h"

#include "domain/pipeline/lineage.h"
#include "platform/json/json.h"
#include "platform/net/digest.h"

#define LINEAGE_PRODUCER "urn:eider:" PIPELINE_VERSION
#define LINEAGE_SPEC "https://openlineage.io/spec/"
/* Ephemeral assets in a row that are looked through. */
#define LINEAGE_DEPTH_MAX 100

/* What the parts of one event share. */
struct lineage_document {
    const struct lineage_event *event;
    const struct asset *asset; /* NULL: the run's */
    const struct json *report; /* or NULL */
    struct str node;           /* the name of event's node */
    struct arena *arena;
    struct str name_space;
    struct json_writer writer;
};

struct str lineage_step_id(struct arena *arena, struct str run, struct str asset)
{
    char sum[DIGEST_TEXT_BYTES + 1];
    AUTO(digest) struct digest *digest = digest_new();
    digest_add(digest, run);
    digest_add(digest, S("/"));
    digest_add(digest, asset);
    digest_finish(digest, sum);
    sum[12] = '8';                                  /* RFC 9562 5.8: version 8, custom */
    sum[16] = "89ab"[(unsigned char)sum[16] & 0x3]; /* 4.1: the variant */
    return str_format(arena, "%.8s-%.4s-%.4s-%.4s-%.12s", sum, sum + 8, sum + 12, sum + 16, sum + 20);
}

/* --- Small parts --- */

/* Begins a facet; json_end_object ends it. schema: "1-0-1/NominalTimeRunFacet". */
static void lineage_facet(struct lineage_document *document, const char *key, const char *schema)
{
    struct json_writer *writer = &document->writer;
    const char *slash = strchr(schema, '/');
    json_begin_object(writer, key);
    json_write_text(writer, "_producer", S(LINEAGE_PRODUCER));
    json_write_text(writer, "_schemaURL",
                    str_format(document->arena, LINEAGE_SPEC "facets/%s.json#/$defs/%s", schema, slash + 1));
}

static void lineage_text_facet(struct lineage_document *document, const char *key, const char *schema,
                               const char *member, struct str text)
{
    if (text.len == 0)
        return;
    lineage_facet(document, key, schema);
    json_write_text(&document->writer, member, text);
    json_end_object(&document->writer);
}

static void lineage_owner_facet(struct lineage_document *document, const char *schema)
{
    if (document->asset->owner.len == 0)
        return;
    lineage_facet(document, "ownership", schema);
    json_begin_array(&document->writer, "owners");
    json_begin_object(&document->writer, NULL);
    json_write_text(&document->writer, "name", document->asset->owner);
    json_end_object(&document->writer);
    json_end_array(&document->writer);
    json_end_object(&document->writer);
}

/* The name of a table's data set: with the schema that it is in. */
static struct str lineage_table_name(const struct lineage_document *document, struct str table)
{
    const struct graph *graph = document->event->run->graph;
    ptrdiff_t index = graph_find(graph, table);
    if (index >= 0 && graph->nodes[index].asset->materialize == ASSET_ICEBERG)
        return str_format(document->arena, "iceberg.%.*s", STR_ARG(table));
    if (str_find_char(table, '.') >= 0)
        return table;
    return str_format(document->arena, "default.%.*s", STR_ARG(table));
}

static struct str lineage_file_name(const struct lineage_document *document, struct str path)
{
    if (str_starts_with(path, S("/")))
        return path;
    return str_format(document->arena, "%.*s/%.*s", STR_ARG(document->event->settings->root), STR_ARG(path));
}

/* Whether the asset leaves a table behind. */
static bool lineage_has_table(const struct asset *asset)
{
    return (asset->kind == ASSET_SQL || asset->kind == ASSET_SEED) && asset->materialize != ASSET_EPHEMERAL &&
           asset->materialize != ASSET_NONE;
}

/* "shop", "shop.orders", "shop.jaffle.customers". */
static struct str lineage_job_name(const struct lineage_document *document, struct str node)
{
    struct str project = document->event->settings->name;
    if (!document->asset)
        return project;
    return str_format(document->arena, "%.*s.%.*s%s%.*s", STR_ARG(project), STR_ARG(document->asset->name),
                      node.len > 0 ? "." : "", STR_ARG(node));
}

/* --- The run --- */

static void lineage_parameter(struct json_writer *writer, const char *key, struct str value)
{
    if (value.len == 0)
        return;
    json_begin_object(writer, NULL);
    json_write_text(writer, "key", str_from(key));
    json_write_text(writer, "value", value);
    json_end_object(writer);
}

static void lineage_parameters(struct lineage_document *document)
{
    const struct run *run = document->event->run;
    const struct run_step *step = document->event->step;
    struct json_writer *writer = &document->writer;
    lineage_facet(document, "executionParameters", "1-0-0/ExecutionParametersRunFacet");
    json_begin_array(writer, "parameters");
    lineage_parameter(writer, "environment", run->environment->name);
    lineage_parameter(writer, "trigger", run->trigger);
    lineage_parameter(writer, "user", run->user);
    lineage_parameter(writer, "partition", run->partition);
    lineage_parameter(writer, "parent", run->parent);
    lineage_parameter(writer, "full_refresh", run->full_refresh ? S("true") : S("false"));
    if (step)
        lineage_parameter(writer, "attempt", str_format(document->arena, "%u", step->attempt));
    json_end_array(writer);
    json_end_object(writer);
}

/* When its schedule wanted the run; there is no nominal end. */
static void lineage_nominal_time(struct lineage_document *document)
{
    if (document->event->run->due_us == 0)
        return;
    lineage_facet(document, "nominalTime", "1-0-1/NominalTimeRunFacet");
    json_write_time(&document->writer, "nominalStartTime", document->event->run->due_us);
    json_end_object(&document->writer);
}

/* The run, or the job, of somebody above. */
static void lineage_above(struct lineage_document *document, struct str id, struct str job)
{
    struct json_writer *writer = &document->writer;
    json_begin_object(writer, "run");
    json_write_text(writer, "runId", id);
    json_end_object(writer);
    json_begin_object(writer, "job");
    json_write_text(writer, "namespace", document->name_space);
    json_write_text(writer, "name", job);
    json_end_object(writer);
}

static void lineage_parent(struct lineage_document *document)
{
    const struct lineage_event *event = document->event;
    if (!document->asset)
        return;
    lineage_facet(document, "parent", "1-2-0/ParentRunFacet");
    if (event->node)
        lineage_above(document, lineage_step_id(document->arena, event->run->id, document->asset->name),
                      lineage_job_name(document, S("")));
    else
        lineage_above(document, event->run->id, event->settings->name);
    json_begin_object(&document->writer, "root");
    lineage_above(document, event->run->id, event->settings->name);
    json_end_object(&document->writer);
    json_end_object(&document->writer);
}

static struct str lineage_failure(struct lineage_document *document)
{
    const struct lineage_event *event = document->event;
    const struct run_step *step = event->step;
    if (event->node)
        return json_text(json_get(event->node, "message"));
    if (step)
        return err_message(&step->error);
    for (uint32_t i = 0; i < event->run->step_count; i++) {
        step = &event->run->steps[i];
        if (step->state == STEP_FAILED)
            return str_format(document->arena, "%.*s: %s", STR_ARG(step->asset), step->error.message);
    }
    return S("");
}

static void lineage_error(struct lineage_document *document)
{
    const struct lineage_event *event = document->event;
    bool ended_badly = event->type == LINEAGE_FAIL || event->type == LINEAGE_ABORT;
    struct str message = ended_badly ? lineage_failure(document) : S("");
    bool sql = !document->asset || document->asset->kind != ASSET_COMMAND;
    if (message.len == 0)
        return;
    lineage_facet(document, "errorMessage", "1-0-1/ErrorMessageRunFacet");
    json_write_text(&document->writer, "message", message);
    json_write_text(&document->writer, "programmingLanguage", sql ? S("SQL") : S("unknown"));
    json_end_object(&document->writer);
}

static void lineage_run(struct lineage_document *document)
{
    const struct lineage_event *event = document->event;
    struct json_writer *writer = &document->writer;
    struct str id = event->run->id, job = document->asset ? document->asset->name : S("");
    if (event->node)
        job = str_format(document->arena, "%.*s/%.*s", STR_ARG(job), STR_ARG(document->node));
    json_begin_object(writer, "run");
    json_write_text(writer, "runId", document->asset ? lineage_step_id(document->arena, id, job) : id);
    json_begin_object(writer, "facets");
    lineage_parent(document);
    lineage_nominal_time(document);
    lineage_parameters(document);
    lineage_error(document);
    lineage_facet(document, "processing_engine", "1-1-1/ProcessingEngineRunFacet");
    json_write_text(writer, "name", S("eider"));
    json_write_text(writer, "version", S(PIPELINE_VERSION));
    json_write_text(writer, "openlineageAdapterVersion", S(PIPELINE_VERSION));
    json_end_object(writer);
    json_end_object(writer);
    json_end_object(writer);
}

/* --- The job --- */

static struct str lineage_job_type(const struct lineage_document *document)
{
    const struct asset *asset = document->asset;
    if (!asset)
        return S("DAG");
    if (document->event->node)
        return json_text(json_get(document->event->node, "kind"));
    switch (asset->kind) {
    case ASSET_SQL:
        return S("MODEL");
    case ASSET_SEED:
        return S("SEED");
    case ASSET_TEST:
        return S("TEST");
    case ASSET_COMMAND:
        return S("COMMAND");
    case ASSET_DBT:
        break;
    }
    return S("DBT");
}

static void lineage_sql(struct lineage_document *document)
{
    const struct asset *asset = document->asset;
    struct str sql = json_text(json_get(document->report, "sql"));
    if (asset->kind != ASSET_SQL && asset->kind != ASSET_TEST && asset->kind != ASSET_SEED)
        return;
    lineage_facet(document, "sql", "1-1-0/SQLJobFacet");
    json_write_text(&document->writer, "query", sql.len ? sql : asset->text);
    json_write_text(&document->writer, "dialect", S("duckdb"));
    json_end_object(&document->writer);
}

static void lineage_job(struct lineage_document *document)
{
    const struct asset *asset = document->asset;
    struct json_writer *writer = &document->writer;
    json_begin_object(writer, "job");
    json_write_text(writer, "namespace", document->name_space);
    json_write_text(writer, "name", lineage_job_name(document, document->node));
    json_begin_object(writer, "facets");
    lineage_facet(document, "jobType", "2-0-4/JobTypeJobFacet");
    json_write_text(writer, "processingType", S("BATCH"));
    json_write_text(writer, "integration", S("EIDER"));
    json_write_text(writer, "jobType", lineage_job_type(document));
    json_end_object(writer);
    if (asset && !document->event->node) {
        lineage_sql(document);
        lineage_owner_facet(document, "1-0-1/OwnershipJobFacet");
        lineage_text_facet(document, "documentation", "1-1-0/DocumentationJobFacet", "description", asset->description);
    }
    json_end_object(writer);
    json_end_object(writer);
}

/* --- Data sets --- */

static void lineage_dataset(struct lineage_document *document, struct str name_space, struct str name)
{
    json_begin_object(&document->writer, NULL);
    json_write_text(&document->writer, "namespace", name_space);
    json_write_text(&document->writer, "name", name);
}

static const struct asset_test *lineage_test(const struct asset *asset, struct str name)
{
    for (size_t i = 0; i < asset->test_count; i++) {
        if (str_equal(asset->tests[i].name, name))
            return &asset->tests[i];
    }
    return NULL;
}

static void lineage_assertion(struct lineage_document *document, const struct json *test)
{
    struct json_writer *writer = &document->writer;
    struct str name = json_text(json_get(test, "name")), message = json_text(json_get(test, "message"));
    const struct asset_test *known = lineage_test(document->asset, name);
    json_begin_object(writer, NULL);
    json_write_text(writer, "assertion", json_text(json_get(test, "kind")));
    json_write_bool(writer, "success", json_bool(json_get(test, "passed")));
    json_write_text(writer, "name", name);
    json_write_text(writer, "severity", json_text(json_get(test, "severity")));
    if (known && known->column_count == 1)
        json_write_text(writer, "column", known->columns[0]);
    if (known && known->expression.len > 0) {
        json_write_text(writer, "content", known->expression);
        json_write_text(writer, "contentType", S("expression"));
    }
    if (message.len > 0)
        json_write_text(writer, "description", message);
    json_end_object(writer);
}

static void lineage_assertions(struct lineage_document *document)
{
    const struct json *tests = json_get(document->report, "tests");
    if (json_count(tests) == 0)
        return;
    lineage_facet(document, "dataQualityAssertions", "1-1-0/DataQualityAssertionsDatasetFacet");
    json_begin_array(&document->writer, "assertions");
    for (size_t i = 0; i < json_count(tests); i++)
        lineage_assertion(document, json_at(tests, i));
    json_end_array(&document->writer);
    json_end_object(&document->writer);
}

/* Tables that the node reads; ephemeral ones are looked through. */
static void lineage_input_tables(struct lineage_document *document, const struct graph_node *node, int depth)
{
    const struct graph *graph = document->event->run->graph;
    for (size_t i = 0; i < node->upstream_count; i++) {
        const struct graph_node *above = &graph->nodes[node->upstream[i]];
        if (above->asset->materialize == ASSET_EPHEMERAL && depth < LINEAGE_DEPTH_MAX)
            lineage_input_tables(document, above, depth + 1);
        if (!lineage_has_table(above->asset))
            continue;
        lineage_dataset(document, document->name_space, lineage_table_name(document, above->asset->name));
        if (document->asset->kind == ASSET_TEST && document->report) {
            json_begin_object(&document->writer, "facets");
            lineage_assertions(document);
            json_end_object(&document->writer);
        }
        json_end_object(&document->writer);
    }
    for (size_t i = 0; i < node->source_count; i++) {
        lineage_dataset(document, document->name_space, lineage_table_name(document, node->sources[i]));
        json_end_object(&document->writer);
    }
}

static void lineage_inputs(struct lineage_document *document)
{
    const struct json *files = json_get(document->report, "files");
    struct json_writer *writer = &document->writer;
    json_begin_array(writer, "inputs");
    lineage_input_tables(document, &document->event->run->graph->nodes[document->event->step->node], 0);
    for (size_t i = 0; i < json_count(files); i++) {
        const struct json *file = json_at(files, i);
        lineage_dataset(document, S("file"), lineage_file_name(document, json_text(json_get(file, "path"))));
        json_begin_object(writer, "inputFacets");
        lineage_facet(document, "inputStatistics", "1-0-0/InputStatisticsInputDatasetFacet");
        json_write_i64(writer, "size", json_i64(json_get(file, "size")));
        json_write_i64(writer, "fileCount", 1);
        json_end_object(writer);
        json_end_object(writer);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void lineage_schema(struct lineage_document *document)
{
    const struct json *columns = json_get(document->report, "columns");
    const struct asset *asset = document->asset;
    struct json_writer *writer = &document->writer;
    if (json_count(columns) == 0)
        return;
    lineage_facet(document, "schema", "1-2-0/SchemaDatasetFacet");
    json_begin_array(writer, "fields");
    for (size_t i = 0; i < json_count(columns); i++) {
        struct str name = json_text(json_get(json_at(columns, i), "name"));
        json_begin_object(writer, NULL);
        json_write_text(writer, "name", name);
        json_write_text(writer, "type", json_text(json_get(json_at(columns, i), "type")));
        json_write_i64(writer, "ordinal_position", (int64_t)i + 1);
        for (size_t k = 0; k < asset->column_count; k++) {
            if (str_equal_nocase(asset->columns[k].name, name) && asset->columns[k].description.len > 0)
                json_write_text(writer, "description", asset->columns[k].description);
        }
        json_end_object(writer);
    }
    json_end_array(writer);
    json_end_object(writer);
}

static void lineage_columns(struct lineage_document *document)
{
    const struct json *columns = json_get(document->report, "lineage");
    struct json_writer *writer = &document->writer;
    if (json_count(columns) == 0)
        return;
    lineage_facet(document, "columnLineage", "1-2-0/ColumnLineageDatasetFacet");
    json_begin_object(writer, "fields");
    for (size_t i = 0; i < json_count(columns); i++) {
        const struct json *from = json_get(json_at(columns, i), "from");
        json_begin_object(writer, str_cstr(document->arena, json_text(json_get(json_at(columns, i), "column"))));
        json_begin_array(writer, "inputFields");
        for (size_t k = 0; k < json_count(from); k++) {
            const struct json *source = json_at(from, k);
            lineage_dataset(document, document->name_space,
                            lineage_table_name(document, json_text(json_get(source, "table"))));
            json_write_text(writer, "field", json_text(json_get(source, "column")));
            json_begin_array(writer, "transformations");
            json_begin_object(writer, NULL);
            json_write_text(writer, "type", S("DIRECT"));
            json_write_text(writer, "subtype",
                            json_bool(json_get(source, "direct")) ? S("IDENTITY") : S("TRANSFORMATION"));
            json_end_object(writer);
            json_end_array(writer);
            json_end_object(writer);
        }
        json_end_array(writer);
        json_end_object(writer);
    }
    json_end_object(writer);
    json_end_object(writer);
}

static void lineage_statistics(struct lineage_document *document, int64_t rows, int64_t bytes)
{
    struct json_writer *writer = &document->writer;
    json_begin_object(writer, "outputFacets");
    if (rows >= 0 || bytes >= 0) {
        lineage_facet(document, "outputStatistics", "1-0-2/OutputStatisticsOutputDatasetFacet");
        if (rows >= 0)
            json_write_i64(writer, "rowCount", rows);
        if (bytes >= 0)
            json_write_i64(writer, "size", bytes);
        json_end_object(writer);
    }
    json_end_object(writer);
}

static void lineage_outputs(struct lineage_document *document)
{
    const struct run_step *step = document->event->step;
    const struct json *exports = json_get(document->report, "exports");
    struct json_writer *writer = &document->writer;
    bool ended = document->event->type != LINEAGE_START;
    json_begin_array(writer, "outputs");
    if (lineage_has_table(document->asset)) {
        lineage_dataset(document, document->name_space, lineage_table_name(document, document->asset->name));
        json_begin_object(writer, "facets");
        lineage_schema(document);
        lineage_columns(document);
        lineage_assertions(document);
        lineage_owner_facet(document, "1-0-1/OwnershipDatasetFacet");
        lineage_text_facet(document, "documentation", "1-1-0/DocumentationDatasetFacet", "description",
                           document->asset->description);
        json_end_object(writer);
        if (ended && step->committed)
            lineage_statistics(document, step->rows, step->bytes);
        json_end_object(writer);
    }
    for (size_t i = 0; i < json_count(exports); i++) {
        const struct json *file = json_at(exports, i);
        lineage_dataset(document, S("file"), lineage_file_name(document, json_text(json_get(file, "path"))));
        lineage_statistics(document, json_i64(json_get(file, "rows")), json_i64(json_get(file, "bytes")));
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* --- A node of dbt --- */

static void lineage_node_datasets(struct lineage_document *document)
{
    const struct lineage_event *event = document->event;
    struct json_writer *writer = &document->writer;
    const struct json *rows = json_get(event->node, "rows");
    json_begin_array(writer, "inputs");
    for (size_t i = 0; i < json_count(event->edges); i++) {
        const struct json *edge = json_at(event->edges, i);
        if (!str_equal(json_text(json_get(edge, "to")), document->node))
            continue;
        lineage_dataset(document, document->name_space,
                        lineage_table_name(document, json_text(json_get(edge, "from"))));
        json_end_object(writer);
    }
    json_end_array(writer);
    json_begin_array(writer, "outputs");
    if (!str_equal(json_text(json_get(event->node, "kind")), S("test"))) {
        lineage_dataset(document, document->name_space, lineage_table_name(document, document->node));
        if (event->type == LINEAGE_COMPLETE && rows)
            lineage_statistics(document, json_i64(rows), -1);
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* --- The event --- */

/* Environments are told apart as their tenants are: production has the bare name. */
static struct str lineage_name_space(const struct lineage_event *event, struct arena *arena)
{
    const struct project_environment *environment = event->run->environment;
    struct str name_space = event->settings->lineage_namespace;
    if (name_space.len == 0 || str_equal(name_space, event->settings->tenant))
        return environment->tenant;
    if (str_equal(environment->name, S("production")))
        return name_space;
    return str_format(arena, "%.*s_%.*s", STR_ARG(name_space), STR_ARG(environment->name));
}

void lineage_event_write(const struct lineage_event *event, struct buf *out)
{
    static const char *const types[] = {"START", "COMPLETE", "FAIL", "ABORT"};
    AUTO(arena) struct arena *arena = arena_new();
    struct err ignored; /* of a report that is no JSON there is nothing to tell */
    const struct run_step *step = event->step;
    struct lineage_document document = {
        .event = event,
        .asset = step ? event->run->graph->nodes[step->node].asset : NULL,
        .report = step && event->type != LINEAGE_START && step->report.len > 0
                      ? json_parse(arena, step->report, &ignored)
                      : NULL,
        .node = json_text(json_get(event->node, "name")),
        .arena = arena,
        .name_space = lineage_name_space(event, arena),
        .writer = {.buf = out},
    };
    json_begin_object(&document.writer, NULL);
    json_write_time(&document.writer, "eventTime", event->at_us);
    json_write_text(&document.writer, "producer", S(LINEAGE_PRODUCER));
    json_write_text(&document.writer, "schemaURL", S(LINEAGE_SPEC "2-0-2/OpenLineage.json#/$defs/RunEvent"));
    json_write_text(&document.writer, "eventType", str_from(types[event->type]));
    lineage_run(&document);
    lineage_job(&document);
    if (event->node) {
        lineage_node_datasets(&document);
    } else if (step) {
        lineage_inputs(&document);
        lineage_outputs(&document);
    } else {
        json_begin_array(&document.writer, "inputs");
        json_end_array(&document.writer);
        json_begin_array(&document.writer, "outputs");
        json_end_array(&document.writer);
    }
    json_end_object(&document.writer);
}
