"""What every command has: the common options, a session, a screen, and errors that end as one sentence."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, TypeAlias

import typer
from typer.core import TyperCommand

from cryptoctl import env_vars, interrupts
from cryptoctl.aws_errors import AwsError, remedy
from cryptoctl.cli import signal_handlers
from cryptoctl.cli.commands import module_of
from cryptoctl.cli.conversion import PlainConversion
from cryptoctl.cli.help import HelpInAPipe
from cryptoctl.cli.options import CommonOptions, Declaration, Group, OutputFormat, options_before
from cryptoctl.errors import OPEN_FILES_HINT, ExitCode, Failure, InputError, out_of_files
from cryptoctl.local.errors import EngineError
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.retry import Clock, RealClock
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target
from cryptoctl.ui.screen import Screen, UnwrittenError
from cryptoctl.wording import capitalised

CHANGING = (Access.OPERATE, Access.MANAGE, Access.ADMINISTER)
P = ParamSpec("P")
Function: TypeAlias = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class CommandRun:
    """One run of a command: what it works with and what it prints with."""

    session: Session
    screen: Screen
    output: OutputFormat = OutputFormat.TABLE
    clock: Clock = field(default_factory=RealClock)
    members: dict[str, Any] = field(default_factory=dict)
    work_done: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_json(self) -> bool:
        """Whether the answer is JSON."""
        return self.screen.is_json

    def set_members(self, **members: Any) -> None:
        """Sets members of the command's JSON document (ui/documents), which is written when it ends."""
        self.members.update(members)

    def show(self, write: Callable[Concatenate[Screen, P], None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Writes the answer for a person; with --output json nothing: there, the document is the answer."""
        if not self.is_json:
            write(self.screen, *args, **kwargs)

    def done(self, what: str, hint: str) -> None:
        """Notes what is done by now, as "The price is stored", and what to do next.

        It is said where the output cannot be written: to run the command again would do it twice.
        """
        self.work_done[:] = [(what, hint)]


@dataclass(frozen=True, kw_only=True)
class _Command:
    """A command as its module declares it."""

    path: tuple[str, ...]
    function: Function
    access: Access | None
    example: str
    groups: Sequence[Group]
    formats: Sequence[OutputFormat]

    @property
    def name(self) -> str:
        """What is typed, such as "dlq list"."""
        return " ".join(self.path)

    def build(self) -> Any:
        """The command as Typer runs it."""
        # The first parameter is the CommandRun, then one for each group.
        declaration = Declaration(self.function, [*self.groups, CommonOptions], leading=1 + len(self.groups))

        def run(context: typer.Context, **arguments: Any) -> None:
            _run(self, declaration, options_before(context), arguments)

        run.__doc__ = self.function.__doc__
        run.access = self.access  # type: ignore[attr-defined]
        run.__signature__ = declaration.signature  # type: ignore[attr-defined]
        holder = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
        holder.command(self.path[-1], cls=_NumbersMayBeNegative, epilog=f"Example:  {self.example}")(run)
        return typer.main.get_command(holder)


_DECLARED: dict[str, _Command] = {}


def command(
    *path: str,
    access: Access | None,
    example: str,
    groups: Sequence[Group] = (),
    formats: Sequence[OutputFormat] = (),
) -> Callable[[Function], Function]:
    """Declares a function of (CommandRun, each group's value…, own options…) as the command with this name.

    `access` says what it asks AWS for at most, and so who may run it (ops/permissions.py); None: nothing.
    """

    def declare(function: Function) -> Function:
        declared = _Command(
            path=path, function=function, access=access, example=example, groups=groups, formats=formats
        )
        _DECLARED[declared.name] = declared
        return function

    return declare


def load(name: str) -> Any:
    """The command of this name, its module imported."""
    importlib.import_module(module_of(name))
    return _DECLARED[name].build()


class _NumbersMayBeNegative(PlainConversion, HelpInAPipe, TyperCommand):
    """Takes "-1" for an argument, not for an unknown option."""

    def make_parser(self, ctx: Any) -> Any:
        """The parser, which asks for each argument with a hyphen which option it is."""
        parser: Any = super().make_parser(ctx)
        option = parser._process_opts  # noqa: SLF001

        def option_or_number(argument: str, state: Any) -> None:
            if _NEGATIVE.match(argument):
                state.largs.append(argument)
            else:
                option(argument, state)

        parser._process_opts = option_or_number  # noqa: SLF001
        return parser


_NEGATIVE = re.compile(r"-\.?\d|-(inf|nan)", re.IGNORECASE)


def _run(
    declared: _Command, parameters: Declaration, defaults: CommonOptions, arguments: dict[str, Any]
) -> None:
    options: CommonOptions = parameters.value(CommonOptions, arguments).with_defaults(defaults)
    session = _session(options)
    screen = Screen(
        colour=env_vars.colour_wanted() and not options.no_color,
        is_json=options.output is OutputFormat.JSON,
        verbose=bool(options.verbose),
        options={**_policy_option(declared.access), **options.target_options},
        aws_options=lambda: session.aws_cli_options,
        finishes=declared.access in CHANGING,
    )
    session.notify = screen.say
    output = options.output or OutputFormat.TABLE
    run = CommandRun(session=session, screen=screen, output=output)
    code, failure = 0, None
    handlers = signal_handlers.current()
    try:
        options.check()
        if output not in (OutputFormat.TABLE, OutputFormat.JSON, *declared.formats):
            formats = "".join(f", {output_format}" for output_format in declared.formats)
            raise InputError(
                f"`{declared.name}` has no output as {output}.", f"Choose --output table, json{formats}."
            )
        values = [parameters.value(group, arguments) for group in declared.groups]
        declared.function(run, *values, **parameters.own_values(arguments))
    except typer.Exit as ending:
        code = ending.exit_code
    except (Failure, AwsError, EngineError, OSError) as error:
        if isinstance(error, BrokenPipeError) and not screen.finishes:  # the reader has read enough
            raise typer.Exit from None
        failure = as_failure(error)
    except (KeyboardInterrupt, RuntimeError) as error:
        if interrupts.is_interrupt(error):
            interrupts.ignore_signals()
            failure = _INTERRUPTED
        elif "can't start new thread" in str(error):
            failure = _NO_THREAD
        else:
            raise
    signal_handlers.end_at_another_signal(handlers)
    _end(declared, run, code, failure)


# For which purpose `iam-policy` prints what a command needs that may do so much; deploying is its default.
POLICY_PURPOSES = {Access.DESCRIBE: "read", Access.READ_DATA: "read", Access.OPERATE: "operate"}


def _policy_option(access: Access | None) -> dict[str, str]:
    """The option of `iam-policy` where a hint names it."""
    return {"--for": POLICY_PURPOSES.get(access, "deploy")} if access else {}


_NO_THREAD = Failure(
    ExitCode.FAILED,
    "The operating system starts no more threads for this process; what was under way is broken off.",
    "Raise the limit of processes or of memory (`ulimit -u`, `ulimit -v`, or the container's), then run the "
    "same command again: it goes on from there.",
)
_INTERRUPTED = Failure(ExitCode.INTERRUPTED, "Interrupted.")


def _end(declared: _Command, run: CommandRun, code: int, failure: Failure | None) -> None:
    """Says what the command has to say at its end, and ends it with its exit code."""
    try:
        if run.is_json:
            from cryptoctl.ui.json_output import write_document

            write_document(run.screen, declared.name, run.session.location_fields, run.members, failure)
    except BrokenPipeError:  # the reader has left; why the command failed is told all the same
        pass
    except Failure as unwritten:
        failure = failure or unwritten
    if run.screen.unwritten and failure is not _INTERRUPTED:
        failure = _unwritten(run, failure)
    if failure is _INTERRUPTED:
        run.screen.warn(failure.message)
        code = failure.exit_code
    elif failure is not None:
        run.screen.failure(failure)
        code = failure.exit_code
    if code:
        raise typer.Exit(code)


def _unwritten(run: CommandRun, failure: Failure | None) -> Failure:
    """That the output cannot be written, and beside it what is done, or why the command failed."""
    unwritten = UnwrittenError(run.screen.unwritten)
    done, next_step = run.work_done[-1] if run.work_done else ("", unwritten.hint)
    prefix = f"{done}. " if done else ""
    if failure is None or isinstance(failure, UnwrittenError):
        return Failure(unwritten.exit_code, f"{prefix}{unwritten.message}", next_step)
    gap = "\n" if "\n" in failure.message else " "  # behind a list it would pass for a part of its end
    return Failure(failure.exit_code, f"{prefix}{failure.message}{gap}{unwritten.message}", failure.hint)


def _session(options: CommonOptions) -> Session:
    return Session(
        SessionOptions(
            environment=options.env,
            profile=options.profile,
            region=options.region,
            target={None: None, True: Target.LOCAL, False: Target.AWS}[options.local],
            config=options.config,
        )
    )


def as_failure(error: Failure | AwsError | EngineError | OSError, further_hint: str = "") -> Failure:
    """An error as a sentence with its exit code; `further_hint` follows on its hint."""
    failure = _as_failure(error)
    if out_of_files(error) and OPEN_FILES_HINT not in failure.hint:
        failure = Failure(failure.exit_code, failure.message, OPEN_FILES_HINT)
    if further_hint:
        return Failure(failure.exit_code, failure.message, f"{failure.hint} {further_hint}".strip())
    return failure


def _as_failure(error: Failure | AwsError | EngineError | OSError) -> Failure:
    if isinstance(error, Failure):
        return error
    if isinstance(error, EngineError):
        return Failure(ExitCode.UNREACHABLE, error.message, error.hint)
    if isinstance(error, OSError):
        return _file_failure(error)
    message = str(error)
    return Failure(ExitCode.AWS, capitalised(message) if error.purpose else message, remedy(error))


def _is_state(path: str) -> bool:
    try:
        return path.startswith(str(env_vars.state_directory()))
    except Failure:
        return False


def _file_failure(error: OSError) -> Failure:
    name = str(error.filename or "A file")
    hint = (
        "CRYPTOCTL_STATE_DIR names another directory for this machine's own state." if _is_state(name) else ""
    )
    return Failure(ExitCode.FAILED, f"{name} cannot be used: {error.strerror or error}.", hint)
