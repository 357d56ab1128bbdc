"""The senders' secrets, read from SSM at first use and each again when it is older than a minute.

All senders' that are due are read together, whoever a request claims to be from, so that the time of an
answer does not tell which senders exist.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from botocore.exceptions import ClientError

from cryptoctl.core.senders import AllowedSender
from cryptoctl.core.webhook_secrets import SecretError, SenderSecret, parse_secret
from cryptoctl.handlers import logs, parallel
from cryptoctl.handlers.clients import client, setting

MAX_AGE_S = 60.0
FAILURE_AGE_S = 5.0  # what could not be read is not asked for again at each request
MAX_OUTAGE_S = 300.0  # how old a secret may become that cannot be read again
_MAX_AT_ONCE = 8

_log = logs.logger("webhook_processor")


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretReading:
    """The last attempt to read a sender's secret; `read_at_s` is when `secret` was in the parameter."""

    secret: SenderSecret | None
    read_at_s: float
    tried_at_s: float

    @property
    def outdated(self) -> bool:
        """Whether the attempt did not give the secret, which may have been rotated since."""
        return self.secret is None or self.read_at_s != self.tried_at_s

    def accepted(self, now_ms: int) -> tuple[str, ...]:
        """The secrets that count at a moment in milliseconds since 1970; none where there is no secret."""
        return () if self.secret is None else self.secret.accepted(now_ms)

    def due(self, now_s: float) -> bool:
        """Whether it is time to read it again."""
        return not 0 <= now_s - self.tried_at_s < (FAILURE_AGE_S if self.outdated else MAX_AGE_S)

    def is_usable(self, now_s: float) -> bool:
        """Whether there is a secret that counts even if it cannot be read again now."""
        return self.secret is not None and 0 <= now_s - self.read_at_s < MAX_OUTAGE_S


_readings: dict[str, SecretReading] = {}


def current(senders: Mapping[str, AllowedSender]) -> Mapping[str, SecretReading]:
    """The secrets by sender; without those that cannot be read, or are none for their sender's scheme.

    After a failure that says nothing of the parameter (throttling, an outage) the secret that was read
    before counts on, until it is MAX_OUTAGE_S old.
    """
    # The wall clock, because a frozen execution environment's other clocks may stand still.
    now_s = time.time()
    due = [senders[name] for name in sorted(senders) if name not in _readings or _readings[name].due(now_s)]
    if due:
        client("ssm")  # making one is not safe in several threads at once, using it is
        readings = parallel.map_in_threads(lambda sender: _read(sender, now_s), due, _MAX_AT_ONCE)
        _readings.update(zip((sender.name for sender in due), readings, strict=True))
    return {name: _readings[name] for name in senders if _readings[name].secret is not None}


def forget() -> None:
    """The next request reads them anew."""
    _readings.clear()


def _read(sender: AllowedSender, now_s: float) -> SecretReading:
    parameter = f"/cryptoctl/{setting('ENVIRONMENT')}/webhook/{sender.name}"
    previous = _readings.get(sender.name)
    try:
        response = client("ssm").get_parameter(Name=parameter, WithDecryption=True)
        secret = parse_secret(response["Parameter"]["Value"])
        sender.check(secret)
    except Exception as error:
        if previous is not None and previous.is_usable(now_s) and not _is_final(error):
            extra = {"parameter": parameter, "age_s": round(now_s - previous.read_at_s)}
            _log.warning("the secret of a sender cannot be read again yet", extra=extra, exc_info=error)
            return replace(previous, tried_at_s=now_s)
        # The configuration names it, so this is ours to repair, and not for a stranger to cause. What the
        # parameter holds is no drift: neither `plan` nor `status` may read it.
        command = f"cryptoctl webhook rotate {sender.name} --replace --env {setting('ENVIRONMENT')}"
        hint = f"; a new one ends that: {command}" if isinstance(error, SecretError) else ""
        extra = {"parameter": parameter}
        _log.error("the secret of a sender cannot be read%s", hint, extra=extra, exc_info=error)
        return SecretReading(secret=None, read_at_s=now_s, tried_at_s=now_s)
    return SecretReading(secret=secret, read_at_s=now_s, tried_at_s=now_s)


def _is_final(error: Exception) -> bool:
    """Whether the secret is no longer what it was: it is gone, or replaced by what is none."""
    gone = isinstance(error, ClientError) and error.response["Error"]["Code"] == "ParameterNotFound"
    return gone or isinstance(error, SecretError)
