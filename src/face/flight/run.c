/* Values of a prepared statement travel with it or right behind it; its text always does. */
#include "face/flight/run.h"

#include "base/clock.h"
#include "domain/query/lexer.h"
#include "domain/query/session.h"
#include "face/flight/metadata.h"
#include "face/flight/prepared.h"

bool flight_run_refuse(enum flight_sql_kind kind, const char *method, struct err *err)
{
    if (kind == FLIGHT_SQL_STATEMENT_SUBSTRAIT) {
        err_set(err, ERR_UNIMPLEMENTED, "Substrait plans are not served");
        return err_hint(err, "send SQL text: CommandStatementQuery");
    }
    if (kind == FLIGHT_SQL_STATEMENT_UPDATE || kind == FLIGHT_SQL_PREPARED_UPDATE ||
        kind == FLIGHT_SQL_STATEMENT_INGEST)
        return err_set(err, ERR_INVALID, "an update is sent by DoPut, not by %s", method);
    return err_set(err, ERR_INVALID, "this message of Flight SQL is not one for %s", method);
}

/* Where it runs, unless it says so itself. A ticket may come back over a connection without the header. */
static bool flight_run_place(struct flight_call *call, struct flight_command *command, struct err *err)
{
    struct flight_options_of_call options;
    if (!flight_options_from_headers(call->rpc, false, &options, err))
        return false;
    command->session = call->session;
    if (command->tenant.len == 0)
        command->tenant = str_copy(call->arena, options.tenant);
    return true;
}

bool flight_run_command(struct flight_call *call, const struct flight_sql *sql, struct str bytes,
                        struct flight_command *command_out, struct err *err)
{
    struct flight_command command = {0};
    switch ((int)sql->kind) {
    case FLIGHT_SQL_NONE:
        if (!flight_command_parse(call->arena, bytes, &command, err))
            return false;
        break;
    case FLIGHT_SQL_STATEMENT_QUERY:
        command.sql = sql->query;
        command.transaction = sql->transaction;
        break;
    case FLIGHT_SQL_PREPARED_QUERY:
        if (!flight_prepared_command(call, sql->handle, &command, err))
            return false;
        break;
    default:
        return flight_run_refuse(sql->kind, call->edge.method->name, err);
    }
    if (!flight_run_place(call, &command, err))
        return false;
    *command_out = command;
    return true;
}

bool flight_run_descriptor(struct flight_call *call, const struct flight_descriptor *descriptor,
                           struct flight_sql *sql_out, struct flight_command *command_out, struct err *err)
{
    *sql_out = (struct flight_sql){0};
    if (descriptor->type != FLIGHT_DESCRIPTOR_CMD)
        return flight_command_from_descriptor(call->arena, descriptor, command_out, err) &&
               flight_run_place(call, command_out, err);
    if (!flight_sql_decode(descriptor->cmd, sql_out, err))
        return false;
    return flight_metadata_is(sql_out->kind) || flight_run_command(call, sql_out, descriptor->cmd, command_out, err);
}

bool flight_run_is_unordered(struct str sql)
{
    struct lexer lexer = {.text = sql, .wide_spaces = true};
    struct lexer_token token = lexer_next(&lexer);
    /* (SELECT ... ORDER BY ...) is ordered too; other brackets only hold parts of the statement. */
    if (token.kind != LEXER_WORD)
        return false;
    for (int depth = 0; token.kind != LEXER_END; token = lexer_next(&lexer)) {
        struct str text = str_slice(sql, token.start, token.len);
        if (token.kind == LEXER_ERROR || (token.kind == LEXER_WORD && depth == 0 && str_equal_nocase(text, S("order"))))
            return false;
        if (token.kind == LEXER_OPERATOR)
            depth += str_equal(text, S("(")) - str_equal(text, S(")"));
    }
    return true;
}

/* A prepared statement that was closed meanwhile has left its text: DuckDB prepares it once more. */
static const struct query_prepared *flight_run_prepared(const struct flight_command *command)
{
    struct err closed;
    if (!command->session || command->prepared.len == 0)
        return NULL;
    return query_prepared_find(command->session, command->prepared, &closed);
}

/* flight_binds never has more bytes than an upload may have waiting. */
static void flight_run_on_ready(void *owner)
{
    (void)owner;
}

struct statement *flight_run(struct flight_call *call, const struct flight_command *command, enum query_purpose purpose,
                             bool detached, const struct query_sink *sink, struct err *err)
{
    struct query_binds binds;
    struct query_request request = {
        .who = call->who,
        .tenant = command->tenant,
        .sql = command->sql,
        .parameters = command->parameters,
        .purpose = purpose,
        .session = command->session,
        .transaction = command->transaction,
        .prepared = flight_run_prepared(command),
        .on_ready = flight_run_on_ready,
        .progress = detached,
        .format = QUERY_FORMAT_FLIGHT,
        .deadline_us = detached ? CLOCK_NEVER : rpc_call_deadline_us(call->rpc),
        .protocol = S("flight"),
        .request_id = call->edge.id,
    };
    flight_binds_request(command->binds, &request, &binds);
    if (!flight_call_query(call, &request, sink, err))
        return NULL;
    struct statement *statement = call->statement;
    if (detached)
        call->statement = NULL;
    if (!flight_binds_follow(command->binds, &request, statement))
        query_cancel(statement); /* no memory to be had: its end tells */
    return statement;
}
