"""A function as it is configured at this moment, read through Lambda's own API."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from cryptoctl.local.http import ServiceError
from cryptoctl.local.internal_client import InternalClient

LEVELS: Final[dict[str, int]] = {
    name: number for number, name in enumerate(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"))
}
"""The levels of log lines that a logging configuration can ask for, least severe first."""


@dataclass(frozen=True, kw_only=True)
class FunctionConfig:
    """What an invocation needs to know. `key` changes whenever an execution environment must be made anew."""

    name: str
    arn: str
    region: str
    version: str
    state: str
    runtime: str
    handler: str
    code: Path
    timeout_s: float
    memory_mb: int
    variables: Mapping[str, str]
    json_logs: bool
    log_level: str
    system_log_level: str
    log_group: str
    reserved: int | None
    dead_letters: str | None
    key: str

    @property
    def qualified_arn(self) -> str:
        """The ARN with its version, as destinations and mappings report it."""
        return f"{self.arn}:{self.version}"

    def invoked_arn(self, qualifier: str) -> str:
        """The ARN with the version or alias that an invocation names; without one, as it is."""
        return f"{self.arn}:{qualifier}" if qualifier else self.arn


class FunctionLookup:
    """Looks functions up; what was read stays valid until something about functions is changed."""

    def __init__(self, client: InternalClient, code_directory: Path) -> None:
        self._client = client
        self._codes = code_directory
        self._known: dict[tuple[str, str, str], FunctionConfig] = {}
        self._policies: dict[tuple[str, str], dict[str, Any]] = {}

    def forget(self) -> None:
        """Called after every request that may have changed a function."""
        self._known.clear()
        self._policies.clear()

    async def find(self, region: str, name: str, qualifier: str = "") -> FunctionConfig:
        """The function. Raises ServiceError, as GetFunction does, where there is none."""
        key = (region, name, qualifier)
        function = self._known.get(key)
        if function is None:
            function = await self._read(*key)
            if function.state == "Active":
                self._known[key] = function
        return function

    async def policy(self, region: str, name: str) -> dict[str, Any]:
        """The function's resource policy; empty where it has none."""
        key = (region, name)
        if key not in self._policies:
            try:
                response = await self._client.rest("GET", f"/2015-03-31/functions/{name}/policy", region)
                self._policies[key] = json.loads(json.loads(response.body)["Policy"])
            except ServiceError:
                return {}
        return self._policies[key]

    async def _read(self, region: str, name: str, qualifier: str) -> FunctionConfig:
        query = f"Qualifier={qualifier}" if qualifier and qualifier != "$LATEST" else ""
        path = f"/2015-03-31/functions/{name}"
        response = json.loads((await self._client.rest("GET", path, region, query=query)).body)
        configuration = response["Configuration"]
        code = await self._code(configuration["CodeSha256"], response["Code"].get("Location", ""), region)
        return _function(response, region, code)

    async def _code(self, sha256: str, location: str, region: str) -> Path:
        """The directory with the unpacked code; two functions of the same code share it."""
        directory = self._codes / _directory_name(sha256)
        if location and not directory.exists():
            url = urlsplit(location)
            zipped = await self._client.rest("GET", unquote(url.path), region)
            if not directory.exists():
                _unpack(zipped.body, directory)
        return directory


def delete_unused_code(codes: Path, digests: Iterable[str]) -> None:
    """Deletes unpacked code that has none of these CodeSha256, as far as it can. Nothing may run of it."""
    used_names = set(map(_directory_name, digests))
    for directory in codes.iterdir():
        if directory.name not in used_names:
            shutil.rmtree(directory, ignore_errors=True)


def _directory_name(sha256: str) -> str:
    return hashlib.sha256(sha256.encode()).hexdigest()[:32]


def _unpack(zipped: bytes, directory: Path) -> None:
    """Unpacks aside and moves: an engine that dies in between leaves no half of a package."""
    temporary_directory = directory.with_suffix(".new")
    shutil.rmtree(temporary_directory, ignore_errors=True)
    with zipfile.ZipFile(BytesIO(zipped)) as archive:
        archive.extractall(temporary_directory)
    temporary_directory.rename(directory)


def _function(response: dict[str, Any], region: str, code: Path) -> FunctionConfig:
    configuration = response["Configuration"]
    logging = configuration.get("LoggingConfig") or {}
    name = configuration["FunctionName"]
    identity = {
        key: value for key, value in configuration.items() if not key.startswith(("State", "LastUpdate"))
    }
    return FunctionConfig(
        name=name,
        arn=_unqualified(configuration["FunctionArn"]),
        region=region,
        version=configuration.get("Version", "$LATEST"),
        state=configuration.get("State", "Active"),
        runtime=configuration.get("Runtime", ""),
        handler=configuration.get("Handler", ""),
        code=code,
        timeout_s=float(configuration.get("Timeout", 3)),
        memory_mb=int(configuration.get("MemorySize", 128)),
        variables=(configuration.get("Environment") or {}).get("Variables") or {},
        json_logs=logging.get("LogFormat") == "JSON",
        log_level=logging.get("ApplicationLogLevel") or "INFO",
        system_log_level=logging.get("SystemLogLevel") or "INFO",
        log_group=logging.get("LogGroup") or f"/aws/lambda/{name}",
        reserved=(response.get("Concurrency") or {}).get("ReservedConcurrentExecutions"),
        dead_letters=(configuration.get("DeadLetterConfig") or {}).get("TargetArn") or None,
        key=hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest(),
    )


def _unqualified(arn: str) -> str:
    return ":".join(arn.split(":")[:7])


def split_name(reference: str) -> tuple[str, str]:
    """A function's name and qualifier, from any of the forms that Lambda's API takes."""
    parts = reference.split(":")
    if reference.startswith("arn:"):
        if len(parts) < 7 or parts[2] != "lambda":
            raise ServiceError("InvalidParameterValueException", f"{reference} is no ARN of a function.")
        return parts[6], parts[7] if len(parts) > 7 else ""
    if "function" in parts[:-1]:
        parts = parts[parts.index("function") + 1 :]
    elif len(parts) > 1 and re.fullmatch(r"\d{12}", parts[0], re.ASCII):  # an account's number
        parts = parts[1:]
    return parts[0], parts[1] if len(parts) > 1 else ""
