/* DoAction and ListActions. */
#pragma once
#include "face/flight/call.h"

void flight_actions_do_start(void *flight, struct rpc_call *rpc);
void flight_actions_list_start(void *flight, struct rpc_call *rpc);

/* An action: answers by flight_action_answer, at once or later; false with *err: the call fails with it. body lives as
 * long as the call. */
typedef bool flight_action_run(struct flight_call *call, struct str body, struct err *err);
/* One Result with these bytes (NULL: none, an action without an answer) and the end of the call. */
void flight_action_answer(struct flight_call *call, const struct buf *body);

/* The actions, each in the file of its subject. */
flight_action_run flight_cancel_info;           /* cancel.c */
flight_action_run flight_cancel_query;          /* cancel.c */
flight_action_run flight_renew_endpoint;        /* cancel.c */
flight_action_run flight_prepared_create;       /* prepared.c */
flight_action_run flight_prepared_close;        /* prepared.c */
flight_action_run flight_transaction_begin;     /* transaction.c */
flight_action_run flight_transaction_end;       /* transaction.c */
flight_action_run flight_transaction_savepoint; /* transaction.c: there are none */
flight_action_run flight_session_set_options;   /* session_actions.c */
flight_action_run flight_session_get_options;   /* session_actions.c */
flight_action_run flight_session_close;         /* session_actions.c */
