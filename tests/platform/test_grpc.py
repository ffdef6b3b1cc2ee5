"""gRPC with the reference client."""

import threading
import time

import grpc
import pytest

BIG = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@pytest.fixture
def channel(demo):
    with grpc.insecure_channel(demo.address, options=BIG) as channel:
        yield channel


def test_messages_come_back_in_order(channel):
    echo = channel.stream_stream("/demo.Demo/Echo")
    sent = [b"", b"a", b"x" * 5000, b"y" * 1_000_000] * 5
    assert list(echo(iter(sent))) == sent


def test_a_download_is_whole(channel):
    download = channel.unary_stream("/demo.Demo/Download")
    sizes = [len(message) for message in download(b"300 750000")]
    assert sizes == [750000] * 300


def test_an_upload_is_whole_and_binary_metadata_comes_back(channel):
    upload = channel.stream_stream("/demo.Demo/Upload")
    call = upload(iter([b"z" * 3_000_000] * 40))
    assert list(call) == [b"120000000"]
    assert dict(call.trailing_metadata())["demo-note-bin"] == b"\x00\x01\xff"
    echo = channel.stream_stream("/demo.Demo/Echo")(iter([]), metadata=[("demo-note-bin", b"\xff\x00")])
    assert dict(echo.initial_metadata())["demo-note-bin"] == b"\xff\x00"


def test_a_status_carries_message_and_hint(channel):
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/demo.Demo/Fail")(b"")
    assert error.value.code() is grpc.StatusCode.NOT_FOUND
    assert error.value.details() == "no table 'größe' 100%\nhint: create it first"


def test_an_unknown_method_is_unimplemented(channel):
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/demo.Demo/Nothing")(b"")
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_message_over_the_limit_is_refused(channel):
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary("/demo.Demo/Echo")(b"x" * (4 << 20) + b"x")
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "flight.max_request" in error.value.details()


def test_a_compressed_message_is_unimplemented(demo):
    with grpc.insecure_channel(demo.address, compression=grpc.Compression.Gzip) as channel:
        with pytest.raises(grpc.RpcError) as error:
            channel.unary_unary("/demo.Demo/Echo")(b"x" * 10000)
        assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


def open_calls(demo):
    answer = demo.send(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").decode()
    return int(answer.split("demo_open_calls ")[1].split()[0])


def wait_for(condition):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.02)  # between two looks at /metrics
    raise AssertionError("it did not happen")


def test_a_cancelled_and_a_timed_out_call_are_closed(demo, channel):
    hang = channel.unary_unary("/demo.Demo/Hang")
    future = hang.future(b"")
    wait_for(lambda: open_calls(demo) == 1)
    future.cancel()
    wait_for(lambda: open_calls(demo) == 0)
    with pytest.raises(grpc.RpcError) as error:
        hang(b"", timeout=0.2)
    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    wait_for(lambda: open_calls(demo) == 0)


def test_a_client_that_does_not_read_holds_little_memory(demo):
    with grpc.insecure_channel(demo.address) as channel:
        before = demo.rss_kb()
        call = channel.unary_stream("/demo.Demo/Download")(b"100000 1000000")
        time.sleep(0.5)  # that is how long it does not read
        assert demo.rss_kb() - before < 20_000
        call.cancel()


def test_many_calls_at_once(demo):
    failures = []

    def work():
        try:
            with grpc.insecure_channel(demo.address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                echo = channel.unary_unary("/demo.Demo/Echo")
                for i in range(300):
                    assert echo(b"%d" % i) == b"%d" % i
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_graceful_stop_lets_a_running_call_end(make_demo):
    server = make_demo()
    with grpc.insecure_channel(server.address, options=BIG) as channel:
        stream = channel.unary_stream("/demo.Demo/Download")(b"200 1000000")
        assert len(next(stream)) == 1000000
        server.process.terminate()
        assert sum(1 for _ in stream) == 199
    server.process.wait(10)
    server.process.poll = lambda: None
