"""An environment as it stands, and its configuration."""

from __future__ import annotations

from typing import Annotated, Any

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part, about
from cryptoctl.ui.documents.local import EngineDocument
from cryptoctl.ui.documents.prices import SymbolDocument


class ResourceDocument(Part):
    """A resource as it stands."""

    resource: Annotated[str, about("kind and name")]
    state: Annotated[str, about("present, drifted, missing, not managed (by cryptoctl) or orphaned")]
    differs: Annotated[list[str], about("the fields that differ")]


class QueueDocument(Part):
    """How many messages a queue holds."""

    name: Annotated[str, about("the queue's name")]
    visible: Annotated[int, about("messages that wait")]
    in_flight: Annotated[int, about("messages that a consumer has received and not yet deleted")]
    delayed: Annotated[int, about("messages that are not delivered yet")]
    oldest_s: Annotated[
        float | None, about("the age of the oldest one, in seconds; null where SQS tells none")
    ]
    cause: Annotated[
        str | None, about("what most of its function's latest errors were; null without any in the last hour")
    ]


class MappingDocument(Part):
    """The stream mapping."""

    name: Annotated[str, about("kind and name")]
    state: Annotated[str, about("as Lambda reports it, such as Enabled")]
    last_result: Annotated[str, about("the last batch's result, as Lambda reports it")]
    iterator_age_s: Annotated[
        float | None,
        about("how far the stream is behind, in seconds; null without a recent record"),
    ]


class AlarmDocument(Part):
    """A CloudWatch alarm."""

    alarm: Annotated[str, about("its name")]
    state: Annotated[str, about("OK, ALARM or INSUFFICIENT_DATA")]
    since: Annotated[str, about("since when")]
    meaning: Annotated[str, about("what it means that it is raised")]
    next: Annotated[str, about("what to type to see more")]
    reason: Annotated[str, about("why it is in this state, as CloudWatch says")]


class ConcernDocument(Part):
    """Something that needs attention."""

    subject: Annotated[str, about("the resource")]
    what: Annotated[str, about("what is wrong with it")]
    next: Annotated[str, about("the command that goes on from there")]


class FunctionDocument(Part):
    """A function's last hour: a number for each of 60 minutes, the oldest first."""

    function: Annotated[str, about("its name")]
    prices: Annotated[list[float], about("prices received, or enriched")]
    invocations: Annotated[list[float], about("invocations")]
    errors: Annotated[list[float], about("invocations that failed")]


class ErrorDocument(Part):
    """An error that a function has logged."""

    time: Annotated[str, about("when")]
    function: Annotated[str, about("the function")]
    text: Annotated[str, about("its message, type and text")]


EngineField = Annotated[EngineDocument | None, about("the engine; null for an environment on AWS")]


class StatusDocument(CommandDocument):
    """`status`"""

    verdict: Annotated[str | None, about("the environment in one sentence")] = None
    concerns: Annotated[list[ConcernDocument], about("what needs attention; empty where all is well")] = []
    resources: Annotated[list[ResourceDocument], about("one for each resource")] = []
    queues: Annotated[list[QueueDocument], about("the dead-letter queues that exist")] = []
    mappings: Annotated[list[MappingDocument], about("the stream mappings that exist")] = []
    alarms: Annotated[list[AlarmDocument], about("the alarms that exist")] = []
    functions: Annotated[list[FunctionDocument], about("what the functions did")] = []
    symbols: Annotated[
        list[SymbolDocument],
        about("symbols with prices in the last hour, twelve at most, the newest first"),
    ] = []
    more_symbols: Annotated[int, about("how many more had prices in the last hour")] = 0
    errors: Annotated[list[ErrorDocument], about("errors of the last hour, the newest last")] = []
    notes: Notes = []
    unread: Annotated[list[str], about("the parts that these credentials may not read")] = []
    incomplete: Annotated[
        list[str], about("the parts of which the last hour's log may hold more than was read")
    ] = []
    engine: EngineField = None


class DashboardDocument(CommandDocument):
    """`dashboard`: the address is also written at once, as `{"url": …}` on a line of its own."""

    url: Annotated[str | None, about("the page's address, as long as the command ran; null with --save")] = (
        None
    )
    file: Annotated[str | None, about("the file that was written; null without --save")] = None
    left_out: Annotated[int | None, about("how many symbols are not in the file; null without --save")] = None


class OpenDocument(CommandDocument):
    """`open`"""

    url: Annotated[str | None, about("the page in AWS's console; nothing is opened")] = None


class OutputsDocument(CommandDocument):
    """`outputs`"""

    outputs: Annotated[dict[str, str] | None, about("names and ARNs for other systems")] = None


class EnvironmentDocument(Part):
    """An environment."""

    environment: Annotated[str, about("its name")]
    resources: Annotated[int, about("how many of its resources the tag index lists")]


class EnvsDocument(CommandDocument):
    """`envs`"""

    environments: Annotated[list[EnvironmentDocument], about("in order of name")] = []


class CheckDocument(Part):
    """A check."""

    what: Annotated[str, about("what was checked")]
    result: Annotated[str, about("good, unknown or bad")]
    detail: Annotated[str, about("what was found")]
    advice: Annotated[str, about("what to do; empty where all is well")]


class DoctorDocument(CommandDocument):
    """`doctor`"""

    checks: Annotated[list[CheckDocument], about("in the order in which failures would be met")] = []


class IamPolicyDocument(CommandDocument):
    """`iam-policy`"""

    policy: Annotated[dict[str, Any] | None, about("the policy document")] = None
    parts: Annotated[int, about("how many policies are needed in all")] = 0
    files: Annotated[list[str], about("the files that were written")] = []


class InitDocument(CommandDocument):
    """`init`"""

    path: Annotated[str | None, about("the file that was written")] = None


class KeyDocument(Part):
    """A configuration key."""

    key: Annotated[str, about("its name, dotted")]
    value: Annotated[Any, about("its present value")]
    source: Annotated[str, about("what sets it: default, a file, an option, a variable, the last `up`")]
    default: Annotated[Any, about("its default")]
    meaning: Annotated[str, about("what it means")]


class ConfigDocument(CommandDocument):
    """`config`"""

    keys: Annotated[list[KeyDocument], about("every key")] = []
