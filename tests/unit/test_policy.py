from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.provisioners.policy import Statement, document, normal
from cryptoctl.reconcile.values import Ref, resolve
from unit.answers import STACK

words = st.text("abcdef:*", min_size=1, max_size=6)
several = st.lists(words, min_size=2, max_size=3, unique=True).map(tuple)
statements = st.lists(
    st.builds(
        Statement,
        actions=st.lists(words, min_size=1, max_size=4, unique=True).map(tuple),
        resources=st.lists(words, min_size=1, max_size=3, unique=True).map(tuple),
        principal=st.dictionaries(st.sampled_from(["AWS", "Service"]), words, max_size=1),
        condition=st.dictionaries(
            words, st.dictionaries(words, words | several, min_size=1, max_size=2), max_size=2
        ),
        sid=st.text("ab", max_size=3),
    ),
    min_size=1,
    max_size=3,
)


def loosely(value: Any, draw: Any) -> Any:
    """The document as AWS may give it back: single values bare, lists and statements in another order."""
    if isinstance(value, dict):
        return {key: loosely(item, draw) for key, item in value.items()}
    if isinstance(value, tuple | list):
        loose = [loosely(statement, draw) for statement in draw(st.permutations(list(value)))]
        return loose[0] if len(loose) == 1 and isinstance(loose[0], str) and draw(st.booleans()) else loose
    return value


@given(statements, st.data())
def test_a_policy_is_compared_by_meaning(given_statements: list[Statement], data: st.DataObject) -> None:
    policy = document(given_statements)
    text = json.dumps(loosely(policy, data.draw))
    assert normal(text) == policy
    assert normal(quote(text)) == policy


def rewritten(**changes: Any) -> bool:
    """Whether one and the same policy with these members of its statement is taken for the same."""
    written = Statement(
        actions=("sqs:SendMessage", "sqs:ReceiveMessage"),
        resources=("arn:a", "arn:B"),
        condition={"Bool": {"aws:SecureTransport": "false"}},
    )
    policy = document([written])
    edited = json.dumps({**policy, "Statement": [{**policy["Statement"][0], **changes}]})
    return bool(normal(edited) == policy)


def test_what_iam_takes_for_the_same_is_the_same() -> None:
    """Whoever saves a policy in another spelling, as editors and other tools do, has changed nothing."""
    assert rewritten(Action=["SQS:receivemessage", "sqs:SENDMESSAGE"])
    assert rewritten(Resource=["arn:a", "arn:B", "arn:a"])
    assert rewritten(Condition={"Bool": {"AWS:SecureTransport": False}})
    assert rewritten(Condition={"Bool": {"aws:SecureTransport": [False]}})
    assert not rewritten(Resource=["arn:a", "arn:b"])
    assert not rewritten(Condition={"Bool": {"aws:SecureTransport": True}})
    assert not rewritten(Condition={"Bool": {"aws:SecureTransport": "False "}})
    assert not rewritten(Condition={"Bool": {"AWS:securetransport": True, "aws:SecureTransport": False}})
    assert not rewritten(Action=["sqs:SendMessage"])


def test_everybody_is_everybody_in_either_way_of_writing_it() -> None:
    policy = document([Statement(actions=("a:B",), principal={"AWS": "*"}, effect="Deny")])
    edited = {**policy, "Statement": [{**policy["Statement"][0], "Principal": "*"}]}
    assert normal(json.dumps(edited)) == policy


def test_a_policy_that_means_something_else_differs() -> None:
    policy = document([Statement(actions=("a:B",), resources=("r",))])
    for change in (
        {"Effect": "Deny"},
        {"Action": "a:C"},
        {"Resource": "*"},
        {"Condition": {"X": {"y": "z"}}},
    ):
        edited = {**policy, "Statement": [{**policy["Statement"][0], **change}]}
        assert normal(json.dumps(edited)) != policy


def test_the_order_does_not_depend_on_what_a_ref_stands_for() -> None:
    """The one is what is declared, before AWS has assigned anything; the other is what AWS has."""
    arns = {"A": "arn:z", "B": "arn:a"}
    refs = {name: Ref(STACK.key, name) for name in arns}
    policy = document([Statement(sid=name, actions=("a:B",), resources=(refs[name],)) for name in arns])
    resolved = resolve(policy, lambda ref: arns[ref.output])
    assert normal(json.dumps(resolved)) == resolved
