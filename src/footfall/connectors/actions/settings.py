"""What footfall.toml may say about actions: one `[[notify]]` table each, told apart by `kind`.

Secrets stand in the environment; the tables hold the names of its variables.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from footfall.connectors.actions.templates import Template
from footfall.connectors.actions.wire import check_address
from footfall.errors import InvalidConfig, InvalidQuery
from footfall.event.span import Span

TRIES_MAX = 100
GIVE_UP_MAX = "7d"  # actions that remember what they sent remember it a day longer
TIMEOUT_MAX = "2m"
KEEP_MAX = "3650d"
DIMENSIONS_MAX = 30
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TELEPHONE = re.compile(r"\+[1-9][0-9]{5,14}")
_MAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_BROKER = re.compile(r"[^\s,/]+:[0-9]{1,5}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Url = Annotated[str | None, Meta(description="the address to send to")]
UrlEnv = Annotated[str | None, Meta(description="the environment variable with the address, where the address itself is a secret")]
Recipients = Annotated[tuple[str, ...], Meta(description="who gets it, one or more")]
Region = Annotated[str | None, Meta(description="the AWS region; left out: as every AWS program finds it")]
Endpoint = Annotated[str | None, Meta(description="another address of the service, such as a private one")]


class Notification(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """What every action has: a name for rules to call it by, and how much patience."""

    name: Annotated[str, Meta(description="what rules call the action")]
    tries: Annotated[int, Meta(description="how often an alert is tried before it is set aside, 1 to 100")] = 12
    give_up: Annotated[str, Meta(description="how long an alert is tried before it is set aside, up to 7d")] = "24h"
    timeout: Annotated[str, Meta(description="how long the other side may take to answer, up to 2m")] = "10s"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidConfig(
                f"notify: an action cannot be called {self.name!r}",
                field="notify.name",
                got=self.name,
                hint="use letters, digits, dashes, dots and underscores",
            )
        if not 1 <= self.tries <= TRIES_MAX:
            raise self.wrong("tries", f"{self.tries} tries are not possible", f"write 1 to {TRIES_MAX}")
        for field, longest in (("give_up", GIVE_UP_MAX), ("timeout", TIMEOUT_MAX)):
            if self._us(field) > Span(longest).us:
                raise self.wrong(field, f"{getattr(self, field)} is too long", f"write {longest} or less")
        self.check()

    def check(self) -> None:
        """Refuse what this kind cannot work with."""

    @property
    def give_up_us(self) -> int:
        """`give_up` in microseconds."""
        return self._us("give_up")

    @property
    def timeout_s(self) -> float:
        """`timeout` in seconds."""
        return self._us("timeout") / 1e6

    def _us(self, field: str) -> int:
        try:
            return Span(getattr(self, field)).us
        except InvalidQuery as problem:
            raise self.wrong(field, problem.sentence, problem.hint or "") from None

    def field(self, name: str) -> str:
        """How a member of this table is called in errors."""
        return f"notify.{self.name}.{name}"

    def wrong(self, field: str, what: str, hint: str) -> InvalidConfig:
        """The error about one member."""
        return InvalidConfig(f"{self.field(field)}: {what}", field=self.field(field), got=getattr(self, field, None), hint=hint)

    def check_variables(self, *fields: str) -> None:
        """Members that name environment variables hold names, and no secrets."""
        for field in fields:
            value = getattr(self, field)
            for name in value.values() if isinstance(value, dict) else [value]:
                if name is not None and not _VARIABLE.fullmatch(name):
                    # Not shown: it may be the secret itself.
                    raise InvalidConfig(
                        f"{self.field(field)}: this is no name of an environment variable",
                        field=self.field(field),
                        hint="write the name of the variable that holds the secret, such as SHOP_TOKEN",
                    )

    def check_url(self, field: str = "url") -> None:
        """Exactly one of an address and the name of the variable that holds it."""
        url, variable = getattr(self, field), getattr(self, f"{field}_env")
        if (url is None) == (variable is None):
            raise self.wrong(field, f"write {field} or {field}_env, one of them", f'{field} = "https://host/path"')
        self.check_variables(f"{field}_env")
        if url is not None:
            check_address(url, self.field(field))

    def template(self, field: str) -> Template:
        """A member as a template."""
        return Template(getattr(self, field), self.field(field))


class EmailNotify(Notification, frozen=True, kw_only=True, tag="email"):
    """A mail for each alert."""

    host: Annotated[str, Meta(description="the mail server")]
    port: Annotated[int | None, Meta(description="its port; left out: 587 with starttls, 465 with tls, 25 with none")] = None
    security: Annotated[Literal["starttls", "tls", "none"], Meta(description="how the connection is made secret")] = "starttls"
    user: Annotated[str | None, Meta(description="who signs in; left out: nobody")] = None
    password_env: Annotated[str | None, Meta(description="the environment variable with the password")] = None
    sender: Annotated[str, Meta(description="the address that mails come from")]
    to: Recipients
    subject: Annotated[str, Meta(description="the subject, with places such as {rule} and {text}")] = "[{severity}] {text}"

    def check(self) -> None:
        """Addresses, and no password in the clear."""
        wrong = [address for address in (self.sender, *self.to) if not _MAIL.fullmatch(address)]
        if wrong or not self.to:
            what = f"{wrong[0]!r} is no mail address" if wrong else "there is nobody to write to"
            raise self.wrong("sender" if wrong and wrong[0] == self.sender else "to", what, 'to = ["ops@shop.example"]')
        if (self.user is None) != (self.password_env is None):
            raise self.wrong("user", "a user needs password_env, and the other way round", 'password_env = "SMTP_PASSWORD"')
        if self.user is not None and self.security == "none" and self.host not in _LOOPBACK:
            raise self.wrong("security", "the password would be sent in the clear", 'write security = "starttls" or "tls"')
        self.check_variables("password_env")
        self.template("subject")

    @property
    def port_in_use(self) -> int:
        """The port, or the usual one."""
        return self.port if self.port is not None else {"starttls": 587, "tls": 465, "none": 25}[self.security]


class WebhookNotify(Notification, frozen=True, kw_only=True, tag="webhook"):
    """A POST of JSON for each alert."""

    url: Url = None
    url_env: UrlEnv = None
    secret_env: Annotated[str | None, Meta(description="the environment variable with the secret that signs each body")] = None
    headers: Annotated[dict[str, str], Meta(description="more headers of each request")] = {}
    headers_env: Annotated[dict[str, str], Meta(description="more headers, each with the environment variable that holds its value")] = {}

    def check(self) -> None:
        """The address and the headers."""
        self.check_url()
        self.check_variables("secret_env", "headers_env")
        for name, value in [*self.headers.items(), *dict.fromkeys(self.headers_env, "").items()]:
            if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or any(character < " " or character > "~" for character in value):
                raise self.wrong("headers", f"{name!r} is no header that can be sent", 'headers = {X-Team = "ops"}')


class SlackNotify(Notification, frozen=True, kw_only=True, tag="slack"):
    """A post to a Slack-compatible incoming webhook for each alert."""

    url: Url = None
    url_env: UrlEnv = None

    def check(self) -> None:
        """The address."""
        self.check_url()


class SmsNotify(Notification, frozen=True, kw_only=True, tag="sms"):
    """A text message for each alert and recipient: into the spool, or to a gateway where one is given."""

    to: Recipients
    spool: Annotated[str, Meta(description="the SQLite file that an SMS server empties")] = ".footfall/sms.db"
    gateway: Annotated[str | None, Meta(description='an address that takes POST {"to", "text", "id"}, instead of the spool')] = None
    gateway_env: UrlEnv = None
    token_env: Annotated[str | None, Meta(description="the environment variable with the gateway's bearer token")] = None
    characters_max: Annotated[int, Meta(description="most characters of a text, 20 to 1600; the rest is cut")] = 160

    def check(self) -> None:
        """Numbers, and the gateway."""
        wrong = [number for number in self.to if not _TELEPHONE.fullmatch(number)]
        if wrong or not self.to:
            what = f"{wrong[0]!r} is no telephone number" if wrong else "there is nobody to write to"
            raise self.wrong("to", what, 'write numbers with their country: to = ["+4930123456"]')
        if not 20 <= self.characters_max <= 1_600:
            raise self.wrong("characters_max", f"{self.characters_max} characters are not possible", "write 20 to 1600")
        if self.gateway is not None or self.gateway_env is not None:
            self.check_url("gateway")
        self.check_variables("token_env")


class RedisNotify(Notification, frozen=True, kw_only=True, tag="redis"):
    """A member of a set, list, sorted set or stream for each alert."""

    url: Annotated[str, Meta(description="the server: redis://host:port/database, rediss:// with TLS")] = "redis://127.0.0.1:6379/0"
    user: Annotated[str | None, Meta(description="who signs in; left out: the default user")] = None
    password_env: Annotated[str | None, Meta(description="the environment variable with the password")] = None
    form: Annotated[Literal["set", "list", "sorted set", "stream"], Meta(description="what is under the key; a sorted set is sorted by time")] = (
        "stream"
    )
    key: Annotated[str, Meta(description="the key, with places such as interest:{user_id}")]
    value: Annotated[str | None, Meta(description="what is added, with places such as {track_id}; left out: the alert's JSON")] = None
    keep: Annotated[str | None, Meta(description="how long the key lives after its last alert; left out: for ever")] = None

    def check(self) -> None:
        """The address and the templates."""
        scheme, _, rest = self.url.partition("://")
        if scheme not in ("redis", "rediss") or not rest or "@" in rest or "password=" in rest:
            raise InvalidConfig(
                f"{self.field('url')}: this is no address of a Redis server",
                field=self.field("url"),
                hint='write url = "redis://host:6379/0"; the password goes into the environment, and its name into password_env',
            )
        self.check_variables("password_env")
        self.template("key")
        if self.value is not None:
            self.template("value")
        if self.keep is not None and not Span("1s").us <= self._us("keep") <= Span(KEEP_MAX).us:
            raise self.wrong("keep", f"{self.keep} is not possible", f"write 1s to {KEEP_MAX}, or leave it out for ever")

    @property
    def keep_s(self) -> int | None:
        """`keep` in seconds."""
        return None if self.keep is None else self._us("keep") // 1_000_000


class KafkaNotify(Notification, frozen=True, kw_only=True, tag="kafka"):
    """A record of a topic for each alert."""

    brokers: Annotated[tuple[str, ...], Meta(description="brokers to begin with, as host:port")]
    topic: Annotated[str, Meta(description="the topic; it must exist, or the brokers make it")]
    key: Annotated[str, Meta(description="the record's key, with places such as {user_id}; records of one key keep their order")] = "{id}"
    security: Annotated[Literal["plaintext", "tls"], Meta(description="how the connection is made secret")] = "plaintext"
    ca_file: Annotated[str | None, Meta(description="certificates to trust; left out: the system's")] = None
    mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], Meta(description="how a user signs in")] = "SCRAM-SHA-512"
    user: Annotated[str | None, Meta(description="who signs in; left out: nobody")] = None
    password_env: Annotated[str | None, Meta(description="the environment variable with the password")] = None

    def check(self) -> None:
        """Brokers, topic, user."""
        wrong = [broker for broker in self.brokers if not _BROKER.fullmatch(broker)]
        if wrong or not self.brokers:
            raise self.wrong("brokers", f"{wrong[0]!r} is no broker" if wrong else "there is no broker", 'brokers = ["127.0.0.1:9092"]')
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", self.topic):
            raise self.wrong("topic", f"{self.topic!r} is no topic", "use letters, digits, dots, dashes and underscores")
        if (self.user is None) != (self.password_env is None):
            raise self.wrong("user", "a user needs password_env, and the other way round", 'password_env = "KAFKA_PASSWORD"')
        self.check_variables("password_env")
        self.template("key")


class FileNotify(Notification, frozen=True, kw_only=True, tag="file"):
    """A line of JSON for each alert."""

    path: Annotated[str, Meta(description="the file, relative to the project or absolute")] = ".footfall/alerts.ndjson"

    def check(self) -> None:
        """A path at all."""
        if not self.path or self.path.endswith("/"):
            raise self.wrong("path", f"{self.path!r} is no file", 'path = "alerts.ndjson"')


class SnsNotify(Notification, frozen=True, kw_only=True, tag="sns"):
    """A publication on a topic of AWS SNS for each alert."""

    topic: Annotated[str, Meta(description="the topic's ARN")]
    group: Annotated[str, Meta(description="the group whose order a FIFO topic keeps, with places such as {user_id}")] = "{rule}"
    region: Region = None
    endpoint: Endpoint = None

    def check(self) -> None:
        """The ARN."""
        if not re.fullmatch(r"arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?", self.topic):
            raise self.wrong("topic", f"{self.topic!r} is no ARN of a topic", 'topic = "arn:aws:sns:eu-central-1:123456789012:alerts"')
        self.template("group")
        if self.endpoint is not None:
            check_address(self.endpoint, self.field("endpoint"))


class CloudwatchNotify(Notification, frozen=True, kw_only=True, tag="cloudwatch"):
    """A data point of a metric of AWS CloudWatch for each alert."""

    namespace: Annotated[str, Meta(description="the metric's namespace")]
    metric: Annotated[str, Meta(description="the metric's name")] = "alerts"
    dimensions: Annotated[dict[str, str], Meta(description="what tells its series apart, with places such as {user_id}; 30 at most")] = {}
    value: Annotated[str, Meta(description="what a point holds: 1 counts alerts, {value} takes the alert's own")] = "1"
    unit: Annotated[str, Meta(description="the unit, as CloudWatch names it")] = "Count"
    resolution_s: Annotated[Literal[1, 60], Meta(description="seconds that CloudWatch tells apart")] = 60
    region: Region = None
    endpoint: Endpoint = None

    def check(self) -> None:
        """Names and templates."""
        if not self.namespace or self.namespace.startswith(("AWS/", ":")):
            raise self.wrong("namespace", f"{self.namespace!r} is no namespace for metrics of one's own", 'namespace = "shop"')
        if not self.metric:
            raise self.wrong("metric", "a metric has a name", 'metric = "bursts"')
        if len(self.dimensions) > DIMENSIONS_MAX:
            raise self.wrong("dimensions", f"{len(self.dimensions)} dimensions are too many", f"write {DIMENSIONS_MAX} or fewer")
        self.templates()
        self.template("value")
        if self.endpoint is not None:
            check_address(self.endpoint, self.field("endpoint"))

    def templates(self) -> dict[str, Template]:
        """The dimensions as templates."""
        return {name: Template(text, self.field(f"dimensions.{name}")) for name, text in self.dimensions.items()}


Notify = EmailNotify | WebhookNotify | SlackNotify | SmsNotify | RedisNotify | KafkaNotify | FileNotify | SnsNotify | CloudwatchNotify
KINDS: dict[str, Any] = {kind.__struct_config__.tag: kind for kind in get_args(Notify)}


def check_names(actions: Sequence[Notify]) -> None:
    """Refuse two actions of one name.

    Raises:
        InvalidConfig: a name is there twice.
    """
    names = [action.name for action in actions]
    for name in names:
        if names.count(name) > 1:
            raise InvalidConfig(f"notify: two actions are called {name!r}", field="notify.name", got=name, hint="give each a name of its own")
