/* Sessions. Those that were left clean serve the next statement: opening one costs more than many statements. Those
 * in which something was left are kept under the number of their connection. */
#include "worker/worker_priv.h"

struct worker_connection {
    struct engine_session *session; /* NULL while a statement has it */
    bool closing;                   /* close it when it is given back */
    VEC(uint64_t) forgotten;        /* prepared statements to drop when it is given back */
};

static void worker_connection_free(struct worker_connection **connection)
{
    engine_session_close(&(*connection)->session);
    vec_done(&(*connection)->forgotten);
    mem_free(*connection);
    *connection = NULL;
}

struct engine_session *worker_connection_take(struct worker *worker, uint64_t number, struct err *err)
{
    struct engine_session *session = NULL;
    pthread_mutex_lock(&worker->lock);
    struct worker_connection *connection = number ? map_get(&worker->connections, map_key_u64(&number)) : NULL;
    bool busy = connection && !connection->session;
    if (number && !connection) {
        connection = mem_new(struct worker_connection);
        map_put(&worker->connections, map_key_u64(&number), connection);
    } else if (connection) {
        session = connection->session;
        connection->session = NULL;
    }
    if (!busy && !session && worker->sessions.count)
        session = worker->sessions.items[--worker->sessions.count];
    pthread_mutex_unlock(&worker->lock);
    if (busy) {
        err_set(err, ERR_INTERNAL, "another statement runs on the connection %llu", (unsigned long long)number);
        return NULL;
    }
    if (!session && !(session = engine_session_open(worker->engine, err)))
        worker_connection_give(worker, number, &session, false);
    return session;
}

/* Puts the session back under its number; false: nothing is to be kept, and the number is not known any more. */
static bool worker_connection_keep(struct worker *worker, uint64_t number, struct engine_session **session)
{
    struct worker_connection *connection = map_get(&worker->connections, map_key_u64(&number));
    for (size_t i = 0; *session && i < connection->forgotten.count; i++)
        engine_session_forget(*session, connection->forgotten.items[i]);
    connection->forgotten.count = 0;
    if (*session && !connection->closing && engine_session_is_kept(*session)) {
        connection->session = *session;
        *session = NULL;
        return true;
    }
    map_remove(&worker->connections, map_key_u64(&number));
    worker_connection_free(&connection);
    return false;
}

void worker_connection_give(struct worker *worker, uint64_t number, struct engine_session **session, bool reusable)
{
    pthread_mutex_lock(&worker->lock);
    bool kept = number && worker_connection_keep(worker, number, session);
    bool room = worker->sessions.count < worker->hello.max_running;
    if (!kept && *session && reusable && room && !engine_session_is_kept(*session)) {
        vec_push(&worker->sessions, *session);
        *session = NULL;
    }
    pthread_mutex_unlock(&worker->lock);
    engine_session_close(session);
}

void worker_connection_close(struct worker *worker, uint64_t number)
{
    pthread_mutex_lock(&worker->lock);
    struct worker_connection *connection = map_get(&worker->connections, map_key_u64(&number));
    if (connection && !connection->session) {
        connection->closing = true;
        connection = NULL;
    } else if (connection) {
        map_remove(&worker->connections, map_key_u64(&number));
    }
    pthread_mutex_unlock(&worker->lock);
    if (connection) /* rolling back may take its time */
        worker_connection_free(&connection);
}

void worker_connection_forget(struct worker *worker, uint64_t number, uint64_t prepared)
{
    struct engine_session *session = NULL;
    pthread_mutex_lock(&worker->lock);
    struct worker_connection *connection = map_get(&worker->connections, map_key_u64(&number));
    if (connection) {
        vec_push(&connection->forgotten, prepared);
        session = connection->session;
        connection->session = NULL;
    }
    pthread_mutex_unlock(&worker->lock);
    if (session)
        worker_connection_give(worker, number, &session, true);
}

void worker_connection_close_all(struct worker *worker)
{
    size_t position = 0;
    for (struct map_entry *entry; (entry = map_next(&worker->connections, &position));) {
        struct worker_connection *connection = entry->value;
        worker_connection_free(&connection);
    }
    map_done(&worker->connections);
    for (size_t i = 0; i < worker->sessions.count; i++)
        engine_session_close(&worker->sessions.items[i]);
}
