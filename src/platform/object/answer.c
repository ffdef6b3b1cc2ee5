/* Picks the few elements that matter out of XML documents. */
#include "platform/object/answer.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/vec.h"
#include "platform/http/http.h"
#include "platform/object/xml.h"

#define ANSWER_CODE_MAX 64
#define ANSWER_MESSAGE_MAX 200

/* Days since 1970-01-01 in the Gregorian calendar. */
static int64_t answer_days(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year % 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t object_answer_time(struct str text)
{
    static const struct {
        uint8_t start, len;
        char after;
        int64_t min, max;
    } parts[] = {{0, 4, '-', 1970, 9999}, {5, 2, '-', 1, 12},  {8, 2, 'T', 1, 31},
                 {11, 2, ':', 0, 23},     {14, 2, ':', 0, 59}, {17, 2, 0, 0, 60}};
    int64_t values[6];
    if (text.len < 20 || text.ptr[text.len - 1] != 'Z' || (text.ptr[19] != '.' && text.ptr[19] != 'Z'))
        return 0;
    for (size_t i = 0; i < 6; i++) {
        struct str digits = str_slice(text, parts[i].start, parts[i].len);
        if (!str_to_i64(digits, &values[i]) || values[i] < parts[i].min || values[i] > parts[i].max ||
            (parts[i].after && text.ptr[parts[i].start + parts[i].len] != parts[i].after))
            return 0;
    }
    int64_t days = answer_days(values[0], values[1], values[2]);
    return ((days * 24 + values[3]) * 3600 + values[4] * 60 + values[5]) * CLOCK_SECOND;
}

struct answer_listing {
    struct arena *arena;
    VEC(struct object_entry) entries;
    struct object_entry entry; /* the one that is being read */
    bool more;
    bool is_encoded; /* keys are, as we asked; some stores do not */
    struct str next;
};

static void answer_on_listing(void *owner, struct str path, struct str text)
{
    struct answer_listing *listing = owner;
    if (str_equal(path, S("ListBucketResult/Contents/Key"))) {
        listing->entry.key = str_copy(listing->arena, text);
    } else if (str_equal(path, S("ListBucketResult/Contents/Size"))) {
        if (!str_to_u64(str_trim(text), &listing->entry.size))
            listing->entry.size = 0;
    } else if (str_equal(path, S("ListBucketResult/Contents/LastModified"))) {
        listing->entry.modified_us = object_answer_time(str_trim(text));
    } else if (str_equal(path, S("ListBucketResult/Contents"))) {
        if (listing->entry.key.len > 0)
            vec_push(&listing->entries, listing->entry);
        listing->entry = (struct object_entry){0};
    } else if (str_equal(path, S("ListBucketResult/IsTruncated"))) {
        listing->more = str_equal(str_trim(text), S("true"));
    } else if (str_equal(path, S("ListBucketResult/NextContinuationToken"))) {
        listing->next = str_copy(listing->arena, text);
    } else if (str_equal(path, S("ListBucketResult/EncodingType"))) {
        listing->is_encoded = str_equal_nocase(str_trim(text), S("url"));
    } else if (str_equal(path, S("ListBucketResult"))) {
        listing->arena = NULL; /* it was one */
    }
}

bool object_answer_page(struct arena *arena, struct str document, struct object_page *page_out, struct err *err)
{
    struct answer_listing listing = {.arena = arena};
    bool ok = object_xml_parse(document, answer_on_listing, &listing, err);
    if (ok && listing.arena)
        ok = err_set(err, ERR_INVALID, "the store's answer is no list of objects");
    if (ok && listing.more && listing.next.len == 0)
        ok = err_set(err, ERR_INVALID, "the store's list goes on, but it does not say where");
    for (size_t i = 0; ok && listing.is_encoded && i < listing.entries.count; i++)
        if (!http_percent_decode(arena, listing.entries.items[i].key, true, &listing.entries.items[i].key))
            ok = err_set(err, ERR_INVALID, "the store's list has a name that is encoded badly");
    if (ok)
        *page_out = (struct object_page){
            .entries = arena_copy(arena, listing.entries.items, listing.entries.count * sizeof(struct object_entry)),
            .count = listing.entries.count,
            .more = listing.more,
            .next = listing.next,
        };
    vec_done(&listing.entries);
    return ok;
}

/* One printable line; cut where it is too long. */
static struct str answer_printable(struct arena *arena, struct str text, size_t max)
{
    char *copy = str_cstr(arena, str_slice(str_trim(text), 0, max));
    size_t len = 0;
    for (; copy[len]; len++)
        if (copy[len] < ' ' || copy[len] > '~')
            copy[len] = '?';
    return str_bytes(copy, len);
}

struct answer_failing {
    struct arena *arena;
    struct object_failure failure;
    bool is_whole; /* the first error was read to its end */
};

static void answer_on_failure(void *owner, struct str path, struct str text)
{
    struct answer_failing *failing = owner;
    if (failing->is_whole)
        return;
    if (str_equal(path, S("Error")) || str_ends_with(path, S("/Error")))
        failing->is_whole = true;
    else if (str_ends_with(path, S("Error/Code")))
        failing->failure.code = answer_printable(failing->arena, text, ANSWER_CODE_MAX);
    else if (str_ends_with(path, S("Error/Message")))
        failing->failure.message = answer_printable(failing->arena, text, ANSWER_MESSAGE_MAX);
    else if (str_ends_with(path, S("Error/Key")))
        failing->failure.key = answer_printable(failing->arena, text, ANSWER_MESSAGE_MAX);
}

bool object_answer_failure(struct arena *arena, struct str document, struct object_failure *failure_out)
{
    struct answer_failing failing = {.arena = arena};
    struct err unread;
    *failure_out = (struct object_failure){0};
    if (!object_xml_parse(document, answer_on_failure, &failing, &unread) || failing.failure.code.len == 0)
        return false;
    *failure_out = failing.failure;
    return true;
}

struct answer_assumed {
    struct arena *arena;
    struct object_credentials credentials;
};

static void answer_on_credentials(void *owner, struct str path, struct str text)
{
    struct answer_assumed *assumed = owner;
    struct object_credentials *credentials = &assumed->credentials;
    if (str_ends_with(path, S("AssumeRoleResult/Credentials/AccessKeyId")))
        credentials->key_id = str_copy(assumed->arena, str_trim(text));
    else if (str_ends_with(path, S("AssumeRoleResult/Credentials/SecretAccessKey")))
        credentials->secret = str_copy(assumed->arena, str_trim(text));
    else if (str_ends_with(path, S("AssumeRoleResult/Credentials/SessionToken")))
        credentials->session_token = str_copy(assumed->arena, str_trim(text));
    else if (str_ends_with(path, S("AssumeRoleResult/Credentials/Expiration")))
        credentials->expires_us = object_answer_time(str_trim(text));
}

bool object_answer_credentials(struct arena *arena, struct str document, struct object_credentials *credentials_out,
                               struct err *err)
{
    struct answer_assumed assumed = {.arena = arena};
    if (!object_xml_parse(document, answer_on_credentials, &assumed, err))
        return false;
    const struct object_credentials *credentials = &assumed.credentials;
    if (credentials->key_id.len == 0 || credentials->secret.len == 0 || credentials->session_token.len == 0 ||
        credentials->expires_us == 0)
        return err_set(err, ERR_INVALID, "the store's answer has no credentials");
    *credentials_out = *credentials;
    return true;
}

static void answer_append_escaped(struct buf *buf, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '&' || c == '<' || c == '>' || c == '\r' || c == '\n' || c == '\t')
            buf_printf(buf, "&#%d;", c);
        else
            buf_append_char(buf, c);
    }
}

