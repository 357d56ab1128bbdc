"""Lambda functions: code, configuration, concurrency, and who may invoke them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from cryptoctl.bundle import Code as Code
from cryptoctl.provisioners.function_configuration import (
    AS_REQUESTED,
    attached_notes,
    configuration_differs,
    normal_configuration,
    reserves_more,
    role_id,
    tags_of,
    unreadable_variables,
)
from cryptoctl.provisioners.function_errors import REMEDIES, RESERVE_NONE, RETRY_RULES
from cryptoctl.provisioners.key import Key
from cryptoctl.provisioners.log_group import LogGroup
from cryptoctl.provisioners.queue import Queue
from cryptoctl.provisioners.resource_permission import (
    ResourcePermission,
    changed_statements,
    foreign_statement_notes,
    statements_in,
)
from cryptoctl.provisioners.role import NO_SUCH_ENTITY, Role
from cryptoctl.provisioners.tags import changed_tags
from cryptoctl.provisioners.topic import Topic
from cryptoctl.reconcile import (
    Access,
    Aws,
    Call,
    CallOrWait,
    ConsentRequired,
    Delta,
    Fields,
    Observed,
    Obstacle,
    Permission,
    Preflight,
    Priced,
    Provisioner,
    Remedy,
    RetryRule,
    Traffic,
    Usage,
    Value,
    WaitUntil,
    allow,
    call,
)

NOT_FOUND = "ResourceNotFoundException"
# Lambda keeps this many of an account's concurrent executions for functions that reserve none.
UNRESERVED_AT_LEAST = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class Function(ConsentRequired, Preflight, Priced):
    """A function with its own role and log group, its environment under the environment's key."""

    runtime: str
    handler: str
    architecture: str
    memory_mb: int
    timeout_s: int
    code: Code
    environment: Mapping[str, Value]
    key: Key
    role: Role
    other_role: Role
    """A role that it can be given for a moment: see `_give_role_again`."""
    log_group: LogGroup
    dead_letters: Queue | Topic
    reserved_concurrency: int | None
    resource_policy: Mapping[str, ResourcePermission | None]
    """Statements by id. None: that one must not be there. What has another id is not ours."""
    application_log_level: str = "INFO"
    system_log_level: str = "INFO"
    tracing: bool = False

    kind: ClassVar[str] = "function"
    exclusive: ClassVar[frozenset[str]] = frozenset({"Environment"})
    fields_of_others: ClassVar[Mapping[str, str]] = {"CodeSha256": "code", "Environment": "variables"}
    sensitive: ClassVar[frozenset[str]] = frozenset({"Environment"})
    # A function that could not be created stays in the state Failed, in which Lambda takes no change of it.
    immutable: ClassVar[frozenset[str]] = frozenset({"State", "PackageType"})
    retry_rules: ClassVar[tuple[RetryRule, ...]] = RETRY_RULES
    remedies: ClassVar[tuple[Remedy, ...]] = REMEDIES

    @property
    def arn(self) -> str:
        return self.scope.arn("lambda", f"function:{self.name}")

    def observe(self, aws: Aws) -> Observed | None:
        response, policy, role = aws.gather(
            lambda: aws.find("lambda", "GetFunction", not_found=NOT_FOUND, FunctionName=self.name),
            lambda: aws.find("lambda", "GetPolicy", not_found=NOT_FOUND, FunctionName=self.name),
            lambda: aws.find("iam", "GetRole", not_found=NO_SUCH_ENTITY, RoleName=self.role.name),
        )
        if response is None:
            return None
        configuration = response["Configuration"]
        if configuration.get("State") == "Deleting":
            return Observed(fields={}, deleting=True)
        tags = tags_of(self.name, response)
        statements = statements_in(policy)
        reserved = (response.get("Concurrency") or {}).get("ReservedConcurrentExecutions")
        return Observed(
            fields={
                **normal_configuration(configuration),
                "RoleId": role_id(role, configuration["LastModified"]),
                "ReservedConcurrentExecutions": reserved,
                "Permissions": statements,
                "Tags": tags,
            },
            notes=(
                *foreign_statement_notes(self.name, policy, self.resource_policy),
                *attached_notes(self.name, configuration),
            ),
            unreadable=unreadable_variables(self.name, response),
        )

    def desired(self) -> Fields:
        return {
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
            "CodeSha256": self.code.sha256,
            "Architectures": (self.architecture,),
            "Runtime": self.runtime,
            "Handler": self.handler,
            "MemorySize": self.memory_mb,
            "Timeout": self.timeout_s,
            "Role": self.role.arn,
            "RoleId": self.role.role_id,
            "KMSKeyArn": self.key.arn,
            "DeadLetterTargetArn": self.dead_letters.arn,
            "LogFormat": "JSON",
            "LogGroup": self.log_group.name,
            "LogLevels": (self.application_log_level, self.system_log_level),
            "TracingMode": "Active" if self.tracing else "PassThrough",
            "Environment": dict(self.environment),
            "ReservedConcurrentExecutions": self.reserved_concurrency,
            "Permissions": {
                sid: permission and permission.normal_form for sid, permission in self.resource_policy.items()
            },
            "Tags": self.scope.tags,
        }

    def permissions(self) -> Iterator[Permission]:
        describe_operations = "GetFunction GetPolicy ListTags"
        manage_operations = (
            "GetFunctionConfiguration CreateFunction UpdateFunctionCode UpdateFunctionConfiguration "
            "PutFunctionConcurrency DeleteFunctionConcurrency TagResource DeleteFunction"
        )
        yield from allow(Access.DESCRIBE, "lambda", describe_operations, self.arn)
        yield from allow(Access.DESCRIBE, "lambda", "GetAccountSettings", "*")
        yield from allow(Access.MANAGE, "lambda", manage_operations, self.arn)
        if self.resource_policy:
            yield from allow(Access.MANAGE, "lambda", "AddPermission RemovePermission", self.arn)

    def usage(self, traffic: Traffic) -> Iterator[Usage]:
        gb_s = traffic.busy_s * self.memory_mb / 1024
        yield Usage(item="lambda_requests", amount=traffic.requests, driver="invocations")
        yield Usage(item="lambda_gb_seconds", amount=gb_s, driver="duration and memory")
        if self.tracing:
            yield Usage(item="xray_traces", amount=traffic.traces, driver="functions.tracing")
        metrics = traffic.metrics * traffic.months
        yield Usage(item="custom_metrics", amount=metrics, driver="how many metrics it emits")

    @classmethod
    def preflight(cls, aws: Aws, changes: Mapping[Provisioner, Delta]) -> Iterator[Obstacle]:
        """Yields an obstacle where the account's quota does not allow what is to be reserved."""
        more = sum(map(reserves_more, changes.values()))
        if more <= 0:
            return
        limit = aws.call("lambda", "GetAccountSettings")["AccountLimit"]
        free = int(limit["UnreservedConcurrentExecutions"])
        if free - more < UNRESERVED_AT_LEAST:
            yield Obstacle(
                what=f"The functions would reserve {more} more concurrent executions, but this account has "
                f"{free} unreserved (of {limit['ConcurrentExecutions']}), and AWS requires that "
                f"{UNRESERVED_AT_LEAST} stay unreserved.",
                hint=RESERVE_NONE,
            )

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """Creates the function; or changes the role first, then code, configuration and the rest."""
        if delta.creating:
            yield self._create(delta.desired)
            yield self._await_active()
        if delta.old("LastUpdateStatus") in UNDER_WAY:
            yield self._await_active()
            yield self._await_update(fails=False)
        settings = self._configuration(delta.desired)
        if delta.touches("RoleId"):
            yield from self._give_role_again(settings)
        if delta.touches("CodeSha256", "Architectures"):
            yield self._call(
                "UpdateFunctionCode", ZipFile=self.code.zip_bytes, Architectures=(self.architecture,)
            )
            yield self._await_update()
        if configuration_differs(delta) and not delta.touches("RoleId"):
            yield self._call("UpdateFunctionConfiguration", **settings)
            yield self._await_update()
        yield from self._concurrency(delta)
        yield from changed_statements(self.name, delta, self.resource_policy)
        if delta.touches("Tags"):
            yield call("lambda", "TagResource", Resource=self.arn, Tags=changed_tags(delta))

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        """Deletes the function; AWS deletes its permissions and settings with it."""
        if observed.deleting:
            yield self._await("State", (None,), reason="the function to be gone; Lambda is deleting it")
        else:
            yield self._call("DeleteFunction", gone=NOT_FOUND)

    def _create(self, desired: Fields) -> Call:
        return call(
            "lambda",
            "CreateFunction",
            exists="ResourceConflictException",
            FunctionName=self.name,
            Code={"ZipFile": self.code.zip_bytes},
            Architectures=(self.architecture,),
            PackageType="Zip",
            Tags=desired["Tags"],
            **self._configuration(desired),
        )

    def _configuration(self, desired: Fields) -> dict[str, Value]:
        return {
            **{name: desired[name] for name in AS_REQUESTED},
            "DeadLetterConfig": {"TargetArn": desired["DeadLetterTargetArn"]},
            "LoggingConfig": {
                "LogFormat": desired["LogFormat"],
                "LogGroup": desired["LogGroup"],
                "ApplicationLogLevel": self.application_log_level,
                "SystemLogLevel": self.system_log_level,
            },
            "TracingConfig": {"Mode": desired["TracingMode"]},
            "Environment": {"Variables": desired["Environment"]},
        }

    def _give_role_again(self, settings: Fields) -> Iterator[CallOrWait]:
        # The key's grant names the id of the role that was there when the function was configured. A role
        # made again under the old name has another id and cannot read the environment. AWS's own remedy
        # is another role and back, which makes the grant anew. The other role need not be allowed to send
        # to the dead letters' destination, which Lambda checks: so none is set meanwhile.
        yield self._call(
            "UpdateFunctionConfiguration", Role=self.other_role.arn, DeadLetterConfig={"TargetArn": ""}
        )
        yield self._await_update()
        yield self._call("UpdateFunctionConfiguration", **settings)
        yield self._await_update()

    def _concurrency(self, delta: Delta) -> Iterator[CallOrWait]:
        if self.reserved_concurrency is not None:
            if delta.creating or delta.touches("ReservedConcurrentExecutions"):
                yield self._call(
                    "PutFunctionConcurrency", ReservedConcurrentExecutions=self.reserved_concurrency
                )
        elif delta.touches("ReservedConcurrentExecutions"):
            yield self._call("DeleteFunctionConcurrency")

    def _call(self, operation: str, **params: Value) -> Call:
        return call("lambda", operation, FunctionName=self.name, **params)

    def _await_active(self) -> WaitUntil:
        return self._await("State", ("Active",), reason="the function to be active; Lambda prepares it")

    def _await_update(self, *, fails: bool = True) -> WaitUntil:
        # An update that failed is no obstacle to the one that comes after it.
        until = ("Successful",) if fails else ("Successful", "Failed")
        return self._await("LastUpdateStatus", until, reason="the function's update to be done by Lambda")

    def _await(self, path: str, until: tuple[str | None, ...], *, reason: str) -> WaitUntil:
        return WaitUntil(
            service="lambda",
            operation="GetFunctionConfiguration",
            params={"FunctionName": self.name},
            path=path,
            until=until,
            fails=tuple({"Failed"}.difference(until)),
            failure_reason=f"{path}Reason",
            reason=reason,
            timeout_s=300,
            gone=NOT_FOUND,
            hint="Wait some minutes: Lambda continues in the background.",
            failure_hint="Remove the cause that AWS gives. `cryptoctl up` asks before it replaces a function "
            "that could not be created.",
        )


UNDER_WAY = ("Pending", "InProgress")
