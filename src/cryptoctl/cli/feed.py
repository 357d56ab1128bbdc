"""cryptoctl feed: live trades of exchanges."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Annotated

import typer

from cryptoctl import interrupts
from cryptoctl.aws import AwsError
from cryptoctl.cli import signal_handlers
from cryptoctl.cli.command import CommandRun, command
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.feed.exchanges import Exchanges
from cryptoctl.feed.followed_symbol import FollowedSymbol, followed_symbols
from cryptoctl.feed.following import Feed
from cryptoctl.feed.resuming import StartPoint, start_point
from cryptoctl.feed.source import FeedSource, parse_sources
from cryptoctl.ops.sending import send_batch
from cryptoctl.ops.times import iso_of_ms, now_ms, parse_duration, parse_time_ms
from cryptoctl.reconcile.async_retry import RealAsyncClock
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.feed import FeedReport, feed_document, show_start_point, show_summary
from cryptoctl.wording import pluralize

POLL_EVERY_S = 0.5


@command("feed", access=Access.OPERATE, example="cryptoctl feed binance BTC/USDT ETH/USDT kraken:ETH/USD")
def feed(
    run: CommandRun,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="EXCHANGE SYMBOL",
            help="An exchange and its symbols, by ccxt's names; EXCHANGE:SYMBOL for another exchange's.",
        ),
    ],
    since: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            help="Begin then: 1h30m (ago), 14:30, epoch or ISO 8601. "
            r"\[default: where the table ends, or now where it has nothing]",
        ),
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", metavar="SPAN", help=r"End after 10m, say. \[default: at Ctrl-C]")
    ] = None,
) -> None:
    """Follow exchanges' trades and send each to the webhook processor, once.

    What was missed is fetched first, also after a broken connection.

    Ctrl-C sends what was received and ends; a second one ends at once.
    """
    feed_sources = parse_sources(sources)
    since_ms, for_s = _since_ms(since), None if for_ is None else parse_duration(for_).total_seconds()
    clock = RealAsyncClock()
    start_points = _start_points(run, feed_sources)
    stored_sources = {source for source, begin in start_points.items() if begin.since_ms is not None}
    exchanges = Exchanges(feed_sources, clock=clock, notify=run.screen.warn, stored=stored_sources)
    if since_ms is not None:
        start_points = dict.fromkeys(feed_sources, StartPoint(since_ms=since_ms))
    running: list[Feed] = []
    handlers = signal_handlers.current()

    def show() -> None:
        signal_handlers.end_at_another_signal(handlers)
        _show(run, running, exchanges)

    if run.is_json:
        run.screen.one_line_each()
    try:
        over = asyncio.run(_follow(run, exchanges, start_points, for_s, clock, running))
    except KeyboardInterrupt:
        interrupts.ignore_signals()
        show()
        raise Failure(
            ExitCode.INTERRUPTED,
            "Interrupted. Whether the request under way was stored is not known.",
            f"{_how_to_go_on(running, start_points, since_ms)}, and nothing is stored twice.",
        ) from None
    except (Failure, AwsError):
        show()
        if unsent := sum(len(following.unsent) for following in running):
            not_sent = pluralize(unsent, "price received is not sent", "prices received are not sent")
            run.screen.warn(f"{not_sent}. {_how_to_go_on(running, start_points, since_ms)}.")
        raise
    show()
    if not any(following.lines for following in running):
        run.screen.say("Stopped before the feed began.", style="dim")
    if unsent := len(running[0].unsent):
        raise Failure(
            ExitCode.FAILED,
            f"{pluralize(unsent, 'price')} received could not be sent: {running[0].sending}",
            f"{_how_to_go_on(running, start_points, since_ms)}.",
        )
    # Whoever ends it while an exchange has not answered yet ends nothing that failed.
    _refuse(running[0], [name for name, reason in exchanges.not_followed.items() if reason or over])


def _since_ms(text: str | None) -> int | None:
    if text is None:
        return None
    since_ms = parse_time_ms(text)
    if since_ms > now_ms():
        raise InputError(
            f"--since {text} lies in the future.", "Leave it out: without stored prices, the feed begins now."
        )
    return since_ms


def _start_points(run: CommandRun, sources: Sequence[FeedSource]) -> dict[FeedSource, StartPoint]:
    """Also with --since: an environment that is not there is noticed before an exchange is asked."""
    aws, table = run.session.aws, run.session.stack.prices
    points = aws.map(lambda source: start_point(aws, table, source), sources)
    return dict(zip(sources, points, strict=True))


async def _follow(
    run: CommandRun,
    exchanges: Exchanges,
    start_points: Mapping[FeedSource, StartPoint],
    for_s: float | None,
    clock: RealAsyncClock,
    running: list[Feed],
) -> bool:
    """Follows until a signal, or until the time is over: whether it is. What runs is put into `running`."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    # A message that ccxt cannot read ends in the loop; the tape notices what is missing by itself.
    loop.set_exception_handler(lambda *_: None)

    async def open_exchange(name: str) -> Sequence[FollowedSymbol]:
        markets = await exchanges.markets(name)
        for market in markets:
            show_start_point(run.screen, market, start_points[market.source])
        return followed_symbols(markets, start_points, clock=clock, stop=stop, now_ms=now_ms)

    timer = None if for_s is None else loop.call_later(for_s, stop.set)
    with interrupts.on_signal(partial(loop.call_soon_threadsafe, stop.set), interrupts.interrupt):
        async with exchanges:
            following = Feed(
                lines=[],
                opening=[open_exchange(name) for name in exchanges.not_followed],
                send=partial(send_batch, run.session.aws, run.session.stack.webhook),
                clock=clock,
                stop=stop,
                now_ms=now_ms,
                notify=run.screen.warn,
            )
            running.append(following)
            report = FeedReport(run.screen, following, exchanges.not_followed, clock.now_s())
            with run.screen.drawn(report.render):
                watching = asyncio.ensure_future(_report(report, clock, stop))
                try:
                    await following.run()
                finally:
                    watching.cancel()
    return timer is not None and timer.when() <= loop.time()


