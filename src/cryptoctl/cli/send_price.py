"""cryptoctl send-price: one price, or a file of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cryptoctl.aws import AwsError
from cryptoctl.aws_errors import one_line
from cryptoctl.cli.command import CommandRun, command, for_a_person
from cryptoctl.core.prices import Rejected
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.invoking import invoke, invoke_later, unexpected
from cryptoctl.ops.sending import Outgoing, Tally, outgoing, read, send_all
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.prices import sending_bar, show_tally, tally_document

STORED = {"status": str, "symbol": str, "timestamp": int, "sort_key": str}


@command("send-price", access=Access.OPERATE, example="cryptoctl send-price BTC 50000 coinbase")
def send_price(
    run: CommandRun,
    symbol: Annotated[str | None, typer.Argument(help="Such as BTC.")] = None,
    price: Annotated[str | None, typer.Argument(help="Such as 50000.25.")] = None,
    exchange: Annotated[str | None, typer.Argument(help="Such as coinbase.")] = None,
    volume: Annotated[str | None, typer.Option(help="Volume traded.")] = None,
    timestamp: Annotated[
        str | None,
        typer.Option(metavar="T", help=r"Epoch seconds or milliseconds, or ISO 8601. \[default: now]"),
    ] = None,
    id: Annotated[str | None, typer.Option(help="The exchange's trade id.")] = None,  # noqa: A002
    later: Annotated[
        bool,
        typer.Option(
            "--async", help="Invoke asynchronously: return at once; Lambda retries, then dead-letters."
        ),
    ] = False,
    file: Annotated[
        Path | None, typer.Option(help="CSV with a header, or JSON lines; - is standard input.")
    ] = None,
    file_symbol: Annotated[
        str | None, typer.Option("--symbol", help="With --file: for lines without one.")
    ] = None,
    file_exchange: Annotated[
        str | None, typer.Option("--exchange", help="With --file: for lines without one.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.01, help="With --file: prices a second, at most.")
    ] = None,
    from_line: Annotated[
        int, typer.Option(min=1, help="With --file: first line to send, to continue after an interruption.")
    ] = 1,
) -> None:
    """Send a price, or a file of prices, to the webhook processor.

    Prices are checked here first and stamped with a time, so that sending one again stores it once.
    """
    if file is not None:
        if symbol or price or exchange or later or volume or timestamp or id:
            raise Failure(
                Problem.USAGE,
                "--file goes with --symbol, --exchange, --rate and --from-line only.",
                "For example `cryptoctl send-price --file trades.csv --symbol ETH --exchange binance`.",
            )
        _send_file(run, file, {"symbol": file_symbol, "exchange": file_exchange}, rate, from_line)
        return
    symbol, exchange = symbol or file_symbol, exchange or file_exchange
    if symbol is None or price is None or exchange is None:
        raise Failure(
            Problem.USAGE,
            "A symbol, a price and an exchange are needed, or --file.",
            "For example `cryptoctl send-price BTC 50000 coinbase`.",
        )
    given = {
        "symbol": symbol,
        "price": price,
        "exchange": exchange,
        "volume": volume,
        "timestamp": timestamp,
        "id": id,
    }
    _send_one(run, _checked(given), later=later)


def _checked(given: dict[str, str | None]) -> Outgoing:
    try:
        return outgoing(given, now_ms=now_ms())
    except Rejected as rejected:
        raise Failure(
            Problem.USAGE,
            f"This is not a valid price: {rejected}. Nothing was sent.",
            "See `cryptoctl send-price --help`.",
        ) from None


def _send_one(run: CommandRun, price: Outgoing, *, later: bool) -> None:
    aws, function = run.session.aws, run.session.stack.webhook
    if later:
        request_id = invoke_later(aws, function, price.text)
        run.answer(request_id=request_id)
        if not run.machine:
            run.screen.data(f"queued as request {request_id}")
        return
    answer = invoke(aws, function, price.text)
    if answer.status != 200:
        raise Failure(
            Problem.FAILED, f"{function.name} refused the price: {one_line(str(answer.body.get('message')))}."
        )
    body = answer.body
    if not all(isinstance(body.get(name), kind) for name, kind in STORED.items()):
        raise unexpected(function)
    run.answer(price=body)
    if not run.machine:
        run.screen.data(f"{body['status']}: {body['symbol']} at {body['timestamp']} (key {body['sort_key']})")


def _send_file(
    run: CommandRun, file: Path, defaults: dict[str, str | None], rate: float | None, from_line: int
) -> None:
    tally = Tally(last_line=from_line - 1)
    prices = read(file, defaults, now_ms=now_ms, first_line=from_line)
    go_on = "Go on with --from-line {} (or send it all again: what has a timestamp is stored once)."
    try:
        with sending_bar(run.screen, file) as progress:
            send_all(
                run.session.aws,
                run.session.stack.webhook,
                prices,
                tally,
                rate_per_s=rate,
                progress=progress,
            )
    except KeyboardInterrupt:
        _show(run, tally)
        raise Failure(
            Problem.INTERRUPTED,
            f"Interrupted after line {tally.last_line}.",
            go_on.format(tally.last_line + 1),
        ) from None
    except (Failure, AwsError) as error:
        _show(run, tally)
        failure = for_a_person(error)
        failure.hint = f"{failure.hint} {go_on.format(tally.last_line + 1)}".strip()
        raise failure from error
    _show(run, tally)
    if tally.failed:
        raise Failure(
            Problem.FAILED,
            f"{len(tally.failed)} of {tally.settled} prices were not accepted.",
            "Correct the lines named above and send the file again: stored prices are not stored twice.",
        )


def _show(run: CommandRun, tally: Tally) -> None:
    run.answer(file=tally_document(tally))
    if not run.machine:
        show_tally(run.screen, tally)
