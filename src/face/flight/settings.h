/* Session options on the wire (Flight.proto: SetSessionOptionsRequest, SetSessionOptionsResult,
 * GetSessionOptionsResult, CloseSessionResult): raw messages, not google.protobuf.Any. */
#pragma once
#include "face/flight/proto.h"

/* Options of one request; more are refused. */
#define FLIGHT_SETTINGS_MAX 64

enum flight_setting_kind {
    FLIGHT_SETTING_UNSET, /* erase it */
    FLIGHT_SETTING_TEXT,
    FLIGHT_SETTING_BOOL,
    FLIGHT_SETTING_INT,
    FLIGHT_SETTING_DOUBLE,
    FLIGHT_SETTING_LIST, /* of texts; no option takes one, so they are not kept */
};

struct flight_setting {
    struct str name;
    enum flight_setting_kind kind;
    struct str text;
    int64_t number; /* INT; BOOL: 0 or 1 */
    double real;
};

struct flight_settings {
    struct flight_setting items[FLIGHT_SETTINGS_MAX];
    size_t count;
};

/* Texts are borrowed from the bytes, and UTF-8. */
bool flight_settings_decode(struct str bytes, struct flight_settings *settings_out, struct err *err) MUST_USE;

/* One entry of GetSessionOptionsResult, and of a request (for tests). */
void flight_settings_encode_item(struct buf *buf, const struct flight_setting *setting);

/* SetSessionOptionsResult.ErrorValue */
enum flight_setting_error {
    FLIGHT_SETTING_ERROR_NONE = 0,
    FLIGHT_SETTING_INVALID_NAME = 1,
    FLIGHT_SETTING_INVALID_VALUE = 2,
    FLIGHT_SETTING_FAILED = 3,
};
/* One entry of SetSessionOptionsResult. */
void flight_settings_encode_error(struct buf *buf, struct str name, enum flight_setting_error error);

/* CloseSessionResult.Status */
enum flight_close_status { FLIGHT_CLOSE_CLOSED = 1, FLIGHT_CLOSE_CLOSING = 2, FLIGHT_CLOSE_NOT_CLOSEABLE = 3 };
void flight_settings_encode_closed(struct buf *buf, enum flight_close_status status);
