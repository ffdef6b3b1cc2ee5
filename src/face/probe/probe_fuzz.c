/* What a client asks of reflection and of health; an answer of reflection has to be a message of its own. */
#include "face/flight/proto.h"
#include "face/probe/answer.h"
#include "face/probe/health.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf) struct buf answer = {0};
    struct err err = {0};
    struct str service;
    if (probe_health_decode(str_bytes(data, size), &service, &err) && service.len > size)
        mem_panic("fuzz: a name longer than its message");
    if (!probe_answer(&answer, str_bytes(data, size), &err))
        return 0;
    struct reader reader = reader_from(buf_str(&answer));
    struct flight_field field;
    while (flight_proto_next(&reader, &field))
        continue;
    if (reader.failed)
        mem_panic("fuzz: the answer is no message");
    return 0;
}
