/* Nothing here is extended (proto2's extensions), so extension numbers are empty lists. */
#include "face/probe/answer.h"

#include "face/flight/proto.h"
#include "face/probe/files.h"

enum {
    PROBE_ASK_NONE = 0,
    PROBE_ASK_FILE = 3,
    PROBE_ASK_SYMBOL = 4,
    PROBE_ASK_EXTENSION = 5,
    PROBE_ASK_EXTENSION_NUMBERS = 6,
    PROBE_ASK_SERVICES = 7,
};
enum {
    PROBE_ANSWER_HOST = 1,
    PROBE_ANSWER_REQUEST = 2,
    PROBE_ANSWER_FILES = 4,
    PROBE_ANSWER_EXTENSION_NUMBERS = 5,
    PROBE_ANSWER_SERVICES = 6,
    PROBE_ANSWER_ERROR = 7,
};

struct probe_question {
    struct str host;
    uint32_t asked; /* number of the last member of the oneof */
    struct str text;
};

static bool probe_answer_decode(struct str request, struct probe_question *question_out, struct err *err)
{
    struct probe_question question = {.asked = PROBE_ASK_NONE};
    struct reader reader = reader_from(request);
    struct flight_field field;
    while (flight_proto_next(&reader, &field)) {
        if (field.number == 1 && field.wire == FLIGHT_WIRE_BYTES) {
            question.host = field.bytes;
        } else if (field.number >= PROBE_ASK_FILE && field.number <= PROBE_ASK_SERVICES &&
                   field.wire == FLIGHT_WIRE_BYTES) {
            question.asked = field.number;
            question.text = field.bytes;
        }
    }
    if (reader.failed || question.asked == PROBE_ASK_NONE)
        return flight_proto_err("ServerReflectionRequest", err);
    *question_out = question;
    return true;
}

/* The answer's field number; 0: there is no such thing. */
static uint32_t probe_answer_find(const struct probe_question *question, struct buf *found)
{
    switch (question->asked) {
    case PROBE_ASK_FILE:
        return probe_files_by_name(found, question->text) ? PROBE_ANSWER_FILES : 0;
    case PROBE_ASK_SYMBOL:
        return probe_files_by_symbol(found, question->text) ? PROBE_ANSWER_FILES : 0;
    case PROBE_ASK_EXTENSION_NUMBERS:
        flight_proto_put_bytes(found, 1, question->text);
        return probe_files_has_symbol(question->text) ? PROBE_ANSWER_EXTENSION_NUMBERS : 0;
    case PROBE_ASK_SERVICES:
        probe_files_services(found);
        return PROBE_ANSWER_SERVICES;
    default:
        return 0;
    }
}

bool probe_answer(struct buf *buf, struct str request, struct err *err)
{
    struct probe_question question = {0};
    AUTO(buf) struct buf found = {0};
    if (!probe_answer_decode(request, &question, err))
        return false;
    uint32_t kind = probe_answer_find(&question, &found);
    if (kind == 0) {
        kind = PROBE_ANSWER_ERROR;
        buf_clear(&found);
        flight_proto_put_varint(&found, 1, ERR_NOT_FOUND);
        flight_proto_put_bytes(&found, 2, S("the server describes no such thing"));
    }
    flight_proto_put_bytes(buf, PROBE_ANSWER_HOST, question.host);
    flight_proto_put_item(buf, PROBE_ANSWER_REQUEST, request);
    flight_proto_put_item(buf, kind, buf_str(&found));
    return true;
}
