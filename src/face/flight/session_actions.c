/* SetSessionOptions, GetSessionOptions, CloseSession. Options that DuckDB knows are statements of the session, one
 * after the other, so that they obey the gate and the limits like any other. */
#include "face/flight/session.h"

#include "base/limits.h"
#include "face/flight/actions.h"
#include "face/flight/settings.h"
#include "platform/json/json.h"

#define FLIGHT_PARALLEL_MAX 16
#define FLIGHT_SCHEMA_DEFAULT "default"

/* What DuckDB's configuration leaves open to a session (allowed_configs of the engine), and how a session begins. */
static const struct flight_session_setting {
    const char *name;
    const char *reset;
} flight_session_settings[] = {
    {"TimeZone", "SET TimeZone = 'UTC'"}, /* RESET gives the machine's */
    {"Calendar", "RESET Calendar"},           {"default_null_order", "RESET default_null_order"},
    {"default_order", "RESET default_order"}, {"default_collation", "RESET default_collation"},
};
#define FLIGHT_SESSION_SETTINGS (sizeof(flight_session_settings) / sizeof(flight_session_settings[0]))
_Static_assert(FLIGHT_SESSION_SETTINGS <= FLIGHT_SESSION_NAMES, "each may be remembered");

/* A request at work; in the call's arena. */
struct flight_setter {
    struct flight_call *call;
    struct flight_settings settings;
    size_t next;       /* the one at work */
    struct buf errors; /* SetSessionOptionsResult so far */
    struct buf bytes;  /* what the statement at work gave */
};

static void flight_setter_done(void *object)
{
    struct flight_setter *setter = object;
    buf_done(&setter->errors);
    buf_done(&setter->bytes);
}

static struct flight_setter *flight_setter_new(struct flight_call *call)
{
    struct flight_setter *setter = arena_new_object(call->arena, struct flight_setter);
    setter->call = call;
    arena_defer(call->arena, flight_setter_done, setter);
    return setter;
}

/* The tenant whose schemas and settings are meant. */
static const struct tenant *flight_setter_tenant(const struct flight_call *call, struct err *err)
{
    struct str tenant = call->session ? query_session_tenant(call->session) : S("");
    return tenant_resolve(call->flight->tenants, call->who, tenant, err);
}

/* Texts of a few names and words. */
static void flight_setter_on_piece(void *owner, struct query_piece *piece)
{
    struct flight_setter *setter = owner;
    if (buf_len(&setter->bytes) + piece->body.len <= (size_t)limits_get(LIMIT_UNARY_MESSAGE))
        buf_append(&setter->bytes, piece->body.ptr, piece->body.len);
    slice_release(&piece->header);
    slice_release(&piece->body);
}

static bool flight_setter_run(struct flight_setter *setter, struct str sql,
                              void (*on_end)(void *owner, const struct query_end *end), struct err *err)
{
    const struct flight_command command = {.sql = sql};
    const struct query_sink sink = {.on_piece = flight_setter_on_piece, .on_end = on_end, .owner = setter};
    buf_clear(&setter->bytes);
    return flight_call_run(setter->call, &command, S(""), QUERY_FORMAT_JSON_LINES, QUERY_RUN, &sink, err);
}

/* --- SetSessionOptions. --- */

static void flight_setter_next(struct flight_setter *setter);

static void flight_setter_refuse(struct flight_setter *setter, enum flight_setting_error error)
{
    flight_settings_encode_error(&setter->errors, setter->settings.items[setter->next].name, error);
}

/* A value that does not fit is an entry of the answer; what has nothing to do with the value ends the call. */
static bool flight_setter_failed(struct flight_setter *setter, const struct err *error)
{
    switch ((int)error->code) {
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_EXISTS:
    case ERR_RANGE:
    case ERR_UNIMPLEMENTED:
        flight_setter_refuse(setter, FLIGHT_SETTING_INVALID_VALUE);
        return true;
    case ERR_DENIED:
    case ERR_PRECONDITION:
    case ERR_CONFLICT:
        flight_setter_refuse(setter, FLIGHT_SETTING_FAILED);
        return true;
    default:
        flight_call_finish(setter->call, error);
        return false;
    }
}

