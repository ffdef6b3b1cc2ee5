"""Objects in real stores: bytes, names, conditions, lists longer than a page, keys and signatures for others."""

import base64
import hashlib
import time

import pytest
import requests
from lib.objects import Failure
from lib.s3 import Minio

NAMES = ["t/data/a=1/x.parquet", "t/data/with space+plus", "t/data/ümlaut-日本", "t/data/per%20cent%", "t/data/a&b<c>'\"",
         "t/data/~tilde*(x)!@:,;"]


def test_what_was_put_is_read(objects):
    for name in NAMES:
        objects.put(name, name.encode())
    for name in NAMES:
        assert objects.read(name) == name.encode()
    found = objects.list("t")
    assert {name: size for name, (size, _) in found.items()} == {name: len(name.encode()) for name in NAMES}
    assert all(abs(modified_us / 1e6 - time.time()) < 600 for _, modified_us in found.values())
    objects.put("t/empty", b"")
    assert objects.read("t/empty") == b""
    size, modified_us, _ = objects.call("head", "t/data/a=1/x.parquet").decode().split(" ", 2)
    assert int(size) == len(NAMES[0]) and abs(int(modified_us) / 1e6 - time.time()) < 600


def test_large_objects_pass_whole(objects):
    data = bytes(range(256)) * 65536
    objects.put("large", data)
    assert objects.read("large") == data
    with pytest.raises(Failure) as why:
        objects.read("large", str(len(data) - 1))
    assert why.value.kind == "resource_exhausted"


def test_put_if_absent_keeps_what_is_there(objects):
    objects.put_if_absent("x", b"one")
    with pytest.raises(Failure) as why:
        objects.put_if_absent("x", b"two")
    assert why.value.kind == "already_exists"
    assert objects.read("x") == b"one"
    objects.put("x", b"three")
    assert objects.read("x") == b"three"


def test_what_is_absent_is_not_found(objects):
    for command in ("read", "head"):
        with pytest.raises(Failure) as why:
            objects.call(command, "none")
        assert why.value.kind == "not_found"
    assert objects.list("none") == {}
    objects.delete("none")
    objects.delete("none", "none/either")
    objects.delete_below("none")


def test_delete_takes_what_it_names(objects):
    for name in [*NAMES, "t/stays"]:
        objects.put(name)
    objects.delete(*NAMES, "t/never")
    assert list(objects.list()) == ["t/stays"]
    objects.delete("t/stays")
    assert objects.list() == {}


def test_delete_below_leaves_the_neighbours(objects):
    for name in ["t/a", "t/b/c", "t2/a", "t-1"]:
        objects.put(name)
    objects.delete_below("t")
    assert set(objects.list()) == {"t2/a", "t-1"}


def test_lists_and_deletes_go_on_over_pages(objects, store):
    prefix = objects.root.removeprefix("s3:/")
    for number in range(1005):
        assert store.request("PUT", f"{prefix}/many/{number:04}", body=b"1").status_code == 200
    assert len(objects.list("many")) == 1005
    objects.delete(*[f"many/{number:04}" for number in range(1003)])
    assert set(objects.list("many")) == {"many/1003", "many/1004"}


@pytest.mark.parametrize("change", [{"KEY": "wrong"}, {"KEY_ID": "nobody"}])
def test_wrong_keys_are_denied(objects, change):
    for call in (lambda: objects.call("read", "x", **change), lambda: objects.call("put", "x", **change),
                 lambda: objects.call("list", "x", **change)):
        with pytest.raises(Failure) as why:
            call()
        assert why.value.kind == "permission_denied"
        assert "warehouse.key" in why.value.hint


def test_a_bucket_that_is_not_there_is_no_missing_file(objects):
    objects.root = "s3://pond/wh"
    for call in (lambda: objects.read("x"), lambda: objects.put("x"), lambda: objects.list("x")):
        with pytest.raises(Failure) as why:
            call()
        assert why.value.kind == "failed_precondition"
        assert "bucket" in why.value.hint


def test_vended_keys_reach_one_place(objects, store):
    if not isinstance(store, Minio):
        with pytest.raises(Failure) as why:
            objects.vend("t")
        assert why.value.kind == "unimplemented"
        return
    objects.put("t/x", b"mine")
    objects.put("t2/x", b"other")
    keys, expires_us = objects.vend("t")
    assert 600 < expires_us / 1e6 - time.time() < 3700
    assert objects.read("t/x", **keys) == b"mine"
    assert b"t/x" in objects.call("list", "t", **keys)
    for command, name in [("read", "t2/x"), ("put", "t/y"), ("list", ""), ("list", "t2")]:
        with pytest.raises(Failure) as why:
            objects.call(command, name, **keys)
        assert why.value.kind == "permission_denied"
    keys, _ = objects.vend("t", "write")
    objects.call("put", "t/y", data=b"new", **keys)
    assert objects.read("t/y") == b"new"
    with pytest.raises(Failure):
        objects.call("put", "t2/y", **keys)


def test_signed_requests_of_others_are_taken(objects, store):
    place = f"{store.endpoint}/{objects.root.removeprefix('s3://').replace(' ', '%20')}"
    prefix = objects.root.removeprefix(f"s3://{store.bucket}/")
    put = objects.sign("t", "PUT", f"{place}/t/a%3D1/x%20y")
    assert requests.put(f"{place}/t/a%3D1/x%20y", data=b"bytes", headers=put, timeout=30).status_code == 200
    assert objects.read("t/a=1/x y") == b"bytes"
    get = objects.sign("t", "GET", f"{place}/t/a%3D1/x%20y", {"Range": "bytes=0-1"})
    answer = requests.get(f"{place}/t/a%3D1/x%20y", headers=get | {"Range": "bytes=0-1"}, timeout=30)
    assert (answer.status_code, answer.content) == (206, b"by")
    uri = f"{store.endpoint}/{store.bucket}?prefix={prefix.replace(' ', '%20')}%2Ft%2F&list-type=2"
    answer = requests.get(uri, headers=objects.sign("t", "GET", uri), timeout=30)
    assert answer.status_code == 200 and "x y" in answer.text
    with pytest.raises(Failure) as why:
        objects.sign("t", "GET", f"{place}/t2/x")
    assert why.value.kind == "permission_denied"


def test_deletes_of_others_are_signed_where_the_store_looks_at_the_body(objects, store):
    for name in ("t/x", "t2/x"):
        objects.put(name)
    uri = f"{store.endpoint}/{store.bucket}?delete"
    prefix = objects.root.removeprefix(f"s3://{store.bucket}/")
    body = f"<Delete><Object><Key>{prefix}/t/x</Key></Object></Delete>".encode()
    md5 = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}
    if isinstance(store, Minio):
        with pytest.raises(Failure) as why:
            objects.sign("t", "POST", uri, md5, body)
        assert why.value.kind == "permission_denied" and "does not compare" in why.value.message
        return
    signed = objects.sign("t", "POST", uri, md5, body)
    assert requests.post(uri, data=body.replace(b"/t/", b"/t2/"), headers=signed | md5, timeout=30).status_code == 400
    assert set(objects.list()) == {"t/x", "t2/x"}
    assert requests.post(uri, data=body, headers=signed | md5, timeout=30).status_code == 200
    assert set(objects.list()) == {"t2/x"}
