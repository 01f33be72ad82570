"""From a table of footfall.toml to the action: secrets come out of the environment here, and clients of other systems are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from footfall.connectors.actions.contract import Action
from footfall.connectors.actions.settings import (
    CloudwatchNotify,
    EmailNotify,
    FileNotify,
    KafkaNotify,
    Notification,
    Notify,
    RedisNotify,
    SlackNotify,
    SmsNotify,
    SnsNotify,
    WebhookNotify,
)
from footfall.connectors.actions.wire import check_address
from footfall.errors import InvalidConfig

Environment = Mapping[str, str]


def build_action(settings: Notify, state_folder: Path, environment: Environment) -> Action:
    """The action of a table.  `state_folder` is the project's `.footfall`; paths are relative to the project.

    Raises:
        InvalidConfig: the environment lacks a secret.
        MissingExtra: the kind needs a package that is not installed.
    """
    made = _plain(settings, state_folder.parent, environment) or _client(settings, environment)
    assert made is not None, "every kind is built"
    return made


def _plain(settings: Notify, folder: Path, environment: Environment) -> Action | None:
    """The kinds that need the standard library only; None for others."""
    timeout_s = settings.timeout_s
    if isinstance(settings, EmailNotify):
        from footfall.connectors.actions.email import EmailAction, MailServer

        password = secret(settings, "password_env", environment)
        server = MailServer(settings.host, settings.port_in_use, settings.security, settings.user, password, timeout_s)
        return EmailAction(server, sender=settings.sender, to=settings.to, subject=settings.template("subject"))
    if isinstance(settings, WebhookNotify):
        from footfall.connectors.actions.webhook import WebhookAction

        headers = settings.headers | {
            name: _variable(settings, "headers_env", variable, environment) for name, variable in settings.headers_env.items()
        }
        return WebhookAction(
            _address(settings, "url", environment), secret=secret(settings, "secret_env", environment), headers=headers, timeout_s=timeout_s
        )
    if isinstance(settings, SlackNotify):
        from footfall.connectors.actions.slack import SlackAction

        return SlackAction(_address(settings, "url", environment), timeout_s=timeout_s)
    if isinstance(settings, SmsNotify):
        return _sms(settings, folder, environment)
    if isinstance(settings, FileNotify):
        from footfall.connectors.actions.file import FileAction

        return FileAction(folder / settings.path)
    return None


def _sms(settings: SmsNotify, folder: Path, environment: Environment) -> Action:
    from footfall.connectors.actions.sms import GatewayAction, Spool, SpoolAction

    if settings.gateway is None and settings.gateway_env is None:
        return SpoolAction(Spool(folder / settings.spool), to=settings.to, characters_max=settings.characters_max)
    return GatewayAction(
        _address(settings, "gateway", environment),
        to=settings.to,
        characters_max=settings.characters_max,
        token=secret(settings, "token_env", environment),
        timeout_s=settings.timeout_s,
    )


def _client(settings: Notify, environment: Environment) -> Action | None:
    """The kinds that need another system's client; None for others."""
    timeout_s = settings.timeout_s
    if isinstance(settings, RedisNotify):
        from footfall.connectors.actions.redis import RedisAction, RedisServer

        server = RedisServer(settings.url, settings.user, secret(settings, "password_env", environment), timeout_s)
        value = None if settings.value is None else settings.template("value")
        return RedisAction(server, form=settings.form, key=settings.template("key"), value=value, keep_s=settings.keep_s)
    if isinstance(settings, KafkaNotify):
        from footfall.connectors.actions.kafka import KafkaAction, connection_of

        connection = connection_of(
            settings.brokers,
            security=settings.security,
            mechanism=settings.mechanism,
            user=settings.user,
            password=secret(settings, "password_env", environment),
            ca_file=settings.ca_file,
        )
        return KafkaAction(connection, topic=settings.topic, key=settings.template("key"), timeout_s=timeout_s)
    if isinstance(settings, SnsNotify):
        from footfall.connectors.actions.sns import SnsAction

        region = settings.region or settings.topic.split(":")[3]
        return SnsAction(settings.topic, group=settings.template("group"), region=region, endpoint=settings.endpoint, timeout_s=timeout_s)
    if isinstance(settings, CloudwatchNotify):
        from footfall.connectors.actions.cloudwatch import CloudwatchAction, Metric

        metric = Metric(settings.namespace, settings.metric, settings.templates(), settings.template("value"), settings.unit, settings.resolution_s)
        return CloudwatchAction(metric, region=settings.region, endpoint=settings.endpoint, timeout_s=timeout_s)
    return None


def secret(settings: Notification, field: str, environment: Environment) -> str | None:
    """What the variable that a member names holds; None when the member is left out.

    Raises:
        InvalidConfig: the environment has no such variable, or it is empty.
    """
    name = getattr(settings, field)
    return None if name is None else _variable(settings, field, name, environment)


def _variable(settings: Notification, field: str, name: str, environment: Environment) -> str:
    value = environment.get(name, "").strip()
    if not value or any(character < " " for character in value):
        what = "is not set" if not value else "holds more than one line"
        raise InvalidConfig(
            f"{settings.field(field)}: the environment variable {name} {what}",
            field=settings.field(field),
            got=name,
            hint=f"set {name} where footfall runs, to one line of text",
        )
    return value


def _address(settings: Notification, field: str, environment: Environment) -> str:
    written = getattr(settings, field)
    if isinstance(written, str):
        return written
    found = secret(settings, f"{field}_env", environment)
    assert found is not None, "one of the two is there"
    check_address(found, settings.field(f"{field}_env"))
    return found
