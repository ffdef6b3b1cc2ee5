/* What was seen lately: a bounded map from bytes to a small object. When it is full, the entry that was not asked for
 * the longest goes. */
#pragma once
#include "base/list.h"
#include "base/map.h"

struct recent {
    struct map entries;
    struct list order; /* the longest unused first */
    size_t max;
    size_t size; /* of an object */
};

/* size: bytes of an object. */
void recent_init(struct recent *recent, size_t max, size_t size);
void recent_done(struct recent *recent);

/* The object, now the youngest; or NULL. */
void *recent_get(struct recent *recent, struct str key);
/* The object, made zeroed when it is not there; now the youngest. Never NULL. */
void *recent_need(struct recent *recent, struct str key);
void recent_remove(struct recent *recent, struct str key);
/* Calls for each; the object may be changed. */
void recent_each(struct recent *recent, void (*each)(void *owner, void *object), void *owner);
