"""IAM roles: what a function may do, and not a right more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from cryptoctl.provisioners.policy import Statement, document, normal
from cryptoctl.provisioners.reads import all_pages, if_allowed
from cryptoctl.provisioners.tags import changed_tags, key_values, mapped
from cryptoctl.reconcile import (
    QUOTAS_URL,
    Access,
    Aws,
    Call,
    CallOrWait,
    ConflictChecked,
    ConsentRequired,
    Delta,
    Fields,
    JsonDocument,
    Listed,
    Observed,
    Obstacle,
    Permission,
    Preflight,
    Provisioner,
    Ref,
    Remedy,
    RetryRule,
    Value,
    allow,
    call,
    one_change_at_a_time,
)

NO_SUCH_ENTITY = "NoSuchEntity"
SAME_BUT_FOR_CASE = "IAM does not tell names apart by their case"


@dataclass(frozen=True, kw_only=True, eq=False)
class Role(ConflictChecked, ConsentRequired, Listed, Preflight):
    """A role for one AWS service, with inline policies. Any other policy on it is removed."""

    service: str
    policies: Mapping[str, tuple[Statement, ...]]
    boundary: str | None = None
    """The ARN of its permissions boundary; None leaves the role with the one it has, or none."""

    kind: ClassVar[str] = "role"
    in_tag_index: ClassVar[bool] = False
    # Who uses a role that others made may lose it with what they let it do, and whom they let use it.
    fields_of_others: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("AssumeRolePolicyDocument", "Policies", "AttachedPolicies"), "policies"
    )
    exclusive: ClassVar[frozenset[str]] = frozenset({"Policies", "AttachedPolicies"})
    # A role with a path has another ARN than the one that everything else is given.
    immutable: ClassVar[frozenset[str]] = frozenset({"Path"})
    retry_rules: ClassVar[tuple[RetryRule, ...]] = (
        RetryRule(
            code="MalformedPolicyDocument",
            contains="Invalid principal",
            reason="a principal in the policy to be seen by IAM, whose changes take a while to spread",
            timeout_s=60,
            hint="This partition may not know the service that the trust policy names: see the message.",
        ),
        RetryRule(
            code="NoSuchEntity",
            reason="the new role to be seen by all of IAM, whose changes take a while to spread",
            timeout_s=30,
            operations=("PutRolePolicy", "TagRole", "UpdateAssumeRolePolicy", "PutRolePermissionsBoundary"),
            hint="Another run or another tool may have deleted the role: let that end first.",
        ),
        RetryRule(
            code="DeleteConflict",
            reason="the removal of the role's policies to be seen by all of IAM",
            timeout_s=60,
            operations=("DeleteRole",),
            hint="Detach what others have attached to the role: policies, or an instance profile.",
        ),
        one_change_at_a_time("role", "IAM", "ConcurrentModification", timeout_s=30),
    )
    remedies: ClassVar[tuple[Remedy, ...]] = (
        Remedy(
            codes=("LimitExceeded",),
            contains="policy size",
            operations=("PutRolePolicy",),
            hint="A role's policies may be 10,240 characters in all: use a shorter name for the environment.",
        ),
        Remedy(
            codes=("LimitExceeded",),
            operations=("CreateRole",),
            hint="The account has reached its quota of roles: delete roles that nobody uses, or ask for more "
            f"({QUOTAS_URL}, IAM, “Roles per account”; in us-east-1, whatever the region).",
        ),
    )

    @property
    def arn(self) -> str:
        return self.scope.arn("iam", f"role/{self.name}", regional=False)

    @property
    def role_id(self) -> Ref:
        """Its unique id: another one after the role was deleted and made again under its name."""
        return Ref(self, "RoleId")

    def observe(self, aws: Aws) -> Observed | None:
        role, inline, attached = aws.gather(
            lambda: aws.find("iam", "GetRole", not_found=NO_SUCH_ENTITY, RoleName=self.name),
            lambda: self._all(aws, "ListRolePolicies", "PolicyNames"),
            lambda: self._all(aws, "ListAttachedRolePolicies", "AttachedPolicies"),
        )
        if role is None or inline is None or attached is None:
            return None
        policies = aws.map(
            lambda name: aws.find(
                "iam", "GetRolePolicy", not_found=NO_SUCH_ENTITY, RoleName=self.name, PolicyName=name
            ),
            inline,
        )
        description = role["Role"]
        return Observed(
            fields={
                "AssumeRolePolicyDocument": normal(description["AssumeRolePolicyDocument"]),
                "Policies": {
                    name: normal(policy["PolicyDocument"])
                    for name, policy in zip(inline, policies, strict=True)
                    if policy is not None
                },
                "AttachedPolicies": {policy["PolicyArn"]: True for policy in attached},
                "PermissionsBoundary": _boundary(description),
                "Path": description["Path"],
                "RoleName": description["RoleName"],
                "Tags": mapped(description.get("Tags", ())),
            },
            outputs={"RoleId": description["RoleId"]},
            notes=tuple(self._notes(_boundary(description))),
        )

    def _notes(self, boundary: str | None) -> Iterator[str]:
        if boundary and self.boundary is None:
            yield (
                f"{self} has the permissions boundary {boundary}, which may take from it what it needs; "
                "`permissions_boundary` in cryptoctl.toml keeps it where the role is created anew"
            )

    def conflict(self, observed: Observed) -> str | None:
        """IAM is global, an environment is not: one with permissions in another region alone is in use there.

        Only the policies that we declare say so; what somebody else has put on the role is drift.
        """
        if observed.fields.get("RoleName", self.name) != self.name:
            return f"exists as {observed.fields['RoleName']}: {SAME_BUT_FOR_CASE}"
        policies = observed.fields["Policies"]
        arns = [
            arn
            for policy in (policies[name] for name in self.policies if name in policies)
            for statement in policy["Statement"]
            for arn in statement.get("Resource", ())
        ]
        arn_regions = {arn.split(":")[3] for arn in arns if arn.count(":") >= 5}
        regions = {region for region in arn_regions if region and "*" not in region}
        if not regions or self.scope.region in regions:
            return None
        names = ", ".join(sorted(regions))
        return f"serves this environment in {names}, and IAM roles are global (--region {names} works on it)"

    @classmethod
    def preflight(cls, aws: Aws, changes: Mapping[Provisioner, Delta]) -> Iterator[Obstacle]:
        """Yields an obstacle for each role to be created whose name is taken but for its case."""
        new = {role.name.lower(): role.name for role, delta in changes.items() if delta.creating}
        for existing in _names(aws) if new else ():
            name = new.get(existing.lower(), existing)
            if name != existing:
                yield Obstacle(
                    what=f"The role {name} cannot be created beside {existing}: {SAME_BUT_FOR_CASE}.",
                    hint="Choose another --env, one that differs by more than its case.",
                )

    def candidate_arns(self, aws: Aws) -> Iterator[str]:
        """Roles without a path, as ours are."""
        page = {"PageSize": 1000}
        roles = aws.paginate("iam", "ListRoles", "Roles", PaginationConfig=page)
        arns = {role["RoleName"]: role["Arn"] for role in roles if role["Path"] == "/"}
        yield from (arns[name] for name in self.scope.likeliest(arns, ending="-role"))

    def tags_of(self, aws: Aws) -> Mapping[str, str]:
        response = aws.find("iam", "GetRole", not_found=NO_SUCH_ENTITY, RoleName=self.name)
        return mapped(response["Role"].get("Tags", ())) if response else {}

    def _all(self, aws: Aws, operation: str, key: str) -> list[Any] | None:
        return all_pages(aws, "iam", operation, key, not_found=NO_SUCH_ENTITY, RoleName=self.name)

    def desired(self) -> Fields:
        trust_statement = Statement(actions=("sts:AssumeRole",), principal={"Service": self.service})
        return {
            "AssumeRolePolicyDocument": document([trust_statement]),
            "Policies": {name: document(statements) for name, statements in self.policies.items()},
            "AttachedPolicies": {},
            "Path": "/",
            **({"PermissionsBoundary": self.boundary} if self.boundary else {}),
            "Tags": self.scope.tags,
        }

    def permissions(self) -> Iterator[Permission]:
        """Also PassRole, to the role's service only."""
        describe_operations = "GetRole GetRolePolicy ListRolePolicies ListAttachedRolePolicies"
        manage_operations = "TagRole UpdateAssumeRolePolicy DeleteRolePolicy DetachRolePolicy DeleteRole"
        # Who may write a role's policies is bound by what the role is bound by, or by nothing.
        bound = {"ArnEquals": {"iam:PermissionsBoundary": self.boundary}} if self.boundary else None
        create_operations = f"CreateRole PutRolePolicy{' PutRolePermissionsBoundary' if bound else ''}"
        yield from allow(Access.DESCRIBE, "iam", "ListRoles", "*")
        yield from allow(Access.DESCRIBE, "iam", describe_operations, self.arn)
        yield from allow(Access.MANAGE, "iam", manage_operations, self.arn)
        yield from allow(Access.MANAGE, "iam", create_operations, self.arn, condition=bound)
        condition = {"StringEquals": {"iam:PassedToService": self.service}}
        yield from allow(Access.MANAGE, "iam", "PassRole", self.arn, condition=condition)

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """Creates the role, then each policy; deletes policies that are not declared."""
        if delta.creating:
            yield call(
                "iam",
                "CreateRole",
                gives={"RoleId": "Role.RoleId"},
                exists="EntityAlreadyExists",
                RoleName=self.name,
                AssumeRolePolicyDocument=JsonDocument(delta.desired["AssumeRolePolicyDocument"]),
                Tags=key_values(delta.desired["Tags"]),
                PermissionsBoundary=self.boundary,
            )
            for name, policy in delta.desired["Policies"].items():
                yield self._put(name, policy)
            return
        if delta.touches("PermissionsBoundary"):
            # First: with our own policy, nothing else of a role without it may be changed.
            yield self._call("PutRolePermissionsBoundary", PermissionsBoundary=self.boundary)
        if delta.touches("AssumeRolePolicyDocument"):
            yield self._call(
                "UpdateAssumeRolePolicy",
                PolicyDocument=JsonDocument(delta.desired["AssumeRolePolicyDocument"]),
            )
        if delta.touches("Tags"):
            yield self._call("TagRole", Tags=key_values(changed_tags(delta)))
        for change in delta.keys("Policies"):
            if change.new is None:
                yield self._call("DeleteRolePolicy", PolicyName=change.key, gone=NO_SUCH_ENTITY)
            else:
                yield self._put(change.key or "", change.new)
        for change in delta.keys("AttachedPolicies"):
            yield self._call("DetachRolePolicy", PolicyArn=change.key, gone=NO_SUCH_ENTITY)

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        """Removes every policy, then deletes the role: IAM refuses to delete one that has any."""
        for name in observed.fields["Policies"]:
            yield self._call("DeleteRolePolicy", PolicyName=name, gone=NO_SUCH_ENTITY)
        for arn in observed.fields["AttachedPolicies"]:
            yield self._call("DetachRolePolicy", PolicyArn=arn, gone=NO_SUCH_ENTITY)
        yield self._call("DeleteRole", gone=NO_SUCH_ENTITY)

    def _put(self, name: str, policy: Value) -> Call:
        return self._call("PutRolePolicy", PolicyName=name, PolicyDocument=JsonDocument(policy))

    def _call(self, operation: str, **params: Value) -> Call:
        return call("iam", operation, RoleName=self.name, **params)


def _names(aws: Aws) -> list[str]:
    """The account's roles; none where these credentials may not list them."""
    return if_allowed(lambda: [role["RoleName"] for role in aws.paginate("iam", "ListRoles", "Roles")]) or []


def _boundary(role: Mapping[str, Any]) -> Value:
    return (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
