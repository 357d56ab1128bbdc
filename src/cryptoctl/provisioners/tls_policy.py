"""The policy statement by which queues and topics refuse plain HTTP; others' statements stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cryptoctl.provisioners.policy import VERSION, Statement, normal_form, statements_of
from cryptoctl.reconcile import JsonDocument, Value, frozen

SID = "RefusePlainHttp"


def deny_plain_http(actions: Sequence[str], arn: str) -> Statement:
    """Nobody may do these things to the resource without TLS."""
    return Statement(
        sid=SID,
        effect="Deny",
        principal={"AWS": "*"},
        actions=tuple(actions),
        resources=(arn,),
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )


def desired_statement(statement: Statement | None) -> dict[str, Value]:
    """The desired field: our statement by its Sid, or None under that Sid."""
    return {SID: normal_form(statement) if statement else None}


def statements_by_id(policy: str | None) -> dict[str, Value]:
    """The policy's statements under their ids."""
    return {statement["Sid"]: statement for statement in statements_of(policy) if statement.get("Sid")}


def with_statement(policy: str | None, statement: Statement | None) -> JsonDocument | None:
    """The policy with our statement, or without it where it is None; None where no statement is left.

    The statements of others stay to the letter.
    """
    content: dict[str, Any] = json.loads(policy) if policy else {"Version": VERSION}
    existing = content.get("Statement", [])
    existing = [existing] if isinstance(existing, dict) else existing
    statements = [other for other in existing if other.get("Sid") != SID]
    if statement is not None:
        statements.append(normal_form(statement))
    return JsonDocument(frozen({**content, "Statement": statements})) if statements else None
