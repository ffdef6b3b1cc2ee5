#include "domain/tenant/password.h"

#include <assert.h>
#include <sodium.h>

#include "base/limits.h"
#include "base/list.h"
#include "platform/net/work.h"

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
    struct work_job work;
    struct list node; /* in work */
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
    struct work_pool *work;
    struct list jobs; /* without an answer yet */
    size_t job_count;
};

struct password_pool *password_pool_new(struct loop *loop)
{
    if (sodium_init() < 0)
        mem_panic("libsodium cannot start");
    struct password_pool *pool = mem_new(struct password_pool);
    pool->work = work_pool_new(loop);
    list_init(&pool->jobs);
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
    list_each(&pool->jobs, node)
    {
        password_job_free(list_object(node, struct password_job, node));
    }
    work_pool_free(&pool->work);
    mem_free(pool);
}

void password_pool_thread(struct password_pool *pool)
{
    work_pool_thread(pool->work);
}

void password_pool_stop(struct password_pool *pool)
{
    work_pool_stop(pool->work);
}

static void password_run(struct work_job *work)
{
    struct password_job *job = list_object(work, struct password_job, work);
    if (job->verifies)
        job->ok = crypto_pwhash_str_verify(job->hash, job->password.ptr, job->password.len) == 0 && !job->nobody;
    else
        job->ok = crypto_pwhash_str_alg(job->hash, job->password.ptr, job->password.len, PASSWORD_PASSES,
                                        PASSWORD_MEMORY, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

static void password_tell(struct work_job *work)
{
    struct password_job *job = list_object(work, struct password_job, work);
    list_remove(&job->node);
    job->pool->job_count--;
    if (job->done)
        job->done(job->owner, job->ok, str_from(job->hash));
    password_job_free(job);
}

static struct password_job *password_submit(struct password_pool *pool, bool verifies, struct str hash,
                                            struct str password, password_done *done, void *owner, struct err *err)
{
    assert(hash.len < crypto_pwhash_STRBYTES && password.len <= PASSWORD_BYTES_MAX);
    if (pool->job_count >= (size_t)limits_get(LIMIT_PASSWORD_QUEUE)) {
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
    job->work = (struct work_job){.run = password_run, .done = password_tell};
    list_append(&pool->jobs, &job->node);
    pool->job_count++;
    work_submit(pool->work, &job->work);
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
