"""Runs functions: finds or makes an environment, keeps to the concurrency, writes the platform's log."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final

from cryptoctl.local.functions.environment import (
    OUT_OF_MEMORY,
    EnvironmentLostError,
    ExecutionEnvironment,
    InvocationOutcome,
    WriteLines,
)
from cryptoctl.local.functions.function import FunctionConfig
from cryptoctl.local.functions.platform_log import PlatformLog
from cryptoctl.local.http import ServiceError

RESPONSE_BYTES: Final[int] = 6_291_556

ENDED_LOOKED_FOR_EVERY_S = 0.02
MAX_ENVIRONMENTS = 32
"""Processes at once, of all functions. AWS has thousands; beyond this number an invocation waits its turn."""


@dataclass(kw_only=True)
class Counts:
    """What a function did since somebody last asked."""

    invocations: int = 0
    errors: int = 0
    throttles: int = 0
    durations_ms: list[float] = field(default_factory=list)
    iterator_ages_ms: list[float] = field(default_factory=list)


class Execution:
    """The environments of all functions."""

    def __init__(
        self, variables: Mapping[str, str], ports: Sequence[int], write: WriteLines, idle_s: float
    ) -> None:
        self._variables, self._ports = variables, ports
        self._write = write
        self._idle_s = idle_s
        self._idle: dict[str, list[ExecutionEnvironment]] = defaultdict(list)
        self._busy: set[ExecutionEnvironment] = set()
        self._in_flight: Counter[str] = Counter()
        self._turns = asyncio.Semaphore(MAX_ENVIRONMENTS)
        self._counts: dict[tuple[str, str], Counts] = defaultdict(Counts)
        self._ending = False

    async def run(
        self, function: FunctionConfig, request_id: str, payload: str, qualifier: str = ""
    ) -> InvocationOutcome:
        """One invocation. Raises ServiceError where the function is at its concurrency, or at the end."""
        if self._ending:  # nobody takes it for an attempt, and a client tries again
            raise ServiceError("TooManyRequestsException", "The embedded engine ends.", status=429)
        async with self._slot(function), self._turns:
            began = time.monotonic()
            outcome = await self._run(function, request_id, payload, function.invoked_arn(qualifier))
        counts = self._counts[function.region, function.name]
        counts.invocations += 1
        counts.errors += outcome.error
        counts.durations_ms.append((time.monotonic() - began) * 1000)
        return outcome

    @asynccontextmanager
    async def _slot(self, function: FunctionConfig) -> AsyncIterator[None]:
        if function.reserved is not None and self._in_flight[function.arn] >= function.reserved:
            self._counts[function.region, function.name].throttles += 1
            raise ServiceError(
                "TooManyRequestsException",
                "Rate Exceeded.",
                status=429,
                Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
                Type="User",
            )
        self._in_flight[function.arn] += 1
        try:
            yield
        finally:
            self._in_flight[function.arn] -= 1

    async def _run(
        self, function: FunctionConfig, request_id: str, payload: str, invoked_arn: str
    ) -> InvocationOutcome:
        environment = self._warm(function) or ExecutionEnvironment(
            function, self._variables, self._ports, self._write
        )
        self._busy.add(environment)
        log = PlatformLog(function, request_id, environment.write_lines)
        healthy = False
        began = time.monotonic()
        try:
            if environment.cold:
                log.init()
                log.init_ms = await environment.start()
                environment.cold = False
            log.start()
            began = time.monotonic()
            outcome = within_limit(await environment.invoke(request_id, payload, invoked_arn))
            healthy = outcome.error_type not in ("Runtime.ImportModuleError", "Runtime.HandlerNotFound")
            log.memory_used_mb = environment.memory_used_mb() or function.memory_mb
            log.report((time.monotonic() - began) * 1000, "error" if outcome.error else "success")
        except EnvironmentLostError as error:
            outcome = _lost_outcome(str(error), function, request_id, environment)
            status = "timeout" if outcome.error_type == "Sandbox.Timedout" else "error"
            log.environment_lost(outcome.error_type, str(error), (time.monotonic() - began) * 1000, status)
        finally:
            self._busy.discard(environment)
            if healthy:
                self._idle[function.arn].append(environment)
            else:
                environment.close()
        return outcome

    def take_counts(self) -> dict[tuple[str, str], Counts]:
        """What functions did since this was last asked, by region and name."""
        counts, self._counts = self._counts, defaultdict(Counts)
        return counts

    def note_iterator_age(self, region: str, name: str, age_ms: float) -> None:
        """Takes the age of the last record of a stream batch that the function is done with."""
        self._counts[region, name].iterator_ages_ms.append(age_ms)

    def _warm(self, function: FunctionConfig) -> ExecutionEnvironment | None:
        """An idle environment of the function as it is now; those of an earlier configuration go."""
        idle = self._idle[function.arn]
        while idle:
            environment = idle.pop()
            if environment.function.key == function.key and environment.alive():
                return environment
            environment.close()
        return None

    async def end_those_out_of_memory(self) -> None:
        """Ends the environments that take more memory than their function may have."""
        for environment in self._busy:
            environment.end_if_out_of_memory()

    def retire_idle(self) -> None:
        """Takes down environments that were not used for a while, all but the last of a function."""
        oldest = time.monotonic() - self._idle_s
        for idle in self._idle.values():
            while len(idle) > 1 and idle[0].used_at < oldest:
                idle.pop(0).close()

    def discard(self, arn: str) -> None:
        """Takes down the idle environments of a function that is no more."""
        for environment in self._idle.pop(arn, []):
            environment.close()

    async def end(self, within_s: float) -> None:
        """Runs nothing any more, and gives the invocations under way this long."""
        self._ending = True
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._in_flight.total():
                    await asyncio.sleep(ENDED_LOOKED_FOR_EVERY_S)

    def close(self) -> None:
        """Ends every environment."""
        for environment in [*self._busy, *(warm for idle in self._idle.values() for warm in idle)]:
            environment.close()
        self._idle.clear()


def within_limit(outcome: InvocationOutcome) -> InvocationOutcome:
    """The outcome, or in its place the error of a response that is larger than Lambda hands on."""
    if len(outcome.payload.encode()) <= RESPONSE_BYTES:
        return outcome
    kind = "Function.ResponseSizeTooLarge"
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES} bytes)."
    payload = json.dumps({"errorMessage": message, "errorType": kind})
    return replace(outcome, payload=payload, error=True, error_type=kind)


def _lost_outcome(
    cause: str, function: FunctionConfig, request_id: str, environment: ExecutionEnvironment
) -> InvocationOutcome:
    if cause == "timeout":
        kind, reason = "Sandbox.Timedout", f"Task timed out after {function.timeout_s:.2f} seconds"
    else:
        kind = "Runtime.OutOfMemory" if cause == OUT_OF_MEMORY else "Runtime.ExitError"
        reason = f"Runtime exited with error: {cause}"
    payload = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {reason}"}
    return InvocationOutcome(
        payload=json.dumps(payload), error=True, error_type=kind, log_tail=environment.log_tail
    )
