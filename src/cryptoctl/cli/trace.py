"""cryptoctl trace: one price, from the request that brought it to its announcement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.options import stored_as
from cryptoctl.core.items import UnusableError, stored_price
from cryptoctl.core.numbers import NumberError, decimal_from, plain
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.ops.logs import newest_ms
from cryptoctl.ops.prices import Query, oldest
from cryptoctl.ops.prices import prices as read_prices
from cryptoctl.ops.times import now_ms, parse_time_ms, time_text
from cryptoctl.ops.trace.events import Item
from cryptoctl.ops.trace.price_selector import PriceSelector
from cryptoctl.ops.trace.tracing import Tracer, TraceResult, prices_of
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.hints import command_about
from cryptoctl.ui.prices import show_prices
from cryptoctl.ui.trace import show_request, show_trace, trace_document

LOOKS_BACK = "3d"
ID = re.compile(r"[!-~]{1,128}", re.ASCII)
REQUEST = re.compile(r"[0-9A-Za-z-]{8,64}", re.ASCII)


@command("trace", access=Access.OPERATE, example="cryptoctl trace BTC --id 123456")
def trace(
    run: CommandRun,
    symbol: Annotated[str | None, typer.Argument(help="Such as BTC; not with --request.")] = None,
    at: Annotated[str | None, typer.Option(metavar="T", help="Traded then: epoch or ISO 8601.")] = None,
    id: Annotated[  # noqa: A002
        str | None, typer.Option(metavar="ID", help="With this id; looks back 3d by default.")
    ] = None,
    sort_key: Annotated[str | None, typer.Option(metavar="K", help="With exactly this key.")] = None,
    request: Annotated[
        str | None, typer.Option(metavar="ID", help="What this request of a function did.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="T", help="With --id: traded since 10d (ago), or a time.")
    ] = None,
) -> None:
    """Follow one price: who sent it and when, the answer, the item, its enrichment, the announcement.

    With the lags between, dead letters about it, and the log lines. Times are UTC.
    """
    if request is not None:
        if any(value is not None for value in (symbol, at, id, sort_key, since)):
            raise InputError(
                "--request cannot be combined with other options.",
                "Leave the symbol and the other options out.",
            )
        _trace_request(run, _tracer(run), request)
        return
    if symbol is None:
        raise InputError(
            "Neither a symbol nor --request is given.", "For example `cryptoctl trace BTC --id 7`."
        )
    since_ms = parse_time_ms(LOOKS_BACK if since is None else since)
    selector = _selector(symbol, at=at, id=id, sort_key=sort_key, since=since)
    tracer = _tracer(run)
    items = tracer.items(selector, since_ms)
    if len(items) > 1:
        _refuse_several(run, selector, items)
    traced = tracer.trace(selector, items[0] if items else None)
    if not items and not traced.letters and not traced.timeline.events:
        _show_notes(run, traced)
        raise _no_such_price(run, selector, since_ms, read=not traced.notes)
    _show(run, traced)


def _show(run: CommandRun, traced: TraceResult) -> None:
    run.set_members(**trace_document(traced))
    run.show(show_trace, traced, run.session.environment)


def _show_notes(run: CommandRun, traced: TraceResult) -> None:
    """What is left to say where nothing was found."""
    run.set_members(notes=list(traced.notes))
    for note in traced.notes:
        run.screen.say(note)


def _trace_request(run: CommandRun, tracer: Tracer, request: str) -> None:
    if not REQUEST.fullmatch(request):
        raise InputError(f"{request!r} is not a valid request id.", "Copy one from a line of the logs.")
    traced = tracer.request(request)
    named = prices_of(traced)
    if not traced.lines and not traced.letters:
        _show_notes(run, traced)
        newest = newest_ms(run.session.aws, run.session.stack.functions)
        days = tracer.retention_days
        no_letter = "none of the dead letters that were read" if traced.notes else "no dead letter"
        raise Failure(
            ExitCode.FAILED,
            f"No log line and {no_letter} is of request {request}; "
            + (
                "nothing is logged yet."
                if newest is None
                else f"the newest line is from {time_text(newest)} UTC."
            ),
            ("" if days is None else f"The log groups keep {days} days. ")
            + "Request ids stand in `cryptoctl logs --verbose` and `cryptoctl dlq peek`.",
        )
    if len(named) == 1:
        ((symbol, sort_key, _),) = named
        selector = PriceSelector(symbol=symbol, sort_key=sort_key)
        items = tracer.items(selector, 0)
        _show(run, tracer.trace(selector, items[0] if items else None))
        return
    run.set_members(**trace_document(traced), named=[dict(zip(NAMED, row, strict=True)) for row in named])
    run.show(show_request, request, traced, named, run.session.environment)


NAMED = ("symbol", "sort_key", "outcome")


def _tracer(run: CommandRun) -> Tracer:
    return Tracer(
        aws=run.session.aws,
        stack=run.session.stack,
        retention_days=run.session.config.retention_days,
        now_ms=now_ms(),
    )


def _selector(
    symbol: str,
    *,
    at: str | None,
    id: str | None,  # noqa: A002
    sort_key: str | None,
    since: str | None,
) -> PriceSelector:
    listing = f"`{command_about('prices', stored_as(symbol), '--output', 'json')}`"
    if at is None and id is None and sort_key is None:
        raise InputError(
            f"Which price of {stored_as(symbol)}?", f"Give --at, --id or --sort-key; {listing} shows them."
        )
    if since is not None and (id is None or at is not None):
        raise InputError("--since goes with --id alone.", "Leave it out.")
    if id is not None and not ID.fullmatch(id):
        raise InputError(f"{id!r} is no id.", "An id has 1 to 128 printable characters.")
    if sort_key is not None:
        if at is not None:
            raise InputError("--sort-key says the time already.", "Leave --at out.")
        try:
            sort_key = plain(decimal_from(sort_key))
        except NumberError:
            raise InputError(
                f"{sort_key!r} is not a valid sort key.",
                f"Copy one from {listing}: milliseconds, perhaps with a fraction.",
            ) from None
    return PriceSelector(
        symbol=stored_as(symbol),
        id=id,
        sort_key=sort_key,
        between_ms=None if at is None else _millisecond_range(at),
    )


def _millisecond_range(text: str) -> tuple[int, int]:
    """The millisecond that is meant; where it is given in whole seconds, the second."""
    first_ms = parse_time_ms(text)
    return first_ms, first_ms if first_ms % 1000 else first_ms + 999


def _refuse_several(run: CommandRun, selector: PriceSelector, items: Sequence[Item]) -> None:
    """Lists them and raises Failure."""
    prices = []
    for item in items:
        try:
            prices.append(stored_price(item))
        except UnusableError:
            continue
    run.set_members(
        named=[
            {"symbol": selector.symbol, "sort_key": item["timestamp"]["N"], "outcome": "stored"}
            for item in items
        ]
    )
    if not run.is_json:
        show_prices(run.screen, prices)
        for price in prices:
            run.screen.say(f"  --sort-key {price.sort_key}" + (f"  (id {price.id})" if price.id else ""))
    command_line = command_about("trace", selector.symbol, "--sort-key", items[0]["timestamp"]["N"])
    raise InputError(f"{len(items)} prices of {selector.symbol} match.", f"Choose one: `{command_line}`.")


def _no_such_price(run: CommandRun, selector: PriceSelector, since_ms: int, *, read: bool) -> Failure:
    """Says what was looked for, where, and what there is; `read`: all dead letters were."""
    window = (
        f" since {time_text(since_ms)} UTC"
        if selector.id and not selector.between_ms and not selector.sort_key
        else ""
    )
    until_ms = selector.between_ms[1] if selector.between_ms else None
    newest = read_prices(
        run.session.aws, run.session.stack.prices, Query(symbol=selector.symbol, last=1, until_ms=until_ms)
    )
    label = "the last one before" if until_ms is not None else "the newest one"
    last = (
        f"{label} is {newest[0].sort_key}, from {time_text(newest[0].timestamp_ms)} UTC"
        if newest
        else f"there is none of {selector.symbol}" + (" before that" if until_ms is not None else "")
    )
    letters = "no dead letter about one" if read else "none of the dead letters that were read is about one"
    return Failure(
        ExitCode.FAILED,
        f"No price {_described(selector)} in {run.session.location}{window}, and {letters}; {last}.",
        _further_back(run, selector, since_ms) if window and newest else _what_is_there(selector),
    )


def _further_back(run: CommandRun, selector: PriceSelector, since_ms: int) -> str:
    """The command that looks through all prices of the symbol, where some are older than was looked at."""
    first = oldest(run.session.aws, run.session.stack.prices, selector.symbol)
    first_ms = since_ms if first is None else max(0, first.timestamp_ms)  # no --since lies before 1970
    if first_ms >= since_ms:
        return _what_is_there(selector)
    day = time_text(first_ms)[:10]
    command_line = command_about("trace", selector.symbol, "--id", str(selector.id), "--since", day)
    return f"The oldest one is from {day}: `{command_line}` looks at all of them."


def _what_is_there(selector: PriceSelector) -> str:
    return f"`{command_about('prices', selector.symbol)}` shows what is there."


def _described(selector: PriceSelector) -> str:
    time = f" at {time_text(selector.between_ms[0])} UTC" if selector.between_ms else ""
    return f"of {selector}{time}"
