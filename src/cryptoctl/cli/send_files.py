"""cryptoctl send-price --file: files of prices, read through before anything is sent."""

from __future__ import annotations

from cryptoctl.aws import AwsError
from cryptoctl.cli.command import CommandRun, as_failure
from cryptoctl.cli.file_options import GivenFiles
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.files.preview import Preview
from cryptoctl.files.reader import PriceFiles, open_files
from cryptoctl.ops.invoking import may_be_stored
from cryptoctl.ops.sending import Tally, send_all
from cryptoctl.ops.times import now_ms
from cryptoctl.ui.files import (
    preview_document,
    sending_bar,
    show_end,
    show_files,
    show_preview,
    show_tally,
    tally_document,
)
from cryptoctl.wording import pluralize


def send_files(run: CommandRun, given: GivenFiles) -> None:
    """Reads the files through, then sends them, or shows what would be sent. Raises Failure."""
    price_files = open_files(given.paths, given.options, run.screen.say)
    if given.from_line > 1 and len(price_files.files) > 1:
        raise InputError(
            f"--from-line cannot apply to {len(price_files.files)} files.",
            "Leave it out: what is stored is not stored again."
            if not price_files.stamped_now
            else "Send the files one by one.",
        )
    show_files(run.screen, price_files)
    if given.dry_run:
        _preview(run, price_files, given)
        return
    tally = Tally(last_line=given.from_line - 1)
    try:
        with sending_bar(run.screen, price_files) as progress:
            for file in price_files.files:
                tally.last_line = given.from_line - 1
                send_all(
                    run.session.aws,
                    run.session.stack.webhook,
                    file.prices(now_ms, given.from_line),
                    tally,
                    rate_per_s=given.rate_per_s,
                    progress=progress,
                    live=file.source.live,
                )
    except KeyboardInterrupt:
        _show(run, tally, price_files)
        raise Failure(
            ExitCode.INTERRUPTED,
            f"Interrupted after {_place(price_files, tally)}.",
            _how_to_go_on(price_files, tally),
        ) from None
    except (Failure, AwsError) as error:
        _show(run, tally, price_files)
        hint = _how_to_go_on(price_files, tally, under_way=may_be_stored(error))
        raise as_failure(error, further_hint=hint) from error
    run.done(
        f"{pluralize(tally.handled, 'price was', 'prices were')} sent: {tally.stored} stored, "
        f"{tally.duplicate} stored before, {tally.refused} not accepted",
        "Do not send the file again: its prices have the time of sending, and would be stored a second time."
        if price_files.stamped_now
        else "Sent again, nothing is stored twice, and what was not accepted is named.",
    )
    _show(run, tally, price_files)
    if not tally.handled:
        _say_none_left(run, price_files, given)
    if tally.refused:
        raise Failure(
            ExitCode.FAILED,
            f"{tally.refused} of {pluralize(tally.handled, 'price was', 'prices were')} not accepted.",
            "Correct the lines named above and send the file again: stored prices are not stored twice."
            if not price_files.stamped_now
            else "Correct the lines named above and send only them: the others have the time of sending, "
            "and would be stored again.",
        )


def _place(files: PriceFiles, tally: Tally) -> str:
    unit = files.files[0].records.counted_in
    return f"{unit} {tally.last_line}" if len(files.files) == 1 else pluralize(tally.handled, "price")


def _how_to_go_on(files: PriceFiles, tally: Tally, *, under_way: bool = True) -> str:
    if any(file.source.stream for file in files.files):
        unit = files.files[0].records.counted_in
        return (
            f"What the pipe has given after {unit} {tally.last_line} may not be stored, and it gives nothing "
            "twice: see `cryptoctl prices`, and send again what comes after the last one there."
        )
    if files.stamped_now:
        unknown = "Whether the request under way was stored is not known: see `cryptoctl prices`. "
        return (
            f"{unknown if under_way else ''}Prices have the time of sending, so send only what is not "
            f"stored: --from-line {tally.last_line + 1}{' or later' if under_way else ''}."
        )
    if len(files.files) > 1:
        return "Send it all again: what is stored is not stored twice."
    return f"Go on with --from-line {tally.last_line + 1}, or send it all again: nothing is stored twice."


def _preview(run: CommandRun, files: PriceFiles, given: GivenFiles) -> None:
    preview = Preview()
    for file in files.files:
        preview.add(file.prices(now_ms, given.from_line))
    show_end(run.screen, files)
    if not preview.prices and not preview.refused:
        _say_none_left(run, files, given)
    run.set_members(dry_run=preview_document(preview, files))
    run.show(show_preview, preview, files)


def _say_none_left(run: CommandRun, files: PriceFiles, given: GivenFiles) -> None:
    """Where a file is gone on with from behind its last price."""
    if given.from_line > 1:
        file = files.files[0]
        place = f"{file.records.counted_in} {given.from_line}"
        run.screen.warn(f"{file.name} has no prices from {place} on.")


def _show(run: CommandRun, tally: Tally, files: PriceFiles) -> None:
    show_end(run.screen, files)
    run.set_members(file=tally_document(tally, files))
    run.show(show_tally, tally, files)
