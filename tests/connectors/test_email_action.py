"""E-mail, against a real SMTP server in this process."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import subprocess
import threading

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from actions_support import START_US, message
from footfall.connectors.actions.email import EmailAction, MailServer
from footfall.connectors.actions.templates import Template
from footfall.errors import DeliveryFailed


class Post:
    """What the server does with mail: keeps it, or answers as the tests say."""

    def __init__(self):
        self.mails = []
        self.recipients = {}  # address -> answers to give, then 250
        self.content = []  # answers to the mail itself, then 250

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the library's name
        answers = self.recipients.get(address, [])
        if answers:
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.content:
            return self.content.pop(0)
        self.mails.append((list(envelope.rcpt_tos), envelope.content))
        return "250 taken"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mail")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except OSError:
        pytest.skip("needs openssl to make a certificate")
    return folder


@pytest.fixture
def start_server():
    """start_server(post, …): a mail server; its port."""
    running = []

    def start(post, **options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        controller = Controller(post, hostname="127.0.0.1", port=port, **options)
        controller.start()
        running.append(controller)
        return port

    yield start
    for controller in running:
        controller.stop()


def action_at(port, *, to=("ops@shop.example",), host="127.0.0.1", subject="[{severity}] {text}", **options):
    server = MailServer(host, port, **{"security": "none", "timeout_s": 5.0, **options})
    return EmailAction(server, sender="footfall@shop.example", to=to, subject=Template(subject))


def test_a_mail_says_what_happened(start_server):
    post = Post()
    action_at(start_server(post), to=("ops@shop.example", "lead@shop.example")).deliver([message(details={"measure": "count", "baseline": 2.5})])
    ((recipients, content),) = post.mails
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert recipients == ["ops@shop.example", "lead@shop.example"]
    assert mail["Subject"] == "[high] burst: user_id 101 has 11 (count) in 2026-11-01T00:00:00Z - 00:00:10Z"
    assert mail["Message-ID"] == "<5f0c@shop.example>"
    assert mail["Date"].datetime.timestamp() == START_US / 1e6 + 4
    assert mail["X-Footfall-Id"] == "5f0c"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content()
    assert text.startswith("burst: user_id 101 has 11 (count)")
    assert "severity  high" in text
    assert "baseline: 2.5" in text


def test_every_try_is_the_same_mail(start_server):
    post = Post()
    action = action_at(start_server(post))
    for _ in range(3):
        action.deliver([message(key={"user_id": "Zoë " * 40})])
    assert len({content for _, content in post.mails}) == 1


def test_data_adds_no_header(start_server):
    post = Post()
    action = action_at(start_server(post), subject="{user_id}")
    action.deliver([message(key={"user_id": "x\r\nBcc: all@shop.example\r\n\r\nhello"})])
    ((recipients, content),) = post.mails
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert recipients == ["ops@shop.example"]
    assert mail["Bcc"] is None
    assert mail["Subject"] == "x Bcc: all@shop.example hello"


def test_a_subject_may_lack_what_the_alert_lacks(start_server):
    post = Post()
    action_at(start_server(post), subject="{rule} of {country}").deliver([message()])
    assert email.message_from_bytes(post.mails[0][1])["Subject"] == "burst of -"


@pytest.mark.parametrize(("answer", "again"), [("451 later", True), ("552 too much", False)])
def test_a_mail_that_is_refused(answer, again, start_server):
    post = Post()
    post.content = [answer]
    with pytest.raises(DeliveryFailed, match=f"127.0.0.1 answers {answer}") as problem:
        action_at(start_server(post)).deliver([message()])
    assert problem.value.retryable is again


def test_recipients_that_were_accepted_are_not_written_to_again(start_server):
    post = Post()
    post.recipients["b@shop.example"] = ["450 greylisted", "450 greylisted"]
    action = action_at(start_server(post), to=("a@shop.example", "b@shop.example", "c@shop.example"))
    for _ in range(2):
        with pytest.raises(DeliveryFailed, match=r"127.0.0.1 refuses recipients: b@shop.example: 450 greylisted") as problem:
            action.deliver([message()])
        assert problem.value.retryable
    action.deliver([message()])
    assert [recipients for recipients, _ in post.mails] == [["a@shop.example", "c@shop.example"], ["b@shop.example"]]


def test_a_recipient_that_does_not_exist_is_told_and_not_tried_again(start_server):
    post = Post()
    post.recipients["b@shop.example"] = ["550 no such user"]
    with pytest.raises(DeliveryFailed, match=r"b@shop.example: 550 no such user") as problem:
        action_at(start_server(post), to=("a@shop.example", "b@shop.example")).deliver([message()])
    assert not problem.value.retryable
    assert [recipients for recipients, _ in post.mails] == [["a@shop.example"]]


def server_side(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    return context


def signs_in(_server, _session, _envelope, _mechanism, data):
    fine = (data.login, data.password) == (b"footfall", b"s3cret")
    return AuthResult(success=fine, handled=fine)


def test_starttls_and_a_password(start_server, certificate, monkeypatch):
    post = Post()
    port = start_server(post, tls_context=server_side(certificate), authenticator=signs_in, auth_require_tls=True, auth_required=True)
    options = {"host": "localhost", "security": "starttls", "user": "footfall"}
    with pytest.raises(DeliveryFailed, match=r"localhost does not take the mail: .*certificate verify failed"):
        action_at(port, password="s3cret", **options).deliver([message()])
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate.pem"))
    with pytest.raises(DeliveryFailed, match="localhost answers 535") as problem:
        action_at(port, password="wrong", **options).deliver([message()])
    assert not problem.value.retryable
    action_at(port, password="s3cret", **options).deliver([message()])
    assert len(post.mails) == 1


def test_tls_from_the_first_byte(start_server, certificate, monkeypatch):
    post = Post()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate.pem"))
    port = start_server(post, ssl_context=server_side(certificate), server_hostname="localhost")
    action_at(port, host="localhost", security="tls").deliver([message()])
    assert len(post.mails) == 1


def test_a_server_without_starttls_gets_no_mail(start_server):
    post = Post()
    with pytest.raises(DeliveryFailed, match="STARTTLS extension not supported") as problem:
        action_at(start_server(post), security="starttls").deliver([message()])
    assert not problem.value.retryable
    assert post.mails == []


def test_a_server_that_says_nothing_is_left():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(DeliveryFailed, match=r"127.0.0.1 does not take the mail: .*timed out") as problem:
            action_at(silent.getsockname()[1], timeout_s=0.3).deliver([message()])
    assert problem.value.retryable


def test_a_server_that_goes_on_greeting_is_left():
    """One byte now and then, so that no single wait is too long."""
    over = threading.Event()

    def greet():
        talking, _ = silent.accept()
        with talking:
            while not over.wait(0.02):
                try:
                    talking.sendall(b"2")
                except OSError:
                    return

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        with pytest.raises(DeliveryFailed) as problem:
            action_at(silent.getsockname()[1], timeout_s=0.1).deliver([message()])
        over.set()
        thread.join(10)
    assert problem.value.retryable


def test_nobody_there():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(DeliveryFailed, match="Connection refused") as problem:
            action_at(held.getsockname()[1]).deliver([message()])
    assert problem.value.retryable