static void flight_setter_on_end(void *owner, const struct query_end *end)
{
    struct flight_setter *setter = owner;
    if (!flight_call_statement_ended(setter->call) || (end->error && !flight_setter_failed(setter, end->error)))
        return;
    setter->next++;
    flight_setter_next(setter);
}

/* True: done. False: a statement runs, or the call has ended. */
static bool flight_setter_start(struct flight_setter *setter, struct str sql)
{
    struct err err;
    return !flight_setter_run(setter, sql, flight_setter_on_end, &err) && flight_setter_failed(setter, &err);
}

static bool flight_setter_catalog(struct flight_setter *setter, const struct flight_setting *setting)
{
    struct flight_call *call = setter->call;
    struct err err;
    struct str tenant = setting->kind == FLIGHT_SETTING_UNSET ? S("") : setting->text;
    if (setting->kind != FLIGHT_SETTING_UNSET && tenant.len == 0)
        flight_setter_refuse(setter, FLIGHT_SETTING_INVALID_VALUE);
    else if (!query_session_set_tenant(call->session, call->who, tenant, &err))
        return flight_setter_failed(setter, &err);
    return true;
}

static bool flight_setter_schema(struct flight_setter *setter, const struct flight_setting *setting)
{
    struct flight_call *call = setter->call;
    struct err err;
    const struct tenant *tenant = flight_setter_tenant(call, &err);
    if (!tenant)
        return flight_setter_failed(setter, &err);
    struct str schema = setting->kind == FLIGHT_SETTING_UNSET ? S(FLIGHT_SCHEMA_DEFAULT) : setting->text;
    return flight_setter_start(setter,
                               str_format(call->arena, "USE %.*s.%.*s", STR_ARG(edge_sql_name(call->arena, tenant->id)),
                                          STR_ARG(edge_sql_name(call->arena, schema))));
}

static bool flight_setter_parallel(struct flight_setter *setter, const struct flight_setting *setting)
{
    int64_t number = setting->number;
    bool fits = setting->kind == FLIGHT_SETTING_INT ||
                (setting->kind == FLIGHT_SETTING_TEXT && str_to_i64(setting->text, &number));
    if (setting->kind == FLIGHT_SETTING_UNSET)
        flight_session_state(setter->call->entry)->parallel = 0;
    else if (fits && number >= 1 && number <= FLIGHT_PARALLEL_MAX)
        flight_session_state(setter->call->entry)->parallel = number;
    else
        flight_setter_refuse(setter, FLIGHT_SETTING_INVALID_VALUE);
    return true;
}

/* So that GetSessionOptions asks DuckDB for it. */
static void flight_setter_remember(struct flight_setter *setter, const char *name)
{
    struct flight_session_state *state = flight_session_state(setter->call->entry);
    for (size_t i = 0; i < state->name_count; i++) {
        if (state->names[i] == name)
            return;
    }
    state->names[state->name_count++] = name;
}

static bool flight_setter_setting(struct flight_setter *setter, const struct flight_setting *setting,
                                  const struct flight_session_setting *row)
{
    struct arena *arena = setter->call->arena;
    if (setting->kind == FLIGHT_SETTING_UNSET)
        return flight_setter_start(setter, str_from(row->reset));
    flight_setter_remember(setter, row->name);
    return flight_setter_start(
        setter, str_format(arena, "SET %s = %.*s", row->name, STR_ARG(edge_sql_text(arena, setting->text))));
}

static bool flight_setter_set(struct flight_setter *setter, const struct flight_setting *setting)
{
    bool is_number = setting->kind == FLIGHT_SETTING_INT;
    bool is_text = setting->kind == FLIGHT_SETTING_TEXT && memchr(setting->text.ptr, 0, setting->text.len) == NULL;
    bool fits = is_text || setting->kind == FLIGHT_SETTING_UNSET;
    if (str_equal(setting->name, S("eider.parallel_endpoints")) && (fits || is_number))
        return flight_setter_parallel(setter, setting);
    if (str_equal(setting->name, S("catalog")) && fits)
        return flight_setter_catalog(setter, setting);
    if (str_equal(setting->name, S("schema")) && fits)
        return flight_setter_schema(setter, setting);
    for (size_t i = 0; i < FLIGHT_SESSION_SETTINGS; i++) {
        if (str_equal_nocase(setting->name, str_from(flight_session_settings[i].name)) && fits)
            return flight_setter_setting(setter, setting, &flight_session_settings[i]);
    }
    flight_setter_refuse(setter, fits ? FLIGHT_SETTING_INVALID_NAME : FLIGHT_SETTING_INVALID_VALUE);
    return true;
}

