/* BeginTransaction and EndTransaction: a transaction is a connection of the session, its id the domain's. */
#include "face/flight/actions.h"
#include "face/flight/sql.h"

static void flight_transaction_on_piece(void *owner, struct query_piece *piece)
{
    (void)owner;
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static void flight_transaction_on_begun(void *owner, const struct query_end *end)
{
    struct flight_call *call = owner;
    struct str id = end->error ? S("") : str_copy(call->arena, query_statement_transaction(call->statement));
    if (!flight_call_statement_ended(call))
        return;
    if (end->error) {
        flight_call_finish(call, end->error);
        return;
    }
    AUTO(buf) struct buf result = {0};
    AUTO(buf) struct buf any = {0};
    flight_proto_put_bytes(&result, 1, id);
    flight_sql_encode_any(&any, "ActionBeginTransactionResult", buf_str(&result));
    flight_action_answer(call, &any);
}

static void flight_transaction_on_ended(void *owner, const struct query_end *end)
{
    struct flight_call *call = owner;
    if (!flight_call_statement_ended(call))
        return;
    if (end->error)
        flight_call_finish(call, end->error);
    else
        flight_action_answer(call, NULL);
}

static bool flight_transaction_step(struct flight_call *call, enum query_transaction_step step, struct str transaction,
                                    void (*on_end)(void *owner, const struct query_end *end), struct err *err)
{
    struct flight_options_of_call options;
    if (!flight_options_from_headers(call->rpc, false, &options, err))
        return false;
    const struct query_request request = {
        .who = call->who,
        .tenant = options.tenant,
        .session = call->session,
        .transaction = transaction,
        .step = step,
        .format = QUERY_FORMAT_FLIGHT,
        .deadline_us = rpc_call_deadline_us(call->rpc),
        .protocol = S("flight"),
        .request_id = call->edge.id,
    };
    const struct query_sink sink = {.on_piece = flight_transaction_on_piece, .on_end = on_end, .owner = call};
    return flight_call_query(call, &request, &sink, err);
}

bool flight_transaction_begin(struct flight_call *call, struct str body, struct err *err)
{
    struct flight_sql sql;
    if (!flight_sql_decode(body, &sql, err))
        return false;
    if (sql.kind != FLIGHT_SQL_BEGIN_TRANSACTION)
        return err_set(err, ERR_INVALID, "BeginTransaction needs an ActionBeginTransactionRequest");
    return flight_transaction_step(call, QUERY_BEGIN, S(""), flight_transaction_on_begun, err);
}

bool flight_transaction_end(struct flight_call *call, struct str body, struct err *err)
{
    struct flight_sql sql;
    if (!flight_sql_decode(body, &sql, err))
        return false;
    if (sql.kind != FLIGHT_SQL_END_TRANSACTION)
        return err_set(err, ERR_INVALID, "EndTransaction needs an ActionEndTransactionRequest");
    if (sql.action != 1 && sql.action != 2)
        return err_set(err, ERR_INVALID, "EndTransaction: the action is neither commit (1) nor roll back (2)");
    if (sql.transaction.len == 0)
        return err_set(err, ERR_INVALID, "EndTransaction: transaction_id is missing");
    if (!call->session) {
        err_set(err, ERR_NOT_FOUND, "there is no such transaction: no session");
        return err_hint(err, "a transaction ends with its session: see the cookie eider_session");
    }
    return flight_transaction_step(call, sql.action == 1 ? QUERY_COMMIT : QUERY_ROLLBACK, sql.transaction,
                                   flight_transaction_on_ended, err);
}

bool flight_transaction_savepoint(struct flight_call *call, struct str body, struct err *err)
{
    (void)call, (void)body;
    err_set(err, ERR_UNIMPLEMENTED, "DuckDB has no savepoints");
    return err_hint(err, "use transactions: BeginTransaction, EndTransaction");
}
