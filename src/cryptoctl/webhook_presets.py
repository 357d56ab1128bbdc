"""Known senders: how each proves who it is, and where in its messages a price stands. Data only.

A preset is a sender's keys as in cryptoctl.toml; a key that the file sets as well is the file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

PresetName = Literal[
    "tradingview",
    "standard-webhooks",
    "svix",
    "cryptocurrencyalerting",
    "coinmarketalert",
    "stripe-like",
    "github-like",
]


# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
_STANDARD: Mapping[str, Any] = {
    "scheme": "hmac",
    "encoding": "base64",
    "secret_encoding": "base64",
    "signature_header": "webhook-signature",
    "signature_prefix": "v1,",
    "delimiter": " ",
    "signed_message": "id.timestamp.body",
    "timestamp_header": "webhook-timestamp",
    "message_id_header": "webhook-id",
}

PRESETS: Mapping[PresetName, Mapping[str, Any]] = {
    # https://www.tradingview.com/support/solutions/43000529348 (source addresses)
    "tradingview": {
        "scheme": "token",
        "token_in_path": True,
        "token_member": "secret",
        "sources": ("34.212.75.30", "52.32.178.7", "52.89.214.238", "54.218.53.128"),
        "fields": {name: name for name in ("symbol", "price", "exchange", "volume", "timestamp", "id")},
    },
    "standard-webhooks": _STANDARD,
    # https://docs.svix.com/receiving/verifying-payloads/how-manual
    "svix": {
        **_STANDARD,
        "signature_header": "svix-signature",
        "timestamp_header": "svix-timestamp",
        "message_id_header": "svix-id",
    },
    # https://cryptocurrencyalerting.com/webhook-reference.html
    "cryptocurrencyalerting": {
        "scheme": "token",
        "token_in_path": True,
        "fields": {
            # An alert of percent_price does not say what its price is in, and so is refused: no symbol.
            "symbol": "target_currency && join('-', [currency, target_currency])",
            "price": "price",
            "exchange": "exchange",
        },
    },
    # https://coinmarketalert.com/page/webhook-api
    "coinmarketalert": {
        "scheme": "token",
        "token_in_path": True,
        "fields": {"symbol": "coin_abbreviation", "price": "usd_price", "timestamp": "time"},
        "constants": {"exchange": "coinmarketalert"},
    },
    # https://docs.stripe.com/webhooks#verify-manually
    "stripe-like": {
        "scheme": "hmac",
        "signature_header": "stripe-signature",
        "signature_prefix": "v1=",
        "delimiter": ",",
        "signed_message": "timestamp.body",
        "timestamp_header": "stripe-signature",
        "timestamp_prefix": "t=",
    },
    # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    "github-like": {
        "scheme": "hmac",
        "signature_header": "x-hub-signature-256",
        "signature_prefix": "sha256=",
    },
}

# A message of each sender that has a form of its own, with a test price.
SAMPLES: Mapping[PresetName | None, str] = {
    "cryptocurrencyalerting": (
        '{"type": "price", "currency": "WEBHOOK", "target_currency": "TEST", "price": "1", '
        '"exchange": "webhook-test"}'
    ),
    "coinmarketalert": "coin_abbreviation=WEBHOOK-TEST&usd_price=1",
}
# What to paste into the message of an alert; TradingView puts values in place of the braces.
# https://www.tradingview.com/support/solutions/43000531021
TRADINGVIEW_MESSAGE = (
    '{"symbol": "{{ticker}}", "exchange": "{{exchange}}", "price": {{close}}, "volume": {{volume}}, '
    '"timestamp": "{{timenow}}"}'
)
