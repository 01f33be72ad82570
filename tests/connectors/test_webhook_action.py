"""The webhook: what is sent, what an answer means, and that nothing keeps it for ever."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
import subprocess

import pytest

from actions_support import Hook, message, numbered
from footfall import clock
from footfall.connectors.actions.webhook import WebhookAction, signature
from footfall.connectors.actions.wire import Address
from footfall.errors import DeliveryFailed


@pytest.fixture
def action_to():
    """WebhookAction(hook.url, …), closed at the end."""
    made = []

    def build(url, **options):
        made.append(WebhookAction(url, **{"timeout_s": 5.0, **options}))
        return made[-1]

    yield build
    for action in made:
        action.close()


def test_a_request_says_what_it_is(action_to):
    with Hook() as hook:
        action_to(f"{hook.url}?team=ops", secret="s3cret", headers={"X-Team": "ops"}).deliver([message()])
    (taken,) = hook.taken
    assert taken.path == "/hook?team=ops"
    assert taken.body == message().body
    assert taken.headers["Content-Type"] == "application/json"
    assert taken.headers["X-Footfall-Id"] == taken.headers["Idempotency-Key"] == "5f0c"
    assert taken.headers["X-Team"] == "ops"
    assert taken.headers["X-Footfall-Signature"] == "sha256=" + hmac.new(b"s3cret", taken.body, hashlib.sha256).hexdigest()
    assert signature(taken.body, b"s3cret") == taken.headers["X-Footfall-Signature"]


def test_every_try_is_the_same_to_the_byte(action_to):
    with Hook([500, 503]) as hook:
        action = action_to(hook.url, secret="s3cret")
        for _ in range(2):
            with pytest.raises(DeliveryFailed):
                action.deliver([message()])
        action.deliver([message()])
    assert len(hook.taken) == 3
    assert len({(taken.body, tuple(sorted(taken.headers.items()))) for taken in hook.taken}) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_2xx_is_fine(status, action_to):
    with Hook([status]) as hook:
        action_to(hook.url).deliver([message()])


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_an_answer_that_may_change_is_worth_another_try(status, action_to):
    with Hook([(status, {}, b"not\nnow")]) as hook, pytest.raises(DeliveryFailed, match=f"127.0.0.1 answers {status}: not now") as problem:
        action_to(hook.url).deliver([message()])
    assert problem.value.retryable


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 422])
def test_an_answer_that_stays_is_not(status, action_to):
    with Hook([status]) as hook, pytest.raises(DeliveryFailed, match=f"answers {status}") as problem:
        action_to(hook.url).deliver([message()])
    assert not problem.value.retryable


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status, action_to):
    with Hook() as other, Hook([(status, {"Location": f"{other.url}?token=x"})]) as hook:
        with pytest.raises(DeliveryFailed, match=f"127.0.0.1 answers {status} and sends on to 127.0.0.1, which is not followed") as problem:
            action_to(hook.url, secret="s3cret").deliver([message()])
        assert not problem.value.retryable
        assert other.taken == []


def test_retry_after_in_seconds_and_as_a_date(action_to):
    from email.utils import formatdate

    in_an_hour = formatdate(clock.now_us() / 1e6 + 3_600, usegmt=True)
    waits = []
    with Hook([(429, {"Retry-After": "7"}), (503, {"Retry-After": in_an_hour}), (503, {"Retry-After": "soon"}), (400, {"Retry-After": "7"})]) as hook:
        action = action_to(hook.url)
        for _ in range(4):
            with pytest.raises(DeliveryFailed) as problem:
                action.deliver([message()])
            waits.append(problem.value.after_s)
    assert waits[0] == 7
    assert 3_500 < waits[1] <= 3_600
    assert waits[2:] == [None, None]


@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_a_server_that_keeps_one_waiting_is_left(answer, action_to):
    with Hook([answer]) as hook, pytest.raises(DeliveryFailed, match=r"does not answer: (timed out|nothing came within 0.3 s)") as problem:
        action_to(hook.url, timeout_s=0.3).deliver([message()])
    assert problem.value.retryable


def test_a_connection_that_breaks_off_is_worth_another_try(action_to):
    with Hook(["drop"]) as hook, pytest.raises(DeliveryFailed, match=r"127.0.0.1 does not answer") as problem:
        action_to(hook.url).deliver([message()])
    assert problem.value.retryable


def test_nobody_there(action_to):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(DeliveryFailed, match=r"127.0.0.1 does not answer: Connection refused") as problem:
            action_to(f"http://127.0.0.1:{held.getsockname()[1]}/").deliver([message()])
    assert problem.value.retryable


def test_a_name_that_nobody_knows(action_to):
    with pytest.raises(DeliveryFailed, match=r"nowhere.invalid does not answer") as problem:
        action_to("http://nowhere.invalid/").deliver([message()])
    assert problem.value.retryable


def test_a_kept_connection_that_was_closed_meanwhile_is_made_again(action_to):
    with Hook([200, "drop"]) as hook:
        action = action_to(hook.url)
        action.deliver([message(id="one")])
        action.deliver([message(id="two")])
    assert hook.ids == ["one", "two", "two"]


def test_one_connection_serves_many(action_to, monkeypatch):
    made = []
    real = Address._new
    monkeypatch.setattr(Address, "_new", lambda address: made.append(1) or real(address))
    with Hook() as hook:
        action = action_to(hook.url)
        for one in numbered(5):
            action.deliver([one])
    assert hook.ids == ["a0", "a1", "a2", "a3", "a4"]
    assert len(made) == 1


def test_a_long_answer_is_not_read(action_to):
    with Hook([(500, {}, b"x" * 1_000_000), 200]) as hook:
        action = action_to(hook.url)
        with pytest.raises(DeliveryFailed) as problem:
            action.deliver([message()])
        assert len(problem.value.sentence) < 300
        action.deliver([message()])


def test_an_error_holds_no_more_of_the_address_than_the_host(action_to):
    with Hook([404]) as hook, pytest.raises(DeliveryFailed) as problem:
        action_to(f"{hook.url}/T0/secret-token").deliver([message()])
    assert "secret-token" not in str(problem.value.as_dict())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate of localhost that nobody but a test trusts."""
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except OSError:
        pytest.skip("needs openssl to make a certificate")
    return folder


def test_tls_is_checked(certificate, action_to, monkeypatch):
    hook = Hook()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    hook._server.socket = context.wrap_socket(hook._server.socket, server_side=True)
    url = f"https://localhost:{hook.port}/hook"
    with hook:
        with pytest.raises(DeliveryFailed, match="localhost does not answer: its certificate is not accepted") as problem:
            action_to(url).deliver([message()])
        assert problem.value.retryable
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate.pem"))
        action_to(url).deliver([message()])
    assert hook.ids == ["5f0c"]
