"""An environment as it stands, and its configuration."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part
from cryptoctl.ui.documents.local import EngineDocument
from cryptoctl.ui.documents.prices import SymbolDocument


class ResourceDocument(Part):
    """A resource as it stands."""

    resource: Annotated[str, Field(description="kind and name")]
    state: Annotated[
        str, Field(description="present, drifted, missing, not managed (by cryptoctl) or orphaned")
    ]
    differs: Annotated[list[str], Field(description="the fields that differ")]


class QueueDocument(Part):
    """How many messages a queue holds."""

    name: Annotated[str, Field(description="the queue's name")]
    visible: Annotated[int, Field(description="messages that wait")]
    in_flight: Annotated[int, Field(description="messages that a consumer has received and not yet deleted")]
    delayed: Annotated[int, Field(description="messages that are not delivered yet")]
    oldest_s: Annotated[
        float | None, Field(description="the age of the oldest one, in seconds; null where SQS tells none")
    ]
    cause: Annotated[
        str | None, Field(description="what most errors of its function were in the last hour; null without")
    ]


class MappingDocument(Part):
    """The stream mapping."""

    name: Annotated[str, Field(description="kind and name")]
    state: Annotated[str, Field(description="as Lambda reports it, such as Enabled")]
    last_result: Annotated[str, Field(description="the last batch's result, as Lambda reports it")]
    iterator_age_s: Annotated[
        float | None,
        Field(description="how far the stream is behind, in seconds; null without a recent record"),
    ]


class AlarmDocument(Part):
    """A CloudWatch alarm."""

    alarm: Annotated[str, Field(description="its name")]
    state: Annotated[str, Field(description="OK, ALARM or INSUFFICIENT_DATA")]
    since: Annotated[str, Field(description="since when")]
    meaning: Annotated[str, Field(description="what it means that it is raised")]
    next: Annotated[str, Field(description="what to type to see more")]
    reason: Annotated[str, Field(description="why it is in this state, as CloudWatch says")]


class ConcernDocument(Part):
    """Something that needs somebody."""

    subject: Annotated[str, Field(description="the resource")]
    what: Annotated[str, Field(description="what is wrong with it")]
    next: Annotated[str, Field(description="the command that goes on from there")]


class FunctionDocument(Part):
    """A function's last hour: a number for each of 60 minutes, the oldest first."""

    function: Annotated[str, Field(description="its name")]
    prices: Annotated[list[float], Field(description="prices received, or enriched")]
    invocations: Annotated[list[float], Field(description="invocations")]
    errors: Annotated[list[float], Field(description="invocations that failed")]


class ErrorDocument(Part):
    """An error that a function has logged."""

    time: Annotated[str, Field(description="when")]
    function: Annotated[str, Field(description="the function")]
    text: Annotated[str, Field(description="its message, type and text")]


EngineField = Annotated[
    EngineDocument | None, Field(description="the engine; null for an environment on AWS")
]


class StatusDocument(CommandDocument):
    """`status`"""

    verdict: Annotated[str | None, Field(description="the environment in one sentence")] = None
    concerns: Annotated[
        list[ConcernDocument], Field(description="what needs somebody; empty where all is well")
    ] = []
    resources: Annotated[list[ResourceDocument], Field(description="one for each resource")] = []
    queues: Annotated[list[QueueDocument], Field(description="the dead-letter queues that exist")] = []
    mappings: Annotated[list[MappingDocument], Field(description="the stream mappings that exist")] = []
    alarms: Annotated[list[AlarmDocument], Field(description="the alarms that exist")] = []
    functions: Annotated[list[FunctionDocument], Field(description="what the functions did")] = []
    symbols: Annotated[
        list[SymbolDocument],
        Field(description="symbols with prices in the last hour, twelve at most, the newest first"),
    ] = []
    more_symbols: Annotated[int, Field(description="how many more had prices in the last hour")] = 0
    errors: Annotated[list[ErrorDocument], Field(description="errors of the last hour, the newest last")] = []
    notes: Notes = []
    unread: Annotated[list[str], Field(description="the parts that these credentials may not read")] = []
    incomplete: Annotated[
        list[str], Field(description="the parts of which the last hour's log may hold more than was read")
    ] = []
    engine: EngineField = None


class DashboardDocument(CommandDocument):
    """`dashboard`: the address is also written at once, as `{"url": …}` on a line of its own."""

    url: Annotated[
        str | None, Field(description="the page's address, as long as the command ran; null with --save")
    ] = None
    file: Annotated[str | None, Field(description="the file that was written; null without --save")] = None
    left_out: Annotated[
        int | None, Field(description="how many symbols are not in the file; null without --save")
    ] = None


class OpenDocument(CommandDocument):
    """`open`"""

    url: Annotated[str | None, Field(description="the page in AWS's console; nothing is opened")] = None


class OutputsDocument(CommandDocument):
    """`outputs`"""

    outputs: Annotated[dict[str, str] | None, Field(description="names and ARNs for other systems")] = None


class EnvironmentDocument(Part):
    """An environment."""

    environment: Annotated[str, Field(description="its name")]
    resources: Annotated[int, Field(description="how many of its resources the tag index lists")]


class EnvsDocument(CommandDocument):
    """`envs`"""

    environments: Annotated[list[EnvironmentDocument], Field(description="in order of name")] = []


class CheckDocument(Part):
    """A check."""

    what: Annotated[str, Field(description="what was checked")]
    result: Annotated[str, Field(description="good, unknown or bad")]
    detail: Annotated[str, Field(description="what was found")]
    advice: Annotated[str, Field(description="what to do; empty where all is well")]


class DoctorDocument(CommandDocument):
    """`doctor`"""

    checks: Annotated[
        list[CheckDocument], Field(description="in the order in which failures would be met")
    ] = []


class IamPolicyDocument(CommandDocument):
    """`iam-policy`"""

    policy: Annotated[dict[str, Any] | None, Field(description="the policy document")] = None
    parts: Annotated[int, Field(description="how many policies are needed in all")] = 0
    files: list[str] = Field(default_factory=list, description="the files that were written")


class InitDocument(CommandDocument):
    """`init`"""

    path: Annotated[str | None, Field(description="the file that was written")] = None


class KeyDocument(Part):
    """A configuration key."""

    key: Annotated[str, Field(description="its name, dotted")]
    value: Annotated[Any, Field(description="its present value")]
    source: Annotated[
        str, Field(description="what sets it: default, a file, an option, a variable, the last `up`")
    ]
    default: Annotated[Any, Field(description="its default")]
    meaning: Annotated[str, Field(description="what it means")]


class ConfigDocument(CommandDocument):
    """`config`"""

    keys: Annotated[list[KeyDocument], Field(description="every key")] = []