static void flight_setter_next(struct flight_setter *setter)
{
    for (; setter->next < setter->settings.count; setter->next++) {
        if (!flight_setter_set(setter, &setter->settings.items[setter->next]))
            return;
    }
    flight_action_answer(setter->call, &setter->errors);
}

/* The catalog comes first: a schema is one of it. */
static void flight_setter_sort(struct flight_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (!str_equal(settings->items[i].name, S("catalog")))
            continue;
        struct flight_setting first = settings->items[0];
        settings->items[0] = settings->items[i];
        settings->items[i] = first;
        return;
    }
}

bool flight_session_set_options(struct flight_call *call, struct str body, struct err *err)
{
    struct flight_setter *setter = flight_setter_new(call);
    if (!flight_settings_decode(body, &setter->settings, err))
        return false;
    flight_setter_sort(&setter->settings);
    flight_setter_next(setter);
    return true;
}

/* --- GetSessionOptions. --- */

static void flight_getter_text(struct buf *answer, struct str name, struct str value)
{
    const struct flight_setting setting = {.name = name, .kind = FLIGHT_SETTING_TEXT, .text = value};
    flight_settings_encode_item(answer, &setting);
}

static void flight_getter_begin(struct flight_call *call, struct buf *answer)
{
    struct err err;
    const struct tenant *tenant = flight_setter_tenant(call, &err);
    if (tenant)
        flight_getter_text(answer, S("catalog"), tenant->id);
    if (call->entry && flight_session_state(call->entry)->parallel) {
        const struct flight_setting setting = {
            .name = S("eider.parallel_endpoints"), .kind = FLIGHT_SETTING_INT, .number = flight_session_parallel(call)};
        flight_settings_encode_item(answer, &setting);
    }
}

/* The worker's answer is read by the bounded parser that reads clients' JSON, as in list.c. */
static void flight_getter_on_end(void *owner, const struct query_end *end)
{
    struct flight_setter *getter = owner;
    struct flight_call *call = getter->call;
    struct err err;
    if (!flight_call_statement_ended(call))
        return;
    const struct json *row = end->error ? NULL : json_parse(call->arena, str_trim(buf_str(&getter->bytes)), &err);
    if (!row) {
        flight_call_finish(call, end->error ? end->error : &err);
        return;
    }
    AUTO(buf) struct buf answer = {0};
    flight_getter_begin(call, &answer);
    for (size_t i = 0; i < json_count(row); i++)
        flight_getter_text(&answer, json_key_at(row, i), json_text(json_at(row, i)));
    flight_action_answer(call, &answer);
}

bool flight_session_get_options(struct flight_call *call, struct str body, struct err *err)
{
    (void)body; /* GetSessionOptionsRequest is empty */
    const struct flight_session_state *state = call->entry ? flight_session_state(call->entry) : NULL;
    if (!state || (state->name_count == 0 && !query_session_is_kept(call->session))) {
        AUTO(buf) struct buf answer = {0};
        flight_getter_begin(call, &answer);
        flight_getter_text(&answer, S("schema"), S(FLIGHT_SCHEMA_DEFAULT));
        flight_action_answer(call, &answer);
        return true;
    }
    AUTO(buf) struct buf sql = {0};
    buf_append_str(&sql, S("SELECT current_schema() AS \"schema\""));
    for (size_t i = 0; i < state->name_count; i++)
        buf_printf(&sql, ", current_setting('%s') AS \"%s\"", state->names[i], state->names[i]);
    return flight_setter_run(flight_setter_new(call), buf_str(&sql), flight_getter_on_end, err);
}

/* --- CloseSession. --- */

bool flight_session_close(struct flight_call *call, struct str body, struct err *err)
{
    (void)body, (void)err; /* CloseSessionRequest is empty; to close what is not there is no mistake */
    AUTO(buf) struct buf answer = {0};
    flight_session_end(call);
    flight_settings_encode_closed(&answer, FLIGHT_CLOSE_CLOSED);
    flight_action_answer(call, &answer);
    return true;
}
