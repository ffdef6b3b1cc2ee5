/* Selectors: which assets are meant. */
#include <fnmatch.h>

#include "base/nearest.h"
#include "domain/pipeline/graph.h"

struct select {
    const struct graph *graph;
    struct arena *arena;
    struct err *err;
};

/* "2+body+1"; levels are SIZE_MAX without a number, 0 without a plus. */
struct select_term {
    struct str body;
    size_t up, down;
};

static bool select_levels(struct str digits, size_t *levels_out)
{
    uint64_t number;
    *levels_out = SIZE_MAX;
    if (digits.len == 0)
        return true;
    if (!str_to_u64(digits, &number))
        return false;
    *levels_out = (size_t)number;
    return true;
}

static struct select_term select_cut(struct str text)
{
    struct select_term term = {.body = text};
    ptrdiff_t first = str_find_char(term.body, '+');
    if (first >= 0 && select_levels(str_slice(term.body, 0, (size_t)first), &term.up))
        term.body = str_from_index(term.body, (size_t)first + 1);
    else
        term.up = 0;
    ptrdiff_t last = str_find_char(term.body, '+');
    if (last >= 0 && select_levels(str_from_index(term.body, (size_t)last + 1), &term.down))
        term.body = str_slice(term.body, 0, (size_t)last);
    else
        term.down = 0;
    return term;
}

static bool select_fits(struct select *select, const char *pattern, struct str text)
{
    return fnmatch(pattern, str_cstr(select->arena, text), 0) == 0;
}

static bool select_is(struct select *select, const struct asset *asset, struct str body, const char *pattern)
{
    if (str_starts_with(body, S("tag:"))) {
        bool found = false;
        for (size_t i = 0; i < asset->tag_count && !found; i++)
            found = select_fits(select, pattern + 4, asset->tags[i]);
        return found;
    }
    if (str_starts_with(body, S("group:")))
        return asset->group.len > 0 && select_fits(select, pattern + 6, asset->group);
    if (str_find_char(body, '/') >= 0)
        return select_fits(select, pattern, asset->path) ||
               (str_starts_with(asset->path, body) && str_ends_with(body, S("/")));
    return select_fits(select, pattern, asset->name);
}

/* One more level per round, from nodes that came in the round before. */
static void select_spread(struct select *select, bool *chosen, size_t levels, bool upward)
{
    const struct graph *graph = select->graph;
    size_t *round = arena_array(select->arena, graph->node_count, sizeof(*round)), count = 0;
    size_t *distance = arena_array(select->arena, graph->node_count, sizeof(*distance));
    for (size_t i = 0; i < graph->node_count; i++)
        if (chosen[i])
            round[count++] = i;
    for (size_t at = 0; at < count; at++) {
        const struct graph_node *node = &graph->nodes[round[at]];
        const size_t *next = upward ? node->upstream : node->downstream;
        size_t next_count = upward ? node->upstream_count : node->downstream_count;
        for (size_t i = 0; i < next_count && distance[round[at]] < levels; i++) {
            if (chosen[next[i]])
                continue;
            chosen[next[i]] = true;
            distance[next[i]] = distance[round[at]] + 1;
            round[count++] = next[i];
        }
    }
}

/* The first problem of a file that made no asset of this name. */
static bool select_broken(struct select *select, struct str name)
{
    for (size_t i = 0; i < select->graph->problem_count; i++) {
        const struct asset_problem *problem = &select->graph->problems[i];
        if (!str_equal(problem->asset, name))
            continue;
        (void)err_set(select->err, ERR_INVALID, "%.*s:%d: %.*s", STR_ARG(str_slice(problem->path, 0, 200)),
                      problem->line, STR_ARG(str_slice(problem->message, 0, 250)));
        (void)err_hint(select->err, "%.*s", STR_ARG(str_slice(problem->hint, 0, 150)));
        return true;
    }
    return false;
}

