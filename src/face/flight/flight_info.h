/* FlightInfo with its one endpoint, Ticket, Criteria and SchemaResult: what can be had, and the key to it. */
#pragma once
#include "face/flight/descriptor.h"

struct flight_info {
    struct str schema; /* encapsulated IPC message, or empty: not known */
    struct flight_descriptor descriptor;
    struct str ticket; /* of the only endpoint, which has no location: the same connection serves it */
};

/* total_records and total_bytes are written as -1, not known. */
void flight_info_encode(struct buf *buf, const struct flight_info *info);
/* Takes the ticket of the first endpoint; texts are borrowed. For CancelFlightInfo, which sends an info back. */
bool flight_info_decode(struct str bytes, struct flight_info *info_out, struct err *err) MUST_USE;

/* Ticket {1 ticket: bytes}; borrowed. */
bool flight_ticket_decode(struct str bytes, struct str *ticket_out, struct err *err) MUST_USE;
void flight_ticket_encode(struct buf *buf, struct str ticket);

/* Criteria {1 expression: bytes}; borrowed. */
bool flight_criteria_decode(struct str bytes, struct str *expression_out, struct err *err) MUST_USE;

/* SchemaResult {1 schema: bytes}. */
void flight_schema_result_encode(struct buf *buf, struct str schema);
