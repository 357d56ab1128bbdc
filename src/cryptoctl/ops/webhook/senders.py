"""The configured senders, the address they send to, and what came from each of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.errors import InputError
from cryptoctl.ops.environments import not_deployed
from cryptoctl.ops.logs import Line, function_lines
from cryptoctl.ops.times import DAY_MS, HOUR_MS
from cryptoctl.provisioners.log_group import NOT_FOUND
from cryptoctl.stack import Stack
from cryptoctl.webhook_settings import SenderSettings

UNKNOWN = "unknown"
# To the letter, as the functions write their lines; other text has its quotes escaped.
TERMS = r'?"\"sender\":\"" ?"\"Unauthorized\":"'

_ENGINE_HOST = re.compile(r"^http://([a-z0-9]+)\.lambda-url\.[a-z0-9-]+\.localhost:(\d+)/")


@dataclass(frozen=True, kw_only=True)
class SenderActivity:
    """A sender, and what the logs say of it; `refused` counts the 401s of the last hour, and
    `last_refusal` says why the last of them was one, at `last_refused_ms`.

    `last_accepted_ms` is None where nothing came for as long as logs are kept. The name "unknown" is that
    of requests that name no sender.
    """

    name: str
    scheme: str
    preset: str | None
    sources: tuple[str, ...]
    last_accepted_ms: int | None
    refused: int
    last_refused_ms: int | None
    last_refusal: str | None


def find_sender(stack: Stack, name: str) -> SenderSettings:
    """The sender of the configuration. Raises Failure (USAGE) where there is none of that name."""
    senders = stack.config.webhook.senders
    if name in senders:
        return senders[name]
    environment = stack.scope.environment
    existing = f"it has: {', '.join(senders)}" if senders else "it has none"
    raise InputError(
        f"There is no sender {name!r} in the configuration of {environment} ({existing}).",
        f"Add [env.{environment}.webhook.senders.NAME] to cryptoctl.toml, then run `cryptoctl up`.",
    )


def webhook_address(aws: Aws, stack: Stack) -> str:
    """The address, which ends in a slash. Raises Failure where there is none.

    That of the embedded engine is the one by a path, since not every client resolves names under localhost.
    """
    url = stack.webhook_url
    observed = url.observe_or_fail(aws) if url is not None else None
    if observed is None:
        raise not_deployed(aws, stack.scope, "address of the webhook")
    return _ENGINE_HOST.sub(r"http://127.0.0.1:\2/_aws/lambda-url/\1/", str(observed.outputs["FunctionUrl"]))


def activity(aws: Aws, stack: Stack, now_ms: int) -> list[SenderActivity]:
    """What came from each sender, in the configuration's order, then what came from nobody known."""
    accepted: dict[str, int] = {}
    refused: Counter[str] = Counter()
    last: dict[str, tuple[int, str]] = {}
    for line in _lines(aws, stack, now_ms - HOUR_MS, TERMS):
        fields = line.fields
        if "Unauthorized" in fields:
            name, reasons = str(fields.get("Sender")), fields.get("reasons") or ()
            refused[name] += 1
            last[name] = max(last.get(name, (0, "")), (line.time_ms, "; ".join(map(str, reasons))))
        elif _accepted(fields):
            name = str(fields["sender"])
            accepted[name] = max(accepted.get(name, 0), line.time_ms)
    senders = stack.config.webhook.senders
    for name in [key for key in senders if key not in accepted]:
        kept_days = stack.config.retention_days
        since_ms = 0 if kept_days is None else now_ms - kept_days * DAY_MS
        lines = _lines(aws, stack, since_ms, rf'"\"sender\":\"{name}\""')
        if last_ms := max((line.time_ms for line in lines if _accepted(line.fields)), default=None):
            accepted[name] = last_ms

    def sender_activity(name: str, sender: SenderSettings | None) -> SenderActivity:
        keys = {} if sender is None else sender.with_preset()
        last_refused_ms, reason = last.get(name, (None, ""))
        return SenderActivity(
            name=name,
            scheme=keys.get("scheme", ""),
            preset=None if sender is None else sender.preset,
            sources=tuple(keys.get("sources", ())),
            last_accepted_ms=None if sender is None else accepted.get(name),
            refused=refused[name],
            last_refused_ms=last_refused_ms,
            last_refusal=reason or None,
        )

    return [*(sender_activity(*pair) for pair in senders.items()), sender_activity(UNKNOWN, None)]


def _lines(aws: Aws, stack: Stack, since_ms: int, pattern: str) -> Iterator[Line]:
    """The webhook processor's, read as they are looked at: of an attack there may be millions."""
    try:
        yield from function_lines(aws, stack.webhook, since_ms, pattern=pattern)
    except AwsError as error:
        if error.code != NOT_FOUND:
            raise
        raise not_deployed(aws, stack.scope, str(stack.webhook.log_group)) from error


def _accepted(fields: Mapping[str, Any]) -> bool:
    """Whether a line tells of a sender's request of which some price was stored, now or before."""
    return "sender" in fields and bool(fields.get("stored") or fields.get("duplicate"))
