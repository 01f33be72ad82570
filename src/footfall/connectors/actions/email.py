"""E-mail: each alert as one plain-text mail over SMTP.

Delivery: at least once.  The Message-ID is made of the alert's id and the Date is the alert's time, so every try is the same mail, which mail
programs show once.  Recipients that a server accepted are not sent the mail again when it is tried again for others, as long as the
process lives.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal
from urllib.parse import quote

import msgspec

from footfall.connectors.actions.contract import Message, number, plain, when, word
from footfall.connectors.actions.templates import Template
from footfall.connectors.actions.wire import cut_socket, deadline
from footfall.errors import DeliveryFailed

Security = Literal["starttls", "tls", "none"]
EXCHANGE_TIMEOUTS = 6  # a mail is some ten commands; all of them together get this many timeouts
SUBJECT_CHARACTERS_MAX = 200
LINE_CHARACTERS_MAX = 998
REMEMBERED_MAX = 1_000


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    security: Security = "starttls"
    user: str | None = None
    password: str | None = None
    timeout_s: float = 10.0


class EmailAction:
    """Mails each alert to the same people."""

    batch = 1

    def __init__(self, server: MailServer, *, sender: str, to: Sequence[str], subject: Template) -> None:
        self._server = server
        self._sender = sender
        self._to = tuple(to)
        self._subject = subject
        self._accepted: dict[str, set[str]] = {}  # of mails that some recipients could not be sent

    def deliver(self, messages: Sequence[Message]) -> None:
        """One mail a message.

        Raises:
            DeliveryFailed: the server does not answer, or refuses the mail for a recipient or more.
        """
        for message in messages:
            self._send(message, self.mail_of(message))

    def mail_of(self, message: Message) -> EmailMessage:
        """The mail, the same in every try."""
        alert = message.alert
        subject = plain(self._subject.fill(message, missing="-"), SUBJECT_CHARACTERS_MAX)
        # A subject on one line where that is allowed: folded ones begin with a blank.
        mail = EmailMessage(policy=SMTP.clone(max_line_length=LINE_CHARACTERS_MAX) if subject.isascii() else SMTP)
        mail["Subject"] = subject
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._to)
        mail["Date"] = format_datetime(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=alert.time_us))
        mail["Message-ID"] = f"<{quote(message.id, safe='')}@{self._sender.rpartition('@')[2].strip('> ')}>"
        mail["X-Footfall-Id"] = quote(message.id, safe="")
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(_text(message))
        return mail

    def _send(self, message: Message, mail: EmailMessage) -> None:
        accepted = self._accepted.get(message.id, set())
        left = [address for address in self._to if address not in accepted]
        server = self._server
        try:
            refused = self._exchange(mail, left)
        except smtplib.SMTPRecipientsRefused as problem:
            refused = problem.recipients
        except smtplib.SMTPResponseException as problem:
            raise _failed(server.host, problem.smtp_code, problem.smtp_error) from problem
        except smtplib.SMTPNotSupportedError as problem:
            raise DeliveryFailed(f"{server.host}: {problem}", retryable=False, hint="change security of the action") from problem
        except (OSError, smtplib.SMTPException) as problem:
            raise DeliveryFailed(f"{server.host} does not take the mail: {plain(str(problem) or type(problem).__name__, 200)}") from problem
        if refused:
            self._remember(message.id, accepted | (set(left) - set(refused)))
            raise _refused(server.host, refused)
        self._accepted.pop(message.id, None)

    def _exchange(self, mail: EmailMessage, to: Sequence[str]) -> Mapping[str, tuple[int, bytes]]:
        """Hand the mail in; the recipients that were refused while others were accepted."""
        server = self._server
        context = None if server.security == "none" else ssl.create_default_context()
        smtp: smtplib.SMTP
        if server.security == "tls":
            smtp = smtplib.SMTP_SSL(local_hostname=socket.gethostname(), timeout=server.timeout_s, context=context)
        else:
            smtp = smtplib.SMTP(local_hostname=socket.gethostname(), timeout=server.timeout_s)
        smtp._host = server.host  # type: ignore[attr-defined]  # noqa: SLF001 - whom TLS expects; connect() alone leaves it empty
        with deadline(EXCHANGE_TIMEOUTS * server.timeout_s, lambda: cut_socket(smtp.sock)):
            try:
                smtp.connect(server.host, server.port)
                if server.security == "starttls":
                    smtp.starttls(context=context)
                if server.user is not None:
                    smtp.login(server.user, server.password or "")
                refused = smtp.send_message(mail, self._sender, list(to))
                with suppress(OSError, smtplib.SMTPException):
                    smtp.quit()  # the mail is taken already
            finally:
                smtp.close()
        return refused

    def _remember(self, name: str, accepted: set[str]) -> None:
        if len(self._accepted) >= REMEMBERED_MAX:
            self._accepted.clear()
        self._accepted[name] = accepted

    def close(self) -> None:
        """Each mail has a connection of its own."""


def _text(message: Message) -> str:
    alert = message.alert
    facts = {
        "rule": alert.rule,
        "severity": alert.severity,
        **{name: "none" if value is None else value for name, value in sorted(alert.key.items())},
    }
    if alert.value is not None:
        facts["value"] = number(alert.value)
    facts |= {"when": when(alert), "id": message.id}
    width = max(map(len, facts))
    lines = [message.text, "", *(f"{word(name):<{min(width, 40)}}  {word(value)}" for name, value in facts.items())]
    for name, value in sorted(alert.details.items()):
        lines.append(f"{word(name)}: {plain(msgspec.json.encode(value, order='deterministic').decode(), 1_000)}")
    return "\n".join(lines) + "\n"


def _refused(host: str, refused: Mapping[str, tuple[int, bytes]]) -> DeliveryFailed:
    """Some recipients, or all: worth another try when one of them may be accepted later."""
    said = "; ".join(f"{address}: {code} {_decoded(words)}" for address, (code, words) in sorted(refused.items()))
    return DeliveryFailed(f"{host} refuses recipients: {plain(said, 400)}", retryable=any(code < 500 for code, _ in refused.values()))


def _failed(host: str, code: int, said: bytes | str) -> DeliveryFailed:
    return DeliveryFailed(f"{host} answers {code} {plain(_decoded(said), 200)}", retryable=code < 500)


def _decoded(words: bytes | str) -> str:
    return words if isinstance(words, str) else words.decode("utf-8", "replace")
