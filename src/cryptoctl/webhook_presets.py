"""Known senders: how each proves who it is, and where in its messages a price stands. Data only.

A preset is a sender's keys as in cryptoctl.toml; a key that the file sets as well is the file's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Preset = Literal[
    "tradingview",
    "standard-webhooks",
    "cryptocurrencyalerting",
    "coinmarketalert",
    "stripe-like",
    "github-like",
]


PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    # https://www.tradingview.com/support/solutions/43000529348 (source addresses)
    "tradingview": {
        "scheme": "token",
        "token_in_path": True,
        "token_member": "secret",
        "sources": ("52.89.214.238", "34.212.75.30", "54.218.53.128", "52.32.178.7"),
        "fields": {name: name for name in ("symbol", "price", "exchange", "volume", "timestamp", "id")},
    },
    # https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    "standard-webhooks": {
        "scheme": "hmac",
        "encoding": "base64",
        "secret_encoding": "base64",
        "signature_header": "webhook-signature",
        "signature_prefix": "v1,",
        "delimiter": " ",
        "signed_message": "id.timestamp.body",
        "timestamp_header": "webhook-timestamp",
        "message_id_header": "webhook-id",
    },
    # https://cryptocurrencyalerting.com/guide/webhook-notifications.html
    "cryptocurrencyalerting": {
        "scheme": "token",
        "token_in_path": True,
        "fields": {
            "symbol": "join('-', [currency, target_currency])",
            "price": "price",
            "exchange": "exchange",
        },
    },
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
