/* A graph for people, for Graphviz, for Mermaid, and as JSON. */
#include "domain/pipeline/graph.h"
#include "platform/json/json.h"

static bool graph_shows(const bool *chosen, size_t node)
{
    return !chosen || chosen[node];
}

/* "table", "view", …; of what is no SQL its kind. */
static const char *graph_kind(const struct asset *asset)
{
    return asset->kind == ASSET_SQL ? asset_materialize_name(asset->materialize) : asset_kind_name(asset->kind);
}

static void graph_print_list(struct buf *out, const char *word, const struct str *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%.*s", i ? ", " : word, STR_ARG(texts[i]));
}

/* Indented by depth, so that all below a line's indentation comes after it. */
static void graph_print_text(const struct graph *graph, const bool *chosen, struct buf *out)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        if (!graph_shows(chosen, i))
            continue;
        buf_printf(out, "%*s%.*s  %s", (int)(2 * node->depth), "", STR_ARG(node->asset->name), graph_kind(node->asset));
        for (size_t k = 0; k < node->upstream_count; k++)
            buf_printf(out, "%s%.*s", k ? ", " : "  from ", STR_ARG(graph->nodes[node->upstream[k]].asset->name));
        graph_print_list(out, node->upstream_count ? ", " : "  from ", node->sources, node->source_count);
        graph_print_list(out, "  reads ", node->files, node->file_count);
        buf_append_str(out, node->broken ? S("  (broken)\n") : S("\n"));
    }
}

static void graph_print_dot(const struct graph *graph, const bool *chosen, struct buf *out)
{
    buf_append_str(out, S("digraph eider {\n  rankdir=LR;\n  node [shape=box];\n"));
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        if (!graph_shows(chosen, i))
            continue;
        buf_printf(out, "  \"%.*s\" [label=\"%.*s\\n%s\"%s];\n", STR_ARG(node->asset->name), STR_ARG(node->asset->name),
                   graph_kind(node->asset), node->broken ? ", color=red" : "");
        for (size_t k = 0; k < node->upstream_count; k++)
            if (graph_shows(chosen, node->upstream[k]))
                buf_printf(out, "  \"%.*s\" -> \"%.*s\";\n", STR_ARG(graph->nodes[node->upstream[k]].asset->name),
                           STR_ARG(node->asset->name));
    }
    buf_append_str(out, S("}\n"));
}

/* Numbers as names of nodes: an asset may be called like a word of Mermaid ("end"). */
static void graph_print_mermaid(const struct graph *graph, const bool *chosen, struct buf *out)
{
    buf_append_str(out, S("flowchart LR\n"));
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        if (!graph_shows(chosen, i))
            continue;
        buf_printf(out, "  n%zu[\"%.*s\"]\n", i, STR_ARG(node->asset->name));
        for (size_t k = 0; k < node->upstream_count; k++)
            if (graph_shows(chosen, node->upstream[k]))
                buf_printf(out, "  n%zu --> n%zu\n", node->upstream[k], i);
    }
}

static void graph_write_texts(struct json_writer *writer, const char *key, const struct str *texts, size_t count)
{
    json_begin_array(writer, key);
    for (size_t i = 0; i < count; i++)
        json_write_text(writer, NULL, texts[i]);
    json_end_array(writer);
}

static void graph_write_node(struct json_writer *writer, const struct graph *graph, const struct graph_node *node)
{
    const struct asset *asset = node->asset;
    json_begin_object(writer, NULL);
    json_write_text(writer, "name", asset->name);
    json_write_text(writer, "kind", str_from(asset_kind_name(asset->kind)));
    json_write_text(writer, "materialize", str_from(asset_materialize_name(asset->materialize)));
    json_write_text(writer, "path", asset->path);
    json_write_text(writer, "group", asset->group);
    graph_write_texts(writer, "tags", asset->tags, asset->tag_count);
    json_begin_array(writer, "upstream");
    for (size_t i = 0; i < node->upstream_count; i++)
        json_write_text(writer, NULL, graph->nodes[node->upstream[i]].asset->name);
    json_end_array(writer);
    graph_write_texts(writer, "sources", node->sources, node->source_count);
    graph_write_texts(writer, "files", node->files, node->file_count);
    json_write_i64(writer, "depth", (int64_t)node->depth);
    json_write_bool(writer, "broken", node->broken);
    json_end_object(writer);
}

static void graph_print_json(const struct graph *graph, const bool *chosen, struct buf *out)
{
    struct json_writer writer = {.buf = out};
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "nodes");
    for (size_t i = 0; i < graph->node_count; i++)
        if (graph_shows(chosen, i))
            graph_write_node(&writer, graph, &graph->nodes[i]);
    json_end_array(&writer);
    json_begin_array(&writer, "edges");
    for (size_t i = 0; i < graph->node_count; i++)
        for (size_t k = 0; graph_shows(chosen, i) && k < graph->nodes[i].upstream_count; k++) {
            size_t up = graph->nodes[i].upstream[k];
            if (!graph_shows(chosen, up))
                continue;
            json_begin_object(&writer, NULL);
            json_write_text(&writer, "from", graph->nodes[up].asset->name);
            json_write_text(&writer, "to", graph->nodes[i].asset->name);
            json_end_object(&writer);
        }
    json_end_array(&writer);
    json_end_object(&writer);
}

void graph_print(const struct graph *graph, const bool *chosen, enum graph_format format, struct buf *out)
{
    switch (format) {
    case GRAPH_TEXT:
        graph_print_text(graph, chosen, out);
        break;
    case GRAPH_DOT:
        graph_print_dot(graph, chosen, out);
        break;
    case GRAPH_JSON:
        graph_print_json(graph, chosen, out);
        break;
    case GRAPH_MERMAID:
        graph_print_mermaid(graph, chosen, out);
        break;
    }
}
