/* Flight.proto: SetSessionOptionsRequest {1 session_options: map<string, SessionOptionValue>}, GetSessionOptionsResult
 * the same; SessionOptionValue {oneof 1 string, 2 bool, 3 sfixed64, 4 double, 5 StringListValue};
 * SetSessionOptionsResult {1 errors: map<string, Error {1 value: enum}>}; CloseSessionResult {1 status: enum}. */
#include "face/flight/settings.h"

/* The last field of the oneof counts, as everywhere in proto3. */
static bool flight_settings_value(struct str bytes, struct flight_setting *setting, struct err *err)
{
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES) {
            setting->kind = FLIGHT_SETTING_TEXT;
            setting->text = field.bytes;
        } else if (field.number == 2 && field.wire == FLIGHT_WIRE_VARINT) {
            setting->kind = FLIGHT_SETTING_BOOL;
            setting->number = field.value != 0;
        } else if (field.number == 3 && field.wire == FLIGHT_WIRE_I64) {
            setting->kind = FLIGHT_SETTING_INT;
            setting->number = (int64_t)field.value;
        } else if (field.number == 4 && field.wire == FLIGHT_WIRE_I64) {
            setting->kind = FLIGHT_SETTING_DOUBLE;
            memcpy(&setting->real, &field.value, sizeof(setting->real));
        } else if (field.number == 5 && field.wire == FLIGHT_WIRE_BYTES) {
            setting->kind = FLIGHT_SETTING_LIST;
        }
    }
    if (setting->kind == FLIGHT_SETTING_TEXT && !str_is_utf8(setting->text.ptr, setting->text.len))
        return err_set(err, ERR_INVALID, "the value of a session option is not valid UTF-8");
    return !reader.failed || flight_proto_err("SessionOptionValue", err);
}

static bool flight_settings_item(struct str bytes, struct flight_setting *setting, struct err *err)
{
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    setting->name = S("");
    while (flight_proto_next(&reader, &field)) {
        if (field.wire != FLIGHT_WIRE_BYTES)
            continue;
        if (field.number == 1)
            setting->name = field.bytes;
        else if (field.number == 2 && !flight_settings_value(field.bytes, setting, err))
            return false;
    }
    if (!str_is_utf8(setting->name.ptr, setting->name.len))
        return err_set(err, ERR_INVALID, "the name of a session option is not valid UTF-8");
    return !reader.failed || flight_proto_err("SetSessionOptionsRequest", err);
}

bool flight_settings_decode(struct str bytes, struct flight_settings *settings_out, struct err *err)
{
    struct reader reader = reader_from(bytes);
    struct flight_field field;
    settings_out->count = 0;
    while (flight_proto_next(&reader, &field)) {
        if (field.number != 1 || field.wire != FLIGHT_WIRE_BYTES)
            continue;
        if (settings_out->count == FLIGHT_SETTINGS_MAX)
            return err_set(err, ERR_RESOURCE, "more than %d session options at once", FLIGHT_SETTINGS_MAX);
        struct flight_setting *setting = &settings_out->items[settings_out->count++];
        *setting = (struct flight_setting){0};
        if (!flight_settings_item(field.bytes, setting, err))
            return false;
    }
    return !reader.failed || flight_proto_err("SetSessionOptionsRequest", err);
}

static void flight_settings_encode_value(struct buf *buf, const struct flight_setting *setting)
{
    uint64_t bits;
    switch (setting->kind) {
    case FLIGHT_SETTING_UNSET:
        break;
    case FLIGHT_SETTING_TEXT:
        flight_proto_put_item(buf, 1, setting->text);
        break;
    case FLIGHT_SETTING_BOOL: /* a member of a oneof is written also when it is zero */
        writer_varint(buf, FLIGHT_TAG(2, FLIGHT_WIRE_VARINT));
        writer_varint(buf, (uint64_t)setting->number);
        break;
    case FLIGHT_SETTING_INT:
        writer_varint(buf, FLIGHT_TAG(3, FLIGHT_WIRE_I64));
        writer_u64le(buf, (uint64_t)setting->number);
        break;
    case FLIGHT_SETTING_DOUBLE:
        memcpy(&bits, &setting->real, sizeof(bits));
        writer_varint(buf, FLIGHT_TAG(4, FLIGHT_WIRE_I64));
        writer_u64le(buf, bits);
        break;
    case FLIGHT_SETTING_LIST:
        flight_proto_put_item(buf, 5, S(""));
        break;
    }
}

void flight_settings_encode_item(struct buf *buf, const struct flight_setting *setting)
{
    AUTO(buf) struct buf value = {0};
    AUTO(buf) struct buf entry = {0};
    flight_settings_encode_value(&value, setting);
    flight_proto_put_item(&entry, 1, setting->name);
    flight_proto_put_item(&entry, 2, buf_str(&value));
    flight_proto_put_item(buf, 1, buf_str(&entry));
}

void flight_settings_encode_error(struct buf *buf, struct str name, enum flight_setting_error error)
{
    AUTO(buf) struct buf value = {0};
    AUTO(buf) struct buf entry = {0};
    flight_proto_put_varint(&value, 1, error);
    flight_proto_put_item(&entry, 1, name);
    flight_proto_put_item(&entry, 2, buf_str(&value));
    flight_proto_put_item(buf, 1, buf_str(&entry));
}

void flight_settings_encode_closed(struct buf *buf, enum flight_close_status status)
{
    flight_proto_put_varint(buf, 1, status);
}
