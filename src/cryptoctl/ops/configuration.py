"""Every key of the configuration with its present value and where that comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cryptoctl import env_vars
from cryptoctl.session import Session
from cryptoctl.settings import SENDER, DocumentedKey, documented_keys
from cryptoctl.settings_file import locate, parse

_OPTIONS = {
    "default_env": "environment",
    "env.NAME.target": "target",
    "env.NAME.profile": "profile",
    "env.NAME.region": "region",
}


@dataclass(frozen=True, kw_only=True)
class ConfiguredKey:
    """A key as it stands: `source` names what sets it."""

    key: str
    value: Any
    source: str
    default: Any
    meaning: str


def configured_keys(session: Session) -> Iterator[ConfiguredKey]:
    """Every key, those of an environment for this one. Raises Failure for a file that is not valid."""
    path = locate(session.options.config)
    in_file = parse(path) if path is not None else {}
    for documented in _with_each_sender(session):
        key = replace(documented, name=documented.name.replace("NAME", session.environment, 1))
        for value, source in _values(session, documented.name, in_file, str(path)):
            if value is not None:
                yield _configured_key(key, value, source)
                break
        else:
            yield _configured_key(key, documented.default, "default")


def default_keys() -> Iterator[ConfiguredKey]:
    """Every key with its default, for a file that cannot be read."""
    for documented in documented_keys():
        yield _configured_key(documented, documented.default, "default")


def _configured_key(documented: DocumentedKey, value: Any, source: str) -> ConfiguredKey:
    return ConfiguredKey(
        key=documented.name,
        value=value,
        source=source,
        default=documented.default,
        meaning=documented.meaning,
    )


def _with_each_sender(session: Session) -> Iterator[DocumentedKey]:
    """Every key; those of a sender once for each configured sender, in the file's order."""
    keys = list(documented_keys())
    sender_keys = [key for key in keys if SENDER in key.name.split(".")]
    yield from (key for key in keys if key not in sender_keys)
    for sender in session.config.webhook.senders or (SENDER,):
        for key in sender_keys:
            yield replace(key, name=key.name.replace(f".{SENDER}.", f".{sender}."))


def _values(session: Session, name: str, in_file: Mapping[str, Any], path: str) -> Iterator[tuple[Any, str]]:
    """What each place that may set a key has of it, in the order in which they count; None: nothing."""
    if name in _OPTIONS:
        yield getattr(session.options, _OPTIONS[name]), "command line"
    if name == "default_env":
        yield env_vars.environment(), "CRYPTOCTL_ENV"
    yield _value_in(in_file, name.replace("NAME", session.environment, 1)), path
    if name == "env.NAME.target" and session.last_location is not None:
        yield session.last_location.target, "the last `up`"


def _value_in(document: Mapping[str, Any], name: str) -> Any:
    value: Any = document
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
