"""cryptoctl dashboard: a page in the browser that shows the environment, or a file that does."""

from __future__ import annotations

import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cryptoctl.aws import AccessKey, Aws
from cryptoctl.cli.command import CommandRun, command
from cryptoctl.cli.prices import LAST
from cryptoctl.cli.status import engine_problems
from cryptoctl.errors import InputError
from cryptoctl.ops.candles import Interval
from cryptoctl.ops.environments import not_deployed
from cryptoctl.ops.overview_reader import ON_AWS, ON_THE_ENGINE, OverviewReader, RefreshIntervals
from cryptoctl.reconcile.permissions import Access
from cryptoctl.session import Session
from cryptoctl.settings import Target
from cryptoctl.ui.status import overview_document

if TYPE_CHECKING:
    from cryptoctl.dashboard.reader import ConnectedEnvironment, PageReader
    from cryptoctl.dashboard.site import Site

SIGNAL_SEEN_WITHIN_S = 0.5
EMPTY = "No prices yet: `cryptoctl send-price BTC 50000 coinbase`"


@command("dashboard", access=Access.READ_DATA, example="cryptoctl dashboard --env dev --interval 5m")
def dashboard(
    run: CommandRun,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 is any free one.")] = 0,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Print the address and open no browser.")
    ] = False,
    interval: Annotated[Interval, typer.Option(help="How long a candle is at first.")] = Interval.MINUTE,
    last: Annotated[int, LAST] = 10_000,
    save: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write the page as one file that needs no server, and end."),
    ] = None,
) -> None:
    """Show the environment in the browser: candles, ticks, the pipeline, dead letters, errors. Read only."""
    if save is not None and (port or no_open):
        raise InputError("--save serves no page.", "Leave --port and --no-open out.")
    from cryptoctl.dashboard.page import served_files

    assets = served_files()
    reader = _reader(run, interval, last)
    if save is not None:
        _save(run, reader, save)
        return
    from cryptoctl.dashboard.server import serving

    with serving(reader, assets, port) as site:
        _tell(run, site)
        if not (no_open or run.is_json) and not (run.screen.can_ask and webbrowser.open(site.ticket_url())):
            run.screen.say("No browser was started: open the address above.", style="dim")
        # Until Ctrl-C. A signal that comes while the process is stopped goes to another thread, and wakes no
        # wait without a limit.
        while True:
            threading.Event().wait(SIGNAL_SEEN_WITHIN_S)


def _reader(run: CommandRun, interval: Interval, last: int) -> PageReader:
    from cryptoctl.dashboard import reader

    session, screen = run.session, run.screen
    on_aws = session.aws.has_shared_quotas
    intervals = ON_AWS if on_aws else ON_THE_ENGINE
    page_reader = reader.PageReader(
        _connector(session, intervals),
        document=lambda overview: overview_document(screen, overview, session.location),
        hint=screen.hint,
        about={"location": session.location, "interval": interval.value, "empty": screen.hint(EMPTY)},
        intervals=reader.ReaderIntervals() if on_aws else reader.ON_THE_ENGINE,
        max_prices=last,
    )
    if not page_reader.read_overview().inventory.exists:
        raise not_deployed(session.aws, session.scope, "resource of it")
    return page_reader


def _connector(session: Session, intervals: RefreshIntervals) -> Callable[[], ConnectedEnvironment]:
    """Gives the environment; a new client of it where its engine has come back at another address."""
    from cryptoctl.dashboard.reader import ConnectedEnvironment

    stack, lock = session.stack, threading.Lock()

    def connected(aws: Aws) -> ConnectedEnvironment:
        return ConnectedEnvironment(
            aws=aws,
            stack=stack,
            overview_reader=OverviewReader(aws, stack, intervals, engine_problems(session)),
        )

    environment = connected(session.aws if session.target is Target.AWS else _engine_aws(session))
    if session.target is Target.AWS:
        return lambda: environment

    def connect() -> ConnectedEnvironment:
        nonlocal environment
        with lock:
            if session.engine.status().url != environment.aws.endpoint_url:
                environment = connected(_engine_aws(session))
            return environment

    return connect


def _engine_aws(session: Session) -> Aws:
    """The engine as it is now. Raises Failure where it does not run.

    A request that fails is sent again once: the pages' readings are repeated anyway, and say what is wrong.
    """
    aws, keys = Session(session.options).aws, session.engine.credentials(session.environment)
    return Aws(
        region=aws.region,
        endpoint_url=aws.endpoint_url,
        credentials=AccessKey(access_key=keys.access_key, secret_key=keys.secret_key),
        attempts=2,
    )


def _tell(run: CommandRun, site: Site) -> None:
    if run.is_json:
        run.screen.one_line_each()
        run.screen.json_line({"url": site.url})
    else:
        run.screen.data(site.url)
        run.screen.say("Whoever has this address sees the page; Ctrl-C ends it.", style="dim")
    run.set_members(url=site.url)


def _save(run: CommandRun, reader: PageReader, file: Path) -> None:
    from cryptoctl.dashboard.page import saved_page

    answers = reader.everything()
    text, left_out = saved_page(answers), answers["state"]["left_out"]
    file.write_text(text, encoding="utf-8")
    run.set_members(file=str(file), left_out=left_out)
    run.screen.say(f"Written to {file}: a page of {len(text) / 2**20:.1f} MiB that needs no server.")
    if left_out:
        count = len(answers["prices"])
        run.screen.say(f"It has the {count} symbols with the newest prices, and not the {left_out} others.")
