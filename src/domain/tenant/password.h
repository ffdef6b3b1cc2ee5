/* Passwords: argon2id (libsodium), hashed and verified by threads of their own, because one takes some 100 ms of a
 * processor and 64 MiB. The threads are made by app/; jobs and answers belong to the loop's thread. */
#pragma once
#include "base/err.h"

struct loop;
struct password_pool;
struct password_job;

#define PASSWORD_BYTES_MIN 8
/* Longer ones only cost time. */
#define PASSWORD_BYTES_MAX 1024

/* loop: where answers are told. */
struct password_pool *password_pool_new(struct loop *loop);
/* After the threads have returned; jobs without an answer are dropped. Accepts NULL inside. */
void password_pool_free(struct password_pool **pool);
/* The work of one thread, until password_pool_stop. */
void password_pool_thread(struct password_pool *pool);
void password_pool_stop(struct password_pool *pool);

/* ok: the password is the one of the hash, or hash_out holds the new hash (valid until done returns). */
typedef void password_done(void *owner, bool ok, struct str hash);
/* Hash and password are copied, and wiped afterwards. An empty hash stands for a user without password, or none: it
 * takes as long and is never right. NULL with ERR_UNAVAILABLE when user.max_hashing are in work. */
struct password_job *password_verify(struct password_pool *pool, struct str hash, struct str password,
                                     password_done *done, void *owner, struct err *err);
struct password_job *password_hash(struct password_pool *pool, struct str password, password_done *done, void *owner,
                                   struct err *err);
/* done is not called any more. */
void password_cancel(struct password_job *job);

/* Of a new password: its length. */
bool password_check(struct str password, struct err *err) MUST_USE;
/* Of a hash from outside: "$argon2id$v=19$m=…,t=…,p=…$salt$hash", whose costs are within reason. */
bool password_hash_check(struct str hash, struct err *err) MUST_USE;
