#include "platform/engine/change.h"

#include <ctype.h>

#include "base/clock.h"
#include "platform/engine/engine_priv.h"

/* Beyond it, what is known of single tables becomes a change of all. */
#define ENGINE_CHANGES_MAX 4096

void engine_changes_init(struct engine_changes *changes)
{
    pthread_mutex_init(&changes->lock, NULL);
    changes->epoch = (uint64_t)clock_wall_us(); /* microseconds: no two starts have the same */
}

void engine_changes_done(struct engine_changes *changes)
{
    map_done(&changes->tables);
    pthread_mutex_destroy(&changes->lock);
}

void engine_changed_done(struct engine_changed *changed)
{
    map_done(&changed->tables);
}

void engine_change_note(struct engine_session *session, struct str table)
{
    AUTO(arena) struct arena *arena = arena_new();
    struct engine_changed *changed = &session->changed;
    if (!table.ptr || changed->tables.count >= ENGINE_CHANGES_MAX)
        changed->all = true;
    else
        map_put(&changed->tables, str_lower(arena, table), changed);
}

/* The lock is held. */
static void engine_changes_add(struct engine_changes *changes, struct str table)
{
    uintptr_t count = (uintptr_t)map_get(&changes->tables, table);
    if (changes->tables.count < ENGINE_CHANGES_MAX || count)
        map_put(&changes->tables, table, (void *)(count + 1));
    else
        changes->rest++;
}

void engine_change_settle(struct engine_session *session)
{
    struct engine_changes *changes = &session->engine->changes;
    struct engine_changed *changed = &session->changed;
    size_t position = 0;
    if (session->in_transaction || (!changed->all && changed->tables.count == 0))
        return;
    pthread_mutex_lock(&changes->lock);
    changes->any++;
    changes->rest += changed->all;
    for (struct map_entry *entry; (entry = map_next(&changed->tables, &position));)
        engine_changes_add(changes, entry->key);
    pthread_mutex_unlock(&changes->lock);
    engine_changed_done(changed);
    *changed = (struct engine_changed){0};
}

struct engine_versions engine_versions_read(const struct engine_session *session, struct arena *arena)
{
    struct engine_changes *changes = &session->engine->changes;
    size_t position = 0;
    pthread_mutex_lock(&changes->lock);
    struct engine_versions versions = {
        .epoch = changes->epoch, .any = changes->any, .rest = changes->rest, .count = changes->tables.count};
    struct str *names = arena_array(arena, versions.count + 1, sizeof(*names));
    uint64_t *more = arena_array(arena, versions.count + 1, sizeof(*more));
    size_t at = 0;
    for (struct map_entry *entry; (entry = map_next(&changes->tables, &position)); at++) {
        names[at] = str_copy(arena, entry->key);
        more[at] = (uint64_t)(uintptr_t)entry->value;
    }
    pthread_mutex_unlock(&changes->lock);
    versions.names = names;
    versions.more = more;
    return versions;
}

/* --- Reading texts --- */

static bool engine_change_word(struct str *rest, const char *word)
{
    struct str after = str_trim(*rest), wanted = str_from(word);
    if (!str_equal_nocase(str_slice(after, 0, wanted.len), wanted))
        return false;
    after = str_from_index(after, wanted.len);
    if (after.len == 0 || !isspace((unsigned char)after.ptr[0]))
        return false;
    *rest = after;
    return true;
}

/* A plain or quoted name; false for anything that needs thought. */
static bool engine_change_name(struct str *rest, struct str *name_out)
{
    size_t len = 0;
    if (rest->len && rest->ptr[0] == '"') {
        ptrdiff_t end = str_find_char(str_from_index(*rest, 1), '"');
        if (end < 1)
            return false;
        *name_out = str_slice(*rest, 1, (size_t)end);
        *rest = str_from_index(*rest, (size_t)end + 2);
        return rest->len == 0 || rest->ptr[0] != '"'; /* a quote inside the name */
    }
    while (len < rest->len && (isalnum((unsigned char)rest->ptr[len]) || rest->ptr[len] == '_'))
        len++;
    *name_out = str_slice(*rest, 0, len);
    *rest = str_from_index(*rest, len);
    return len > 0;
}

static bool engine_change_verb(struct str *rest)
{
    if (engine_change_word(rest, "insert")) {
        if (engine_change_word(rest, "or") && !engine_change_word(rest, "replace") &&
            !engine_change_word(rest, "ignore"))
            return false;
        return engine_change_word(rest, "into");
    }
    if (engine_change_word(rest, "delete"))
        return engine_change_word(rest, "from");
    if (engine_change_word(rest, "merge"))
        return engine_change_word(rest, "into");
    if (engine_change_word(rest, "update"))
        return true;
    if (!engine_change_word(rest, "create"))
        return false;
    if (engine_change_word(rest, "or") && !engine_change_word(rest, "replace"))
        return false;
    if (!engine_change_word(rest, "table"))
        return false;
    return !engine_change_word(rest, "if") || (engine_change_word(rest, "not") && engine_change_word(rest, "exists"));
}

struct str engine_change_target(struct str sql, struct arena *arena)
{
    struct str rest = sql, name;
    if (!engine_change_verb(&rest))
        return (struct str){0};
    rest = str_trim(rest);
    while (engine_change_name(&rest, &name)) {
        if (rest.len == 0 || isspace((unsigned char)rest.ptr[0]) || rest.ptr[0] == '(' || rest.ptr[0] == ';')
            return str_copy(arena, name);
        if (rest.ptr[0] != '.')
            break;
        rest = str_from_index(rest, 1);
    }
    return (struct str){0};
}