/* Always false. */
static bool select_nothing(struct select *select, struct str body)
{
    const struct graph *graph = select->graph;
    bool tag = str_starts_with(body, S("tag:")), group = str_starts_with(body, S("group:"));
    size_t count = 0, prefix = tag ? 4 : group ? 6 : 0, room = graph->node_count;
    if (!prefix && select_broken(select, body))
        return false;
    for (size_t i = 0; tag && i < graph->node_count; i++)
        room += graph->nodes[i].asset->tag_count;
    const char **known = arena_array(select->arena, room + 1, sizeof(*known));
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct asset *asset = graph->nodes[i].asset;
        for (size_t k = 0; tag && k < asset->tag_count; k++)
            known[count++] = str_cstr(select->arena, asset->tags[k]);
        if (!tag)
            known[count++] = str_cstr(select->arena, group ? asset->group : asset->name);
    }
    const char *nearest = nearest_name(str_from_index(body, prefix), known);
    (void)err_set(select->err, ERR_NOT_FOUND, "no asset is '%.*s'", STR_ARG(str_slice(body, 0, 100)));
    if (nearest && nearest[0])
        return err_hint(select->err, "did you mean '%.*s%s'?", (int)prefix, body.ptr, nearest);
    return err_hint(select->err, "`eider graph` lists them");
}

static bool select_term(struct select *select, struct str text, bool *chosen)
{
    struct select_term term = select_cut(text);
    const char *pattern = str_cstr(select->arena, term.body);
    bool found = false;
    for (size_t i = 0; i < select->graph->node_count; i++) {
        chosen[i] = select_is(select, select->graph->nodes[i].asset, term.body, pattern);
        found = found || chosen[i];
    }
    if (!found)
        return select_nothing(select, term.body);
    bool *down = arena_copy(select->arena, chosen, select->graph->node_count * sizeof(*chosen));
    if (term.up)
        select_spread(select, chosen, term.up, true);
    if (term.down)
        select_spread(select, down, term.down, false);
    for (size_t i = 0; i < select->graph->node_count; i++)
        chosen[i] = chosen[i] || down[i];
    return true;
}

/* "a,b": what all of them mean. */
static bool select_all_of(struct select *select, struct str selector, bool *chosen)
{
    size_t count = select->graph->node_count;
    bool *part_chosen = arena_array(select->arena, count, sizeof(*part_chosen)), any = false;
    struct str rest = selector, part;
    if (selector.len == 0)
        return err_set(select->err, ERR_INVALID, "an empty selector");
    memset(chosen, 1, count * sizeof(*chosen));
    while (str_split_next(&rest, ',', &part)) {
        if (!select_term(select, str_trim(part), part_chosen))
            return false;
        for (size_t i = 0; i < count; i++)
            chosen[i] = chosen[i] && part_chosen[i];
    }
    for (size_t i = 0; i < count; i++)
        any = any || chosen[i];
    return any ||
           err_set(select->err, ERR_NOT_FOUND, "no asset is all of '%.*s'", STR_ARG(str_slice(selector, 0, 100)));
}

/* A test that reads assets. */
static bool select_is_test(const struct graph_node *node)
{
    return node->asset->kind == ASSET_TEST && node->upstream_count > 0;
}

/* Tests go with what they read: all of it, else they could fail for want of a table. */
static void select_tests(const struct graph *graph, bool *chosen, const bool *away)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        bool all = select_is_test(node) && !away[i];
        for (size_t k = 0; all && k < node->upstream_count; k++)
            all = chosen[node->upstream[k]];
        chosen[i] = chosen[i] || all;
    }
}

bool graph_select(const struct graph *graph, const struct str *selectors, size_t count, bool *chosen_out,
                  struct err *err)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct select select = {.graph = graph, .arena = arena, .err = err};
    bool *chosen = arena_array(arena, graph->node_count, sizeof(*chosen));
    bool *away = arena_array(arena, graph->node_count, sizeof(*away));
    bool *one = arena_array(arena, graph->node_count, sizeof(*one)), all = true;
    for (size_t i = 0; i < count; i++) {
        bool not = str_starts_with(selectors[i], S("!"));
        if (!select_all_of(&select, str_from_index(selectors[i], not ), one))
            return false;
        all = all && not ;
        for (size_t k = 0; k < graph->node_count; k++)
            (not ? away : chosen)[k] |= one[k];
    }
    for (size_t i = 0; i < graph->node_count; i++)
        chosen[i] = (all ? !select_is_test(&graph->nodes[i]) : chosen[i]) && !away[i];
    select_tests(graph, chosen, away);
    if (graph->node_count > 0)
        memcpy(chosen_out, chosen, graph->node_count * sizeof(*chosen));
    return true;
}
