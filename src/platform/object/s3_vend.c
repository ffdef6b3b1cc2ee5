/* Keys for somebody else: AssumeRole with a policy that allows no more than one place. Amazon's STS has an address of
 * its own; other stores answer at their endpoint. */
#include "base/clock.h"
#include "platform/object/s3.h"

#define VEND_SECONDS 3600
#define VEND_ENTRIES_MAX 4096

/* In a policy these stand for other bytes. */
static bool vend_is_literal(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr("*?$\"\\", text.ptr[i]) || (uint8_t)text.ptr[i] < ' ')
            return false;
    return true;
}

static struct str vend_policy(struct arena *arena, const struct s3 *s3, struct str key, bool may_write)
{
    const char *write = may_write ? ",\"s3:PutObject\",\"s3:DeleteObject\",\"s3:AbortMultipartUpload\","
                                    "\"s3:ListMultipartUploadParts\""
                                  : "";
    return str_format(
        arena,
        "{\"Version\":\"2012-10-17\",\"Statement\":["
        "{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\"%s],\"Resource\":[\"arn:aws:s3:::%.*s/%.*s/*\"]},"
        "{\"Effect\":\"Allow\",\"Action\":[\"s3:ListBucket\"],\"Resource\":[\"arn:aws:s3:::%.*s\"],"
        "\"Condition\":{\"StringLike\":{\"s3:prefix\":[\"%.*s/*\"]}}}]}",
        write, STR_ARG(s3->bucket), STR_ARG(key), STR_ARG(s3->bucket), STR_ARG(key));
}

static struct str vend_form(struct arena *arena, const struct s3 *s3, struct str policy)
{
    struct str role = object_encode(arena, s3->options.role, true);
    return str_format(
        arena, "Action=AssumeRole&Version=2011-06-15&DurationSeconds=%d&RoleSessionName=eider%s%.*s&Policy=%.*s",
        VEND_SECONDS, role.len > 0 ? "&RoleArn=" : "", STR_ARG(role), STR_ARG(object_encode(arena, policy, true)));
}

static bool vend_has_sts(struct s3 *s3, bool forget)
{
    (void)pthread_mutex_lock(&s3->lock);
    if (forget)
        s3->sts = S3_STS_NONE;
    bool has = s3->sts != S3_STS_NONE;
    (void)pthread_mutex_unlock(&s3->lock);
    return has;
}

static bool vend_none(const struct s3 *s3, struct err *err)
{
    (void)err_set(err, ERR_UNIMPLEMENTED, "the store at %.*s has no STS", STR_ARG(s3->host));
    return err_hint(err, "let warehouse.sign or warehouse.share_keys give clients access");
}

/* Keys are handed out again for half of their life: a table that is loaded a thousand times asks STS once. */
struct vend_entry {
    struct arena *arena;
    struct object_credentials credentials;
    int64_t until_us; /* wall clock */
};

static void vend_entry_free(struct vend_entry *entry)
{
    if (!entry)
        return;
    arena_free(&entry->arena);
    mem_free(entry);
}

void s3_vend_forget(struct s3 *s3)
{
    size_t position = 0;
    struct map_entry *slot;
    while ((slot = map_next(&s3->vended, &position)))
        vend_entry_free(slot->value);
    map_done(&s3->vended);
}

static struct object_credentials vend_copy(struct arena *arena, const struct object_credentials *credentials)
{
    return (struct object_credentials){.key_id = str_copy(arena, credentials->key_id),
                                       .secret = str_copy(arena, credentials->secret),
                                       .session_token = str_copy(arena, credentials->session_token),
                                       .expires_us = credentials->expires_us};
}

static bool vend_recall(struct s3 *s3, struct arena *arena, struct str what, struct object_credentials *credentials_out)
{
    (void)pthread_mutex_lock(&s3->lock);
    const struct vend_entry *entry = map_get(&s3->vended, what);
    bool found = entry && clock_wall_us() < entry->until_us;
    if (found)
        *credentials_out = vend_copy(arena, &entry->credentials);
    (void)pthread_mutex_unlock(&s3->lock);
    return found;
}

static void vend_remember(struct s3 *s3, struct str what, const struct object_credentials *credentials)
{
    int64_t now_us = clock_wall_us();
    struct vend_entry *entry = mem_new(struct vend_entry);
    entry->arena = arena_new_small();
    entry->credentials = vend_copy(entry->arena, credentials);
    entry->until_us = now_us + (credentials->expires_us - now_us) / 2;
    (void)pthread_mutex_lock(&s3->lock);
    if (s3->vended.count >= VEND_ENTRIES_MAX)
        s3_vend_forget(s3);
    struct vend_entry *before = map_put(&s3->vended, what, entry);
    (void)pthread_mutex_unlock(&s3->lock);
    vend_entry_free(before);
}

bool object_s3_vend(struct object_store *store, struct arena *arena, struct str name, bool may_write,
                    struct object_credentials *credentials_out, struct err *err)
{
    struct s3 *s3 = store->s3;
    AUTO(arena) struct arena *own = arena_new_small();
    struct str key = s3_key(s3, own, name), what = str_format(own, "%s%.*s", may_write ? "w" : "r", STR_ARG(key));
    if (vend_recall(s3, arena, what, credentials_out))
        return true;
    if (key.len == 0 || !vend_is_literal(key))
        return err_set(err, ERR_INVALID, "no policy can name s3://%.*s/%.*s alone", STR_ARG(s3->bucket), STR_ARG(key));
    if (!vend_has_sts(s3, false))
        return vend_none(s3, err);
    struct s3_request request = {
        .method = S("POST"),
        .scheme = s3->scheme,
        .host = s3->options.endpoint.len > 0 ? s3->host
                                             : str_format(own, "sts.%.*s.amazonaws.com", STR_ARG(s3->options.region)),
        .path = S("/"),
        .service = S("sts"),
        .content_type = S("application/x-www-form-urlencoded"),
        .body = vend_form(own, s3, vend_policy(own, s3, key, may_write)),
        .what = S("STS"),
    };
    struct s3_answer answer;
    if (!s3_run(s3, own, &request, &answer, err))
        return false;
    int status = answer.http.status;
    struct err unread;
    struct object_failure failure;
    if (status == 200 && object_answer_credentials(arena, answer.http.body, credentials_out, &unread)) {
        vend_remember(s3, what, credentials_out);
        return true;
    }
    /* A store without STS takes this for a request about buckets: it says yes to something else, or some 4xx. */
    bool is_sts = status == 403 || status >= 500 ||
                  (object_answer_failure(own, answer.http.body, &failure) &&
                   str_find(answer.http.body, S("https://sts.amazonaws.com/doc/2011-06-15/")) >= 0);
    if (is_sts && status != 501)
        return s3_fail(&request, &answer, err);
    (void)vend_has_sts(s3, true);
    return vend_none(s3, err);
}
