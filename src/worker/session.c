/* Sessions that were left clean serve the next statement: opening one costs more than many statements. */
#include "worker/worker_priv.h"

struct engine_session *worker_session_take(struct worker *worker, struct err *err)
{
    struct engine_session *session = NULL;
    pthread_mutex_lock(&worker->lock);
    if (worker->sessions.count)
        session = worker->sessions.items[--worker->sessions.count];
    pthread_mutex_unlock(&worker->lock);
    return session ? session : engine_session_open(worker->engine, err);
}

void worker_session_give(struct worker *worker, struct engine_session **session, bool reusable)
{
    if (!*session)
        return;
    if (!reusable || !engine_session_is_clean(*session)) {
        engine_session_close(session);
        return;
    }
    pthread_mutex_lock(&worker->lock);
    vec_push(&worker->sessions, *session); /* never more than statements ran at once */
    pthread_mutex_unlock(&worker->lock);
    *session = NULL;
}
