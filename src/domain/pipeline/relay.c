#include "domain/pipeline/relay.h"

#include <assert.h>

#include "base/limits.h"
#include "base/vec.h"
#include "platform/net/loop.h"

/* Pieces that the import may have given before its blocks are all held: one per block and those that came in frames. */
#define RELAY_PIECES_MAX 4096

struct relay {
    struct query_import *import;
    struct statement *upload; /* NULL: not begun, or ended */
    relay_done *done;
    void *owner;
    VEC(struct query_piece) waiting; /* the upload has no room; they hold the import back */
    struct slice header;             /* of the message under way */
    uint8_t *body;                   /* its memory; NULL: no message is under way */
    uint64_t body_total, body_filled;
    bool is_finished; /* the import has ended well */
    struct err error; /* why it stops; code ERR_OK: it does not */
    bool import_ended, upload_ended;
    uint64_t rows, bytes;
};

static void relay_drop(struct query_piece *piece)
{
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static void relay_drop_all(struct relay *relay)
{
    for (size_t i = 0; i < relay->waiting.count; i++)
        relay_drop(&relay->waiting.items[i]);
    vec_clear(&relay->waiting);
    slice_release(&relay->header);
    relay->body = NULL;
}

static void relay_check_done(struct relay *relay)
{
    if (!relay->import_ended || !relay->upload_ended)
        return;
    const struct err error = relay->error; /* the relay may be gone before the owner has read it */
    relay->done(relay->owner, relay->rows, relay->bytes, error.code == ERR_OK ? NULL : &error);
}

/* The first reason stays. Both ends are told to stop, and done comes when both have. */
static void relay_stop(struct relay *relay, const struct err *why)
{
    if (relay->error.code == ERR_OK)
        relay->error = *why;
    relay_drop_all(relay);
    if (!relay->import_ended)
        query_import_cancel(relay->import);
    if (relay->upload && !relay->upload_ended)
        query_cancel(relay->upload);
}

/* --- From piece to message --- */

static bool relay_begin(struct relay *relay, struct query_piece *piece, struct err *err)
{
    relay->body = query_upload_body(relay->upload, (size_t)piece->body_total, err);
    if (!relay->body)
        return false;
    relay->body_total = piece->body_total;
    relay->body_filled = 0;
    relay->header = piece->header;
    piece->header = (struct slice){0};
    return true;
}

static bool relay_pass(struct relay *relay, struct query_piece *piece, struct err *err)
{
    if (piece->first && !relay_begin(relay, piece, err))
        return false;
    if (!relay->body || piece->body.len > relay->body_total - relay->body_filled)
        return err_set(err, ERR_INTERNAL, "the import worker sent a message that is larger than it said");
    if (piece->body.len)
        memcpy(relay->body + relay->body_filled, piece->body.ptr, piece->body.len);
    relay->body_filled += piece->body.len;
    if (relay->body_filled < relay->body_total)
        return true;
    query_upload_message(relay->upload, str_bytes(relay->header.ptr, relay->header.len));
    slice_release(&relay->header);
    relay->body = NULL;
    return true;
}

static void relay_flow(struct relay *relay)
{
    struct err error;
    size_t passed = 0;
    while (passed < relay->waiting.count && !query_upload_is_full(relay->upload)) {
        struct query_piece *piece = &relay->waiting.items[passed++];
        bool ok = relay_pass(relay, piece, &error);
        relay_drop(piece);
        if (!ok) {
            relay_stop(relay, &error);
            return;
        }
    }
    relay->waiting.count -= passed;
    memmove(relay->waiting.items, relay->waiting.items + passed, relay->waiting.count * sizeof(*relay->waiting.items));
    if (relay->is_finished && relay->waiting.count == 0) {
        relay->is_finished = false;
        query_upload_finish(relay->upload);
    }
}

/* --- The upload --- */

static void relay_on_uploaded(void *owner, const struct query_end *end)
{
    struct relay *relay = owner;
    relay->upload_ended = true;
    relay->upload = NULL;
    relay->rows = end->rows;
    relay->bytes = end->bytes;
    if (end->error)
        relay_stop(relay, end->error);
    relay_check_done(relay);
}

static void relay_on_ready(void *owner)
{
    struct relay *relay = owner;
    if (relay->error.code == ERR_OK)
        relay_flow(relay);
}

/* --- The import --- */

static void relay_on_piece(void *owner, struct query_piece *piece)
{
    struct relay *relay = owner;
    struct err error;
    if (relay->error.code != ERR_OK) {
        relay_drop(piece);
        return;
    }
    vec_push(&relay->waiting, *piece);
    if (relay->waiting.count > RELAY_PIECES_MAX) {
        err_set(&error, ERR_INTERNAL, "the import worker sends more than it was given room for");
        relay_stop(relay, &error);
        return;
    }
    relay_flow(relay);
}

static void relay_on_imported(void *owner, const struct query_end *end)
{
    struct relay *relay = owner;
    relay->import_ended = true;
    if (end->error) {
        relay_stop(relay, end->error);
    } else if (relay->error.code == ERR_OK) {
        relay->is_finished = true;
        relay_flow(relay);
    }
    relay_check_done(relay);
}

/* --- Life cycle --- */

struct relay *relay_start(const struct relay_options *options, struct err *err)
{
    struct relay *relay = mem_new(struct relay);
    relay->done = options->done;
    relay->owner = options->owner;
    const struct query_sink uploaded = {.on_end = relay_on_uploaded, .owner = relay};
    relay->upload = query_upload(options->query, options->to, &uploaded, relay_on_ready, err);
    if (!relay->upload) {
        mem_free(relay);
        return NULL;
    }
    const struct query_sink imported = {.on_piece = relay_on_piece, .on_end = relay_on_imported, .owner = relay};
    struct err error;
    relay->import = query_import_start(options->loop, options->from, options->sql, &imported, &error);
    if (!relay->import) {
        relay->import_ended = true;
        relay_stop(relay, &error); /* done follows when the upload has ended */
    }
    return relay;
}

void relay_cancel(struct relay *relay)
{
    struct err why;
    err_set(&why, ERR_CANCELLED, "the import was cancelled");
    relay_stop(relay, &why);
}

void relay_free(struct relay **relay_ptr)
{
    struct relay *relay = *relay_ptr;
    if (!relay)
        return;
    *relay_ptr = NULL;
    assert(relay->upload_ended); /* it would call back */
    relay_drop_all(relay);
    query_import_free(&relay->import);
    vec_done(&relay->waiting);
    mem_free(relay);
}
