#include "domain/query/history.h"

#include "base/limits.h"

void query_history_init(struct query_history *history)
{
    *history = (struct query_history){.capacity = (size_t)limits_get(LIMIT_HISTORY)};
    history->records = mem_array(history->capacity, sizeof(struct query_info *));
}

void query_history_done(struct query_history *history)
{
    for (size_t i = 0; i < history->capacity; i++)
        mem_free(history->records[i]);
    mem_free(history->records);
    *history = (struct query_history){0};
}

static char *query_history_copy(struct str *text, char *end)
{
    if (text->len)
        memcpy(end, text->ptr, text->len);
    text->ptr = end;
    return end + text->len;
}

void query_history_add(struct query_history *history, const struct query_info *info)
{
    if (history->capacity == 0)
        return;
    size_t texts = info->id.len + info->tenant.len + info->user.len + info->protocol.len + info->sql.len +
                   info->session.len + info->role.len + info->error.len;
    struct query_info *record = mem_alloc(sizeof(*record) + texts);
    *record = *info;
    char *end = (char *)(record + 1);
    end = query_history_copy(&record->id, end);
    end = query_history_copy(&record->tenant, end);
    end = query_history_copy(&record->user, end);
    end = query_history_copy(&record->protocol, end);
    end = query_history_copy(&record->sql, end);
    end = query_history_copy(&record->session, end);
    end = query_history_copy(&record->role, end);
    query_history_copy(&record->error, end);
    mem_free(history->records[history->next]);
    history->records[history->next] = record;
    history->next = (history->next + 1) % history->capacity;
    if (history->count < history->capacity)
        history->count++;
}

void query_history_each(const struct query_history *history, void (*each)(void *owner, const struct query_info *info),
                        void *owner)
{
    for (size_t i = 0; i < history->count; i++) {
        size_t index = (history->next + history->capacity - 1 - i) % history->capacity;
        each(owner, history->records[index]);
    }
}
