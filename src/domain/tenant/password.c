#include "domain/tenant/password.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>

#include "base/limits.h"
#include "base/list.h"
#include "platform/net/loop.h"

/* libsodium's choice for an interactive login: 2 passes over 64 MiB, some 100 ms. A server with two threads of these
 * needs 128 MiB and checks about 20 passwords a second; that is enough because a login is remembered. */
#define PASSWORD_PASSES crypto_pwhash_argon2id_OPSLIMIT_INTERACTIVE
#define PASSWORD_MEMORY crypto_pwhash_argon2id_MEMLIMIT_INTERACTIVE
/* What a hash from outside may cost: 256 MiB, 8 passes, 4 lanes. */
#define PASSWORD_KIB_MAX (256 << 10)
#define PASSWORD_PASSES_MAX 8
#define PASSWORD_LANES_MAX 4

/* Of a password that nobody knows, with our costs. */
#define PASSWORD_NOBODY \
    "$argon2id$v=19$m=65536,t=2,p=1$HUdhpQjnQFCfG6dmaNcWaw$cVx9TBFvK1fSgYYfNeqNcDbhpu9cVbq3ruYnVQx7bE8"

struct password_job {
    struct list node; /* while it waits */
    struct password_pool *pool;
    password_done *done; /* NULL: cancelled */
    void *owner;
    bool verifies;
    bool nobody; /* there is no hash to verify against */
    bool ok;
    char hash[crypto_pwhash_STRBYTES];
    struct str password; /* owned */
};

struct password_pool {
    struct loop *loop;
    size_t in_work; /* jobs without an answer yet; loop thread */
    pthread_mutex_t lock;
    pthread_cond_t waiting;
    struct list jobs; /* guarded by lock: */
    bool stopping;    /* until here */
};

struct password_pool *password_pool_new(struct loop *loop)
{
    if (sodium_init() < 0)
        mem_panic("libsodium cannot start");
    struct password_pool *pool = mem_new(struct password_pool);
    pool->loop = loop;
    list_init(&pool->jobs);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->waiting, NULL);
    return pool;
}

static void password_job_free(struct password_job *job)
{
    char *password = (char *)(job + 1);
    sodium_memzero(password, job->password.len);
    sodium_memzero(job->hash, sizeof(job->hash));
    mem_free(job);
}

void password_pool_free(struct password_pool **pool_ptr)
{
    struct password_pool *pool = *pool_ptr;
    *pool_ptr = NULL;
    if (!pool)
        return;
    list_each(&pool->jobs, node) password_job_free(list_object(node, struct password_job, node));
    pthread_cond_destroy(&pool->waiting);
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}

/* On the loop's thread. */
static void password_tell(void *owner)
{
    struct password_job *job = owner;
    job->pool->in_work--;
    if (job->done)
        job->done(job->owner, job->ok, str_from(job->hash));
    password_job_free(job);
}

/* The next job; NULL when the pool stops. */
static struct password_job *password_take(struct password_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (list_is_empty(&pool->jobs) && !pool->stopping)
        pthread_cond_wait(&pool->waiting, &pool->lock);
    struct list *node = pool->stopping ? NULL : list_first(&pool->jobs);
    if (node)
        list_remove(node);
    pthread_mutex_unlock(&pool->lock);
    return node ? list_object(node, struct password_job, node) : NULL;
}

void password_pool_thread(struct password_pool *pool)
{
    struct password_job *job;
    while ((job = password_take(pool))) {
        if (job->verifies)
            job->ok = crypto_pwhash_str_verify(job->hash, job->password.ptr, job->password.len) == 0 && !job->nobody;
        else
            job->ok = crypto_pwhash_str_alg(job->hash, job->password.ptr, job->password.len, PASSWORD_PASSES,
                                            PASSWORD_MEMORY, crypto_pwhash_ALG_ARGON2ID13) == 0;
        loop_post(pool->loop, password_tell, job);
    }
}

void password_pool_stop(struct password_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->waiting);
    pthread_mutex_unlock(&pool->lock);
}

