"""What cryptoctl knows of ministack's inside, with ministack_state.py and ministack_expressions.py.

Pinned to one version. Everything else speaks to ministack through AWS's public APIs. A newer version is tried
by changing VERSION and running the tests of this directory.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import ParseError, fromstring
from xml.sax.saxutils import unescape

from cryptoctl.local.http import ACCOUNT, HttpResponse, ServiceError, error_of, internal_failure
from cryptoctl.local.metric_points import MINUTE_S, compacted

VERSION: Final[str] = "1.5.33"

SERVICES: Final[tuple[str, ...]] = (
    "dynamodb",
    "dynamodbstreams",
    "iam",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "sns",
    "sqs",
    "ssm",
    "sts",
    "tagging",
)
"""What is served. Services that would open ports or start containers of their own are not among them."""

_XML_ERROR = re.compile(rb"<Code>([^<]*)</Code>\s*<Message>(.*)</Message>", re.DOTALL)
_SERVICES = ("sts", "kms", "iam", "lambda_svc", "sqs", "sns", "cloudwatch_logs", "dynamodb", "tagging")


def configure(state: Path, scratch: Path, port: int) -> None:
    """Sets the variables ministack reads while it is imported. Must come before `load_app`."""
    os.environ.update(
        {
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state),
            "S3_DATA_DIR": str(scratch / "s3"),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "SERVICES": ",".join(SERVICES),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LOG_LEVEL": "WARNING",
            # ministack removes containers of its own kind when it starts and stops; this engine has none,
            # and the user's are not ours to touch.
            "DOCKER_HOST": f"unix://{scratch / 'no-docker.sock'}",
        }
    )


def load_app() -> Any:
    """ministack's ASGI application, its documented way in."""
    return importlib.import_module("ministack.app").app


def load_services(function_pending_s: float) -> None:
    """Imports what the pipeline uses of ministack, which would otherwise be imported at the first request."""
    functions: Any = importlib.import_module("ministack.services.lambda_svc")
    functions._LAMBDA_STATE_TRANSITION_DELAY = function_pending_s  # noqa: SLF001 (there is no public way)
    for name in _SERVICES:
        importlib.import_module(f"ministack.services.{name}")


def patch_metrics() -> None:
    """Replaces two functions of ministack's CloudWatch.

    Its evaluation of alarms runs inside PutMetricData and takes the metrics of all dimensions together:
    nothing else keeps it from having an alarm act wrongly. And at each request it copies every value of two
    weeks, to leave out those that are older.
    """
    service: Any = importlib.import_module("ministack.services.cloudwatch")
    if not callable(service._evaluate_alarm) or not callable(service._evict_old_metrics):  # noqa: SLF001
        raise TypeError("ministack's _evaluate_alarm and _evict_old_metrics")  # they must be there
    service._evaluate_alarm = lambda _alarm: None  # noqa: SLF001
    service._evict_old_metrics = _MetricsKeeper(service._metrics, service.TWO_WEEKS_SECONDS).work  # noqa: SLF001


def patch_topics(deliver: Callable[[str, str], None]) -> None:
    """Replaces two functions of ministack's SNS, so that `deliver` takes what topics send to functions.

    `deliver` is given the function's ARN and the event's JSON text, before the publisher has its answer.
    ministack begins a thread for each message: what that has not handed over when the engine ends is lost,
    and what a function fails at is not tried again.
    """
    topics: Any = importlib.import_module("ministack.services.sns")
    fan_out, to_text, build = topics._fanout, topics._resolve_message_for_protocol, topics._build_envelope  # noqa: SLF001
    if not callable(topics._deliver_to_lambda):  # noqa: SLF001
        raise TypeError("ministack's _deliver_to_lambda")  # it must be there

    def fan_out_durably(
        topic: str,
        message_id: str,
        message: str,
        subject: str,
        message_structure: str = "",
        message_attributes: Mapping[str, Mapping[str, str]] | None = None,
        **more: str,
    ) -> None:
        attributes = message_attributes or {}
        text = to_text(message, message_structure, "lambda")
        stored_topic = topics._topic_by_arn_any_scope(topic)  # noqa: SLF001 (there is no public way)
        for subscription in stored_topic["subscriptions"] if stored_topic else ():
            fits = topics._matches_filter_policy(subscription, attributes, text)  # noqa: SLF001
            if subscription["protocol"] == "lambda" and fits:
                notification = build(topic, message_id, text, subject, attributes, False)
                record = {
                    "EventVersion": "1.0",
                    "EventSubscriptionArn": subscription["arn"],
                    "EventSource": "aws:sns",
                    "Sns": json.loads(notification),
                }
                deliver(subscription["endpoint"], json.dumps({"Records": [record]}))
        # Last: of what could not be kept, which its publisher sends again, no queue has a copy yet.
        fan_out(topic, message_id, message, subject, message_structure, attributes, **more)

    topics._fanout = fan_out_durably  # noqa: SLF001
    topics._deliver_to_lambda = lambda *_: None  # noqa: SLF001


