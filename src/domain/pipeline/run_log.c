#include "domain/pipeline/run_log.h"

struct run_log_list {
    struct loop *loop;
};

struct run_log_list *run_log_list_new(struct loop *loop, struct work_pool *pool, struct str data, struct err *err)
{
    (void)pool, (void)data, (void)err;
    struct run_log_list *list = mem_new(struct run_log_list);
    list->loop = loop;
    return list;
}

void run_log_list_free(struct run_log_list **list)
{
    mem_free(*list);
    *list = NULL;
}

struct run_log *run_log_open(struct run_log_list *list, struct str run, struct err *err)
{
    (void)list, (void)run;
    err_set(err, ERR_UNIMPLEMENTED, "logs of runs are not there yet");
    return NULL;
}

void run_log_close(struct run_log **log)
{
    *log = NULL;
}

void run_log_write(struct run_log *log, int level, uint32_t step, uint32_t attempt, struct str asset, struct str text)
{
    (void)log, (void)level, (void)step, (void)attempt, (void)asset, (void)text;
}

void run_log_read(struct run_log_list *list, struct str run, const struct run_log_filter *filter, run_log_done *done,
                  void *owner)
{
    (void)list, (void)run, (void)filter, (void)done, (void)owner;
}

bool run_log_subscribe(struct run_log_list *list, struct str run, struct run_log_subscriber *subscriber)
{
    (void)list, (void)run, (void)subscriber;
    return false;
}

void run_log_unsubscribe(struct run_log_subscriber *subscriber)
{
    list_remove(&subscriber->node);
}

void run_log_remove(struct run_log_list *list, struct str run)
{
    (void)list, (void)run;
}
