"""cryptoctl status: what is there, what differs, what waits."""

from __future__ import annotations

from cryptoctl.cli.app import app
from cryptoctl.cli.command import Run, command
from cryptoctl.ops.status import Health, ResourceState, status_of
from cryptoctl.reconcile.permissions import Access
from cryptoctl.settings import Target
from cryptoctl.ui.plans import sentence

STYLES = {
    ResourceState.PRESENT: "green",
    ResourceState.DRIFTED: "yellow",
    ResourceState.MISSING: "red",
    ResourceState.FOREIGN: "red",
    ResourceState.ORPHANED: "yellow",
}


@command(app, "status", access=Access.DESCRIBE, example="cryptoctl status --env dev")
def status(run: Run) -> None:
    """Show each resource, the queues' depths, the stream mapping's state and the engine."""
    session = run.session
    found = status_of(session.stack, session.aws)
    engine = session.engine.status() if session.target is Target.LOCAL else None
    if run.machine:
        document = found.document()
        if engine is not None:
            document["engine"] = {"url": engine.url, "pid": engine.pid, "memory_bytes": engine.memory_bytes}
        run.screen.json({"environment": session.environment, "target": session.target, **document})
        return
    _show(run, found)
    if engine is not None:
        memory = f", {engine.memory_bytes // 2**20} MiB" if engine.memory_bytes else ""
        run.screen.data(f"engine: {engine.url}, process {engine.pid}{memory}")
        for note in engine.notes:
            run.screen.say(note, style="yellow")


def _show(run: Run, found: Health) -> None:
    from rich.text import Text

    run.screen.table(
        ["resource", "state", "differs"],
        [
            [name, Text(state, style=STYLES[state]), ", ".join(fields)]
            for name, state, fields in found.resources
        ],
    )
    for queue in found.queues:
        waiting = f"{queue.visible} waiting, {queue.in_flight} in flight"
        waiting += f", {queue.delayed} delayed" if queue.delayed else ""
        run.screen.data(f"{queue.name}: {waiting}")
    for mapping in found.mappings:
        age = "" if mapping.iterator_age_s is None else f"; iterator age {mapping.iterator_age_s:.1f} s"
        result = mapping.last_result or "none yet"
        run.screen.data(f"{mapping.name}: {mapping.state}; last result: {result}{age}")
    for note in found.notes:
        run.screen.say(sentence(note), style="yellow")
