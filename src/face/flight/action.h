/* Action, Result, ActionType and the messages of CancelFlightInfo. */
#pragma once
#include "face/flight/flight_info.h"

struct flight_action {
    struct str type;
    struct str body;
};

/* Borrowed. */
bool flight_action_decode(struct str bytes, struct flight_action *action_out, struct err *err) MUST_USE;
void flight_action_encode(struct buf *buf, const struct flight_action *action);

/* ActionType {1 type, 2 description}. */
void flight_action_type_encode(struct buf *buf, struct str type, struct str description);
/* Result {1 body}. */
void flight_result_encode(struct buf *buf, struct str body);

/* CancelFlightInfoRequest {1 info}. */
bool flight_cancel_request_decode(struct str bytes, struct flight_info *info_out, struct err *err) MUST_USE;

/* RenewFlightEndpointRequest {1 endpoint}. */
bool flight_renew_request_decode(struct str bytes, struct flight_endpoint *endpoint_out, struct err *err) MUST_USE;

enum flight_cancel_status {
    FLIGHT_CANCEL_UNSPECIFIED = 0,
    FLIGHT_CANCEL_CANCELLED = 1,
    FLIGHT_CANCEL_CANCELLING = 2,
    FLIGHT_CANCEL_NOT_CANCELLABLE = 3,
};
/* CancelFlightInfoResult {1 status}. */
void flight_cancel_result_encode(struct buf *buf, enum flight_cancel_status status);
