/* A text that begins with '{' is JSON: no SQL statement does. */
#include "face/flight/command.h"

#include "face/edge/edge.h"
#include "platform/json/json.h"

struct flight_command flight_command_copy(struct arena *arena, const struct flight_command *command)
{
    struct flight_command copy = *command;
    copy.sql = str_copy(arena, command->sql);
    copy.tenant = str_copy(arena, command->tenant);
    copy.parameters = str_copy(arena, command->parameters);
    copy.transaction = str_copy(arena, command->transaction);
    copy.prepared = str_copy(arena, command->prepared);
    copy.binds = flight_binds_ref(command->binds);
    return copy;
}

static bool flight_command_json(struct arena *arena, struct str text, struct flight_command *command_out,
                                struct err *err)
{
    static const char *const keys[] = {"sql", "tenant", "parameters", NULL};
    const struct json *object = json_parse(arena, text, err);
    if (!object || !json_only_keys(object, keys, err))
        return err_wrap(err, "command");
    struct flight_command command = {0};
    if (!json_get_text(object, "sql", &command.sql, err) || !json_get_text(object, "tenant", &command.tenant, err) ||
        !edge_parameters(arena, object, &command.parameters, err))
        return err_wrap(err, "command");
    if (command.sql.len == 0)
        return err_set(err, ERR_INVALID, "command: sql is missing");
    *command_out = command;
    return true;
}

bool flight_command_parse(struct arena *arena, struct str text, struct flight_command *command_out, struct err *err)
{
    if (!str_is_utf8(text.ptr, text.len))
        return err_set(err, ERR_INVALID, "the command is neither SQL text nor JSON: it is not valid UTF-8");
    struct str trimmed = str_trim(text);
    if (trimmed.len == 0)
        return err_set(err, ERR_INVALID, "the command is empty");
    if (trimmed.ptr[0] == '{')
        return flight_command_json(arena, trimmed, command_out, err);
    *command_out = (struct flight_command){.sql = str_copy(arena, text)};
    return true;
}

bool flight_table_from_path(const struct flight_descriptor *descriptor, struct flight_table *table_out, struct err *err)
{
    size_t count = descriptor->path_count;
    if (descriptor->type != FLIGHT_DESCRIPTOR_PATH || count == 0 || count > 3) {
        err_set(err, ERR_INVALID, "the descriptor names no table");
        return err_hint(err, "use a PATH of [table], [schema, table] or [tenant, schema, table]");
    }
    for (size_t i = 0; i < count; i++) {
        if (descriptor->path[i].len == 0)
            return err_set(err, ERR_INVALID, "part %zu of the descriptor's path is empty", i + 1);
        if (memchr(descriptor->path[i].ptr, 0, descriptor->path[i].len))
            return err_set(err, ERR_INVALID, "part %zu of the descriptor's path holds a NUL character", i + 1);
    }
    struct flight_table table = {.table = descriptor->path[count - 1]};
    if (count >= 2)
        table.schema = descriptor->path[count - 2];
    if (count == 3)
        table.tenant = descriptor->path[0];
    *table_out = table;
    return true;
}

static bool flight_command_table(struct arena *arena, const struct flight_descriptor *descriptor,
                                 struct flight_command *command_out, struct err *err)
{
    struct flight_table table;
    if (!flight_table_from_path(descriptor, &table, err))
        return false;
    AUTO(buf) struct buf sql = {0};
    buf_append_str(&sql, S("SELECT * FROM "));
    for (size_t i = 0; i < descriptor->path_count; i++) {
        if (i > 0)
            buf_append_char(&sql, '.');
        buf_append_str(&sql, edge_sql_name(arena, descriptor->path[i]));
    }
    *command_out =
        (struct flight_command){.sql = str_copy(arena, buf_str(&sql)), .tenant = str_copy(arena, table.tenant)};
    return true;
}

bool flight_command_from_descriptor(struct arena *arena, const struct flight_descriptor *descriptor,
                                    struct flight_command *command_out, struct err *err)
{
    switch (descriptor->type) {
    case FLIGHT_DESCRIPTOR_PATH:
        return flight_command_table(arena, descriptor, command_out, err);
    case FLIGHT_DESCRIPTOR_CMD:
        return flight_command_parse(arena, descriptor->cmd, command_out, err);
    case FLIGHT_DESCRIPTOR_UNKNOWN:
        break;
    }
    return err_set(err, ERR_INVALID, "the descriptor is neither a PATH nor a CMD");
}
