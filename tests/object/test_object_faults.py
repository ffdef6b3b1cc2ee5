"""What a store does wrong, from written answers: nothing of it may hang, crash, or pass as success."""

import threading

import pytest
from lib.objects import Failure, Objects

SLOW_DOWN = 503, b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
PAGE = (b"<ListBucketResult><IsTruncated>%s</IsTruncated><NextContinuationToken>%s</NextContinuationToken>"
        b"<Contents><Key>%s</Key><Size>1</Size><LastModified>2026-11-21T10:31:00.000Z</LastModified></Contents>"
        b"</ListBucketResult>")


def fails(call, kind):
    with pytest.raises(Failure) as why:
        call()
    assert why.value.kind == kind, why.value
    return why.value


def hang_up(handler):
    handler.close_connection = True
    handler.connection.close()


def truncated(handler):
    handler.send_response(200)
    handler.send_header("content-length", "100")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.close_connection = True


def test_passing_troubles_are_waited_out(script, scripted):
    script.answers = [SLOW_DOWN, (500, b""), hang_up, truncated, (200, b"bytes")]
    assert scripted.read("x") == b"bytes"
    dates = [asked.headers["x-amz-date"] for asked in script.asked]
    assert len(dates) == 5 and all(dates)


def test_lasting_troubles_end_with_what_the_store_says(script, scripted):
    script.answers = [SLOW_DOWN]
    why = fails(lambda: scripted.read("x"), "unavailable")
    assert "SlowDown: Please reduce your request rate." in why.message and "s3://lake/wh/x" in why.message
    assert len(script.asked) == 5
    script.answers = [truncated]
    fails(lambda: scripted.read("x"), "unavailable")
    script.answers = [hang_up]
    fails(lambda: scripted.put("x"), "unavailable")


def test_nobody_at_the_endpoint(script):
    fails(lambda: Objects("http://127.0.0.1:1", "id", "key").read("x"), "unavailable")


def test_a_store_that_does_not_answer_is_given_up(script, scripted):
    over = threading.Event()
    script.answers = [lambda handler: over.wait(60)]
    fails(lambda: scripted.read("x", TIMEOUT="1"), "deadline_exceeded")
    over.set()
    assert 2 <= len(script.asked) <= 3


@pytest.mark.parametrize("status, body, kind", [
    (301, b"<Error><Code>PermanentRedirect</Code></Error>", "failed_precondition"),
    (307, b"", "failed_precondition"),
    (400, b"<Error><Code>AuthorizationHeaderMalformed</Code></Error>", "failed_precondition"),
    (403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", "permission_denied"),
    (404, b"<Error><Code>NoSuchKey</Code></Error>", "not_found"),
    (404, b"<Error><Code>NoSuchBucket</Code></Error>", "failed_precondition"),
    (404, b"no XML", "not_found"),
    (501, b"<Error><Code>NotImplemented</Code></Error>", "unimplemented"),
    (418, b"<!DOCTYPE x [<!ENTITY y 'z'>]><Error><Code>&y;</Code></Error>", "unavailable"),
])
def test_refusals_are_told_apart(script, scripted, status, body, kind):
    script.answers = [(status, body)]
    fails(lambda: scripted.read("x"), kind)
    assert len(script.asked) == 1


def test_no_redirect_is_followed(script, scripted):
    def elsewhere(handler):
        handler.send_response(302)
        handler.send_header("location", f"{script.endpoint}/elsewhere")
        handler.send_header("content-length", "0")
        handler.end_headers()
    script.answers = [elsewhere]
    fails(lambda: scripted.read("x"), "unavailable")
    assert len(script.asked) == 1


def test_a_conditional_put_whose_answer_was_lost_has_happened(script, scripted):
    script.answers = [hang_up, (412, b""), (200, b"mine")]
    scripted.put_if_absent("x", b"mine")
    assert [asked.command for asked in script.asked] == ["PUT", "PUT", "GET"]
    assert script.asked[0].headers["if-none-match"] == "*"
    script.answers = [hang_up, (412, b""), (200, b"other's")]
    fails(lambda: scripted.put_if_absent("x", b"mine"), "already_exists")
    script.answers = [(412, b"")]
    fails(lambda: scripted.put_if_absent("x", b"mine"), "already_exists")


@pytest.mark.parametrize("answer", [
    b"", b"<html></html>", b"<ListBucketResult>", PAGE % (b"true", b"", b"wh/t/x"),
    b"<!DOCTYPE a [<!ENTITY b 'bbbb'>]><ListBucketResult>&b;</ListBucketResult>", b"\0" * 100])
def test_lists_that_are_none_fail(script, scripted, answer):
    script.answers = [(200, answer)]
    fails(lambda: scripted.list("t"), "invalid_argument")


def test_a_list_of_other_places_is_refused(script, scripted):
    script.answers = [(200, PAGE % (b"false", b"", b"elsewhere/x"))]
    fails(lambda: scripted.list("t"), "unavailable")
    fails(lambda: scripted.delete_below("t"), "unavailable")
    assert all(asked.command == "GET" for asked in script.asked)


def test_names_that_no_location_can_have_are_left_out(script, scripted):
    script.answers = [(200, PAGE % (b"true", b"a+/=", b"wh/t/../x")), (200, PAGE % (b"true", b"b", b"wh/t/directory/")),
                      (200, PAGE % (b"false", b"", b"wh/t/x"))]
    assert list(scripted.list("t")) == ["t/x"]
    assert "continuation-token=a%2B%2F%3D&" in script.asked[1].path


def test_a_failed_name_fails_the_group(script, scripted):
    script.answers = [(200, b"<DeleteResult><Error><Key>wh/x</Key><Code>AccessDenied</Code><Message>no</Message></Error>"
                            b"</DeleteResult>")]
    assert "wh/x" in fails(lambda: scripted.delete("x", "y"), "permission_denied").message
    assert script.asked[0].headers["content-md5"]


def test_a_store_without_groups_is_asked_one_by_one(script, scripted):
    script.answers = [(501, b"<Error><Code>NotImplemented</Code></Error>"), (204, b""), (404, b"")]
    scripted.delete("x", "y")
    assert [asked.command for asked in script.asked] == ["POST", "DELETE", "DELETE"]


@pytest.mark.parametrize("answer, kind", [
    ((200, b"<ListAllMyBucketsResult></ListAllMyBucketsResult>"), "unimplemented"),
    ((400, b"<Error><Code>InvalidRequest</Code></Error>"), "unimplemented"),
    ((405, b""), "unimplemented"),
    ((501, b""), "unimplemented"),
    ((403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"), "permission_denied"),
    ((400, b'<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>ValidationError</Code></Error>'
           b"</ErrorResponse>"), "failed_precondition"),
])
def test_sts_that_is_none_or_refuses(script, scripted, answer, kind):
    script.answers = [answer]
    fails(lambda: scripted.vend("t"), kind)
    assert b"Action=AssumeRole" in script.asked[0].body and b"Policy=" in script.asked[0].body


def test_a_name_that_no_policy_can_carry_gets_no_keys(script, scripted):
    script.answers = [(500, b"")]
    fails(lambda: scripted.vend("t*"), "invalid_argument")
    assert script.asked == []


@pytest.mark.parametrize("environment", [{"REGION": ""}, {"KEY_ID": ""}, {"ENDPOINT": "ftp://x"}, {"ENDPOINT": "http://"},
                                         {"ENDPOINT": "http://h/path"}, {"ENDPOINT": "http://u@h"}])
def test_bad_settings_are_refused_at_once(scripted, environment):
    fails(lambda: scripted.call("read", "x", **environment), "invalid_argument")
