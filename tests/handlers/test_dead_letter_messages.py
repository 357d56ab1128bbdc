"""A message to a dead-letter queue has only characters that SQS takes, and keeps all of those."""

import pytest

from cryptoctl.handlers import dead_letters, webhook_processor
from cryptoctl.handlers.logs import RetryError
from handlers.conftest import connect_directly
from handlers.fake_aws import FakeAws, FaultError

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
TAKEN = ((0x9, 0x9), (0xA, 0xA), (0xD, 0xD), (0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))


def is_accepted(code: int) -> bool:
    return any(first <= code <= last for first, last in TAKEN)


def test_at_each_end_of_each_range(aws: FakeAws) -> None:
    ends = {end + step for span in TAKEN for end in span for step in (-1, 0, 1)} | {0, 0x1F, 0xDBFF, 0xDC00}
    codes = sorted(code for code in ends if 0 <= code <= 0x10FFFF)
    text = "".join(map(chr, codes))
    dead_letters.send({"text": "x"}, {"Reason": ("String", text)})
    (message,) = aws.queue
    sent = message["MessageAttributes"]["Reason"]["StringValue"]
    assert sent == "".join(chr(code) if is_accepted(code) else "?" for code in codes)


def test_an_attribute_is_as_long_as_lambda_itself_makes_it(aws: FakeAws) -> None:
    dead_letters.send({"text": "x"}, {"Reason": ("String", "é" * 5000), "Symbol": ("String", "")})
    (message,) = aws.queue
    assert message["MessageAttributes"] == {"Reason": {"DataType": "String", "StringValue": "é" * 1024}}


def test_a_body_with_others_is_escaped(aws: FakeAws) -> None:
    dead_letters.send({"text": "é"}, {})
    dead_letters.send({"text": "é\uffff"}, {})
    plain, escaped = (message["MessageBody"] for message in aws.queue)
    assert plain == '{"text":"é"}'
    assert escaped.isascii()


@pytest.mark.parametrize(
    ("error_message", "attribute"), [("\x1b[1m no \uffff", "?[1m no ?"), ("h\u00f6chstens", "h\u00f6chstens")]
)
def test_the_error_that_lambda_makes_an_attribute_of_the_dead_letter(
    environment: None, error_message: str, attribute: str
) -> None:
    def down(operation: str, moment: str) -> None:
        raise FaultError("ValidationException", error_message)

    connect_directly(FakeAws(fault=down))
    with pytest.raises(RetryError) as raised:
        webhook_processor.handler({"symbol": "BTC", "price": 1, "exchange": "x"}, None)
    assert attribute in str(raised.value) and "\x1b" not in str(raised.value)
