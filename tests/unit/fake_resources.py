"""A made-up kind of resource and a made-up AWS, so that planning and running are tested without any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from cryptoctl.aws import AwsError
from cryptoctl.reconcile.call import Call, CallOrWait, RetryRule, WaitUntil
from cryptoctl.reconcile.delta import Delta
from cryptoctl.reconcile.observed import Observed
from cryptoctl.reconcile.permissions import Access, Permission, allow
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.reconcile.values import Fields, Ref, Value
from kit.sequential_aws import SequentialAws

SCOPE = Scope(environment="test", account="1" * 12, region="here")


@dataclass(frozen=True, kw_only=True, eq=False)
class FakeResource(Provisioner):
    """A resource with a size that can change, a shape that cannot, and an id that the service assigns."""

    scope: Scope = SCOPE
    size: Value = 1
    shape: str = "round"
    needs: tuple[Provisioner, ...] = ()
    settles: bool = False

    kind: ClassVar[str] = "thing"
    immutable: ClassVar[frozenset[str]] = frozenset({"Shape"})
    retry_rules: ClassVar[tuple[RetryRule, ...]] = (
        RetryRule(code="NotYet", contains="soon", reason="the thing to be seen", timeout_s=20),
    )

    @property
    def id(self) -> Ref:
        """The id that the service assigns."""
        return Ref(self, "Id")

    def observe(self, aws: Any) -> Observed | None:
        item = aws.find("things", "GetThing", not_found="NoSuchThing", Name=self.name)
        if item is None:
            return None
        return Observed(fields=item["Fields"], outputs={"Id": item["Id"]}, new=item.get("New", False))

    def permissions(self) -> Iterator[Permission]:
        yield from allow(Access.DESCRIBE, "things", "GetThing", "*")

    def desired(self) -> Fields:
        return {"Size": self.size, "Shape": self.shape, "Tags": self.scope.tags}

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        operation = "CreateThing" if delta.creating else "UpdateThing"
        yield Call(
            service="things",
            operation=operation,
            params={"Name": self.name, "Fields": delta.desired},
            gives={"Id": "Id"} if delta.creating else {},
            exists="ThingExists",
            once=True,
        )
        if self.settles:
            yield WaitUntil(
                service="things",
                operation="GetThing",
                params={"Name": self.name},
                path="State",
                until=("Ready",),
                fails=("Broken",),
                failure_reason="Why",
                failure_hint="Make room.",
                hint="Look again.",
                reason="the thing to be ready",
                timeout_s=30,
                gone="NoSuchThing",
            )

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        yield Call(service="things", operation="DeleteThing", params={"Name": self.name}, gone="NoSuchThing")


@dataclass
class FakeAws(SequentialAws):
    """Holds things in memory; `before` may raise for an operation, `after` once its work is done."""

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    before: Callable[[str, Mapping[str, Any]], None] = lambda *_: None
    after: Callable[[str, Mapping[str, Any]], None] = lambda *_: None
    calls: list[tuple[str, str]] = field(default_factory=list)

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> dict[str, Any]:
        self.calls.append((operation, params["Name"]))
        self.before(operation, params)
        answer: dict[str, Any] = getattr(self, f"_{operation}")(**params)
        self.after(operation, params)
        return answer

    def find(self, service: str, operation: str, *, not_found: Any, **params: Any) -> dict[str, Any] | None:
        return self.things.get(params["Name"])

    def _CreateThing(self, Name: str, Fields: Any) -> dict[str, Any]:  # noqa: N802, N803
        if Name in self.things:
            raise refusal("CreateThing", "ThingExists")
        self.things[Name] = {"Fields": Fields, "Id": f"id-of-{Name}", "State": "Ready"}
        return self.things[Name]

    def _UpdateThing(self, Name: str, Fields: Any) -> dict[str, Any]:  # noqa: N802, N803
        self.things[Name]["Fields"] = Fields
        return self.things[Name]

    def _DeleteThing(self, Name: str) -> dict[str, Any]:  # noqa: N802, N803
        if self.things.pop(Name, None) is None:
            raise refusal("DeleteThing", "NoSuchThing")
        return {}


def refusal(operation: str, code: str, message: str = "") -> AwsError:
    """An error as the service would answer it."""
    return AwsError(service="things", operation=operation, code=code, message=message)
