/* Intrusive doubly linked list: the node sits inside the object. Empty lists and loose nodes point to themselves,
 * so removing a node twice, or one that was never in a list, is harmless after list_init. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *list)
{
    list->next = list->prev = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_append(struct list *list, struct list *node)
{
    node->prev = list->prev;
    node->next = list;
    list->prev->next = node;
    list->prev = node;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/* The object that holds the node. */
#define list_object(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* The first node, or NULL. */
static inline struct list *list_first(const struct list *list)
{
    return list_is_empty(list) ? NULL : list->next;
}

/* Walks over the nodes; the current one may be removed inside the body. */
#define list_each(head, node)                                                         \
    for (struct list *node = (head)->next, *node##_next = node->next; node != (head); \
         node = node##_next, node##_next = node->next)
