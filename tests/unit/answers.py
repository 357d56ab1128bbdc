"""An AWS that answers as it is told, by operation; no engine gives these answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptoctl.aws_errors import AwsError
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from kit.sequential_aws import SequentialAws

ACCOUNT = "1" * 12
SCOPE = Scope(environment="dev", account=ACCOUNT, region="us-east-1")
STACK = Stack(SCOPE, EnvironmentSettings(), Code(zip_bytes=b"code", sha256="hash"))


@dataclass
class Answers(SequentialAws):
    """Each operation's answer, or the code of its refusal; for what is not named, there is nothing."""

    responses: Mapping[str, Any]
    requests: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def call(self, service: str, operation: str, **params: Any) -> Any:
        self.requests.append((operation, params))
        answer = self.responses[operation]
        if isinstance(answer, str):
            raise AwsError(service=service, operation=operation, code=answer, message="")
        return answer

    def find(self, service: str, operation: str, *, not_found: str | tuple[str, ...], **params: Any) -> Any:
        if operation not in self.responses:
            return None
        try:
            return self.call(service, operation, **params)
        except AwsError as error:
            if error.code in ((not_found,) if isinstance(not_found, str) else not_found):
                return None
            raise

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        yield from self.call(service, operation, **params)[key] if operation in self.responses else ()

    def list_all(self, service: str, operation: str, key: str, **params: Any) -> list[Any]:
        return list(self.paginate(service, operation, key, **params))

    def tagged(self, tags: Mapping[str, str], kind: str | None = None) -> dict[str, dict[str, str]]:
        """The tag index, which lists nothing."""
        return {}
