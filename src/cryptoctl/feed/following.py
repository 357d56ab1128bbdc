"""Following several symbols at once, and sending what comes of them, one request after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.aws_errors import AwsError
from cryptoctl.core.prices import Rejected
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.feed.batching import MAX_PRICES, Batching, shares
from cryptoctl.feed.followed_symbol import FollowedSymbol, TradeSourceError
from cryptoctl.feed.trade import Trade
from cryptoctl.files.outgoing import OutgoingPrice, outgoing
from cryptoctl.ops.sending import DIFFERING, DUPLICATE, STORED
from cryptoctl.reconcile.async_retry import AsyncClock, doubling
from cryptoctl.wording import pluralize

POLL_EVERY_S = 0.05
FIRST_PAUSE_S, MAX_PAUSE_S = 0.5, 30.0
# At the end, what was received is sent for so long at most.
ENDING_S = 30.0
MAX_REFUSALS_KEPT = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedTrade:
    """A trade that is not accepted, and why."""

    line: FollowedSymbol
    trade: Trade
    reason: str


# As ops.sending.send_batch gives what became of each price. It blocks.
Send = Callable[[Sequence[OutgoingPrice]], Sequence[str]]


@dataclass(kw_only=True)
class Feed:
    """All that is followed. `run` ends when it is stopped, or raises Failure, AwsError."""

    lines: list[FollowedSymbol]
    send: Send
    clock: AsyncClock
    stop: asyncio.Event
    now_ms: Callable[[], int]
    notify: Callable[[str], None] = lambda _: None
    """is told what does not work, once each time"""
    opening: Sequence[Coroutine[Any, Any, Sequence[FollowedSymbol]]] = ()
    """further lines, each as soon as they are there; among `lines` they are in this order"""
    sending: str = ""
    """what sending failed with last; empty while it works"""
    refusals: list[RefusedTrade] = field(default_factory=list)
    in_flight: Sequence[tuple[FollowedSymbol, Trade]] = ()
    """those of the request that has no answer yet"""

    @property
    def unsent(self) -> Sequence[tuple[FollowedSymbol, Trade]]:
        """What was received and is not acknowledged."""
        return [*self.in_flight, *((line, trade) for line in self.lines for trade in line.tape.ready)]

    async def run(self) -> None:
        """Follows and sends until `stop` is set; then sends what was received."""
        opening, initial = [asyncio.ensure_future(coro) for coro in self.opening], list(self.lines)
        tasks, ended = _tasks(self.lines), ""
        sender = asyncio.ensure_future(self._send_all())
        stopped = asyncio.ensure_future(self.stop.wait())
        waiting: set[asyncio.Future[Any]] = {sender, stopped, *opening, *tasks}
        try:
            while not stopped.done() and not sender.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for future in done - {stopped}:
                    error = future.exception()
                    if error is None:
                        continue
                    if not isinstance(error, TradeSourceError):
                        await self._end([*opening, *tasks], sender)
                        raise error
                    tasks[future].ended = error.message
                    ended = f"{tasks[future].source}: {error.message}"
                for future in done.intersection(opening):
                    new_tasks = _tasks(future.result())
                    tasks |= new_tasks
                    waiting.update(new_tasks)
                for future in [task for task in waiting if task in tasks and tasks[task].ended]:
                    future.cancel()
                    waiting.discard(future)
                if ended and waiting <= {sender, stopped} and not self.stop.is_set():
                    await self._end(list(tasks), sender)
                    raise Failure(
                        ExitCode.FAILED,
                        f"The feed cannot go on: {ended}.",
                        "Asking again is of no use: see what the exchange says, or leave that symbol out.",
                    )
                opened = [line for future in opening if future not in waiting for line in future.result()]
                self.lines[:] = [*initial, *opened]
            await self._end([*opening, *tasks], sender)
        finally:
            for task in (*opening, *tasks, sender, stopped):
                task.cancel()

    async def _end(self, tasks: Sequence[asyncio.Future[Any]], sender: asyncio.Future[None]) -> None:
        self.stop.set()
        had_ended = sender.done()
        pending = len(self.unsent)
        if pending and not had_ended:
            self.notify(
                f"Stopping: {pluralize(pending, 'price')} received before now will be sent first, for "
                f"{ENDING_S:.0f} s at most. Press Ctrl-C again to stop at once."
            )
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        over = asyncio.Event()
        sender.add_done_callback(lambda _: over.set())
        in_time = await self.clock.sleep(ENDING_S, over)
        if not in_time:
            # A request hangs, or there are more of them than there is time for.
            self.sending = self.sending or f"{ENDING_S:.0f} s were not enough."
        elif not had_ended:
            sender.result()

    async def _send_all(self) -> None:
        batching, executor = Batching(), ThreadPoolExecutor(1, "send")
        try:
            while True:
                ending = self.stop.is_set()
                waiting = sum(len(line.tape.ready) for line in self.lines)
                if batching.due(waiting, self.clock.now_s(), ending=ending):
                    await self._send_some(executor)
                elif ending:
                    return
                else:
                    await self.clock.sleep(POLL_EVERY_S, self.stop)
        finally:
            executor.shutdown(wait=False)

    async def _send_some(self, executor: ThreadPoolExecutor) -> None:
        counts = shares([len(line.tape.ready) for line in self.lines], MAX_PRICES)
        taken = [
            (line, trade)
            for line, count in zip(self.lines, counts, strict=True)
            for trade in line.tape.take(count)
        ]
        prices: list[tuple[FollowedSymbol, Trade, OutgoingPrice]] = []
        for line, trade in taken:
            try:
                prices.append((line, trade, self._price(line, trade)))
            except Rejected as rejected:
                self._refuse(line, trade, str(rejected))
        if not prices:
            return
        self.in_flight = [(line, trade) for line, trade, _ in prices]
        results = await self._send_with_retries(executor, [price for _, _, price in prices])
        self.in_flight = ()
        for (line, trade, _), result in zip(prices, results, strict=True):
            if result == STORED:
                line.stored += 1
            elif result in (DUPLICATE, DIFFERING):
                line.duplicate += 1
                line.differing += result == DIFFERING
            else:
                self._refuse(line, trade, result)
        for line in self.lines:
            if trades := [trade for owner, trade, _ in prices if owner is line]:
                line.note_sent(trades)

    async def _send_with_retries(
        self, executor: ThreadPoolExecutor, prices: Sequence[OutgoingPrice]
    ) -> Sequence[str]:
        """Sends until there is an answer: ids make a repeat harmless."""
        loop, never = asyncio.get_running_loop(), asyncio.Event()
        pauses = doubling(FIRST_PAUSE_S, MAX_PAUSE_S)
        while True:
            try:
                results = await loop.run_in_executor(executor, self.send, prices)
            except (AwsError, Failure) as error:
                if not is_transient(error):
                    raise
                if not self.sending:
                    self.notify(f"Sending failed and is repeated: {error}")
                self.sending = str(error)
            else:
                if self.sending:
                    self.notify("Sending works again.")
                self.sending = ""
                return results
            if self.stop.is_set():
                await self.clock.sleep(min(next(pauses), 2.0), never)
            else:
                await self.clock.sleep(next(pauses), self.stop)

    def _price(self, line: FollowedSymbol, trade: Trade) -> OutgoingPrice:
        # Whether a time is too far ahead, the function decides: this machine's clock may be wrong.
        fields = {
            "symbol": line.source.symbol,
            "price": trade.price,
            "exchange": line.source.exchange,
            "volume": trade.volume,
            "timestamp": trade.timestamp_ms,
            "id": trade.id,
        }
        return outgoing(fields, now_ms=max(self.now_ms(), trade.timestamp_ms))

    def _refuse(self, line: FollowedSymbol, trade: Trade, reason: str) -> None:
        line.refused += 1
        if len(self.refusals) < MAX_REFUSALS_KEPT:
            self.refusals.append(RefusedTrade(line=line, trade=trade, reason=reason))
            self.notify(f"{line.source}: trade {trade.id} is not accepted: {reason}")


def is_transient(error: AwsError | Failure) -> bool:
    """Whether an error of sending may be another's next time: throttled, lost, or the function's own."""
    if isinstance(error, Failure):
        return error.exit_code in (ExitCode.FAILED, ExitCode.UNREACHABLE)
    return error.throttled or error.response_lost or error.code in _TRANSIENT_CODES


_TRANSIENT_CODES = frozenset(
    {
        "EC2AccessDeniedException",
        "ENILimitReachedException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "ServiceException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)


def _tasks(lines: Sequence[FollowedSymbol]) -> dict[asyncio.Future[Any], FollowedSymbol]:
    return {asyncio.ensure_future(coro): line for line in lines for coro in (line.fill(), line.watch())}