async def _report(report: FeedReport, clock: RealAsyncClock, stop: asyncio.Event) -> None:
    while not stop.is_set():
        report.update(clock.now_s())
        await clock.sleep(POLL_EVERY_S, stop)


def _show(run: CommandRun, running: Sequence[Feed], exchanges: Exchanges) -> None:
    for following in running:
        run.set_members(**feed_document(following, exchanges.not_followed))
        if following.lines:
            run.done(
                "The feed has ended",
                "The same command may be run again: nothing is stored twice.",
            )
        run.show(show_summary, following, exchanges.not_followed)


def _how_to_go_on(
    running: Sequence[Feed], start_points: Mapping[FeedSource, StartPoint], since_ms: int | None
) -> str:
    """Without stored prices a feed begins at the newest trade, and would leave out what was not sent."""
    unsent = [pair for following in running for pair in following.unsent]
    if since_ms is None and any(
        not (line.stored or line.duplicate) and start_points[line.source].since_ms is None
        for line, _ in unsent
    ):
        since_ms = min(trade.timestamp_ms for _, trade in unsent)  # it is for all symbols
    if since_ms is not None:
        return f"Run the same command again with `--since {iso_of_ms(since_ms)}`: it begins there"
    return "Run the same command again: it begins where the table ends"


def _refuse(following: Feed, not_followed: Collection[str]) -> None:
    """Raises Failure where not everything was followed, or a trade was not accepted."""
    refused = sum(line.refused for line in following.lines)
    if refused:
        raise Failure(
            ExitCode.FAILED,
            f"{pluralize(refused, 'price was', 'prices were')} not accepted, as said above.",
            "They are not fetched again. `cryptoctl send-price` sends one by hand.",
        )
    unfollowed = [*not_followed, *(str(line.source) for line in following.lines if line.ended)]
    if unfollowed:
        raise Failure(
            ExitCode.FAILED,
            f"Not followed: {', '.join(unfollowed)}.",
            "Correct what is said of each, then run the same command again; what was followed is stored.",
        )
