"""AWS CloudWatch: each alert as one data point of a metric, many in a request.

Delivery: at least once.  CloudWatch knows no ids: a request whose answer was lost counts its alerts twice in the metric's sum.  The point's time is the
alert's; CloudWatch takes none that is older than two weeks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from footfall.connectors.actions import aws
from footfall.connectors.actions.contract import Message
from footfall.connectors.actions.templates import Template, filled
from footfall.errors import DeliveryFailed

DIMENSION_CHARACTERS_MAX = 1_024


@dataclass(frozen=True, slots=True)
class Metric:
    """What is counted: `value` is 1 for each alert, or the alert's own with `{value}`."""

    namespace: str
    name: str
    dimensions: Mapping[str, Template]
    value: Template
    unit: str = "Count"
    resolution_s: int = 60


class CloudwatchAction:
    """Puts points of one metric."""

    batch = 500

    def __init__(self, metric: Metric, *, region: str | None = None, endpoint: str | None = None, timeout_s: float = 10.0) -> None:
        self._metric = metric
        self._client = aws.client("cloudwatch", region=region, endpoint=endpoint, timeout_s=timeout_s)

    def deliver(self, messages: Sequence[Message]) -> None:
        """One request for all of them; those that make no point are refused, and the others are put.

        Raises:
            DeliveryFailed: CloudWatch does not answer or refuses the request, or an alert has no value or lacks a dimension.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        points, unfit = [], {}
        for message in messages:
            try:
                points.append(self._point(message))
            except DeliveryFailed as problem:
                unfit[message.id] = problem
        if points:
            try:
                self._client.put_metric_data(Namespace=self._metric.namespace, MetricData=points)
            except (BotoCoreError, ClientError) as problem:
                raise aws.failed("CloudWatch", problem) from problem
        if unfit:
            raise DeliveryFailed(next(iter(unfit.values())).sentence, retryable=False, ids=unfit)

    def _point(self, message: Message) -> dict[str, Any]:
        metric = self._metric
        value = _number(metric.value.fill(message))
        if value is None:
            raise DeliveryFailed(f"{metric.value.text!r} makes no number of this alert", retryable=False, ids=[message.id])
        dimensions = {name: text[:DIMENSION_CHARACTERS_MAX] or "-" for name, text in filled(metric.dimensions, message).items()}
        return {
            "MetricName": metric.name,
            "Dimensions": [{"Name": name, "Value": text} for name, text in dimensions.items()],
            "Timestamp": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=message.alert.time_us),
            "Value": value,
            "Unit": metric.unit,
            "StorageResolution": metric.resolution_s,
        }

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
