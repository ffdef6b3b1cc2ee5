/* FlightData, the message that carries Arrow: {1 flight_descriptor, 2 data_header, 3 app_metadata, 1000 data_body}.
 *
 * Out: the few bytes that go in front of the header and the body; the rest is sent from where it lies. In: a parser
 * that takes the bytes of a message as they come and writes the body straight into memory that its user names, so a
 * body of any size passes without being gathered first. Fields may come in any order; unknown ones are skipped. */
#pragma once
#include "face/flight/proto.h"

/* Room for a tag and a length. */
#define FLIGHT_DATA_TAG_MAX 13

/* Tag and length of data_header and of data_body; returns the bytes written to tag_out[FLIGHT_DATA_TAG_MAX]. */
size_t flight_data_header_tag(uint8_t *tag_out, size_t len);
size_t flight_data_body_tag(uint8_t *tag_out, uint64_t len);

struct flight_data_parser {
    /* Set by the user before the first message. Memory for a body of size > 0 bytes, or NULL with *err set. */
    uint8_t *(*on_body)(void *owner, size_t size, struct err *err);
    void *owner;

    /* Of the last whole message; valid until the next begins. */
    struct buf descriptor, header, metadata;
    bool has_descriptor;
    size_t body_len;

    /* The parser's own. */
    int state; /* enum in flight_data.c */
    uint32_t field;
    uint64_t number; /* varint being read */
    unsigned shift;
    uint64_t left;         /* bytes left of the current field */
    uint64_t message_left; /* bytes left of the message */
    uint32_t seen;         /* bit n: n-th known field was there */
    struct buf *capture;   /* where bytes of the current field go; NULL: body, or skipped */
    uint8_t *body;         /* where the body's next bytes go */
};

void flight_data_begin(struct flight_data_parser *parser, uint32_t size);
bool flight_data_feed(struct flight_data_parser *parser, struct str bytes, struct err *err) MUST_USE;
/* The message is over; false when it ended inside a field. */
bool flight_data_end(struct flight_data_parser *parser, struct err *err) MUST_USE;
void flight_data_done(struct flight_data_parser *parser);

/* An encapsulated IPC message without body, as FlightInfo.schema wants it: continuation, length, the flatbuffer padded
 * to 8 bytes. In the arena. */
struct str flight_data_encapsulate(struct arena *arena, struct str header);

/* PutResult {1 app_metadata: bytes}. */
void flight_put_result_encode(struct buf *buf, struct str metadata);
