"""KMS requests that AWS refuses and ministack would take."""

from __future__ import annotations

from typing import Final

from cryptoctl.local.checks import Check
from cryptoctl.local.http import HttpRequest, ServiceError, check_range
from cryptoctl.local.internal_client import InternalClient

PLAINTEXT_BYTES: Final[int] = 4096
MAX_DATA_KEY_BYTES: Final[int] = 1024
# "Key states of AWS KMS keys" in the KMS developer guide. What uses the key itself, ministack refuses.
_CHANGES: Final = (
    "CancelKeyDeletion",
    "CreateAlias",
    "DisableKey",
    "DisableKeyRotation",
    "EnableKey",
    "EnableKeyRotation",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateKeyDescription",
)


async def _change(client: InternalClient, request: HttpRequest) -> None:
    params, operation = request.json, request.target.partition(".")[2]
    if operation == "CreateAlias" and str(params.get("AliasName", "")).startswith("alias/aws/"):
        raise ServiceError(
            "NotAuthorizedException", "Aliases that begin with alias/aws/ are reserved for AWS."
        )
    key_id = params.get("TargetKeyId") or params.get("KeyId")
    try:
        key = (await client.json("kms", "DescribeKey", request.region, KeyId=key_id))["KeyMetadata"]
    except ServiceError:
        return  # ministack says what is wrong with the key
    pending, cancels = key["KeyState"] == "PendingDeletion", operation == "CancelKeyDeletion"
    if pending != cancels:
        state = "pending deletion" if pending else "not pending deletion"
        raise ServiceError("KMSInvalidStateException", f"{key['Arn']} is {state}.")
    if key["KeyState"] == "Disabled" and operation.endswith("KeyRotation"):
        raise ServiceError("DisabledException", f"{key['Arn']} is disabled.")


async def _encrypt(_client: InternalClient, request: HttpRequest) -> None:
    plaintext = str(request.json.get("Plaintext", ""))
    if len(plaintext.rstrip("=")) * 3 // 4 > PLAINTEXT_BYTES:
        problem = "1 validation error detected: Value at 'plaintext' failed to satisfy constraint"
        constraint = f"Member must have length less than or equal to {PLAINTEXT_BYTES}"
        raise ServiceError("ValidationException", f"{problem}: {constraint}")


async def _data_key(_client: InternalClient, request: HttpRequest) -> None:
    if (size := request.json.get("NumberOfBytes")) is not None:
        check_range("NumberOfBytes", size, 1, MAX_DATA_KEY_BYTES)


CHECKS: Final[dict[str, Check]] = {
    "TrentService.Encrypt": _encrypt,
    "TrentService.GenerateDataKey": _data_key,
    "TrentService.GenerateDataKeyWithoutPlaintext": _data_key,
    **{f"TrentService.{operation}": _change for operation in _CHANGES},
}
