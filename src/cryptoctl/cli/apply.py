"""What `up`, `plan` and `down` share: choosing resources, refusing bad plans, running good ones."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from cryptoctl import interrupts
from cryptoctl.aws_errors import AwsError
from cryptoctl.cli.command import CommandRun, as_failure
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.reconcile.execute import Executor, Listener, Report, StepOutcome
from cryptoctl.reconcile.graph import parent, with_dependencies
from cryptoctl.reconcile.observe import new_without_tags, plan_until_done, plan_until_tags_show
from cryptoctl.reconcile.orphans import Orphans
from cryptoctl.reconcile.plan import Goal, Plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.retry import StopRequest
from cryptoctl.ui.plans import results_document
from cryptoctl.ui.progress import PlanProgress

MAX_ROUNDS = 3
# Not spelled out: without one of its options (--keep-data, say) it would be another command.
SAME_COMMAND = "the same command again: it goes on from here."


def select_resources(run: CommandRun, names: Sequence[str]) -> tuple[list[Provisioner], Orphans | None]:
    """The stack's resources, and what finds its orphans.

    With names, the resources named with what they depend on, and no other orphans than parts of those.
    """
    everything, orphans = list(run.session.stack), run.session.stack.orphans
    if not names:
        return everything, orphans
    selected = [resource for resource in everything if resource.name in names or str(resource) in names]
    unknown = set(names) - {resource.name for resource in selected} - {str(resource) for resource in selected}
    if unknown:
        raise InputError(
            f"There is no resource named {', '.join(sorted(unknown))} in {run.session.environment}.",
            f"Choose among: {', '.join(dict.fromkeys(resource.name for resource in everything))}.",
        )
    resources = list(with_dependencies(selected))
    parts = tuple(resource for resource in orphans.unconfigured if parent(resource) in resources)
    return resources, replace(orphans, unconfigured=parts, parts_only=True) if parts else None


def selection_options(only: Sequence[str], *, adopt: bool) -> list[str]:
    """The words that make `up` and `plan` look at the same resources in the same way."""
    return [word for name in only for word in ("--only", name)] + ["--adopt"] * adopt


def check(plan: Plan, expect: str | None = None, options: Sequence[str] = ()) -> None:
    """Refuses a plan that cannot or must not be run, before anything is changed.

    `expect` is the fingerprint of the plan that a person has reviewed, `options` are the `selection_options`.
    """
    if expect is not None and expect != plan.fingerprint:
        raise Failure(
            ExitCode.REFUSED,
            f"The plan is {plan.fingerprint}, not the expected {expect}: something has changed since, "
            "or that one was made with another --only or --adopt. Nothing was changed.",
            f"Review the new plan with `{shlex.join(['cryptoctl', 'plan', *options])}`.",
        )
    if plan.refused:
        reasons = "; ".join(f"{step.resource} {step.reason}" for step in plan.refused)
        raise Failure(
            ExitCode.REFUSED,
            f"Refused: {reasons}. Nothing was changed.",
            plan.refusal_hint(options),
        )
    if plan.obstacles:
        raise Failure(
            ExitCode.REFUSED,
            " ".join([*(obstacle.what for obstacle in plan.obstacles), "Nothing was changed."]),
            " ".join(obstacle.hint for obstacle in plan.obstacles),
        )


def plan_with_tags(run: CommandRun, replan: Callable[[], Plan]) -> Plan:
    """The plan; repeated for a while if new resources do not show their tags yet."""
    plan = replan()
    if not new_without_tags(plan):
        return plan
    progress = PlanProgress(run.screen, run.clock)
    with run.screen.drawn(progress.render):
        return plan_until_tags_show(replan, run.clock, progress.waiting)


@contextmanager
def before_any_change() -> Iterator[None]:
    """An interruption in the block ends with the message that nothing was changed."""
    try:
        yield
    except KeyboardInterrupt:
        raise Failure(ExitCode.INTERRUPTED, "Interrupted. Nothing was changed.") from None


def carry_out(
    run: CommandRun,
    plan: Plan,
    replan: Callable[[], Plan],
    wrap_listener: Callable[[Listener], Listener] = lambda progress: progress,
) -> Plan:
    """Runs a plan with live progress, observes again, and returns the plan of what is left to do.

    `wrap_listener` wraps the progress listener; the executor reports to the result.
    """
    stop, earlier_results = StopRequest(), run.members.get("results", [])
    progress = PlanProgress(run.screen, run.clock)
    with run.screen.drawn(progress.render):

        def execute(plan: Plan, earlier: Report) -> Report:
            with interrupts.on_signal(stop.requested.set, stop.at_once.set):
                executor = Executor(aws=run.session.aws, listener=wrap_listener(progress), clock=run.clock)
                report = earlier.followed_by(executor.run(plan, stop))
            run.set_members(results=[*earlier_results, *results_document(run.screen, report)])
            return report

        report, waited = execute(plan, Report(results=())), False
        try:
            while not stop.requested.is_set() and report.done:
                remaining = _plan_again(replan, run, progress)
                if waited or not remaining.only_waits:
                    return remaining
                # AWS showed late that it is still at work: that is waited for as long as the resource says.
                report, waited = execute(remaining, report), True
        except KeyboardInterrupt:
            stop.requested.set()
    raise _unfinished(run, plan, report, interrupted=stop.requested.is_set())


def _plan_again(replan: Callable[[], Plan], run: CommandRun, progress: PlanProgress) -> Plan:
    try:
        return plan_until_done(replan, run.clock, progress.waiting)
    except (AwsError, Failure) as error:
        failure = as_failure(error)
        raise Failure(
            failure.exit_code,
            f"All calls succeeded, but the result could not be read: {failure.message}",
            f"{failure.hint} Then run {SAME_COMMAND}".strip(),
        ) from error


def carry_out_removal(
    run: CommandRun,
    plan: Plan,
    replan: Callable[[], Plan],
    wrap_listener: Callable[[Listener], Listener] = lambda progress: progress,
) -> Plan:
    """Runs a plan of removal until nothing is left of it, and returns the last plan."""
    # A late log line can re-create a log group after its deletion: hence another observation and round.
    remaining = plan
    for _ in range(MAX_ROUNDS):
        if not remaining.work:
            break
        remaining = carry_out(run, remaining, replan, wrap_listener)
    if not remaining.nothing_to_do:
        names = ", ".join(str(step.resource) for step in (*remaining.work, *remaining.refused))
        advice = "Run the same command again in a minute."
        raise Failure(ExitCode.FAILED, f"AWS still shows: {names}.", advice)
    return remaining


def _unfinished(run: CommandRun, plan: Plan, report: Report, *, interrupted: bool) -> Failure:
    """What was done, what not, what to do about it, and that the same command goes on."""
    if interrupted:
        return Failure(ExitCode.INTERRUPTED, f"Interrupted:{_ends(report)}", f"Run {SAME_COMMAND}")
    failed = report.ended(StepOutcome.FAILED)
    hints: dict[str, list[str]] = {}
    for result in failed:
        hints.setdefault(result.hint, []).append(str(result.step.resource))
    failures = (result.failure for result in failed if result.failure)
    classified = next((failure for failure in failures if failure.exit_code is not ExitCode.FAILED), None)
    return Failure(
        classified.exit_code if classified else ExitCode.FAILED,
        f"`{'up' if plan.goal is Goal.PRESENT else 'down'}` did not finish in {run.session.location}:"
        f"{_ends(report)}",
        "\n".join([*_remedies(hints), f"Then run {SAME_COMMAND}"]),
    )


def _remedies(hints: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """What to do; for which resources, where it is not the same for all that failed."""
    for hint, names in hints.items():
        yield hint if len(hints) == 1 else f"{', '.join(names)}: {hint}"


def _ends(report: Report) -> str:
    groups = [
        (outcome, [str(result.step.resource) for result in report.ended(outcome)]) for outcome in StepOutcome
    ]
    # What is done needs no one's attention: its names, as many as thirty, would hide the others.
    return "".join(
        f"\n  {len(names)} {outcome}" + f" ({', '.join(names)})" * (outcome is not StepOutcome.DONE)
        for outcome, names in groups
        if names
    )
