"""cryptoctl status: what is there, what differs, what waits."""

from __future__ import annotations

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.ops.environments import not_deployed
from cryptoctl.ops.status import ResourceState, status_of
from cryptoctl.reconcile.permissions import Access
from cryptoctl.settings import Target
from cryptoctl.ui.engine import engine_document, show_engine_line
from cryptoctl.ui.status import show_health


@command("status", access=Access.DESCRIBE, example="cryptoctl status --env dev")
def status(run: CommandRun) -> None:
    """Show each resource, the queues' depths, the stream mapping's state and the engine."""
    session = run.session
    found = status_of(session.stack, session.aws)
    if all(state is ResourceState.MISSING for _, state, _ in found.resources):
        raise not_deployed(session.aws, session.scope, "resource of it")
    engine = session.engine.status() if session.target is Target.LOCAL else None
    if engine is not None:
        run.answer(engine=engine_document(engine, session.engine.credentials(session.environment)))
    run.answer(**found.document())
    if run.machine:
        return
    show_health(run.screen, found)
    if engine is not None:
        show_engine_line(run.screen, engine)
