/* API tokens: "eider_t1_<id>_<secret>", 256 random bits of which the server keeps a hash only. A token may do what its
 * user may do, cut to its tenant and its role; the server roles only if it was made with them. */
#pragma once
#include "domain/tenant/user.h"

#define TOKEN_PREFIX "eider_t1_"
#define TOKEN_HASH_SIZE 32
/* Bytes of id and secret; each is two digits in the text. */
#define TOKEN_ID_SIZE 8
#define TOKEN_SECRET_SIZE 32

struct token {
    struct str id; /* 16 hexadecimal digits */
    struct user *user;
    struct str name; /* unique among the user's */
    unsigned char hash[TOKEN_HASH_SIZE];
    struct str tenant;          /* empty: all of the user's */
    enum role role;             /* no more than this; ROLE_NONE: server roles only */
    bool admin, metrics, audit; /* server roles, if the user has them too */
    int64_t created_us;         /* wall clock, as the next */
    int64_t expires_us;         /* 0: never */
    int64_t used_us;            /* to a minute; 0: never. Written behind */
    bool use_unwritten;
};

struct token_spec {
    struct str user, name;
    struct str tenant;
    enum role role;
    bool admin, metrics, audit;
    int64_t expires_us;
};

/* text: the token, which nobody can see again; both empty on error. */
typedef void token_done(void *owner, const struct err *error, struct str id, struct str text);
/* By the user themselves (not by a token) or an administrator. ERR_EXISTS for the name, ERR_RESOURCE (user.max_tokens),
 * ERR_DENIED for server roles that the user has not. */
void token_create(struct user_list *list, const struct audit_actor *by, const struct token_spec *spec, token_done *done,
                  void *owner);
/* By the same. id_or_name: an id, or the name of one of the user's own. */
void token_revoke(struct user_list *list, const struct audit_actor *by, struct str id_or_name, user_done *done,
                  void *owner);

/* The token that a text is, with its use noted; NULL with ERR_UNAUTHENTICATED (unknown, wrong, expired, user
 * disabled). */
struct token *token_check(struct user_list *list, struct str text, struct err *err);
/* What it may do; in the arena. */
void token_principal(const struct token *token, struct arena *arena, struct principal *who_out);