def extend_tag_index(mapping_tags: Callable[[str], Mapping[str, Mapping[str, str]]]) -> None:
    """Has ministack's tag index list alarms, parameters, log groups and stream mappings too, as AWS's does.

    `mapping_tags` gives the tags of a region's stream mappings, which are the engine's own, by ARN.
    """
    index: Any = importlib.import_module("ministack.services.tagging")
    responses: Any = importlib.import_module("ministack.core.responses")

    def index_entries(tags_by_arn: Mapping[str, Mapping[str, str]]) -> list[tuple[str, list[dict[str, str]]]]:
        tagged = ((arn, tags) for arn, tags in tags_by_arn.items() if tags)
        return [(arn, [{"Key": key, "Value": value} for key, value in tags.items()]) for arn, tags in tagged]

    def log_groups() -> list[tuple[str, list[dict[str, str]]]]:
        logs: Any = importlib.import_module("ministack.services.cloudwatch_logs")
        groups = logs._log_groups.values()  # noqa: SLF001 (there is no public way)
        return index_entries({group["arn"].removesuffix(":*"): group["tags"] for group in groups})

    def alarms() -> list[tuple[str, list[dict[str, str]]]]:
        service: Any = importlib.import_module("ministack.services.cloudwatch")
        tags_by_arn = service._resource_tags.items()  # noqa: SLF001 (there is no public way)
        prefix = f"arn:aws:cloudwatch:{responses.get_region()}:{ACCOUNT}:alarm:"
        return index_entries({arn: tags for arn, tags in tags_by_arn if arn.startswith(prefix)})

    def functions_and_mappings() -> list[tuple[str, list[dict[str, str]]]]:
        mappings = index_entries(mapping_tags(responses.get_region()))
        return [*index._collect_lambda(), *mappings]  # noqa: SLF001 (there is no public way)

    # By the service, as a request may choose them.
    index._COLLECTORS |= {  # noqa: SLF001
        "cloudwatch": alarms,
        "lambda": functions_and_mappings,
        "logs": log_groups,
        "ssm": index._collect_ssm,  # noqa: SLF001
    }


class _MetricsKeeper:
    """Once a minute and region, at a request: puts points together, and drops those that are too old."""

    def __init__(self, metrics: Any, kept_s: float) -> None:
        self._metrics = metrics
        self._kept_s = kept_s
        self._due_s: dict[object, float] = {}

    def work(self) -> None:
        """Looks after the account and region of the present request."""
        scope, now_s = self._metrics._prefix(), time.time()  # noqa: SLF001 (there is no public way)
        if now_s < self._due_s.get(scope, 0.0):
            return
        minute_s = now_s // MINUTE_S * MINUTE_S
        self._due_s[scope] = minute_s + MINUTE_S
        for key, points in list(self._metrics.items()):
            if remaining := compacted(points, oldest_s=now_s - self._kept_s, until_s=minute_s):
                self._metrics[key] = remaining
            else:
                del self._metrics[key]


def unshaped_error(response: HttpResponse, service: str) -> ServiceError | None:
    """An answer that not every client can read: in JSON whatever the protocol, or XML that is not escaped."""
    if response.status == 500 and b'"InternalError"' in response.body:
        return internal_failure(error_of(response).message)
    if response.body.startswith(b'{"error": "Unsupported service'):
        return ServiceError("UnknownOperationException", f"The embedded engine does not have {service}.")
    if response.status >= 400 and (error := _XML_ERROR.search(response.body)) and not _is_xml(response.body):
        code, message = (part.decode("utf-8", "replace") for part in error.groups())
        return ServiceError(code, unescape(message), status=response.status)
    return None


def _is_xml(body: bytes) -> bool:
    try:
        fromstring(body)  # noqa: S314 (ministack's own)
    except ParseError:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class UrlTarget:
    """A function URL. `signed`: its AuthType is AWS_IAM. `cors`: its CORS configuration, perhaps empty."""

    id: str
    region: str
    function: str
    qualifier: str
    signed: bool
    cors: Mapping[str, Any]


def find_function_url(url_id: str) -> UrlTarget | None:
    """The function URL with this id, or None."""
    description = importlib.import_module("ministack.services.lambda_svc").resolve_function_url(url_id)
    if description is None:
        return None
    _, region, function, qualifier, configuration = description
    return UrlTarget(
        id=url_id,
        region=region,
        function=function,
        qualifier=qualifier or "",
        signed=configuration.get("AuthType") != "NONE",
        cors=configuration.get("Cors") or {},
    )


def policy_lets_through(
    subscription: Mapping[str, str], attributes: Mapping[str, Mapping[str, str]], text: str
) -> bool:
    """Whether a subscription's filter policy lets a message through, by ministack's own rules."""
    topics: Any = importlib.import_module("ministack.services.sns")
    return bool(topics._matches_filter_policy({"attributes": subscription}, attributes, text))  # noqa: SLF001


async def serve_lifespan(app: Any, body: Callable[[], Awaitable[None]]) -> None:
    """Starts ministack, runs `body`, then has ministack save its state and end."""
    incoming: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outgoing: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    task = asyncio.create_task(
        app({"type": "lifespan", "asgi": {"version": "3.0"}}, incoming.get, outgoing.put)
    )
    await incoming.put({"type": "lifespan.startup"})
    await outgoing.get()
    try:
        await body()
    finally:
        await incoming.put({"type": "lifespan.shutdown"})
        await task


def redirect_invocations(function_name: str, url: str) -> None:
    """Has ministack send every invocation of a function to a URL instead of running it."""
    os.environ[f"MINISTACK_LAMBDA_PROXY_{function_name}"] = url
