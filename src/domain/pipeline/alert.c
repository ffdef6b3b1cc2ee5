#include "domain/pipeline/alert.h"

struct alert_list {
    struct pipeline *pipeline;
};

struct alert_list *alert_list_new(struct pipeline *pipeline, struct err *err)
{
    (void)err;
    struct alert_list *list = mem_new(struct alert_list);
    list->pipeline = pipeline;
    return list;
}

void alert_list_free(struct alert_list **list)
{
    mem_free(*list);
    *list = NULL;
}
