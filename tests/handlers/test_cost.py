"""What docs/price-path.md says about cost: calls and units, which are the same on every machine."""

import json

import pytest
from bench import price_path

from cryptoctl.handlers import price_enricher, webhook_processor
from cryptoctl.ops.cost.traffic import LOGGED_A_PRICE_BYTES, LOGGED_AN_INVOCATION_BYTES
from handlers.events import Context
from handlers.fake_aws import FakeAws

pytestmark = pytest.mark.thorough

# Of the thousand that the bench takes, so many as show the same.
PRICES = 200


@pytest.mark.parametrize("scenario", ["one symbol", "50 symbols", "the same without ids"])
def test_enriching_costs_a_fifth_of_the_calls_and_half_of_the_reading(scenario: str) -> None:
    prices = price_path.SCENARIOS[scenario]()[:PRICES]
    batched, plain = price_path.batched(prices), price_path.plain(prices)
    assert batched.enrich_calls * 5 <= plain.enrich_calls
    assert batched.read_units * 2 < plain.read_units
    assert batched.write_units == plain.write_units
    assert batched.put_calls == len(prices)


def test_the_estimate_knows_how_much_the_functions_log(
    aws: FakeAws, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "webhook-processor-prod")

    def log_bytes(count: int, first: int) -> tuple[int, int]:
        """The bytes of the webhook processor and of the enricher, which has them in one batch."""
        prices = price_path.one_symbol()[first : first + count]
        before = len(aws.inserts())
        capsys.readouterr()
        webhook_processor.handler({"body": json.dumps(prices)}, Context())
        webhook = len(capsys.readouterr().out)
        price_enricher.handler({"Records": aws.inserts()[before:]}, Context())
        return webhook, len(capsys.readouterr().out)

    # Lambda's own two lines, and what CloudWatch adds to each of four.
    others = 2 * 200 + 4 * 26
    for single, eleven in zip(log_bytes(1, 0), log_bytes(11, 1), strict=True):
        a_price = (eleven - single) / 10
        assert a_price == pytest.approx(LOGGED_A_PRICE_BYTES, rel=0.25)
        assert single - a_price + others == pytest.approx(LOGGED_AN_INVOCATION_BYTES, rel=0.1)
