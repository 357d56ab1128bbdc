"""An environment as it stands, and its configuration."""

from __future__ import annotations

from typing import Any

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part, about
from cryptoctl.ui.documents.local import EngineDocument
from cryptoctl.ui.documents.prices import SymbolDocument


class ResourceDocument(Part):
    """A resource as it stands."""

    resource: str = about("kind and name")
    state: str = about("present, drifted, missing, not managed (by cryptoctl) or orphaned")
    differs: list[str] = about("the fields that differ")


class QueueDocument(Part):
    """How many messages a queue holds."""

    name: str = about("the queue's name")
    visible: int = about("messages that wait")
    in_flight: int = about("messages that a consumer has received and not yet deleted")
    delayed: int = about("messages that are not delivered yet")
    oldest_s: float | None = about("the age of the oldest one, in seconds; null where SQS tells none")
    cause: str | None = about(
        "what most of its function's latest errors were; null without any in the last hour"
    )


class MappingDocument(Part):
    """The stream mapping."""

    name: str = about("kind and name")
    state: str = about("as Lambda reports it, such as Enabled")
    last_result: str = about("the last batch's result, as Lambda reports it")
    iterator_age_s: float | None = about(
        "how far the stream is behind, in seconds; null without a recent record"
    )


class AlarmDocument(Part):
    """A CloudWatch alarm."""

    alarm: str = about("its name")
    state: str = about("OK, ALARM or INSUFFICIENT_DATA")
    since: str = about("since when")
    meaning: str = about("what it means that it is raised")
    next: str = about("what to type to see more")
    reason: str = about("why it is in this state, as CloudWatch says")


class ConcernDocument(Part):
    """Something that needs attention."""

    subject: str = about("the resource")
    what: str = about("what is wrong with it")
    next: str = about("the command that goes on from there")


class FunctionDocument(Part):
    """A function's last hour: a number for each of 60 minutes, the oldest first."""

    function: str = about("its name")
    prices: list[float] = about("prices received, or enriched")
    invocations: list[float] = about("invocations")
    errors: list[float] = about("invocations that failed")


class ErrorDocument(Part):
    """An error that a function has logged."""

    time: str = about("when")
    function: str = about("the function")
    text: str = about("its message, type and text")


class StatusDocument(CommandDocument, commands=["status"]):
    """`status`"""

    verdict: str | None = about("the environment in one sentence", None)
    concerns: list[ConcernDocument] = about("what needs attention; empty where all is well", [])
    resources: list[ResourceDocument] = about("one for each resource", [])
    queues: list[QueueDocument] = about("the dead-letter queues that exist", [])
    mappings: list[MappingDocument] = about("the stream mappings that exist", [])
    alarms: list[AlarmDocument] = about("the alarms that exist", [])
    functions: list[FunctionDocument] = about("what the functions did", [])
    symbols: list[SymbolDocument] = about(
        "symbols with prices in the last hour, twelve at most, the newest first", []
    )
    more_symbols: int = about("how many more had prices in the last hour", 0)
    errors: list[ErrorDocument] = about("errors of the last hour, the newest last", [])
    notes: Notes = []
    unread: list[str] = about("the parts that these credentials may not read", [])
    incomplete: list[str] = about("the parts of which the last hour's log may hold more than was read", [])
    engine: EngineDocument | None = about("the engine; null for an environment on AWS", None)


class DashboardDocument(CommandDocument, commands=["dashboard"]):
    """`dashboard`: the address is also written at once, as `{"url": …}` on a line of its own."""

    url: str | None = about("the page's address, as long as the command ran; null with --save", None)
    file: str | None = about("the file that was written; null without --save", None)
    left_out: int | None = about("how many symbols are not in the file; null without --save", None)


class OpenDocument(CommandDocument, commands=["open"]):
    """`open`"""

    url: str | None = about("the page in AWS's console; nothing is opened", None)


class OutputsDocument(CommandDocument, commands=["outputs"]):
    """`outputs`"""

    outputs: dict[str, str] | None = about("names and ARNs for other systems", None)


class EnvironmentDocument(Part):
    """An environment."""

    environment: str = about("its name")
    resources: int = about("how many of its resources the tag index lists")


class EnvsDocument(CommandDocument, commands=["envs"]):
    """`envs`"""

    environments: list[EnvironmentDocument] = about("in order of name", [])


class CheckDocument(Part):
    """A check."""

    what: str = about("what was checked")
    result: str = about("good, unknown or bad")
    detail: str = about("what was found")
    advice: str = about("what to do; empty where all is well")


class DoctorDocument(CommandDocument, commands=["doctor"]):
    """`doctor`"""

    checks: list[CheckDocument] = about("in the order in which failures would be met", [])


class IamPolicyDocument(CommandDocument, commands=["iam-policy"]):
    """`iam-policy`"""

    policy: dict[str, Any] | None = about("the policy document", None)
    parts: int = about("how many policies are needed in all", 0)
    files: list[str] = about("the files that were written", [])


class InitDocument(CommandDocument, commands=["init"]):
    """`init`"""

    path: str | None = about("the file that was written", None)


class KeyDocument(Part):
    """A configuration key."""

    key: str = about("its name, dotted")
    value: Any = about("its present value")
    source: str = about("what sets it: default, a file, an option, a variable, the last `up`")
    default: Any = about("its default")
    meaning: str = about("what it means")


class ConfigDocument(CommandDocument, commands=["config"]):
    """`config`"""

    keys: list[KeyDocument] = about("every key", [])
