"""The senders' secrets, read from SSM at first use and again when they are older than a minute.

All senders' are read together, whoever a request claims to be from, so that the time of an answer does not
tell which senders exist.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptoctl.core.senders import AllowedSender
from cryptoctl.core.webhook_secrets import SenderSecret, parse_secret
from cryptoctl.handlers import logs, side_by_side
from cryptoctl.handlers.clients import parameter_client, setting

LONGEST_AGE_S = 60.0
FAILURE_AGE_S = 5.0  # what could not be read is not asked for again at each request
_MOST_AT_ONCE = 8

_log = logs.logger("webhook_processor")


@dataclass(slots=True)
class _Cache:
    secrets: Mapping[str, SenderSecret] = field(default_factory=dict)
    read_at_s: float = 0.0
    lifetime_s: float = 0.0


_cache = _Cache()


def current(senders: Mapping[str, AllowedSender]) -> Mapping[str, SenderSecret]:
    """The secrets by sender; without those that cannot be read, or are none for their sender's scheme."""
    # The wall clock, because a frozen execution environment's other clocks may stand still.
    age_s = time.time() - _cache.read_at_s
    if not 0 <= age_s < _cache.lifetime_s:
        _read([senders[name] for name in sorted(senders)])
    return _cache.secrets


def forget() -> None:
    """The next request reads them anew."""
    _cache.lifetime_s = 0.0
    _cache.secrets = {}


def _read(senders: list[AllowedSender]) -> None:
    parameter_client()  # making one is not safe in several threads at once, using it is
    found = list(zip(senders, side_by_side.run(_one, senders, _MOST_AT_ONCE), strict=True))
    _cache.secrets = {sender.name: secret for sender, secret in found if secret is not None}
    _cache.lifetime_s = LONGEST_AGE_S if len(_cache.secrets) == len(senders) else FAILURE_AGE_S
    _cache.read_at_s = time.time()


def _one(sender: AllowedSender) -> SenderSecret | None:
    name = f"/cryptoctl/{setting('ENVIRONMENT')}/webhook/{sender.name}"
    try:
        answer = parameter_client().get_parameter(Name=name, WithDecryption=True)
        secret = parse_secret(answer["Parameter"]["Value"])
        sender.check(secret)
    except Exception as error:
        # The configuration names it, so this is ours to repair, and not for a stranger to cause.
        _log.error("the secret of a sender cannot be read", extra={"parameter": name}, exc_info=error)
        return None
    return secret
