/* The one door for identities: turns what a request carries into a principal. Passwords are hashed by threads of their
 * own, so an answer may come later; everything else is answered at once. Loop thread only. */
#pragma once
#include "base/list.h"
#include "domain/tenant/principal.h"

struct audit;
struct auth;
struct password_pool;
struct store;
struct user_list;

struct auth_options {
    struct store *store; /* the signing secret lies there */
    struct user_list *users;
    struct password_pool *pool;
    struct audit *audit;
    bool open_to_all;      /* while no users exist, other machines are the administrator too */
    bool addresses_shared; /* a proxy is in front: failed logins are counted per user and address only */
    /* A bearer that is the administrator whatever users there are: a private server's, whose starter may write the data
     * directory anyway. Empty: none. */
    struct str owner_token;
};
/* Before the store's thread runs. The options' objects outlive it. */
struct auth *auth_new(const struct auth_options *options, struct err *err);
/* No answer comes any more. Accepts NULL inside. */
void auth_free(struct auth **auth);

/* What a request says about who it is. Texts live as long as the request. */
struct auth_request {
    struct str authorization; /* the header: "Basic …" (padded or not), "Bearer …", any case; empty: none */
    struct str payload;       /* Handshake's BasicAuth message was decoded to these two; empty: none */
    struct str payload_password;
    struct str certificate; /* subject of the client certificate (CN), verified by TLS; empty: none */
    struct str remote;      /* "127.0.0.1:51234" */
    bool loopback;          /* remote is this machine, and no proxy is configured */
};

/* What a header "Basic …" holds, in the arena; false for another one. */
bool auth_basic_pair(struct arena *arena, struct str header, struct str *user_out, struct str *password_out) MUST_USE;

enum auth_outcome {
    AUTH_DONE,  /* *who_out is filled in */
    AUTH_ERROR, /* *err: ERR_UNAUTHENTICATED, or ERR_RESOURCE with a hint how long to wait (too many failures) */
    AUTH_LATER, /* done is called from the loop, unless cancelled before */
};

/* In the caller's memory until done or auth_cancel. */
struct auth_wait {
    struct list node;
    void (*done)(struct auth_wait *wait, const struct principal *who, const struct err *error);
    void *owner;
    struct arena *arena; /* auth's own, as the next */
    void *work;
};

/* who and its texts go to the arena, which must live until done or auth_cancel; the request's texts are not needed
 * after the call. Refusals are told when their row of the audit trail is durable. */
enum auth_outcome auth_check(struct auth *auth, const struct auth_request *request, struct arena *arena,
                             struct auth_wait *wait, struct principal *who_out, struct err *err);
void auth_cancel(struct auth_wait *wait);

/* A signed bearer for a principal that has proved itself by password (or in an open server), good for user.login_life:
 * "Bearer eider_l1…" is accepted afterwards and names a login. In the arena; text without "Bearer ". Empty for those
 * who hold something else that lasts: a login, a token, a JWT, a certificate. */
struct str auth_login_bearer(struct auth *auth, const struct principal *who, struct arena *arena);
/* A bearer for a program that the server itself starts: the principal "pipeline", owner of this tenant and nothing
 * else, until it is ended; also while no users exist. In the arena, without "Bearer ". */
struct str auth_pass_new(struct auth *auth, struct str tenant, struct arena *arena);
void auth_pass_end(struct auth *auth, struct str pass);
/* Users exist: without credentials nobody gets in. */
bool auth_is_required(const struct auth *auth);
