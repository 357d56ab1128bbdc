"""SSM parameters: a secret under the environment's key, made once and shown to nobody who looks after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from cryptoctl.provisioners.customer_key import key_arn, principal
from cryptoctl.provisioners.key import Key
from cryptoctl.provisioners.policy import Statement
from cryptoctl.provisioners.tags import changed_tags, key_values, mapped
from cryptoctl.reconcile import (
    QUOTAS_URL,
    Access,
    Aws,
    Call,
    CallOrWait,
    Delta,
    Fields,
    Listed,
    Observed,
    Obstacle,
    Permission,
    Preflight,
    Provisioner,
    ReadRequest,
    Remedy,
    RetryRule,
    Secret,
    Value,
    allow,
    call,
    one_change_at_a_time,
    with_resource_tags,
)

NOT_FOUND, EXISTS = "ParameterNotFound", "ParameterAlreadyExists"
# What AWS answers where tags are asked of a parameter that is gone.
NO_RESOURCE = "InvalidResourceId"
TYPE, TIER = "SecureString", "Standard"
PAGE = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class Parameter(Preflight, Listed):
    """A SecureString. Its name is a path; the value is never read to compare it.

    Under another key the same value is written again under the right one. One of another type would have to
    be deleted, and nothing but a process would hold its value meanwhile: that is refused. The tier stays:
    AWS takes no advanced parameter back to the standard one.
    """

    key: Key
    value: Secret
    description: str

    kind: ClassVar[str] = "parameter"
    named_by_settings: ClassVar[bool] = True
    sensitive: ClassVar[frozenset[str]] = frozenset({"Value"})
    immutable: ClassVar[frozenset[str]] = frozenset({"Type"})
    # SSM may take a name for 30 s after its deletion as still there.
    visible_within_s: ClassVar[float] = 45.0
    retry_rules: ClassVar[tuple[RetryRule, ...]] = (
        RetryRule(
            code="AccessDeniedException",
            contains="kms:",
            reason="the key's tags to count in permissions; KMS takes up to five minutes for that",
            timeout_s=330,
            operations=("PutParameter",),
        ),
        RetryRule(
            code="InvalidKeyId",
            reason="the new key to be seen by Parameter Store; KMS's changes take a while to spread",
            timeout_s=60,
            operations=("PutParameter",),
            hint="`cryptoctl plan` shows whether the environment's key is as it should be.",
        ),
        one_change_at_a_time("parameter", "Parameter Store", "TooManyUpdates", timeout_s=30),
    )
    remedies: ClassVar[tuple[Remedy, ...]] = (
        Remedy(
            codes=("ParameterLimitExceeded",),
            hint="The account has reached its quota of standard parameters: delete those that nobody "
            f"uses, or ask for more ({QUOTAS_URL}, AWS Systems Manager).",
        ),
        Remedy(
            codes=("InvalidKeyId", "AccessDeniedException"),
            contains="ciphertext",
            operations=("GetParameter",),
            hint="The value cannot be read any more. Delete the parameter (`aws ssm delete-parameter "
            "--name NAME`): `cryptoctl up` creates a new secret, which its sender then needs.",
        ),
        Remedy(
            codes=("InvalidKeyId",),
            operations=("GetParameter",),
            hint="The value is encrypted with a key that is disabled or pending deletion: `aws kms "
            "cancel-key-deletion --key-id ARN`, then `aws kms enable-key --key-id ARN` restore it. Without "
            "the key, delete the parameter (`aws ssm delete-parameter --name NAME`): `cryptoctl up` "
            "creates a new secret, which its sender then needs.",
        ),
    )

    @property
    def arn(self) -> str:
        return self.scope.arn("ssm", f"parameter{self.name}")

    def observe(self, aws: Aws) -> Observed | None:
        """Reads what describes it. Nothing here, and no permission for it, shows the value."""
        parameters, tags = aws.gather(lambda: self._list_folder(aws), lambda: self.tags_of(aws))
        parameter = next((candidate for candidate in parameters if candidate["Name"] == self.name), None)
        if parameter is None or tags is None:
            return None
        return Observed(
            fields={
                "Type": parameter["Type"],
                "Tier": parameter.get("Tier", TIER),
                "KeyId": key_arn(self.scope, parameter.get("KeyId")),
                "Value": Secret.EXISTS,
                "Tags": tags,
            }
        )

    def candidate_arns(self, aws: Aws) -> Iterator[str]:
        """The parameters beside it."""
        yield from (replace(self, name=parameter["Name"]).arn for parameter in self._list_folder(aws))

    def _list_folder(self, aws: Aws) -> Sequence[Mapping[str, Any]]:
        """Itself and those beside it; in one look, one request for fifty.

        AWS cuts the pages first and filters then: one may be empty, and the next one not.
        """
        name_filter = {"Key": "Name", "Option": "BeginsWith", "Values": [self._folder]}
        return aws.list_all(
            "ssm", "DescribeParameters", "Parameters", ParameterFilters=[name_filter], MaxResults=PAGE
        )

    def tags_of(self, aws: Aws) -> dict[str, str] | None:
        response = aws.find(
            "ssm",
            "ListTagsForResource",
            not_found=(NO_RESOURCE, NOT_FOUND),
            ResourceType="Parameter",
            ResourceId=self.name,
        )
        return None if response is None else mapped(response.get("TagList", ()))

    def desired(self) -> Fields:
        return {
            "Type": TYPE,
            "KeyId": self.key.arn,
            "Value": self.value,
            "Tags": self.scope.tags,
        }

    def permissions(self) -> Iterator[Permission]:
        """Also on those beside it, of which one may be left over: only the configuration names them."""
        parameter_arns = self.scope.arn("ssm", f"parameter{self._folder}*")
        owned = with_resource_tags(self.scope.owner_tags)
        via_service = {"kms:ViaService": principal(self.scope, "ssm")}
        by_ssm = {"StringEquals": {**owned["StringEquals"], **via_service}}
        yield from allow(Access.DESCRIBE, "ssm", "DescribeParameters", "*")
        yield from allow(Access.DESCRIBE, "ssm", "ListTagsForResource", parameter_arns)
        manage_operations = "PutParameter GetParameter AddTagsToResource DeleteParameter"
        yield from allow(Access.MANAGE, "ssm", manage_operations, parameter_arns)
        keys = self.scope.arn("kms", "key/*")
        yield from allow(Access.MANAGE, "kms", "Encrypt Decrypt", keys, condition=by_ssm)

    @classmethod
    def preflight(cls, aws: Aws, changes: Mapping[Provisioner, Delta]) -> Iterator[Obstacle]:
        """Yields an obstacle for each parameter of another type."""
        for parameter, delta in changes.items():
            if delta.touches("Type") and delta.observed and isinstance(parameter, cls):
                yield parameter.of_another_type(delta.observed)

    def of_another_type(self, observed: Observed) -> Obstacle:
        """Why a parameter that is no SecureString is in the way, and how a person keeps its secret."""
        sender = self.name.rpartition("/")[2]
        options = f"--region {self.scope.region} --name {self.name}"
        return Obstacle(
            what=f"The {self} is of type {observed.fields['Type']}, where its secret is not encrypted, and "
            "AWS changes no parameter's type.",
            hint=f"`aws ssm get-parameter {options} --query Parameter.Value --output text` shows what it "
            "holds: keep the secret (of JSON, the value of `secret`). Then "
            f"`aws ssm delete-parameter {options}`, "
            f"`cryptoctl up`, and `cryptoctl webhook rotate {sender} --grace 0s --secret-file -` for the one "
            "that you kept. Without that last step there is a new one, which the sender has to be given.",
        )

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """Creates it with a new value; or writes the value that is there again, under the right key."""
        if delta.creating:
            yield self._put(self.value, TIER, Tags=key_values(delta.desired["Tags"]), exists=EXISTS)
        elif delta.touches("KeyId"):
            secret = Secret(self.value.make, current=self._read_request)
            yield self._put(secret, delta.old("Tier") or TIER, Overwrite=True)
        if delta.touches("Tags"):
            yield call(
                "ssm",
                "AddTagsToResource",
                ResourceType="Parameter",
                ResourceId=self.name,
                Tags=key_values(changed_tags(delta)),
            )

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        yield call("ssm", "DeleteParameter", gone=NOT_FOUND, Name=self.name)

    @property
    def _folder(self) -> str:
        return self.name.rpartition("/")[0] + "/"

    @property
    def _read_request(self) -> ReadRequest:
        return ReadRequest(
            service="ssm",
            operation="GetParameter",
            params=self.read_params(),
            path="Parameter.Value",
            version="Parameter.Version",
            written_version="Version",
            params_of_version=self.read_params,
        )

    def read_params(self, version: int | None = None) -> Fields:
        """The parameters of the request that reads the value, or what an earlier version of it was."""
        return {"Name": self.name if version is None else f"{self.name}:{version}", "WithDecryption": True}

    def _put(self, value: Secret, tier: str, *, exists: str | None = None, **params: Value) -> Call:
        return call(
            "ssm",
            "PutParameter",
            exists=exists,
            Name=self.name,
            Description=self.description,
            Value=value,
            Type=TYPE,
            KeyId=self.key.arn,
            Tier=tier,
            **params,
        )


def may_read(parameters: Sequence[Parameter]) -> tuple[Statement, ...]:
    """Allows reading the values of parameters, and of nothing else under their keys."""
    keys = dict.fromkeys(parameter.key for parameter in parameters)
    return (
        Statement(actions=("ssm:GetParameter",), resources=tuple(parameter.arn for parameter in parameters)),
        *(
            Statement(
                actions=("kms:Decrypt",),
                resources=(key.arn,),
                condition={"StringEquals": {"kms:ViaService": principal(key.scope, "ssm")}},
            )
            for key in keys
        ),
    )
