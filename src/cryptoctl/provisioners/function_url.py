"""The address of a function: HTTPS, open to everybody who has it; the function itself asks who is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from cryptoctl.provisioners.function import NOT_FOUND, Function
from cryptoctl.provisioners.function_errors import IN_PROGRESS, another_change
from cryptoctl.provisioners.resource_permission import ResourcePermission, statements_in
from cryptoctl.reconcile import (
    Access,
    Aws,
    AwsError,
    Call,
    CallOrWait,
    ConsentRequired,
    Delta,
    Fields,
    Observed,
    Obstacle,
    Permission,
    Preflight,
    Provisioner,
    Ref,
    Remedy,
    Response,
    RetryRule,
    Untagged,
    Value,
    allow,
    call,
)

# A request to an address without IAM needs both. Their ids show that the address is ours: nothing else can.
ANYBODY_BY_URL: Mapping[str, ResourcePermission] = {
    "cryptoctl-function-url": ResourcePermission(
        principal="*", action="lambda:InvokeFunctionUrl", function_url_auth_type="NONE"
    ),
    "cryptoctl-function-url-invoke": ResourcePermission(principal="*", invoked_via_function_url=True),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class FunctionUrl(ConsentRequired, Preflight, Untagged):
    """An address of a function's `$LATEST`, without IAM and without CORS. It has its function's name.

    Who may use it is in the function's resource policy: see ANYBODY_BY_URL.
    """

    function: Function

    kind: ClassVar[str] = "function URL"
    part_of: ClassVar[str] = "function"
    exclusive: ClassVar[frozenset[str]] = frozenset({"Cors"})
    retry_rules: ClassVar[tuple[RetryRule, ...]] = (
        *(another_change("CreateFunctionUrlConfig", timeout_s=120, contains=text) for text in IN_PROGRESS),
        another_change("UpdateFunctionUrlConfig", "DeleteFunctionUrlConfig", timeout_s=120),
    )
    remedies: ClassVar[tuple[Remedy, ...]] = (
        Remedy(
            codes=("AccessDeniedException",),
            contains="explicit deny",
            operations=("CreateFunctionUrlConfig", "UpdateFunctionUrlConfig"),
            hint="A policy of the kind that the message names denies function URLs without IAM "
            "authentication (lambda:FunctionUrlAuthType): ask its owner, or take the senders out of "
            "cryptoctl.toml.",
        ),
    )

    @property
    def url(self) -> Ref:
        """The address, which AWS assigns; it ends in a slash."""
        return Ref(self, "FunctionUrl")

    def observe(self, aws: Aws) -> Observed | None:
        try:
            response = self.find(aws)
        except AwsError as error:
            if not _unknown_here(error):
                raise
            return None
        if response is None:
            return None
        return Observed(
            fields={
                "AuthType": response["AuthType"],
                "InvokeMode": response.get("InvokeMode", "BUFFERED"),
                "Cors": {name: value for name, value in (response.get("Cors") or {}).items() if value},
            },
            outputs={"FunctionUrl": response["FunctionUrl"]},
        )

    def find(self, aws: Aws) -> Response | None:
        """Its configuration. Raises AwsError, also in a region without function URLs."""
        return aws.find(
            "lambda", "GetFunctionUrlConfig", not_found=NOT_FOUND, FunctionName=self.function.name
        )

    @classmethod
    def preflight(cls, aws: Aws, changes: Mapping[Provisioner, Delta]) -> Iterator[Obstacle]:
        """Yields an obstacle for an address in a region that has none."""
        for resource, delta in changes.items():
            if not delta.creating or not isinstance(resource, cls):
                continue
            try:
                resource.find(aws)
            except AwsError as error:
                if not _unknown_here(error):
                    raise
                yield Obstacle(
                    what=f"Lambda has no function URLs in {resource.scope.region}: no sender can be "
                    "given one.",
                    hint="Choose another --region, or take the senders out of cryptoctl.toml and have prices "
                    "sent by `cryptoctl send-price` and `cryptoctl feed`.",
                )

    def made_by_another(self, aws: Aws, observed: Observed) -> str | None:
        name = self.function.name
        policy = aws.find("lambda", "GetPolicy", not_found=NOT_FOUND, FunctionName=name)
        if ANYBODY_BY_URL.keys() & statements_in(policy).keys():
            return None
        return (
            f"function {name} has the address {observed.outputs['FunctionUrl']}, which cryptoctl did not "
            f"make: `aws lambda delete-function-url-config --function-name {name}` takes it away if nobody "
            "needs it"
        )

    def desired(self) -> Fields:
        # In one piece an answer has a status that depends on how the work ended.
        return {"AuthType": "NONE", "InvokeMode": "BUFFERED", "Cors": {}}

    def permissions(self) -> Iterator[Permission]:
        manage_operations = "CreateFunctionUrlConfig UpdateFunctionUrlConfig DeleteFunctionUrlConfig"
        yield from allow(Access.DESCRIBE, "lambda", "GetFunctionUrlConfig", self.function.arn)
        yield from allow(Access.MANAGE, "lambda", manage_operations, self.function.arn)

    def consent_reasons(self, delta: Delta) -> Iterator[str]:
        """Somebody may rely on how an address is that is there."""
        if delta.touches("AuthType"):
            yield "lift the IAM protection"
        elif delta.touches("Cors"):
            yield "end the access of web pages (CORS)"

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """One call creates it whole, one changes it whole."""
        if delta.creating:
            yield self._call(
                "CreateFunctionUrlConfig",
                AuthType="NONE",
                InvokeMode="BUFFERED",
                gives={"FunctionUrl": "FunctionUrl"},
                exists="ResourceConflictException",
            )
        else:
            yield self._call("UpdateFunctionUrlConfig", AuthType="NONE", InvokeMode="BUFFERED", Cors={})

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        yield self._call("DeleteFunctionUrlConfig", gone=NOT_FOUND)

    def _call(self, operation: str, **params: Value) -> Call:
        return call("lambda", operation, FunctionName=self.function.name, **params)


def _unknown_here(error: AwsError) -> bool:
    """Whether Lambda does not know the operation: there are regions without function URLs."""
    return error.denied and "determine service/operation name" in error.message