bool object_answer_delete(struct arena *arena, const struct str *keys, size_t count, struct str *document_out)
{
    struct buf document = {0};
    bool ok = true;
    buf_append_str(&document, S("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"));
    for (size_t i = 0; ok && i < count; i++) {
        ok = str_is_utf8(keys[i].ptr, keys[i].len);
        for (size_t j = 0; ok && j < keys[i].len; j++)
            ok = (uint8_t)keys[i].ptr[j] >= ' ' || strchr("\r\n\t", keys[i].ptr[j]);
        buf_append_str(&document, S("<Object><Key>"));
        answer_append_escaped(&document, keys[i]);
        buf_append_str(&document, S("</Key></Object>"));
    }
    buf_append_str(&document, S("<Quiet>true</Quiet></Delete>"));
    if (ok)
        *document_out = str_copy(arena, buf_str(&document));
    buf_done(&document);
    return ok;
}

struct answer_deleting {
    struct arena *arena;
    VEC(struct str) keys;
    size_t objects;
    size_t others; /* elements that are no part of a <Delete> that we know */
};

static void answer_on_delete(void *owner, struct str path, struct str text)
{
    struct answer_deleting *deleting = owner;
    if (str_equal(path, S("Delete/Object/Key")))
        vec_push(&deleting->keys, str_copy(deleting->arena, text));
    else if (str_equal(path, S("Delete/Object")))
        deleting->objects++;
    else if (!str_equal(path, S("Delete")) && !str_equal(path, S("Delete/Quiet")))
        deleting->others++;
}

bool object_answer_deleted(struct arena *arena, struct str document, const struct str **keys_out, size_t *count_out,
                           struct err *err)
{
    struct answer_deleting deleting = {.arena = arena};
    bool ok = object_xml_parse(document, answer_on_delete, &deleting, err);
    if (ok && (deleting.keys.count == 0 || deleting.keys.count != deleting.objects || deleting.others > 0))
        ok = err_set(err, ERR_INVALID, "the body does not name objects to delete, as DeleteObjects does");
    if (ok) {
        *keys_out = arena_copy(arena, deleting.keys.items, deleting.keys.count * sizeof(struct str));
        *count_out = deleting.keys.count;
    }
    vec_done(&deleting.keys);
    return ok;
}
