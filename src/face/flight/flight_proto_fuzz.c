/* Every protobuf message that a client may send. The first byte chooses the message and how FlightData is cut. */
#include "face/flight/action.h"
#include "face/flight/flight_data.h"
#include "face/flight/handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_body {
    uint8_t *memory;
    size_t size;
};

static uint8_t *fuzz_on_body(void *owner, size_t size, struct err *err)
{
    struct fuzz_body *body = owner;
    (void)err;
    mem_free(body->memory);
    body->memory = mem_alloc(size);
    body->size = size;
    return body->memory;
}

static void fuzz_data(struct str message, size_t step)
{
    struct fuzz_body body = {0};
    struct flight_data_parser parser = {.on_body = fuzz_on_body, .owner = &body};
    struct err err;
    bool ok = true;
    flight_data_begin(&parser, (uint32_t)message.len);
    for (size_t at = 0; ok && at < message.len; at += step)
        ok = flight_data_feed(&parser, str_slice(message, at, step), &err);
    if (ok && flight_data_end(&parser, &err) && parser.body_len > message.len)
        mem_panic("fuzz: a body larger than its message");
    flight_data_done(&parser);
    mem_free(body.memory);
}

static void fuzz_descriptor(struct str message)
{
    struct flight_descriptor descriptor, again;
    struct err err;
    if (!flight_descriptor_decode(message, &descriptor, &err))
        return;
    AUTO(buf) struct buf bytes = {0};
    flight_descriptor_encode(&bytes, &descriptor);
    if (!flight_descriptor_decode(buf_str(&bytes), &again, &err) || again.path_count != descriptor.path_count ||
        !str_equal(again.cmd, descriptor.cmd))
        mem_panic("fuzz: a descriptor does not survive its own encoding");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str message = str_bytes(data + 1, size - 1), text, password;
    struct flight_info info;
    struct flight_action action;
    struct flight_endpoint endpoint;
    struct flight_handshake handshake;
    struct err err;
    bool decoded = false;
    switch (data[0] & 7) {
    case 0:
        fuzz_descriptor(message);
        break;
    case 1:
        decoded = flight_info_decode(message, &info, &err);
        break;
    case 2:
        decoded = flight_cancel_request_decode(message, &info, &err);
        decoded &= flight_renew_request_decode(message, &endpoint, &err);
        break;
    case 3:
        decoded = flight_action_decode(message, &action, &err);
        break;
    case 4:
        decoded = flight_handshake_decode(message, &handshake, &err) &&
                  flight_basic_auth_decode(handshake.payload, &text, &password);
        break;
    case 5:
        decoded = flight_ticket_decode(message, &text, &err);
        break;
    default:
        fuzz_data(message, (size_t)(data[0] >> 3) + 1);
        break;
    }
    (void)decoded;
    return 0;
}
