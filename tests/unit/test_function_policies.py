"""Statements in a function's policy that are not ours, or not as ours: told, and left or mended."""

from __future__ import annotations

import json
from typing import Any

from cryptoctl.provisioners.resource_permission import foreign_statement_notes, statements_in
from unit.answers import ACCOUNT, STACK
from unit.resource_answers import function, plan

PUBLIC = {
    "Sid": "FunctionURLAllowPublicAccess",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "lambda:InvokeFunctionUrl",
    "Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
}


def test_a_statement_that_somebody_added_to_a_function_is_told_and_left() -> None:
    """With it gone, nobody could send a webhook any more."""
    planned = plan(STACK.webhook, function(statements=[PUBLIC]))
    assert "RemovePermission" not in {call.operation for step in planned.work for call in step.calls}
    [note] = planned.notes
    assert "invoked by * (everybody), by the statement FunctionURLAllowPublicAccess" in note
    assert "aws lambda remove-permission" in note


def test_a_statement_that_allows_what_ours_do_is_not_worth_a_word() -> None:
    again = {
        "Effect": "Allow",
        "Principal": {"Service": "logs.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Condition": {
            "ArnLike": {"AWS:SourceArn": STACK.webhook_logs.streams_arn},
            "StringEquals": {"AWS:SourceAccount": ACCOUNT},
        },
    }
    permissions = STACK.notifier.resource_policy
    notes = [
        note
        for statement in (again, {**again, "Condition": {}})
        for note in foreign_statement_notes("f", policy({**statement, "Sid": "s"}), permissions)
    ]
    assert len(notes) == 1


def test_a_statement_for_an_organization_is_told_with_its_condition_and_not_as_everybodys() -> None:
    statement = {"Action": "lambda:InvokeFunction", "Effect": "Allow", "Principal": "*", "Sid": "our-org"}
    bound = {**statement, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}}
    [note] = foreign_statement_notes("f", policy(bound), {})
    assert "invoked by * (aws:principalorgid o-a1b2c3d4e5), by the statement our-org" in note
    [note] = foreign_statement_notes("f", policy({**statement, "Principal": {"AWS": "*"}}), {})
    assert "invoked by * (everybody), by the statement our-org" in note


def test_a_statement_that_denies_is_told_as_one() -> None:
    denies = {"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "lambda:InvokeFunction"}
    [note] = foreign_statement_notes("f", policy(denies), {})
    assert "the policy of function f denies lambda:InvokeFunction (statement no)" in note


def test_our_statement_compared_otherwise_is_not_ours() -> None:
    sid, permission = next(iter(STACK.notifier.resource_policy.items()))
    assert permission is not None
    arn, account = {"aws:SourceArn": permission.source_arn}, {"aws:SourceAccount": permission.source_account}
    for condition, same in (
        ({"ArnLike": arn, "StringEquals": account}, True),
        ({"ArnLike": {**arn, **account}}, True),
        ({"StringEquals": {**arn, **account}}, False),
        ({"ArnNotLike": arn, "StringEquals": account}, False),
        ({"ArnLike": arn, "ArnEquals": {"aws:SourceArn": "arn:another"}, "StringEquals": account}, False),
    ):
        statement = {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": permission.principal},
            "Action": permission.action,
            "Condition": condition,
        }
        assert (statements_in(policy(statement))[sid] == permission.normal_form) is same, condition


def test_each_statement_without_an_id_is_told_with_all_whom_it_lets_in() -> None:
    principals = {"AWS": ["arn:aws:iam::1:root"], "Service": "s3.amazonaws.com"}
    others = [
        {"Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction"}
        for principal in (principals, {"AWS": "2"})
    ]
    notes = " ".join(foreign_statement_notes("f", policy(*others), {}))
    assert "invoked by arn:aws:iam::1:root, s3.amazonaws.com, by the statement without an id" in notes
    assert "invoked by 2, by the statement without an id" in notes


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Policy": json.dumps({"Statement": statements})}