static struct password_job *password_submit(struct password_pool *pool, bool verifies, struct str hash,
                                            struct str password, password_done *done, void *owner, struct err *err)
{
    assert(hash.len < crypto_pwhash_STRBYTES && password.len <= PASSWORD_BYTES_MAX);
    if (pool->in_work >= (size_t)limits_get(LIMIT_PASSWORD_QUEUE)) {
        err_set(err, ERR_UNAVAILABLE, "too many passwords are being checked: limit %s reached (%lld)",
                limits_name(LIMIT_PASSWORD_QUEUE), (long long)limits_get(LIMIT_PASSWORD_QUEUE));
        err_hint(err, "try again in a second");
        return NULL;
    }
    struct password_job *job = mem_alloc(sizeof(*job) + password.len + 1);
    char *text = (char *)(job + 1);
    if (password.len)
        memcpy(text, password.ptr, password.len);
    *job = (struct password_job){.pool = pool, .done = done, .owner = owner, .verifies = verifies};
    job->password = str_bytes(text, password.len);
    job->nobody = hash.len == 0;
    struct str known = job->nobody ? S(PASSWORD_NOBODY) : hash;
    memcpy(job->hash, known.ptr, known.len);
    pool->in_work++;
    pthread_mutex_lock(&pool->lock);
    list_append(&pool->jobs, &job->node);
    pthread_cond_signal(&pool->waiting);
    pthread_mutex_unlock(&pool->lock);
    return job;
}

struct password_job *password_verify(struct password_pool *pool, struct str hash, struct str password,
                                     password_done *done, void *owner, struct err *err)
{
    return password_submit(pool, true, hash, password, done, owner, err);
}

struct password_job *password_hash(struct password_pool *pool, struct str password, password_done *done, void *owner,
                                   struct err *err)
{
    return password_submit(pool, false, S(""), password, done, owner, err);
}

void password_cancel(struct password_job *job)
{
    job->done = NULL;
}

bool password_check(struct str password, struct err *err)
{
    if (password.len >= PASSWORD_BYTES_MIN && password.len <= PASSWORD_BYTES_MAX)
        return true;
    return err_set(err, ERR_INVALID, "a password has %d to %d bytes", PASSWORD_BYTES_MIN, PASSWORD_BYTES_MAX);
}

/* Takes "name=number" and the separator after it, with the number in 1 .. max. */
static bool password_take_cost(struct str *rest, char separator, struct str name, uint64_t max)
{
    struct str part;
    uint64_t number = 0;
    return str_split_next(rest, separator, &part) && str_starts_with(part, name) &&
           str_to_u64(str_from_index(part, name.len), &number) && number >= 1 && number <= max;
}

bool password_hash_check(struct str hash, struct err *err)
{
    struct str prefix = S("$argon2id$v=19$"), rest = str_from_index(hash, prefix.len);
    bool ok = hash.len < crypto_pwhash_STRBYTES && str_starts_with(hash, prefix) &&
              password_take_cost(&rest, ',', S("m="), PASSWORD_KIB_MAX) &&
              password_take_cost(&rest, ',', S("t="), PASSWORD_PASSES_MAX) &&
              password_take_cost(&rest, '$', S("p="), PASSWORD_LANES_MAX);
    /* The check of the rest is libsodium's: it reads the text only if all of it is well-formed. */
    char text[crypto_pwhash_STRBYTES] = {0};
    if (ok)
        memcpy(text, hash.ptr, hash.len);
    if (ok && crypto_pwhash_str_needs_rehash(text, PASSWORD_PASSES, PASSWORD_MEMORY) >= 0)
        return true;
    err_set(err, ERR_INVALID, "this is not an argon2id hash of a password");
    return err_hint(err, "it looks like $argon2id$v=19$m=65536,t=2,p=1$...; at most m=%d, t=%d, p=%d", PASSWORD_KIB_MAX,
                    PASSWORD_PASSES_MAX, PASSWORD_LANES_MAX);
}
