#include "platform/engine/relay.h"

#include <errno.h>
#include <pthread.h>

#include "platform/arrow/gather.h"

/* What may wait for DuckDB. */
enum { RELAY_READY_BYTES = 128 << 20 };

/* A copied piece. */
struct relay_unit {
    struct list node; /* in ready */
    struct arena *arena;
    uint8_t *block;
    size_t size;
    struct ArrowArray array;
};

struct engine_relay {
    struct arrow_field *schema;
    struct arrow_decoder *decoder;
    struct ArrowArrayStream stream;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct list ready; /* guarded by lock: */
    size_t ready_bytes;
    bool finished, broken, ended; /* until here */
};

bool engine_relay_knows(const struct arrow_field *schema)
{
    return arrow_gather_knows(&schema->c);
}

static void relay_unit_free(struct relay_unit *unit)
{
    if (!unit)
        return;
    mem_free(unit->block);
    arena_free(&unit->arena);
    mem_free(unit);
}

static int relay_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    struct engine_relay *relay = stream->private_data;
    *out = relay->schema->c;
    return 0;
}

/* DuckDB holds no pointer into the piece any more. */
static void relay_release(struct ArrowArray *array)
{
    struct relay_unit *unit = array->private_data;
    array->release = NULL;
    relay_unit_free(unit);
}

static int relay_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    struct engine_relay *relay = stream->private_data;
    *out = (struct ArrowArray){0}; /* release NULL: the end */
    pthread_mutex_lock(&relay->lock);
    while (list_is_empty(&relay->ready) && !relay->finished && !relay->broken)
        pthread_cond_wait(&relay->changed, &relay->lock);
    struct list *first = list_first(&relay->ready);
    int result = relay->broken ? ECANCELED : 0;
    if (first && !relay->broken) {
        struct relay_unit *unit = list_object(first, struct relay_unit, node);
        *out = unit->array;
        out->private_data = unit;
        out->release = relay_release;
        list_remove(&unit->node);
        relay->ready_bytes -= unit->size;
        pthread_cond_broadcast(&relay->changed);
    }
    pthread_mutex_unlock(&relay->lock);
    return result;
}

static const char *relay_error(struct ArrowArrayStream *stream)
{
    (void)stream;
    return "the upload ended before its last row";
}

static void relay_release_stream(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

struct engine_relay *engine_relay_new(struct arrow_field *schema, struct arrow_decoder *decoder)
{
    struct engine_relay *relay = mem_new(struct engine_relay);
    relay->schema = schema;
    relay->decoder = decoder;
    relay->stream = (struct ArrowArrayStream){.get_schema = relay_schema,
                                              .get_next = relay_next,
                                              .get_last_error = relay_error,
                                              .release = relay_release_stream,
                                              .private_data = relay};
    list_init(&relay->ready);
    pthread_mutex_init(&relay->lock, NULL);
    pthread_cond_init(&relay->changed, NULL);
    return relay;
}

void engine_relay_free(struct engine_relay **relay_ptr)
{
    struct engine_relay *relay = *relay_ptr;
    *relay_ptr = NULL;
    if (!relay)
        return;
    list_each(&relay->ready, node)
    {
        relay_unit_free(list_object(node, struct relay_unit, node));
    }
    pthread_mutex_destroy(&relay->lock);
    pthread_cond_destroy(&relay->changed);
    mem_free(relay);
}

struct ArrowArrayStream *engine_relay_stream(struct engine_relay *relay)
{
    return &relay->stream;
}

/* Hands a unit over, when there is room for it. */
static bool relay_push(struct engine_relay *relay, struct relay_unit *unit, struct err *err)
{
    pthread_mutex_lock(&relay->lock);
    while (relay->ready_bytes > RELAY_READY_BYTES && !relay->ended && !relay->broken)
        pthread_cond_wait(&relay->changed, &relay->lock);
    bool taken = !relay->ended && !relay->broken;
    if (taken) {
        list_append(&relay->ready, &unit->node);
        relay->ready_bytes += unit->size;
        pthread_cond_broadcast(&relay->changed);
    }
    pthread_mutex_unlock(&relay->lock);
    if (taken)
        return true;
    relay_unit_free(unit);
    return err_set(err, ERR_CANCELLED, "the upload's INSERT has ended");
}

bool engine_relay_add(struct engine_relay *relay, const struct ArrowArray *piece, struct err *err)
{
    const struct arrow_batch batch = {.array = *piece};
    struct arrow_batch copy = {0};
    struct relay_unit *unit = mem_new(struct relay_unit);
    unit->arena = arena_new();
    list_init(&unit->node);
    if (!arrow_decoder_join(relay->decoder, &batch, 1, unit->arena, &unit->block, &copy, err)) {
        relay_unit_free(unit);
        return false;
    }
    unit->size = copy.size;
    unit->array = copy.array;
    return relay_push(relay, unit, err);
}

static void relay_set(struct engine_relay *relay, bool *flag)
{
    pthread_mutex_lock(&relay->lock);
    *flag = true;
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->lock);
}

void engine_relay_finish(struct engine_relay *relay)
{
    relay_set(relay, &relay->finished);
}

void engine_relay_break(struct engine_relay *relay)
{
    relay_set(relay, &relay->broken);
}

void engine_relay_end(struct engine_relay *relay)
{
    relay_set(relay, &relay->ended);
}
