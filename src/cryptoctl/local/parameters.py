"""SSM parameters as far as ministack differs: what is refused, and what a SecureString shows of itself."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any, Final

from cryptoctl.local.http import Forward, HttpRequest, HttpResponse, ServiceError, violation
from cryptoctl.local.internal_client import InternalClient

STANDARD_BYTES: Final[int] = 4096
MAX_NAMES: Final[int] = 10
AWS_MANAGED: Final[str] = "alias/aws/ssm"
_NAME: Final = re.compile(r"/?[\w.-]+(/[\w.-]+)*", re.ASCII)
_READS: Final = ("GetParameter", "GetParameters", "GetParametersByPath", "GetParameterHistory")


class Parameters:
    """A service. Values are ministack's to keep; it does not encrypt them."""

    def __init__(self, forward: Forward, client: InternalClient) -> None:
        self._forward = forward
        self._client = client

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """Checks what is written; answers what reads values."""
        service, _, operation = request.target.partition(".")
        if service != "AmazonSSM":
            return None
        names = request.json.get("Names") or ()
        if len(names) > MAX_NAMES:
            constraint = f"Member must have length less than or equal to {MAX_NAMES}"
            raise violation("Names", f"[{', '.join(names)}]", constraint)
        if operation == "PutParameter":
            await self._check(request)
        return await self._read(request) if operation in _READS else None

    async def _check(self, request: HttpRequest) -> None:
        params = request.json
        if not _NAME.fullmatch(params["Name"]):
            raise ServiceError(
                "ValidationException",
                "Parameter name: if formed as a path, it can consist of sub-paths divided by slash symbol; "
                "each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_",
            )
        if not params.get("Value"):
            raise violation("Value", "", "Member must have length greater than or equal to 1")
        secure, current = params.get("Type") == "SecureString", await self._describe(request, params["Name"])
        if secure:
            await self._check_key(request, params.get("KeyId") or AWS_MANAGED)
        tier = params.get("Tier", current.get("Tier", "Standard"))
        if tier == "Standard" and len(params.get("Value", "").encode()) > STANDARD_BYTES:
            raise ServiceError(
                "ValidationException",
                f"Standard tier parameters support a maximum parameter value of {STANDARD_BYTES} characters.",
            )
        if not (current and params.get("Overwrite")):
            return
        if current["Type"] != params.get("Type", current["Type"]):
            raise ServiceError("HierarchyTypeMismatchException", "The type of a parameter cannot be changed.")
        if (current["Tier"], tier) == ("Advanced", "Standard"):
            raise ServiceError(
                "ValidationException",
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
                "advanced-parameter tier to the standard-parameter tier.",
            )

    async def _describe(self, request: HttpRequest, name: str) -> dict[str, Any]:
        filters = [{"Key": "Name", "Option": "Equals", "Values": [name]}]
        body = await self._client.json("ssm", "DescribeParameters", request.region, ParameterFilters=filters)
        return body["Parameters"][0] if body["Parameters"] else {}

    async def _check_key(self, request: HttpRequest, key_id: str) -> None:
        """Raises ServiceError where a key is not there, or cannot be used."""
        if key_id == AWS_MANAGED:
            return
        try:
            response = await self._client.json("kms", "DescribeKey", request.region, KeyId=key_id)
        except ServiceError as error:
            raise ServiceError("InvalidKeyId", f"Invalid keyId {key_id}") from error
        key = response["KeyMetadata"]
        if key["KeyState"] != "Enabled":
            raise ServiceError("InvalidKeyId", f"{key['Arn']} is not usable: it is {key['KeyState']}")

    async def _read(self, request: HttpRequest) -> HttpResponse:
        response = await self._forward(request)
        if response.status >= 300:
            return response
        content = json.loads(response.body)
        for parameter in content["Parameters"] if "Parameters" in content else [content["Parameter"]]:
            if parameter["Type"] != "SecureString":
                continue
            if request.json.get("WithDecryption"):
                description = await self._describe(request, parameter["Name"])
                await self._check_key(request, description.get("KeyId", AWS_MANAGED))
            else:
                parameter["Value"] = _ciphertext(parameter["Value"])
        return HttpResponse(response.status, json.dumps(content).encode(), response.headers)


def _ciphertext(value: str) -> str:
    """Something that tells nobody what it stands for, and differs where the value differs."""
    return base64.b64encode(hashlib.sha512(value.encode()).digest()).decode()
