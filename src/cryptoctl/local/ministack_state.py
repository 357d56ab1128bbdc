"""ministack's state on disk: writing it, and what is to be known of what an earlier run has written.

Part of what cryptoctl knows of ministack's inside (ministack_adapter.py).
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptoctl.local.private_files import replace_private

_CODE_DIGEST: Final = re.compile(r'"CodeSha256": "([^"]*)"')
_REGION: Final = re.compile(r"\b[a-z]{2}-[a-z]+-[1-9]\b")

# The files in which the state of its services is; what else ministack has imported has none that changes.
# Queues last: their messages are kept elsewhere until all is written, and a kill in between has them twice.
STATE_FILES: Final[tuple[str, ...]] = (
    "cloudwatch",
    "cloudwatch_logs",
    "dynamodb",
    "dynamodb_streams",
    "iam",
    "kms",
    "lambda",
    "lambda_core",
    "lambda_durable",
    "sns",
    "ssm",
    "sts",
    "tagging",
    "sqs",
)

# What a request to a service may change, by the name that signatures have for it; to any other, everything.
STATE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "dynamodb": ("dynamodb", "dynamodb_streams"),
    "iam": ("iam",),
    "kms": ("kms",),
    "lambda": ("lambda", "lambda_core", "lambda_durable"),
    "logs": ("cloudwatch_logs",),
    "monitoring": ("cloudwatch",),
    "sns": ("sns",),
    "sqs": ("sqs",),
    "ssm": ("ssm",),
}

# CloudWatch's state but for the metrics.
CLOUDWATCH_PARTS: Final[tuple[str, ...]] = (
    "alarms",
    "composite_alarms",
    "composite_triggers",
    "alarm_history",
    "dashboards",
    "resource_tags",
)


class StateFiles:
    """ministack's state on disk, a file a service. Each service is written when it is no longer as it was.

    CloudWatch's metrics grow with every minute and every invocation, and would be most of what each change
    has to write: they are written as they were when they were last asked for.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: dict[str, str] = {}
        self._metrics: str | None = None

    def save(self, service: str = "", *, metrics: bool = False) -> None:
        """Writes what has changed, as ministack does when it ends; `metrics`: these too. Raises OSError.

        After a request to a `service`, only what that may have changed is looked at.
        """
        app = importlib.import_module("ministack.app")
        states = app._build_persistence_save_dict()  # noqa: SLF001 (there is no public way)
        for name in STATE_OF.get(service, STATE_FILES):
            if name in states:
                content = self._cloudwatch(metrics) if name == "cloudwatch" else _text(states[name]())
                if content != self._written.get(name):
                    self._write(name, content)
                    self._written[name] = content

    def _cloudwatch(self, metrics: bool) -> str:
        service = importlib.import_module("ministack.services.cloudwatch")
        if metrics or self._metrics is None:
            self._metrics = _text(service._metrics)  # noqa: SLF001 (its get_state copies every metric)
        parts = _text({part: getattr(service, f"_{part}") for part in CLOUDWATCH_PARTS})
        return f'{{"metrics": {self._metrics}, {parts[1:]}'

    def _write(self, name: str, content: str) -> None:
        persistence = importlib.import_module("ministack.core.persistence")
        version = persistence._state_format_version(name)  # noqa: SLF001 (there is no public way)
        file = self._directory / f"{name}.json"
        temporary_file = file.with_name(f"{file.name}.tmp")
        self._directory.mkdir(exist_ok=True)
        try:
            temporary_file.write_text(f'{{"__ministack_format__": {version}, "payload": {content}}}')
            temporary_file.replace(file)
        except BaseException:
            temporary_file.unlink(missing_ok=True)
            raise


def _text(state: object) -> str:
    persistence = importlib.import_module("ministack.core.persistence")
    return json.dumps(state, default=persistence._json_default)  # noqa: SLF001 (there is no public way)


def finish_interrupted_updates(state: Path) -> None:
    """Finishes, in the saved state, what functions were in the middle of when the engine was killed.

    ministack finishes it by a timer, and the timer ended with the process: they would be Pending for ever.
    """
    file = state / "lambda.json"
    if file.exists():
        text = file.read_text(encoding="utf-8")
        new_text = text.replace('"State": "Pending"', '"State": "Active"')
        new_text = new_text.replace('"LastUpdateStatus": "InProgress"', '"LastUpdateStatus": "Successful"')
        if new_text != text:
            replace_private(file, new_text)


def state_fault(service: str, content: bytes) -> str:
    """Why ministack would begin empty instead of reading this file of its state; empty where it reads it."""
    try:
        state = json.loads(content)
    except (ValueError, RecursionError) as error:
        return f"damaged ({error})"
    if not isinstance(state, dict) or not isinstance(state.get("payload"), dict):
        return "damaged (there is no state in it)"
    persistence = importlib.import_module("ministack.core.persistence")
    current_version = persistence._state_format_version(service)  # noqa: SLF001 (there is no public way)
    version = state.get("__ministack_format__")
    known_version = type(version) is int and 1 <= version <= current_version
    return "" if known_version else "written by another version of ministack"


def saved_regions(state: Path) -> set[str]:
    """The regions in which ministack's saved state has tables or log groups."""
    regions: set[str] = set()
    for name in ("dynamodb.json", "cloudwatch_logs.json"):
        file = state / name
        if file.exists():
            regions |= set(_REGION.findall(file.read_text(encoding="utf-8")))
    return regions


def saved_code_digests(state: Path) -> set[str]:
    """The CodeSha256 of every function, of all its versions, in ministack's saved state."""
    file = state / "lambda.json"
    return set(_CODE_DIGEST.findall(file.read_text(encoding="utf-8"))) if file.exists() else set()
