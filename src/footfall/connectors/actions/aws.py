"""What SNS and CloudWatch share: a client that tries once and not for long, and what AWS's errors mean.

Who we are comes from where every AWS program looks: AWS_ACCESS_KEY_ID and its like, ~/.aws, the machine's role.
"""

from __future__ import annotations

from typing import Any

from footfall.connectors.actions.contract import plain
from footfall.errors import DeliveryFailed, InvalidConfig, MissingExtra

_LATER = (
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestExpired",
    "ExpiredToken",
    "ExpiredTokenException",
    "InternalFailure",
    "InternalError",
    "ServiceUnavailable",
    "KMSThrottling",
)


def client(service: str, *, region: str | None, endpoint: str | None, timeout_s: float) -> Any:
    """A client of an AWS service.

    Raises:
        MissingExtra: boto3 is not installed.
        InvalidConfig: nobody says in which region.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError:
        raise MissingExtra("the AWS client is not installed", hint="pip install 'footfall[aws]'") from None
    patience = Config(connect_timeout=timeout_s, read_timeout=timeout_s, retries={"total_max_attempts": 1, "mode": "standard"})
    try:
        return boto3.session.Session().client(service, region_name=region, endpoint_url=endpoint, config=patience)
    except (BotoCoreError, ValueError) as problem:
        raise InvalidConfig(f"AWS: {problem}", field="region", got=region, hint="write region, or set AWS_REGION") from problem


def failed(service: str, problem: Exception) -> DeliveryFailed:
    """What the exception of a call means."""
    from botocore.exceptions import ClientError, ParamValidationError

    if isinstance(problem, ClientError):
        error = problem.response.get("Error", {})
        code, status = str(error.get("Code", "")), problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        said = plain(str(error.get("Message", "")), 200)
        return DeliveryFailed(f"{service} answers {code or status}: {said}", retryable=later(code) or status >= 500 or status == 429)
    return DeliveryFailed(f"{service}: {plain(str(problem), 200)}", retryable=not isinstance(problem, ParamValidationError))


def later(code: str) -> bool:
    """Whether an error code may go away by itself."""
    return code.rpartition(":")[2] in _LATER
