#include "domain/pipeline/ask.h"

#include "domain/pipeline/pipeline.h"
#include "domain/query/query.h"

const struct principal *ask_principal(struct step_work *work)
{
    struct str tenant = work->run->environment->tenant;
    struct grant *grant = arena_new_object(work->arena, struct grant);
    struct principal *who = arena_new_object(work->arena, struct principal);
    *grant = (struct grant){.tenant = tenant, .role = ROLE_OWNER};
    *who = (struct principal){.user = S("pipeline"),
                              .proof = PRINCIPAL_TOKEN,
                              .grants = grant,
                              .grant_count = 1,
                              .token = S("pipeline"),
                              .tenant = tenant};
    return who;
}

static void ask_on_piece(void *owner, struct query_piece *piece)
{
    struct ask *ask = owner;
    ask->is_cut = ask->is_cut || buf_len(&ask->answer) + piece->body.len > ASK_ANSWER_MAX;
    if (!ask->is_cut)
        buf_append(&ask->answer, piece->body.ptr, piece->body.len);
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static void ask_on_end(void *owner, const struct query_end *end)
{
    struct ask *ask = owner;
    struct buf answer = ask->answer;
    struct err error;
    ask->statement = NULL;
    ask->answer = (struct buf){0};
    if (end->error)
        error = *end->error;
    else if (ask->is_cut)
        err_set(&error, ERR_RESOURCE, "an answer to the pipeline is longer than %d bytes", ASK_ANSWER_MAX);
    ask->done(ask, buf_str(&answer), end->error || ask->is_cut ? &error : NULL); /* its owner may be gone after it */
    buf_done(&answer);
}

bool ask_start(struct ask *ask, struct step_work *work, struct str sql, struct err *err)
{
    const struct query_request request = {.who = ask_principal(work),
                                          .tenant = work->run->environment->tenant,
                                          .sql = sql,
                                          .format = QUERY_FORMAT_JSON_LINES,
                                          .deadline_us = work->deadline_us,
                                          .protocol = S("pipeline")};
    const struct query_sink sink = {.on_piece = ask_on_piece, .on_end = ask_on_end, .owner = ask};
    ask->is_cut = false;
    ask->statement = query_run(pipeline_options(work->pipeline)->query, &request, &sink, err);
    return ask->statement != NULL;
}

void ask_cancel(struct ask *ask)
{
    if (ask->statement)
        query_cancel(ask->statement);
}
