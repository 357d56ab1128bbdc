"""cryptoctl send-price: one price, or files of them."""

from __future__ import annotations

from typing import Annotated

import typer

from cryptoctl.aws import AwsError
from cryptoctl.aws_errors import one_line
from cryptoctl.cli.command import CommandRun, as_failure, command
from cryptoctl.cli.file_options import GivenFiles, given_files
from cryptoctl.core.prices import Rejected
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.files.outgoing import OutgoingPrice, outgoing
from cryptoctl.ops.invoking import invoke, invoke_later, may_be_stored, unexpected_response
from cryptoctl.ops.times import now_ms
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.styles import BAD

STORED = {"status": str, "symbol": str, "timestamp": int, "sort_key": str}


@command(
    "send-price",
    access=Access.OPERATE,
    groups=(given_files,),
    example="cryptoctl send-price BTC 50000 coinbase",
)
def send_price(
    run: CommandRun,
    files: GivenFiles,
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
) -> None:
    """Send a price, or files of prices, to the webhook processor.

    Prices are checked here first. One without --timestamp is stored as of now;
    with it, it is stored once however often it is sent. A file is read through
    before anything is sent, and refused where something would have to be guessed.

    Files:  cryptoctl send-price --file trades.csv --symbol ETH --exchange binance --dry-run
    """
    if files.paths:
        if later or any(value is not None for value in (symbol, price, exchange, volume, timestamp, id)):
            raise InputError(
                "--file goes with the options of files only; more files need --file each.",
                "For example `cryptoctl send-price --file trades.csv --symbol ETH --exchange binance`.",
            )
        # A single price needs none of what files need.
        from cryptoctl.cli.send_files import send_files

        send_files(run, files)
        return
    files.refuse_without_file()
    symbol = files.options.symbol if symbol is None else symbol
    exchange = files.options.exchange if exchange is None else exchange
    if symbol is None or price is None or exchange is None:
        raise InputError(
            "A symbol, a price and an exchange are needed, or --file.",
            "For example `cryptoctl send-price BTC 50000 coinbase`.",
        )
    values = {
        "symbol": symbol,
        "price": price,
        "exchange": exchange,
        "volume": volume,
        "timestamp": timestamp,
        "id": id,
    }
    outgoing_price = _outgoing_price(values)
    # With its time it is stored once, however often it is sent.
    time = "" if timestamp is not None else f" with --timestamp {outgoing_price.price.timestamp_ms}"
    retry_hint = f"Send it again{time}: it is stored once."
    try:
        (_queue_one if later else _send_one)(run, outgoing_price, retry_hint)
    except KeyboardInterrupt:
        message = "Interrupted. Whether the price was stored is not known."
        raise Failure(ExitCode.INTERRUPTED, message, retry_hint) from None
    except (Failure, AwsError) as error:
        if not may_be_stored(error):
            raise
        raise as_failure(error, further_hint=retry_hint) from error


def _outgoing_price(fields: dict[str, str | None]) -> OutgoingPrice:
    try:
        return outgoing(fields, now_ms=now_ms())
    except Rejected as rejected:
        raise InputError(
            f"This is not a valid price: {rejected}. Nothing was sent.", "See `cryptoctl send-price --help`."
        ) from None


def _queue_one(run: CommandRun, price: OutgoingPrice, retry_hint: str) -> None:
    request_id = invoke_later(run.session.aws, run.session.stack.webhook, price.text)
    run.set_members(request_id=request_id)
    run.done(f"The price is queued as request {request_id}", retry_hint)
    run.show(Screen.data, f"queued as request {request_id}")


def _send_one(run: CommandRun, price: OutgoingPrice, retry_hint: str) -> None:
    function = run.session.stack.webhook
    response = invoke(run.session.aws, function, price.text)
    if response.status != 200:
        raise Failure(
            ExitCode.FAILED,
            f"{function.name} refused the price: {one_line(str(response.body.get('message')))}.",
        )
    body = response.body
    if not all(isinstance(body.get(name), kind) for name, kind in STORED.items()):
        raise unexpected_response(function)
    run.set_members(price=body)
    result = f"{body['status']}: {body['symbol']} at {body['timestamp']} (key {body['sort_key']})"
    run.done(f"The price was sent ({result})", retry_hint)
    if not run.is_json:
        if body.get("differs"):
            run.screen.say(
                "Another price or volume is stored under that id: what was stored first stays.", style=BAD
            )
        run.screen.data(result)
