"""The event source mapping: Lambda reads the table's stream and hands new prices to a function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from cryptoctl.provisioners.function import Function
from cryptoctl.provisioners.queue import Queue
from cryptoctl.provisioners.reads import all_pages
from cryptoctl.provisioners.stream_mapping_configuration import (
    AS_REQUESTED,
    TAKEN_OFF,
    WITHOUT_TAGS,
    filter_criteria,
    normal_mapping,
)
from cryptoctl.provisioners.stream_mapping_errors import REMEDIES, RETRY_RULES, STUCK
from cryptoctl.provisioners.table import Table
from cryptoctl.provisioners.tags import changed_tags
from cryptoctl.reconcile import (
    Access,
    AssignedArn,
    Aws,
    CallOrWait,
    Delta,
    Fields,
    FollowUp,
    Listed,
    Observed,
    Permission,
    Ref,
    Remedy,
    Response,
    RetryRule,
    Value,
    WaitUntil,
    allow,
    call,
    frozen,
    with_request_tags,
    with_resource_tags,
)

NOT_FOUND = "ResourceNotFoundException"
DELETING = "Deleting"


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamMapping(AssignedArn, FollowUp, Listed):
    """Table stream → function, in batches; what keeps failing goes to a queue. It has its function's name.

    It starts at TRIM_HORIZON, so that records written while it starts are not missed.
    """

    function: Function
    table: Table
    dead_letters: Queue
    batch_size: int
    window_s: int
    parallelization: int
    retries: int
    record_age_s: int
    uuid: str | None = None
    """Only the mapping with this id; None for the function's mapping on the table's stream."""
    pattern: Mapping[str, Value]
    """What a record must look like to be handed on (Lambda's event filtering)."""

    kind: ClassVar[str] = "stream mapping"
    # A stream that was switched off and on is another stream.
    immutable: ClassVar[frozenset[str]] = frozenset({"EventSourceArn"})
    retry_rules: ClassVar[tuple[RetryRule, ...]] = RETRY_RULES
    remedies: ClassVar[tuple[Remedy, ...]] = REMEDIES

    @property
    def arn(self) -> Ref:
        """Its ARN, which ends in the id that AWS assigns."""
        return Ref(self, "Arn")

    def for_arn(self, arn: str) -> StreamMapping | None:
        """A mapping with that id, whatever function it invokes."""
        uuid = arn.removeprefix(self._arn(""))
        return None if uuid == arn else replace(self, name=uuid, uuid=uuid)

    def candidate_arns(self, aws: Aws) -> Iterator[str]:
        """Mappings of functions with the environment in their name; only tags tell which are ours."""
        if not self._taggable:
            return
        uuids: dict[str, list[str]] = {}
        for mapping in _mappings(aws) or ():
            uuids.setdefault(mapping.get("FunctionArn", ""), []).append(mapping["UUID"])
        likeliest = self.scope.likeliest(uuids)
        yield from (self._arn(uuid) for function in likeliest for uuid in uuids[function])

    def tags_of(self, aws: Aws) -> dict[str, str] | None:
        return self._tags(aws, self.uuid or "")

    def _tags(self, aws: Aws, uuid: str) -> dict[str, str] | None:
        response = aws.find("lambda", "ListTags", not_found=NOT_FOUND, Resource=self._arn(uuid))
        return None if response is None else dict(response.get("Tags", {}))

    @property
    def _taggable(self) -> bool:
        """Whether a mapping can carry tags: where it cannot, whose its function is decides."""
        return self.scope.partition not in WITHOUT_TAGS

    def find(self, aws: Aws) -> Response | None:
        """The function's mapping on a stream of the table, as Lambda describes it."""
        if self.uuid is not None:
            return aws.find("lambda", "GetEventSourceMapping", not_found=NOT_FOUND, UUID=self.uuid)
        ours = [mapping for mapping in self._list_mappings(aws) if self._on_our_table(mapping)]
        return max(ours, key=self._rank, default=None)

    def _rank(self, mapping: Response) -> tuple[bool, bool, str]:
        """One that stays, then one of the function itself and not of an alias, then the newest stream's."""
        of_function = normal_mapping(mapping)["FunctionArn"] == self.function.arn
        # A stream's label is the time at which it was switched on.
        return mapping["State"] != DELETING, of_function, mapping["EventSourceArn"]

    def _list_mappings(self, aws: Aws) -> list[Response]:
        if (mappings := _mappings(aws, FunctionName=self.function.name)) is not None:
            return mappings
        # Lambda keeps the mappings of a deleted function, and lists them only among all.
        arn = self.function.arn
        return [mapping for mapping in _mappings(aws) or () if mapping.get("FunctionArn") == arn]

    def observe(self, aws: Aws) -> Observed | None:
        mapping = self.find(aws)
        if mapping is None or (self.uuid is not None and self._is_the_stacks(aws, mapping)):
            return None
        if mapping["State"] == DELETING:
            return Observed(fields={}, outputs=self._outputs(mapping), deleting=True)
        tags, same_stream = aws.gather(
            lambda: self._tags(aws, mapping["UUID"]) if self._taggable else {},
            lambda: self._of_stream(aws, mapping["EventSourceArn"]),
        )
        if tags is None:  # deleted between the two reads
            return None
        other_uuids = [other["UUID"] for other in same_stream if other["UUID"] != mapping["UUID"]]
        return Observed(
            fields={**normal_mapping(mapping), "Tags": tags if self._taggable else None},
            outputs=self._outputs(mapping),
            notes=tuple(
                f"mapping {uuid} hands the same stream to {self.function}: every price is enriched and "
                f"announced twice; `aws lambda delete-event-source-mapping --uuid {uuid}` ends that"
                for uuid in other_uuids
            ),
        )

    def _of_stream(self, aws: Aws, stream: str) -> list[Response]:
        """The mappings of a stream to the function, to one of its versions or aliases too."""
        arn = self.function.arn
        return [
            mapping
            for mapping in _mappings(aws, EventSourceArn=stream) or ()
            if mapping["State"] != DELETING and f"{mapping.get('FunctionArn')}:".startswith(f"{arn}:")
        ]

    def _is_the_stacks(self, aws: Aws, mapping: Response) -> bool:
        """Whether it is the mapping that the stack has, made a moment ago by another run, say."""
        is_ours = mapping.get("FunctionArn") == self.function.arn and self._on_our_table(mapping)
        stack_mapping = replace(self, uuid=None).find(aws) if is_ours else None
        return is_ours and (stack_mapping is None or stack_mapping["UUID"] == self.uuid)

    def _on_our_table(self, mapping: Response) -> bool:
        return str(mapping.get("EventSourceArn", "")).startswith(f"{self.table.arn}/stream/")

    def _outputs(self, mapping: Response) -> dict[str, str]:
        return {"UUID": mapping["UUID"], "Arn": self._arn(mapping["UUID"])}

    def desired(self) -> Fields:
        return {
            "EventSourceArn": self.table.stream_arn,
            "FunctionArn": self.function.arn,
            "State": "Enabled",
            "BatchSize": self.batch_size,
            "MaximumBatchingWindowInSeconds": self.window_s,
            "TumblingWindowInSeconds": 0,
            "ParallelizationFactor": self.parallelization,
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": self.retries,
            "MaximumRecordAgeInSeconds": self.record_age_s,
            "FunctionResponseTypes": ("ReportBatchItemFailures",),
            "Filters": (frozen(self.pattern),),
            "OnFailure": self.dead_letters.arn,
            # With a key on its filters, Lambda shows them to nobody who lists mappings.
            "KMSKeyArn": None,
            **({"Tags": self.scope.tags} if self._taggable else {}),
        }

    def permissions(self) -> Iterator[Permission]:
        """On mappings of this function or with our tags: a mapping's ARN has only an id."""
        mappings, owner = self._arn("*"), self.scope.owner_tags
        condition = {"ArnEquals": {"lambda:FunctionArn": self.function.arn}}
        manage_operations = "GetEventSourceMapping UpdateEventSourceMapping DeleteEventSourceMapping"
        yield from allow(Access.DESCRIBE, "lambda", "ListEventSourceMappings", "*")
        yield from allow(Access.MANAGE, "lambda", "CreateEventSourceMapping", "*", condition=condition)
        yield from allow(Access.MANAGE, "lambda", manage_operations, mappings, condition=condition)
        if not self._taggable:
            return
        yield from allow(Access.DESCRIBE, "lambda", "ListTags", mappings, condition=with_resource_tags(owner))
        # A new one is tagged as it is made; one of ours may lack another tag.
        yield from allow(Access.MANAGE, "lambda", "TagResource", mappings, condition=with_request_tags(owner))
        yield from allow(
            Access.MANAGE, "lambda", "TagResource", mappings, condition=with_resource_tags(owner)
        )

    def follow_up(self, delta: Delta) -> str | None:
        """Records that were written without a stream, or not yet read from the old one, are not delivered."""
        if not delta.touches("EventSourceArn"):
            return None
        return (
            f"The stream of {self.table.name} is another one. What was stored meanwhile may not be enriched: "
            f"`cryptoctl dlq repair --env {self.scope.environment}` finds it and enriches it."
        )

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """Creates the mapping, or sends all its settings again."""
        if delta.creating:
            yield call(
                "lambda",
                "CreateEventSourceMapping",
                gives={"UUID": "UUID"},
                exists="ResourceConflictException",
                EventSourceArn=delta.desired["EventSourceArn"],
                StartingPosition="TRIM_HORIZON",
                Tags=delta.desired["Tags"] if self._taggable else None,
                **self._settings(delta.desired),
            )
            yield self._await_state("Enabled")
            return
        if delta.touches(*(name for name in delta.desired if name != "Tags")):
            if not _only_moving(delta):
                yield call(
                    "lambda",
                    "UpdateEventSourceMapping",
                    UUID=self._uuid,
                    **self._settings(delta.desired),
                    **{name: value for name, value in TAKEN_OFF.items() if delta.touches(name)},
                )
            yield self._await_state("Enabled")
        if delta.touches("Tags"):
            assert delta.observed is not None
            yield call(
                "lambda",
                "TagResource",
                Resource=self._arn(delta.observed.outputs["UUID"]),
                Tags=changed_tags(delta),
            )

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        """Deletes the mapping and waits until Lambda no longer reads the stream."""
        uuid = observed.outputs["UUID"]
        if not observed.deleting:
            yield call("lambda", "DeleteEventSourceMapping", gone=NOT_FOUND, UUID=uuid)
        yield self._await_state(None, uuid=uuid)

    @property
    def _uuid(self) -> Ref:
        return Ref(self, "UUID")

    def _arn(self, uuid: str) -> str:
        return self.scope.arn("lambda", f"event-source-mapping:{uuid}")

    def _settings(self, desired: Fields) -> dict[str, Value]:
        return {
            "FunctionName": self.function.name,
            "Enabled": True,
            **{name: desired[name] for name in AS_REQUESTED},
            "FilterCriteria": filter_criteria(desired["Filters"]),
            "DestinationConfig": {"OnFailure": {"Destination": desired["OnFailure"]}},
        }

    def _await_state(self, state: str | None, *, uuid: Value = None) -> WaitUntil:
        return WaitUntil(
            service="lambda",
            operation="GetEventSourceMapping",
            params={"UUID": uuid or self._uuid},
            path="State",
            until=(state,),
            reason=f"the mapping to be {(state or 'gone').lower()}; Lambda does it in the background",
            timeout_s=180,
            gone=NOT_FOUND,
            hint=STUCK,
        )


def _mappings(aws: Aws, **filters: str) -> list[Response] | None:
    """All mappings, those of a function or those of a stream; None where there is no such thing."""
    operation, key = "ListEventSourceMappings", "EventSourceMappings"
    return all_pages(aws, "lambda", operation, key, not_found=NOT_FOUND, **filters)


def _only_moving(delta: Delta) -> bool:
    """Whether only the state differs, and Lambda is already changing it."""
    changes = (change for change in delta.changes if change.field not in ("State", "Tags"))
    return next(changes, None) is None and delta.old("State") not in ("Disabled", "Disabling", "Enabled")
