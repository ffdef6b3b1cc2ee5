"""Flight messages as bytes, for what pyarrow refuses to send; carried by grpcio."""

import grpc

DO_PUT = "/arrow.flight.protocol.FlightService/DoPut"
DO_GET = "/arrow.flight.protocol.FlightService/DoGet"
GET_INFO = "/arrow.flight.protocol.FlightService/GetFlightInfo"


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, content):
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def path(*parts):
    return b"\x08\x01" + b"".join(field(3, part.encode()) for part in parts)


def flight_data(header=None, body=None, descriptor=None, metadata=None):
    out = b""
    for number, content in ((1, descriptor), (2, header), (3, metadata), (1000, body)):
        if content is not None:
            out += field(number, content)
    return out


def ipc_parts(data, options=None):
    """The messages of an IPC stream as (header, body) pairs, the schema first."""
    import pyarrow as pa
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, data.schema, options=options) as writer:
        writer.write_table(data) if isinstance(data, pa.Table) else writer.write_batch(data)
    stream = sink.getvalue().to_pybytes()
    at, parts = 0, []
    while at + 8 <= len(stream):
        size = int.from_bytes(stream[at + 4:at + 8], "little")
        if size == 0:
            break
        header = stream[at + 8:at + 8 + size]
        message = pa.ipc.read_message(pa.py_buffer(stream[at:]))
        length = message.body.size if message.body is not None else 0
        length = (length + 7) & ~7
        parts.append((header, stream[at + 8 + size:at + 8 + size + length]))
        at += 8 + size + length
    return parts


def put(server, messages, tenant=None, timeout=20, headers=()):
    """Sends messages to DoPut; gives (status code, details, answers)."""
    headers = list(headers) + ([("eider-tenant", tenant)] if tenant else [])
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=options) as channel:
        call = channel.stream_stream(DO_PUT, request_serializer=bytes, response_deserializer=bytes)(
            iter(messages), metadata=headers, timeout=timeout)
        answers = []
        try:
            for answer in call:
                answers.append(answer)
        except grpc.RpcError:
            pass
        return call.code(), call.details() or "", answers
