"""The environment's KMS key with its alias: every function's environment variables lie under it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from cryptoctl.provisioners.customer_key import principal
from cryptoctl.provisioners.key_errors import LOOK_AGAIN, REMEDIES, RETRY_RULES
from cryptoctl.provisioners.key_material import (
    ROTATION_PERIOD_DAYS,
    material_notes,
    out_of_use,
    rotation_of,
    spec_and_usage,
)
from cryptoctl.provisioners.key_search import NOT_FOUND, by_tags, made_just_now
from cryptoctl.provisioners.policy import Statement, document, normal
from cryptoctl.provisioners.reads import all_pages
from cryptoctl.provisioners.tags import changed_tags, key_values, mapped
from cryptoctl.reconcile import (
    Access,
    AssignedArn,
    Aws,
    Call,
    CallOrWait,
    ConsentRequired,
    Delta,
    Fields,
    JsonDocument,
    Observed,
    Obstacle,
    Permission,
    Preflight,
    Priced,
    Provisioner,
    Ref,
    Remedy,
    RetryRule,
    Traffic,
    Usage,
    Value,
    WaitUntil,
    allow,
    call,
    with_request_tags,
    with_resource_tags,
)

NO_ROTATION = ("KMSInvalidStateException", "UnsupportedOperationException")


@dataclass(frozen=True, kw_only=True, eq=False)
class Key(AssignedArn, ConsentRequired, Preflight, Priced):
    """A symmetric key that rotates every year. Its name is its alias.

    A key is made in one call and named in another: one that has no name yet, or none any more because it
    is pending deletion, is found again by the tags that were written as it was made. Where two runs make a
    key at the same time, the one that is named first is the environment's; the other one is deleted.
    """

    deletion_window_days: int
    policy: tuple[Statement, ...]
    only_id: str | None = None
    """Only the key with this id; None for the environment's."""

    kind: ClassVar[str] = "key"
    # Who uses a key that others made may lose it with the policy that they gave it.
    fields_of_others: ClassVar[Mapping[str, str]] = {"Policy": "policy"}
    retry_rules: ClassVar[tuple[RetryRule, ...]] = RETRY_RULES
    remedies: ClassVar[tuple[Remedy, ...]] = REMEDIES

    @property
    def key_id(self) -> Ref:
        """Its id, which AWS assigns."""
        return Ref(self, "KeyId")

    @property
    def arn(self) -> Ref:
        """Its ARN, which ends in the id."""
        return Ref(self, "Arn")

    def observe(self, aws: Aws) -> Observed | None:
        """Reads the key under the alias, else the one with our tags that is most in use."""
        by_alias = aws.find("kms", "DescribeKey", not_found=NOT_FOUND, KeyId=self.name)
        if self.only_id is not None:
            # Only what has the name decides which other keys are too many.
            own = by_alias is None or by_alias["KeyMetadata"]["KeyId"] == self.only_id
            orphan = None if own else aws.find("kms", "DescribeKey", not_found=NOT_FOUND, KeyId=self.only_id)
            return self._observed(aws, orphan["KeyMetadata"], alias=None) if orphan else None
        metadata = by_alias["KeyMetadata"] if by_alias else by_tags(aws, self.scope.owner_tags)
        if metadata is None:
            return None
        return self._observed(aws, metadata, alias=self.name if by_alias else None)

    def _observed(self, aws: Aws, metadata: dict[str, Any], *, alias: str | None) -> Observed | None:
        key_id = metadata["KeyId"]
        policy, rotation, tags = aws.gather(
            lambda: aws.find("kms", "GetKeyPolicy", not_found=NOT_FOUND, KeyId=key_id, PolicyName="default"),
            # A key pending deletion has no rotation to speak of.
            lambda: aws.find(
                "kms", "GetKeyRotationStatus", not_found=(NOT_FOUND, *NO_ROTATION), KeyId=key_id
            ),
            lambda: all_pages(aws, "kms", "ListResourceTags", "Tags", not_found=NOT_FOUND, KeyId=key_id),
        )
        if policy is None or tags is None:
            return None
        return Observed(
            fields={
                "KeyState": metadata["KeyState"],
                **spec_and_usage(metadata),
                "Alias": alias,
                "Policy": normal(policy["Policy"]),
                **rotation_of(metadata, rotation),
                "Tags": mapped(tags, "TagKey", "TagValue"),
            },
            outputs={"KeyId": key_id, "Arn": metadata["Arn"]},
            pending_deletion_until=metadata.get("DeletionDate")
            if metadata["KeyState"] == "PendingDeletion"
            else None,
            notes=tuple(material_notes(self, metadata)),
            new=made_just_now(metadata),
        )

    def for_arn(self, arn: str) -> Key | None:
        """The key with that id: beside the one with the alias it is an orphan."""
        key_id = arn.removeprefix(self.scope.arn("kms", "key/"))
        return None if key_id == arn else replace(self, only_id=key_id)

    def __str__(self) -> str:
        return f"{self.kind} {self.only_id or self.name}"

    def desired(self) -> Fields:
        return {
            "KeyState": "Enabled",
            "Alias": self.name,
            "Policy": document(self.policy),
            "KeyRotationEnabled": True,
            "RotationPeriodInDays": ROTATION_PERIOD_DAYS,
            "Tags": self.scope.tags,
        }

    def permissions(self) -> Iterator[Permission]:
        """Also what Lambda does in the caller's name: it decrypts, encrypts and grants for the variables."""
        keys, alias = self.scope.arn("kms", "key/*"), self.scope.arn("kms", self.name)
        owned, new = with_resource_tags(self.scope.owner_tags), with_request_tags(self.scope.owner_tags)
        via_service = {"kms:ViaService": principal(self.scope, "lambda")}
        by_lambda = {"StringEquals": {**owned["StringEquals"], **via_service}}
        # Without a condition: a key that was made a moment ago is found before its tags count.
        describe_operations = "DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags"
        manage_operations = "CancelKeyDeletion EnableKey PutKeyPolicy EnableKeyRotation ScheduleKeyDeletion"
        yield from allow(Access.DESCRIBE, "kms", "ListKeys", "*")
        yield from allow(Access.DESCRIBE, "tag", "GetResources", "*")
        yield from allow(Access.DESCRIBE, "kms", describe_operations, keys)
        yield from allow(Access.DESCRIBE, "kms", "Decrypt", keys, condition=by_lambda)
        yield from allow(Access.MANAGE, "kms", "CreateKey", "*", condition=new)
        # A new key is tagged as it is made, and has neither tags nor an alias then: with the request's tags
        # alone as a condition, every key of the account could be tagged as ours.
        bare = {"Null": dict.fromkeys((*owned["StringEquals"], "kms:ResourceAliases"), "true")}
        yield from allow(Access.MANAGE, "kms", "TagResource", keys, condition={**new, **bare})
        yield from allow(Access.MANAGE, "kms", "TagResource", keys, condition=owned)
        yield from allow(Access.MANAGE, "kms", "CreateGrant Encrypt", keys, condition=by_lambda)
        yield from allow(Access.MANAGE, "kms", manage_operations, keys, condition=owned)
        yield from allow(Access.MANAGE, "kms", "CreateAlias DeleteAlias", keys, condition=owned)
        yield from allow(Access.MANAGE, "kms", "CreateAlias DeleteAlias", alias)

    @classmethod
    def preflight(cls, aws: Aws, changes: Mapping[Provisioner, Delta]) -> Iterator[Obstacle]:
        """Yields an obstacle for a key that nothing here can enable."""
        for key, delta in changes.items():
            yield from out_of_use(key, delta.observed)

    def usage(self, traffic: Traffic) -> Iterator[Usage]:
        # From its first and from its second yearly rotation on, a key costs as much again (AWS KMS, Pricing).
        rotated_days = sum(max(0.0, traffic.days - years * 365) for years in (1, 2))
        driver = "time and yearly rotation" if rotated_days else "time"
        yield Usage(item="kms_key_months", amount=traffic.months + rotated_days / 30, driver=driver)

    def apply(self, delta: Delta) -> Iterator[CallOrWait]:
        """Creates and names a key; or cancels a pending deletion and changes what differs."""
        if delta.creating:
            yield call(
                "kms",
                "CreateKey",
                gives={"NewKeyId": "KeyMetadata.KeyId"},
                once=True,
                undo=self._schedule_deletion(Ref(self, "NewKeyId")),
                Description=f"Environment variables of {self.scope.environment}'s functions",
                Tags=key_values(delta.desired["Tags"], "TagKey", "TagValue"),
            )
        target_key_id = delta.observed.outputs["KeyId"] if delta.observed else Ref(self, "NewKeyId")
        if delta.touches("KeyState"):
            if delta.observed and delta.observed.pending_deletion_until is not None:
                yield self._call("CancelKeyDeletion", target_key_id, exists="KMSInvalidStateException")
            yield self._call("EnableKey", target_key_id)
        if delta.creating or delta.touches("Alias"):
            exists = "AlreadyExistsException"
            yield call("kms", "CreateAlias", exists=exists, AliasName=self.name, TargetKeyId=target_key_id)
            # Another run may name another key first: only the one with the name is the environment's, and
            # nothing else may use it before.
            yield self._await_alias()
        if delta.creating or delta.touches("Policy"):
            # Not in CreateKey: that asks that its caller may change the policy afterwards, which these
            # credentials may only once the key's tags count.
            policy = JsonDocument(delta.desired["Policy"])
            yield self._call("PutKeyPolicy", self.key_id, PolicyName="default", Policy=policy)
        if delta.creating or delta.touches("KeyRotationEnabled", "RotationPeriodInDays"):
            # Also while it rotates: that is how its period is changed.
            period = delta.desired["RotationPeriodInDays"]
            yield self._call("EnableKeyRotation", self.key_id, RotationPeriodInDays=period)
        if delta.touches("Tags"):
            tags = key_values(changed_tags(delta), "TagKey", "TagValue")
            yield self._call("TagResource", self.key_id, Tags=tags)

    def remove(self, observed: Observed) -> Iterator[CallOrWait]:
        """Deletes the alias and schedules the key's deletion: AWS deletes no key at once.

        Then it waits until KMS shows that key under the alias no more: whoever saw it so would take it back
        and not name it.
        """
        if observed.fields["Alias"] is not None:
            yield call("kms", "DeleteAlias", gone=NOT_FOUND, AliasName=self.name)
        yield self._schedule_deletion(observed.outputs["KeyId"])
        if observed.fields["Alias"] is not None:
            yield self._await_alias_removal()

    def _await_alias(self) -> WaitUntil:
        return WaitUntil(
            service="kms",
            operation="DescribeKey",
            params={"KeyId": self.name},
            path="KeyMetadata.KeyState",
            until=("Enabled",),
            gone=NOT_FOUND,
            gives={"KeyId": "KeyMetadata.KeyId", "Arn": "KeyMetadata.Arn"},
            reason="the key's name to be seen; KMS's changes take a while to spread",
            timeout_s=60,
            hint=LOOK_AGAIN,
        )

    def _await_alias_removal(self) -> WaitUntil:
        # Another run may have named another key meanwhile, or have taken this one back.
        return WaitUntil(
            service="kms",
            operation="DescribeKey",
            params={"KeyId": self.name},
            path="KeyMetadata.DeletionDate",
            until=(None,),
            gone=NOT_FOUND,
            reason="the key's alias to disappear from KMS; its changes take a while to spread",
            timeout_s=60,
            hint="The deletion is scheduled. An `up` before the alias has disappeared may leave the key "
            "without one.",
        )

    def _schedule_deletion(self, key_id: Value) -> Call:
        return call(
            "kms",
            "ScheduleKeyDeletion",
            gone="KMSInvalidStateException",
            KeyId=key_id,
            PendingWindowInDays=self.deletion_window_days,
        )

    def _call(self, operation: str, key_id: Value, **params: Value) -> Call:
        return call("kms", operation, KeyId=key_id, **params)
