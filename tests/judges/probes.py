"""The printed policies, and requests that none of them may allow; for tools that others wrote.

python probes.py DIRECTORY: writes policies/*.json for a linter and probes.json for simulate.mjs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptoctl.ops.permissions import Purpose, policy_documents
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.scope import Scope
from cryptoctl.security_settings import SecuritySettings
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from cryptoctl.webhook_settings import SenderSettings, WebhookSettings

ACCOUNT = "1" * 12
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
CUSTOMER_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/99999999-2222-3333-4444-555555555555"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/11111111-2222-3333-4444-555555555555"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/webhook-processor-prod-role"
OURS = {"ManagedBy": "cryptoctl", "Environment": "prod"}
ON_KEYS = (
    *("CancelKeyDeletion", "CreateAlias", "CreateGrant", "Decrypt", "DeleteAlias", "EnableKey"),
    *("EnableKeyRotation", "Encrypt", "PutKeyPolicy", "ScheduleKeyDeletion"),
)
# How other people's keys look to a condition.
FOREIGN = {
    "a key of another environment": {
        "aws:ResourceTag/ManagedBy": "cryptoctl",
        "aws:ResourceTag/Environment": "dev",
    },
    "a key with one of the tags": {"aws:ResourceTag/Environment": "prod"},
    "a key with an alias": {"kms:ResourceAliases": "alias/payroll"},
}
BY_LAMBDA = {"kms:ViaService": "lambda.us-east-1.amazonaws.com"}


def stack(name: str, config: EnvironmentSettings | None = None) -> Stack:
    scope = Scope(environment=name, account=ACCOUNT, region="us-east-1")
    return Stack(scope, config or EnvironmentSettings(), Code(zip_bytes=b"", sha256=""))


def printed(config: EnvironmentSettings, purpose: Purpose = Purpose.DEPLOY) -> dict[str, Any]:
    """All that `iam-policy` prints for the environment `prod`, as it is printed: joined, and in parts."""
    documents = policy_documents(stack("prod", config), purpose)
    return {
        **documents[0],
        "Statement": [statement for document in documents for statement in document["Statement"]],
    }


def probes() -> Iterator[dict[str, Any]]:
    """Each with a policy, what is asked, and whether it is to be allowed."""
    deploy, bound = (
        printed(EnvironmentSettings()),
        printed(EnvironmentSettings(permissions_boundary=BOUNDARY)),
    )
    asked_for = {f"aws:RequestTag/{key}": value for key, value in OURS.items()}
    own = {f"aws:ResourceTag/{key}": value for key, value in OURS.items()}

    def probe(
        what: str, action: str, resource: str, context: Any, *, allowed: bool = False, policy: Any = deploy
    ) -> Any:
        ask = {"action": action, "resource": resource, "context": context}
        return {"what": what, "policy": policy, "ask": ask, "allowed": allowed}

    for title, tags in FOREIGN.items():
        yield probe(title, "kms:TagResource", KEY, {**tags, **asked_for})
        for action in ON_KEYS:
            yield probe(title, f"kms:{action}", KEY, {**tags, **BY_LAMBDA})
    for action in ("Decrypt", "Encrypt", "CreateGrant"):
        yield probe("our key, not through Lambda", f"kms:{action}", KEY, own)
        yield probe("our key, through Lambda", f"kms:{action}", KEY, {**own, **BY_LAMBDA}, allowed=True)
    yield probe("a new key", "kms:TagResource", KEY, asked_for, allowed=True)
    for action in ("CreateRole", "PutRolePolicy", "PutRolePermissionsBoundary"):
        other = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/other"}
        inside = {"iam:PermissionsBoundary": BOUNDARY}
        yield probe("a role without the boundary", f"iam:{action}", ROLE, {}, policy=bound)
        yield probe("a role with another boundary", f"iam:{action}", ROLE, other, policy=bound)
        yield probe("a role with the boundary", f"iam:{action}", ROLE, inside, allowed=True, policy=bound)
    for action in ("DeleteRolePermissionsBoundary", "AttachRolePolicy"):
        yield probe("a boundary taken off, a policy attached", f"iam:{action}", ROLE, {}, policy=bound)
    yield from _under_a_customers_key(probe)


def _under_a_customers_key(probe: Callable[..., dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Nobody uses it but through the services that encrypt with it, and nobody changes it."""
    for purpose in Purpose:
        document = printed(EnvironmentSettings(security=SecuritySettings(customer_key=CUSTOMER_KEY)), purpose)
        through = {"kms:ViaService": "dynamodb.us-east-1.amazonaws.com"}
        title = f"the customer's key, to {purpose}"
        yield probe(title, "kms:Decrypt", CUSTOMER_KEY, through, allowed=True, policy=document)
        for action in (*ON_KEYS, "TagResource", "GenerateDataKey"):
            yield probe(title, f"kms:{action}", CUSTOMER_KEY, {}, policy=document)
            yield probe(title, f"kms:{action}", CUSTOMER_KEY, BY_LAMBDA, policy=document)
            yield probe("another key", f"kms:{action}", KEY, through, policy=document)


def main(directory: Path) -> None:
    (directory / "policies").mkdir(parents=True, exist_ok=True)
    bound = EnvironmentSettings(permissions_boundary=BOUNDARY)
    keyed = replace(
        bound,
        security=SecuritySettings(customer_key=CUSTOMER_KEY),
        webhook=WebhookSettings(senders={"desk": SenderSettings(preset="standard-webhooks")}),
    )
    for name, config in {
        "prod": EnvironmentSettings(),
        "prod-bound": bound,
        "prod-all": keyed,
        "e" * 41: keyed,
    }.items():
        for purpose in Purpose:
            for number, document in enumerate(policy_documents(stack(name, config), purpose), 1):
                path = directory / "policies" / f"{name}-{purpose}-{number}.json"
                path.write_text(json.dumps(document), encoding="utf-8")
    (directory / "probes.json").write_text(json.dumps(list(probes())), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
