"""The senders of the configuration: presets, and errors that name the key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from cryptoctl.core.webhook_secrets import parse_secret
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.provisioners.function import Code
from cryptoctl.settings import EnvironmentSettings, WebhookProcessorSettings
from cryptoctl.settings_file import load
from cryptoctl.stack import Stack
from cryptoctl.webhook_presets import PRESETS, PresetName
from cryptoctl.webhook_settings import (
    MAX_SENDERS,
    MAX_VARIABLE_BYTES,
    SenderSettings,
    WebhookSettings,
    senders_variable,
)
from unit.answers import SCOPE


def webhook(tmp_path: Path, text: str, name: str = "a") -> WebhookSettings:
    file = tmp_path / "cryptoctl.toml"
    file.write_text(f"[env.prod.webhook.senders.{name}]\n{text}", encoding="utf-8")
    return load(file).env["prod"].webhook


def refused(tmp_path: Path, text: str, name: str = "a") -> str:
    with pytest.raises(Failure) as raised:
        webhook(tmp_path, text, name)
    assert raised.value.exit_code is ExitCode.USAGE
    return str(raised.value)


def test_without_a_sender_there_is_no_variable() -> None:
    assert WebhookSettings().variables == {}


@pytest.mark.parametrize("preset", get_args(PresetName))
def test_each_preset_is_complete(tmp_path: Path, preset: PresetName) -> None:
    settings = webhook(tmp_path, f'preset = "{preset}"')
    variable = json.loads(settings.variables["WEBHOOK_SENDERS"])
    assert variable == json.loads(json.dumps({"a": PRESETS[preset]}))


def test_the_file_overrides_its_preset(tmp_path: Path) -> None:
    sender = webhook(tmp_path, 'preset = "tradingview"\nsources = ["::1", "10.0.0.0/8"]').senders["a"]
    assert sender.with_preset()["sources"] == ("::1", "10.0.0.0/8")
    assert sender.with_preset()["scheme"] == "token"


def test_sources_of_ipv4_that_are_written_as_ipv6_are_those_of_ipv4(tmp_path: Path) -> None:
    sources = '["::ffff:203.0.113.7", "::ffff:10.0.0.0/104", "2001:db8::/32"]'
    sender = webhook(tmp_path, f'preset = "tradingview"\nsources = {sources}').senders["a"]
    assert sender.sources == ("203.0.113.7", "10.0.0.0/8", "2001:db8::/32")


def test_header_names_are_lower_case_as_the_function_is_given_them(tmp_path: Path) -> None:
    sender = webhook(tmp_path, 'scheme = "hmac"\nsignature_header = "X-Signature"').senders["a"]
    assert sender.signature_header == "x-signature"


@pytest.mark.parametrize(("preset", "prefix"), [("standard-webhooks", "whsec_"), ("github-like", "")])
def test_the_first_secret_is_made_for_the_scheme(tmp_path: Path, preset: str, prefix: str) -> None:
    make = webhook(tmp_path, f'preset = "{preset}"').senders["a"].first_parameter
    first, second = parse_secret(make()), parse_secret(make())
    assert first.secret.startswith(prefix)
    assert first.secret != second.secret


KEY = "arn:aws-us-gov:kms:ap-southeast-1:111111111111:key/12345678-1234-1234-1234-123456789012"
TOKEN = 'scheme = "token"\n'
HMAC = 'scheme = "hmac"\nsignature_header = "x"\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "needs `preset` or `scheme`"),
        ('preset = "trading-view"', "senders.a.preset"),
        ('scheme = "hmac"', "needs `signature_header`"),
        ('scheme = "token"', "needs `token_header`, `token_in_path` or `token_member`"),
        ('scheme = "token"\ntoken_header = "x"\ndelimiter = ","', '`delimiter` is for scheme "hmac"'),
        ('preset = "tradingview"\nscheme = "basic"', '`token_in_path` is for scheme "token"'),
        (HMAC + 'signed_message = "timestamp.body"', "needs `timestamp_header`"),
        (
            HMAC + 'signed_message = "id.timestamp.body"\ntimestamp_header = "t"',
            "needs `message_id_header`",
        ),
        (HMAC + 'timestamp_header = "t"', "`timestamp_header` needs `signed_message`"),
        (HMAC + 'sources = ["203.0.113.1/24"]', "senders.a.sources.0"),
        (HMAC + 'sources = ["example.com"]', "senders.a.sources.0"),
        (HMAC + 'prices = "data["', "senders.a.prices"),
        (HMAC + 'fields = { price = "sum(p)" }', "must not use sum"),
        (HMAC + 'fields = { symbol = "s", price = "to_string(to_number(p))" }', "must not use to_number"),
        (HMAC + 'fields = { symbol = "s", price = "p" }', "`fields` needs `exchange`"),
        (HMAC + 'fields = { cost = "s" }', "senders.a.fields.cost"),
        (
            HMAC + 'fields = { symbol = "s", price = "p", exchange = "e" }\nconstants = { exchange = "e" }',
            "`exchange` is both in `fields` and in `constants`",
        ),
        (HMAC + "signature = 1", "unknown key `env.prod.webhook.senders.a.signature`"),
        ('scheme = "basic"\nusername = "a:b"', "without a colon"),
        (HMAC + "timestamp_tolerance_s = 0", "senders.a.timestamp_tolerance_s"),
        (HMAC + 'signature_prefix = " v1="', "`signature_prefix` begins with a space"),
        (HMAC + 'signature_prefix = "v1 "\ndelimiter = " "', "`signature_prefix` contains the `delimiter`"),
        (HMAC + 'delimiter = "a"', "`delimiter` may stand in a signature"),
        (HMAC + 'delimiter = "/"\nencoding = "base64"', "`delimiter` may stand in a signature"),
        (HMAC + 'signed_message = "timestamp.body"\ntimestamp_header = "x"', "needs `delimiter`"),
        (
            HMAC + 'signed_message = "timestamp.body"\ntimestamp_header = "t"\ntimestamp_prefix = " t="',
            "`timestamp_prefix` begins with a space",
        ),
        (
            HMAC + 'message_id_header = "X"\nsigned_message = "id.timestamp.body"\ntimestamp_header = "t"',
            "`message_id_header` is the header of the signature",
        ),
        (TOKEN + 'token_header = "x"\ntoken_prefix = " key "', "`token_prefix` begins with a space"),
        (TOKEN + 'token_member = "symbol"', "`token_member` is where `symbol` stands"),
        (
            TOKEN + 'token_member = "s"\nfields = { symbol = "s.a", price = "p", exchange = "e" }',
            "`token_member` is where `symbol` stands",
        ),
        (
            TOKEN + """token_member = "a-b"\nfields = { symbol = '"a-b"', price = "p", exchange = "e" }""",
            "`token_member` is where `symbol` stands",
        ),
        (HMAC + 'prices = "d[?p > `1.00000000000000000001`]"', "must not use 1.00000000000000000001"),
    ],
)
def test_what_is_wrong_is_refused_by_the_name_of_its_key(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        HMAC + 'signature_prefix = "v1, "\ndelimiter = " | "',
        HMAC + 'delimiter = "/"',
        HMAC + 'message_id_header = "x"',
        HMAC + 'message_id_header = "y"\nsigned_message = "timestamp.body"\ntimestamp_header = "t"',
        TOKEN + 'token_member = "s"\nfields = { symbol = "sy", price = "p", exchange = "e" }',
        TOKEN + 'token_member = "s"\nprices = "d"\nfields = { symbol = "s", price = "p", exchange = "e" }',
        TOKEN + 'token_member = "id"',
        TOKEN
        + 'token_member = "join"\n'
        + """fields = { symbol = "join('-', [s, t])", price = "p", exchange = "e" }""",
        TOKEN + 'token_member = "exchange"\nconstants = { exchange = "e" }',
        TOKEN + 'token_header = "x"\ntoken_prefix = "Token token="',
    ],
)
def test_what_looks_like_it_and_can_be_let_in_is_taken(tmp_path: Path, text: str) -> None:
    assert webhook(tmp_path, text).variables


NEVER_PRICES = {
    "symbol": ["A B", "bad<name>"],
    "exchange": ["x" * 82, "bad<name>", " "],
    "price": ["0", "-1", "many", "1e999"],
    "volume": ["many", "-1", "NaN", "1e"],
    "timestamp": ["yesterday", "2026-01-01T00:00:00", "-1"],
    "id": ["two words", "é", "i" * 129],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, text) for name in NEVER_PRICES for text in NEVER_PRICES[name]]
)
def test_a_constant_with_which_nothing_can_be_a_price_is_refused(
    tmp_path: Path, name: str, value: str
) -> None:
    message = refused(tmp_path, HMAC + f'constants = {{ {name} = "{value}" }}')
    assert f"`constants.{name}` would have every price refused: " in message


@pytest.mark.parametrize(
    "constants",
    ['symbol = "btc"', 'exchange = "BtcTurk | Kripto"', 'price = "1e-18"', 'volume = "0"', 'id = "7"']
    + [f'timestamp = "{time}"' for time in ("0", "1767323045000", "2026-01-01T00:00:00Z", "9999999999")],
)
def test_a_constant_that_a_price_can_have_is_taken(tmp_path: Path, constants: str) -> None:
    assert webhook(tmp_path, HMAC + f"constants = {{ {constants} }}").variables


@pytest.mark.parametrize("name", ["TV", "a_b", '"a.b"', "x" * 33, '""', "health", "unknown"])
def test_a_sender_has_a_name_that_fits_into_an_address(tmp_path: Path, name: str) -> None:
    assert "1 to 32 lower-case letters, digits and hyphens" in refused(tmp_path, HMAC, name)


def test_more_than_fits_into_the_functions_variables_is_refused(tmp_path: Path) -> None:
    def senders(number: int) -> str:
        more = (f"[env.prod.webhook.senders.s{index}]\n{HMAC}" for index in range(number))
        return HMAC + "".join(more)

    variables: Any = webhook(tmp_path, senders(49)).variables
    assert len(variables["WEBHOOK_SENDERS"]) <= MAX_VARIABLE_BYTES
    message = refused(tmp_path, senders(50))
    assert "`env.prod.webhook.senders = " in message
    assert "has 51 senders, where the function's role can be given the secrets of 50" in message
    long = refused(tmp_path, senders(49).replace('"x"', '"a-longer-name-of-a-header"'))
    assert f"where Lambda leaves {MAX_VARIABLE_BYTES}" in long


def test_as_many_senders_as_can_be_fit_into_what_lambda_and_iam_take() -> None:
    """With the longest names of senders, environment and region that there can be, and every setting."""
    senders = {f"{number:032}": SenderSettings(scheme="basic") for number in range(MAX_SENDERS)}
    while len(senders_variable(senders)) > MAX_VARIABLE_BYTES:
        senders.popitem()
    short = {str(number): SenderSettings(scheme="basic") for number in range(MAX_SENDERS)}
    scope = replace(SCOPE, environment="e" * 41, region="ap-southeast-1", partition="aws-us-gov")
    for configured in (senders, short):
        config = EnvironmentSettings(
            webhook=WebhookSettings(senders=configured),
            webhook_processor=WebhookProcessorSettings(max_age_days=36500),
        )
        stack = Stack(scope, config, Code(zip_bytes=b"", sha256=""))
        policies: Any = stack.webhook_role.desired()["Policies"]
        assert (
            sum(
                len(json.dumps(policy, separators=(",", ":"), default=lambda _: KEY))
                for policy in policies.values()
            )
            < 9_500
        )
        url = f"https://sqs.{scope.region}.amazonaws.com/{scope.account}/{stack.webhook_dead_letters.name}"
        texts = {
            name: url if name == "DLQ_URL" else value for name, value in stack.webhook.environment.items()
        }
        assert len(json.dumps(texts, separators=(",", ":"))) < 4096
