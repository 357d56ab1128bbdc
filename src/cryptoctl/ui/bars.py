"""A progress bar, drawn by the terminal's owner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from cryptoctl.ui.screen import Screen, printable


@contextmanager
def progress_bar(screen: Screen, description: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """A bar with its count and the time that is left; nothing where no progress can be drawn.

    Gives the function that moves it: it takes `completed`, `total` and `description`.
    """
    if not screen.can_draw:
        yield lambda **_: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, auto_refresh=False)
    task = bar.add_task(printable(description), total=total)
    with screen.drawn(bar.get_renderable):
        yield partial(bar.update, task)
