"""The environment's KMS key with its alias: every function's environment variables lie under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

from cryptoctl.aws import Answer, Aws, AwsError
from cryptoctl.provisioners.policy import Statement, document, normal
from cryptoctl.provisioners.tags import listed, mapped, pairs
from cryptoctl.reconcile.call import Action, Call, RetryRule
from cryptoctl.reconcile.delta import Delta
from cryptoctl.reconcile.provisioner import Observed, Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.reconcile.values import Fields, Json, Ref, Value

NOT_FOUND = "NotFoundException"
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, eq=False)
class Key(Provisioner):
    """A symmetric key that rotates every year. Its name is its alias.

    A key is made in one call and named in another: one that has no name yet, or none any more because it
    is pending deletion, is found again by the tags that were written as it was made.
    """

    deletion_window_days: int
    policy: tuple[Statement, ...]

    kind: ClassVar[str] = "key"
    retry_rules: ClassVar[tuple[RetryRule, ...]] = (
        RetryRule(
            code="MalformedPolicyDocumentException",
            because="a principal in the key policy to be seen by KMS",
            up_to_s=60,
            operations=("CreateKey", "PutKeyPolicy"),
        ),
        RetryRule(
            code=NOT_FOUND,
            because="the new key to be seen by all of KMS",
            up_to_s=30,
            operations=("CreateAlias", "EnableKeyRotation", "TagResource"),
        ),
    )

    @property
    def key_id(self) -> Ref:
        """Its id, which AWS assigns."""
        return Ref(self, "KeyId")

    @property
    def arn(self) -> Ref:
        """Its ARN, which ends in the id."""
        return Ref(self, "Arn")

    def observe(self, aws: Aws) -> Observed | None:
        """Looks under the alias, else among all keys for one with our tags."""
        named = aws.look("kms", "DescribeKey", absent=NOT_FOUND, KeyId=self.name)
        metadata = named["KeyMetadata"] if named else self._by_tag(aws)
        if metadata is None:
            return None
        return self._seen(aws, metadata, alias=self.name if named else None)

    def _by_tag(self, aws: Aws) -> dict[str, Any] | None:
        ids = [key["KeyId"] for key in aws.items("kms", "ListKeys", "Keys")]
        tags = aws.together([_tags_of(aws, key_id) for key_id in ids])
        ours = [
            key_id
            for key_id, its in zip(ids, tags, strict=True)
            if self.scope.owner_tags.items() <= its.items()
        ]
        described = [aws.call("kms", "DescribeKey", KeyId=key_id)["KeyMetadata"] for key_id in ours]
        # The one in use before one that goes; of those that go, the one that goes last.
        described.sort(key=lambda key: (key["KeyState"] == "Enabled", key.get("DeletionDate", NEVER)))
        return described[-1] if described else None

    def _seen(self, aws: Aws, metadata: dict[str, Any], *, alias: str | None) -> Observed:
        key_id = metadata["KeyId"]
        policy, rotation, tags = aws.together(
            [
                lambda: aws.call("kms", "GetKeyPolicy", KeyId=key_id, PolicyName="default"),
                # A key pending deletion has no rotation to speak of.
                lambda: aws.look(
                    "kms", "GetKeyRotationStatus", absent="KMSInvalidStateException", KeyId=key_id
                ),
                lambda: aws.call("kms", "ListResourceTags", KeyId=key_id),
            ]
        )
        assert policy is not None
        assert tags is not None
        return Observed(
            fields={
                "KeyState": metadata["KeyState"],
                "Alias": alias,
                "Policy": normal(policy["Policy"]),
                "KeyRotationEnabled": bool(rotation and rotation["KeyRotationEnabled"]),
                "Tags": mapped(tags.get("Tags", ()), "TagKey", "TagValue"),
            },
            outputs={"KeyId": key_id, "Arn": metadata["Arn"]},
            leaving=metadata.get("DeletionDate") if metadata["KeyState"] == "PendingDeletion" else None,
        )

    def desired(self) -> Fields:
        """In use, named, rotating, under its policy, tagged."""
        return {
            "KeyState": "Enabled",
            "Alias": self.name,
            "Policy": document(self.policy),
            "KeyRotationEnabled": True,
            "Tags": self.scope.tags,
        }

    def apply(self, delta: Delta) -> Iterator[Action]:
        """Makes, names and rotates a key; or takes one back and mends it."""
        if delta.creating:
            yield Call(
                service="kms",
                operation="CreateKey",
                params={
                    "Description": f"Environment variables of {self.scope.environment}'s functions",
                    "Policy": Json(delta.desired["Policy"]),
                    "Tags": listed(delta.desired["Tags"], "TagKey", "TagValue"),
                },
                gives={"KeyId": "KeyMetadata.KeyId", "Arn": "KeyMetadata.Arn"},
                once=True,
            )
        if delta.touches("KeyState"):
            if delta.observed and delta.observed.leaving is not None:
                yield self._call("CancelKeyDeletion", exists="KMSInvalidStateException")
            yield self._call("EnableKey")
        if delta.creating or delta.touches("Alias"):
            yield Call(
                service="kms",
                operation="CreateAlias",
                params={"AliasName": self.name, "TargetKeyId": self.key_id},
                exists="AlreadyExistsException",
            )
        if delta.touches("Policy"):
            yield self._call("PutKeyPolicy", PolicyName="default", Policy=Json(delta.desired["Policy"]))
        if delta.creating or delta.touches("KeyRotationEnabled"):
            yield self._call("EnableKeyRotation")
        if delta.touches("Tags"):
            yield self._call("TagResource", Tags=listed(pairs(delta, "Tags"), "TagKey", "TagValue"))

    def remove(self, observed: Observed) -> Iterator[Action]:
        """Takes the name away and schedules the deletion: AWS deletes no key at once."""
        if observed.fields["Alias"] is not None:
            yield Call(
                service="kms", operation="DeleteAlias", params={"AliasName": self.name}, gone=NOT_FOUND
            )
        yield Call(
            service="kms",
            operation="ScheduleKeyDeletion",
            params={
                "KeyId": observed.outputs["KeyId"],
                "PendingWindowInDays": self.deletion_window_days,
            },
            gone="KMSInvalidStateException",
        )

    def _call(self, operation: str, *, exists: str | None = None, **params: Value) -> Call:
        return Call(
            service="kms", operation=operation, params={"KeyId": self.key_id, **params}, exists=exists
        )


def lambda_environment_policy(scope: Scope) -> tuple[Statement, ...]:
    """The account administers the key; Lambda may decrypt with it, for this account only."""
    return (
        Statement(
            sid="AccountAdministers",
            actions=("kms:*",),
            resources=("*",),
            principal={"AWS": scope.arn("iam", "root", regional=False)},
        ),
        Statement(
            sid="LambdaDecrypts",
            actions=("kms:Decrypt", "kms:DescribeKey"),
            resources=("*",),
            principal={"Service": "lambda.amazonaws.com"},
            condition={"StringEquals": {"aws:SourceAccount": scope.account}},
        ),
    )


def _tags_of(aws: Aws, key_id: str) -> Callable[[], dict[str, str]]:
    def read() -> dict[str, str]:
        try:
            answer: Answer | None = aws.look("kms", "ListResourceTags", absent=NOT_FOUND, KeyId=key_id)
        except AwsError as error:
            if error.code == "AccessDeniedException":  # a key whose tags we may not read is not ours
                return {}
            raise
        return mapped((answer or {}).get("Tags", ()), "TagKey", "TagValue")

    return read
