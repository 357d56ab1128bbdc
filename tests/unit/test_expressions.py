"""What a person writes as JMESPath is evaluated, or refused in one sentence before anything is."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl.errors import ExitCode, Failure
from cryptoctl.expressions import MAX_DEPTH, compile_expression, functions, inexact_part, needed_member
from cryptoctl.handlers.exact_jmespath import ExactExpression
from cryptoctl.ops.dead_letters.messages import Message, QueueName, decode
from cryptoctl.ops.dead_letters.selection import Selection

LETTER = decode(
    Message(
        queue=QueueName.WEBHOOK,
        id="i",
        body='{"symbol": "BTC", "big": 1e400}',
        attributes={"ErrorMessage": {"DataType": "String", "StringValue": "no"}},
        sent_ms=0,
        receives=1,
    )
)
FAULTS = {
    "symbols[::0]": "step",
    "foo(@)": "no function foo()",
    "shape=='none' && foo(@)": "no function foo()",
    "map(&foo(@), symbols)": "no function foo()",
    "length()": "length() takes 1 arguments, not 0",
    "length(@, @)": "length() takes 1 arguments, not 2",
    "not_null()": "not_null() takes 1 or more arguments, not 0",
    "][": "",
    f"[0:{'9' * 5000}]": "",
    "(" * 6000: "nested too deeply",
    "!" * 20_000 + "a": "nested too deeply",
    "`" + "[" * 100_000 + "`": "",
}


@pytest.mark.parametrize(("where", "reason"), FAULTS.items(), ids=lambda text: text[:30])
def test_a_fault_is_told_whatever_the_queues_hold(where: str, reason: str) -> None:
    with pytest.raises(Failure) as raised:
        Selection(where=where)
    assert raised.value.exit_code is ExitCode.USAGE
    assert reason in raised.value.message and "\n" not in raised.value.message
    assert len(raised.value.message) < 500


@pytest.mark.parametrize(
    "deepen", [lambda text: f"!{text}", lambda text: f"map(&{text}, [@])"], ids=["!", "&"]
)
def test_what_is_not_refused_as_too_deep_can_be_evaluated(deepen: Callable[[str], str]) -> None:
    text = "id"
    for _ in range(MAX_DEPTH):
        deeper = deepen(text)
        try:
            compile_expression(deeper)
        except ValueError:
            break
        text = deeper
    assert text != "id"
    Selection(where=text).matches(LETTER, 0)


@pytest.mark.parametrize(
    ("error", "failures", "matches"),
    [
        ("NO", {}, True),
        ("status 400", {LETTER.message.key: "refused with status 400: price"}, True),
        ("status 400", {"webhook/another": "refused with status 400: price"}, False),
        ("status 400", {}, False),
        (None, {}, True),
    ],
)
def test_an_error_is_that_of_the_message_or_of_its_last_replay(
    error: str | None, failures: dict[str, str], matches: bool
) -> None:
    assert Selection(error=error, failures=failures).matches(LETTER, 0) is matches


@pytest.mark.parametrize("where", ["ceil(to_number(body.big))", "length(age_s)", "join(',', [age_s])"])
def test_what_cannot_be_evaluated_for_a_message_is_not_true_of_it(where: str) -> None:
    assert not Selection(where=where).matches(LETTER, 0)


def test_the_functions_of_an_expression_are_found_at_any_depth() -> None:
    assert functions(compile_expression("a[?length(b) > `1`] | [0].c[1:2:3]")) == {"length"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a == `0.1`", None),
        ("a == `0.10000000000000000001`", "0.10000000000000000001"),
        ('a == `[1, {"b": -1e400}]`', "-1e400"),
        ("a == `1e99999999999999999999`", "1e99999999999999999999"),
        ("a == `12345678901234567890`", None),
        ('a == `"0.10000000000000000001"`', None),
        ("join('`0.10000000000000000001`', [a, '\\'`'])", None),
        ('"`" == `1.00000000000000000001` || "`"', "1.00000000000000000001"),
        ('`"\\`"` == a || `1.00000000000000000001`', "1.00000000000000000001"),
        ("sum(a)", "sum"),
    ],
)
def test_what_would_lose_digits_is_found(text: str, part: str | None) -> None:
    assert inexact_part(compile_expression(text)) == part


@given(st.from_regex(r"-?[1-9]?[0-9]\.[0-9]{1,20}(e-?[0-9]{1,3})?", fullmatch=True))
def test_a_number_that_may_be_written_in_an_expression_keeps_its_digits(number: str) -> None:
    number = re.sub(r"^(-?)0([0-9])", r"\1\2", number)
    text = f"`{number}`"
    if inexact_part(compile_expression(text)) is None:
        assert ExactExpression(text).search({}) == Decimal(number)
    else:
        assert Decimal(number) != Decimal(repr(float(number)))


@pytest.mark.parametrize(
    "text", ["s", "(s)", "@.s", '"s"', "s.a", "s[0].a", "s[].a", "s.*", "s[?a].b", "@.s[1:2]", "s.{a: b}"]
)
def test_a_member_that_is_needed_is_found(text: str) -> None:
    assert needed_member(compile_expression(text)) == "s"
    everything = {"a": [{"s": "1"}], "b": {"s": "1"}, "t": "1"}
    assert compile_expression(text).search(everything) is None


@pytest.mark.parametrize(
    "text", ["s || t", "!s", "[s][0]", "join('-', [s, t])", "type(s)", "s.type(@)", "*.s", "'s'"]
)
def test_a_member_that_may_be_absent_is_not_needed(text: str) -> None:
    assert needed_member(compile_expression(text)) is None


PIECES = ["symbols", "body", "id", "[", "]", "(", ")", "::0", "*", "&", "@", "!", "|", "||", "`1e999`"]
PIECES += ["ceil", "to_number", "sort_by", "length", "foo", ",", "==", "?", "'x'", "{a:", "}", "-1", "."]


@pytest.mark.filterwarnings("ignore:deprecated string literal:PendingDeprecationWarning")
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join) | st.text(min_size=1))
def test_no_text_is_a_traceback(where: str) -> None:
    try:
        selection = Selection(where=where)
    except Failure as failure:
        assert failure.exit_code is ExitCode.USAGE
    else:
        selection.matches(LETTER, 0)
