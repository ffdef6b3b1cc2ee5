/* One of eider.yaml's `alerts:`, and how a message reaches its webhook and its command: by the room's delivery, and one
 * after the other through `eider step`. Loop thread only. */
#pragma once
#include "base/arena.h"
#include "domain/pipeline/pipeline.h"

enum alert_kind { ALERT_FAILURE, ALERT_RECOVERY, ALERT_FRESHNESS };
const char *alert_kind_name(enum alert_kind kind);

/* What a message says; borrowed. */
struct alert_message {
    enum alert_kind kind;
    struct str environment;
    struct str run;      /* id; empty: of none */
    struct str assets;   /* names with blanks between them */
    struct str text;     /* for people, one line */
    struct str document; /* JSON */
};

struct alert_sender;
/* on_idle: the last command has ended. */
struct alert_sender *alert_sender_new(struct pipeline *pipeline, const struct project_alert *settings,
                                      void (*on_idle)(void *owner), void *owner);
void alert_send(struct alert_sender *sender, const struct alert_message *message);
bool alert_sender_is_idle(const struct alert_sender *sender);
/* Accepts NULL inside. */
void alert_sender_free(struct alert_sender **sender);
