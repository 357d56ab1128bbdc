"""Where a KMS key's material comes from: AWS's own rotates, other people's may be missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cryptoctl.reconcile import Observed, Obstacle, Provisioner, Response

OF_AWS = "AWS_KMS"
ROTATION_PERIOD_DAYS = 365  # KMS's default too
# What Lambda encrypts a function's variables with; none of this can be changed in a key.
SPEC_AND_USAGE = {"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"}
# The states that only those who hold the material, the key store or the replicas can end.
OUT_OF_USE = {
    "PendingImport": (
        "it waits for key material, which its owner imports",
        "Import the material again (`aws kms get-parameters-for-import`)",
    ),
    "Unavailable": (
        "the key store that holds its material does not answer",
        "Connect the key store (`aws kms connect-custom-key-store`)",
    ),
    "PendingReplicaDeletion": (
        "it is to be deleted as soon as its replicas in other regions are",
        "Take the deletion back (`aws kms cancel-key-deletion`)",
    ),
}


def rotation_of(metadata: Mapping[str, Any], rotation: Response | None) -> dict[str, Any]:
    """Whether the key rotates as far as it can, and how often: nobody can have other people's material do so.

    The period counts only while it rotates; an answer without one means KMS's default.
    """
    rotates = bool(rotation and rotation["KeyRotationEnabled"])
    period = rotation.get("RotationPeriodInDays") if rotation and rotates and _of_aws(metadata) else None
    return {
        "KeyRotationEnabled": rotates or not _of_aws(metadata),
        "RotationPeriodInDays": period or ROTATION_PERIOD_DAYS,
    }


def material_notes(key: object, metadata: Mapping[str, Any]) -> Iterator[str]:
    """A sentence where the material is somebody's own."""
    if not _of_aws(metadata):
        expiry = metadata.get("ValidTo")
        expires = f"expires on {expiry:%Y-%m-%d}" if expiry else "expires"
        yield (
            f"{key} has key material that AWS did not make ({metadata.get('Origin')}): KMS never rotates "
            f"it, and where the material {expires} or is deleted, the functions cannot start"
        )


def spec_and_usage(metadata: Mapping[str, Any]) -> dict[str, str]:
    """A key's KeySpec and KeyUsage, as DescribeKey has them."""
    return {name: str(metadata.get(name, default)) for name, default in SPEC_AND_USAGE.items()}


def out_of_use(key: Provisioner, observed: Observed | None) -> Iterator[Obstacle]:
    """An obstacle where nothing here can enable the key, or where it is of a kind that encrypts nothing."""
    if observed is None:
        return
    kind = spec_and_usage(observed.fields)
    if kind != SPEC_AND_USAGE:
        yield Obstacle(
            what=f"The {key} is no symmetric key for encrypting ({', '.join(kind.values())}): Lambda cannot "
            "encrypt variables with it, and it does not rotate.",
            hint=f"Take the alias off it (`aws kms delete-alias --alias-name {key.name}`), or choose another "
            "--env; then run the same command again.",
        )
    state = observed.fields["KeyState"]
    if state in OUT_OF_USE:
        reason, remedy = OUT_OF_USE[state]
        yield Obstacle(
            what=f"The {key} cannot be used: {reason} ({state}).",
            hint=f"{remedy}, or choose another --env; then run the same command again.",
        )


def _of_aws(metadata: Mapping[str, Any]) -> bool:
    return bool(metadata.get("Origin", OF_AWS) == OF_AWS)
