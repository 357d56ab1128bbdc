"""What can be set on the embedded engine."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Settings of the engine; the defaults are AWS's own behaviour.

    `async_retry_delays_s`: how long a failed asynchronous invocation waits before its second and third
    attempt. `save_every_s`: how often changed state is written to disk. `idle_environment_s`: after how
    long an unused execution environment of a function is taken down. `function_pending_s`: how long a
    function is Pending once it is created, and InProgress once it is changed. `function_ports`: ports of
    this machine that functions may connect to, besides the engine's.
    """

    async_retry_delays_s: tuple[float, ...] = (60.0, 120.0)
    save_every_s: float = 2.0
    idle_environment_s: float = 300.0
    function_pending_s: float = 0.5
    function_ports: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.async_retry_delays_s) != 2:
            raise ValueError("async_retry_delays_s: two delays are needed, AWS makes at most two retries")
        if not all(_is_duration(delay) for delay in self.async_retry_delays_s):
            raise ValueError("async_retry_delays_s: each delay is a number of seconds, 0 or more")
        if not (_is_duration(self.save_every_s) and self.save_every_s >= 0.1):
            raise ValueError("save_every_s: a number of seconds, 0.1 or more")
        if not (_is_duration(self.idle_environment_s) and self.idle_environment_s >= 1):
            raise ValueError("idle_environment_s: a number of seconds, 1 or more")
        if not _is_duration(self.function_pending_s):
            raise ValueError("function_pending_s: a number of seconds, 0 or more")

    def changes_from(self, others: EngineOptions) -> list[str]:
        """What differs from other options, for a person: `name: theirs → ours`."""
        theirs, ours = asdict(others), asdict(self)
        return [f"{name}: {theirs[name]} → {ours[name]}" for name in ours if theirs[name] != ours[name]]

    def to_json(self) -> str:
        """These options as text, for the engine's own process."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> EngineOptions:
        """The options that `to_json` wrote. Raises ValueError where it did not write this."""
        fields = json.loads(text)
        try:
            lists = {name: tuple(fields[name]) for name in ("async_retry_delays_s", "function_ports")}
            return EngineOptions(**{**fields, **lists})
        except (TypeError, KeyError) as error:
            raise ValueError(f"no options: {text}") from error


def _is_duration(value: float) -> bool:
    return math.isfinite(value) and value >= 0
