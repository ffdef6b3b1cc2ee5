/* FlightInfo with its endpoints, PollInfo, Ticket, Criteria and SchemaResult: what can be had, and the keys to it. */
#pragma once
#include "face/flight/descriptor.h"

/* Most endpoints that one result may be split into. */
#define FLIGHT_ENDPOINTS_MAX 64

/* Without a location: the same connection serves it. */
struct flight_endpoint {
    struct str ticket;
    int64_t expires_us; /* wall clock; 0: not said, clients should ask once */
};

struct flight_info {
    struct str schema; /* encapsulated IPC message, or empty: not known */
    struct flight_descriptor descriptor;
    struct flight_endpoint endpoints[FLIGHT_ENDPOINTS_MAX];
    size_t endpoint_count;
    bool ordered; /* the rows of the endpoints, one after the other, are in the result's order */
    struct str metadata;
};

/* total_records and total_bytes are written as -1, not known. */
void flight_info_encode(struct buf *buf, const struct flight_info *info);
/* Texts are borrowed; endpoints beyond the maximum are left out. For CancelFlightInfo, which sends an info back. */
bool flight_info_decode(struct str bytes, struct flight_info *info_out, struct err *err) MUST_USE;

/* FlightEndpoint; for RenewFlightEndpoint. */
void flight_endpoint_encode(struct buf *buf, const struct flight_endpoint *endpoint);
bool flight_endpoint_decode(struct str bytes, struct flight_endpoint *endpoint_out, struct err *err) MUST_USE;

/* PollInfo. The descriptor is for the next poll; NULL: this is the last answer. progress below 0: not known. */
struct flight_poll_info {
    const struct flight_info *info;
    const struct flight_descriptor *next;
    double progress;
    int64_t expires_us; /* wall clock; 0: not said */
};
void flight_poll_info_encode(struct buf *buf, const struct flight_poll_info *poll);

/* Ticket {1 ticket: bytes}; borrowed. */
bool flight_ticket_decode(struct str bytes, struct str *ticket_out, struct err *err) MUST_USE;
void flight_ticket_encode(struct buf *buf, struct str ticket);

/* Criteria {1 expression: bytes}; borrowed. */
bool flight_criteria_decode(struct str bytes, struct str *expression_out, struct err *err) MUST_USE;

/* SchemaResult {1 schema: bytes}. */
void flight_schema_result_encode(struct buf *buf, struct str schema);
