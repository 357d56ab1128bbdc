"""What `up`, `plan` and `down` share: choosing resources, refusing bad plans, running good ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cryptoctl import interrupts
from cryptoctl.cli.command import Run
from cryptoctl.errors import Failure, Problem
from cryptoctl.reconcile.execute import Executor, Outcome, Report
from cryptoctl.reconcile.leftovers import Leftovers
from cryptoctl.reconcile.observe import remaining
from cryptoctl.reconcile.patience import Stop
from cryptoctl.reconcile.plan import Plan, with_dependencies
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.ui.plans import Progress


def chosen(run: Run, only: Sequence[str]) -> list[Provisioner]:
    """The stack's resources, or those named with what they depend on."""
    everything = list(run.session.stack)
    if not only:
        return everything
    found = [each for each in everything if each.name in only or str(each) in only]
    unknown = set(only) - {each.name for each in found} - {str(each) for each in found}
    if unknown:
        raise Failure(
            Problem.USAGE,
            f"There is no resource named {', '.join(sorted(unknown))} in {run.session.environment}.",
            f"Choose among: {', '.join(dict.fromkeys(each.name for each in everything))}.",
        )
    return list(with_dependencies(found))


def leftovers(run: Run, only: Sequence[str] = (), *, keep_data: bool = False) -> Leftovers | None:
    """What is left over is looked for where the whole stack is meant."""
    return None if only else Leftovers(stack=list(run.session.stack), keep_data=keep_data)


def check(plan: Plan, expect: str | None = None) -> None:
    """Refuses a plan that cannot or must not be run, before anything is changed."""
    if expect is not None and expect != plan.fingerprint:
        raise Failure(
            Problem.REFUSED,
            f"The plan is {plan.fingerprint}, not the expected {expect}: something has changed since.",
            "Review `cryptoctl plan` again.",
        )
    if plan.refused:
        listed = "; ".join(f"{step.resource} {step.why}" for step in plan.refused)
        raise Failure(
            Problem.REFUSED,
            f"Not ours to touch: {listed}. Nothing was changed.",
            "Choose another --env, or take over what lacks our tags with `cryptoctl up --adopt`.",
        )
    if plan.obstacles:
        raise Failure(Problem.REFUSED, " ".join(plan.obstacles), "Nothing was changed.")


@contextmanager
def before_any_change() -> Iterator[None]:
    """Whoever interrupts here is told that nothing was changed."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failure(Problem.INTERRUPTED, "Interrupted. Nothing was changed.") from None


def carry_out(run: Run, plan: Plan, look_again: Callable[[], Plan]) -> tuple[Report, Plan]:
    """Runs a plan with live progress, looks again, and gives the report and what is left to do."""
    stop = Stop()
    with interrupts.counted(stop.asked.set, stop.at_once.set), Progress(run.screen) as progress:
        report = Executor(aws=run.session.aws, listener=progress).run(plan, stop)
    if stop.asked.is_set():
        raise _interrupted(report)
    if failed := report.ended(Outcome.FAILED):
        known = next((each.failure for each in failed if each.failure), None)
        hint = "Mend the cause and run the same command again; it goes on from here."
        raise Failure(
            known.problem if known else Problem.FAILED,
            f"Not everything worked: {_ends(report)}.",
            f"{known.hint} {hint}" if known else hint,
        )
    try:
        return report, remaining(look_again)
    except KeyboardInterrupt:
        raise _interrupted(report) from None


def _interrupted(report: Report) -> Failure:
    return Failure(
        Problem.INTERRUPTED, f"Interrupted: {_ends(report)}.", "The same command goes on from here."
    )


def _ends(report: Report) -> str:
    listed = []
    for outcome in Outcome:
        results = report.ended(outcome)
        if results:
            names = ", ".join(str(each.step.resource) for each in results)
            listed.append(f"{len(results)} {outcome} ({names})")
    return "; ".join(listed)
