"""[env.NAME.webhook.senders.SENDER]: who may send prices to the webhook, and how each proves who it is.

The words are those of AWS's webhook event sources (Amazon EventBridge).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal, get_args

from cryptoctl.core.webhook_secrets import SecretEncoding, new_parameter
from cryptoctl.expressions import compile_expression, inexact_part
from cryptoctl.settings_schema import Between, Checked, Section, Switch, setting
from cryptoctl.webhook_checks import check_sender
from cryptoctl.webhook_presets import PRESETS, PresetName

# Lambda gives a function's variables 4096 bytes in all; the others of the function need at most 700.
MAX_VARIABLE_BYTES = 3300
# The function's role names each one's parameter, and a role's inline policies have 10,240 characters in all.
MAX_SENDERS = 50
MAX_TEXT_LENGTH = 200
MAPPED_BITS = 96  # before an IPv4 address that is written as IPv6
RESERVED_NAMES = ("health", "unknown")  # a path of the address, and whom the metric counts besides senders

SchemeName = Literal["hmac", "token", "basic"]
PriceField = Literal["symbol", "price", "exchange", "volume", "timestamp", "id"]


def _sender_name(text: str) -> str:
    if re.fullmatch(r"[a-z0-9-]{1,32}", text) and text not in RESERVED_NAMES:
        return text
    raise ValueError(
        "a sender's name has 1 to 32 lower-case letters, digits and hyphens, "
        "and is neither `health` nor `unknown`"
    )


def _header(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", text):
        return text.lower()
    raise ValueError("must be the name of an HTTP header")


def _short(text: str) -> str:
    if 0 < len(text) <= MAX_TEXT_LENGTH and text.isprintable():
        return text
    raise ValueError(f"must be 1 to {MAX_TEXT_LENGTH} printable characters")


def _username(text: str) -> str:
    if ":" in _short(text):
        raise ValueError("must be a user name without a colon")
    return text


def _source(text: str) -> str:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError("must be an IPv4 or IPv6 address, or a network such as 203.0.113.0/24") from None
    if isinstance(network, IPv6Network) and network.prefixlen >= MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:  # where requests come from is told as IPv4
            network = IPv4Network((mapped, network.prefixlen - MAPPED_BITS))
    return str(network) if "/" in text else str(network.network_address)


def _expression(text: str) -> str:
    try:
        part = inexact_part(compile_expression(_short(text)))
    except ValueError as error:
        raise ValueError(f"is no JMESPath expression: {error}") from None
    if part is not None:
        raise ValueError(f"must not use {part}, which would lose digits of a number")
    return text


_Header = Annotated[str, Checked(_header)]
_Short = Annotated[str, Checked(_short)]
_Expression = Annotated[str, Checked(_expression)]


@dataclass(frozen=True, kw_only=True)
class SenderSettings(Section):
    """[env.NAME.webhook.senders.SENDER]; a key that is None is the preset's or has its default."""

    preset: PresetName | None = setting(
        None, f"a known sender, which sets the keys below: {', '.join(get_args(PresetName))}"
    )
    scheme: SchemeName | None = setting(
        None,
        'how a request proves who sent it: "hmac" (a signature), "token" (the secret itself) or "basic" '
        "(the secret as a password); required without a preset",
    )
    algorithm: Literal["sha256", "sha512", "sha1"] | None = setting(
        None, "hmac: sha256, sha512 or sha1; unset: sha256"
    )
    encoding: Literal["hex", "base64"] | None = setting(
        None, "hmac: the signature is hex or base64; unset: hex"
    )
    secret_encoding: SecretEncoding | None = setting(
        None, "hmac: the key is the secret's text (raw) or what its base64 stands for; unset: raw"
    )
    signature_header: _Header | None = setting(None, "hmac: the header with the signature; required")
    signature_prefix: _Short | None = setting(
        None, 'hmac: what stands before each signature, such as "sha256="'
    )
    delimiter: _Short | None = setting(
        None, "hmac: what stands between the parts of the header; any signature may match"
    )
    signed_message: Literal["body", "timestamp.body", "id.timestamp.body"] | None = setting(
        None, "hmac: what is signed: body, timestamp.body or id.timestamp.body; unset: body"
    )
    timestamp_header: _Header | None = setting(
        None, "hmac: the header with the time of the request, epoch seconds"
    )
    timestamp_prefix: _Short | None = setting(
        None, 'hmac: what stands before the time in its header, such as "t="'
    )
    timestamp_tolerance_s: Annotated[int, Between(1, 86_400)] | None = setting(
        None, "hmac: how many seconds the time may differ from the clock, 1 to 86400; unset: 300"
    )
    message_id_header: _Header | None = setting(
        None, "the header with the message's id, which becomes the id of prices without one"
    )
    token_header: _Header | None = setting(None, "token: the header with the secret")
    token_prefix: _Short | None = setting(
        None, 'token: what stands before the secret in its header, such as "Bearer "'
    )
    token_in_path: Switch | None = setting(
        None, "token: the secret may be the last part of the address; unset: false"
    )
    token_member: _Short | None = setting(None, "token: the member of the body with the secret")
    username: Annotated[str, Checked(_username)] | None = setting(
        None, "basic: the user name; unset: the sender's name"
    )
    prices: _Expression | None = setting(
        None, "JMESPath to the list of prices in a request; unset: it is one price, or a list"
    )
    fields: Mapping[PriceField, _Expression] | None = setting(
        None,
        "where each field of a price stands in their JSON (JMESPath), or its name in their form; "
        "unset: by the fields' own names",
    )
    constants: Mapping[PriceField, _Short] | None = setting(
        None, "fields of a price that are always the same"
    )
    sources: tuple[Annotated[str, Checked(_source)], ...] | None = setting(
        None, "addresses and networks that requests may come from; unset: the preset's, else any"
    )

    def with_preset(self) -> dict[str, Any]:
        """The keys that are set, here or by the preset, without `preset` itself."""
        preset = PRESETS[self.preset] if self.preset else {}
        values = {key.name: getattr(self, key.name) for key in fields(self) if key.name != "preset"}
        return {**preset, **{name: value for name, value in values.items() if value is not None}}

    @property
    def first_parameter(self) -> Callable[[], str]:
        """Makes the text of the sender's parameter, with a new secret, at each call."""
        return partial(new_parameter, self.with_preset().get("secret_encoding", "raw"))


def _complete(sender: SenderSettings) -> SenderSettings:
    check_sender(sender.with_preset())
    return sender


def senders_variable(senders: Mapping[str, SenderSettings]) -> str:
    """WEBHOOK_SENDERS: what the function needs to know of its senders, as compact JSON; no secrets.

    What the file says in another order has the same text.
    """
    resolved = {
        name: {key: _in_order(value) for key, value in senders[name].with_preset().items()}
        for name in sorted(senders)
    }
    return json.dumps(resolved, separators=(",", ":"))


def _in_order(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(sorted(value.items()))
    return sorted(value) if isinstance(value, tuple) else value


def _fitting(senders: Mapping[str, SenderSettings]) -> Mapping[str, SenderSettings]:
    if len(senders) > MAX_SENDERS:
        raise ValueError(
            f"has {len(senders)} senders, where the function's role can be given the secrets of "
            f"{MAX_SENDERS}; let several share one, or use another environment for the rest"
        )
    size = len(senders_variable(senders))
    if size > MAX_VARIABLE_BYTES:
        raise ValueError(
            f"takes {size} bytes of the function's variables, where Lambda leaves {MAX_VARIABLE_BYTES}; "
            "use fewer senders, shorter expressions or larger networks"
        )
    return senders


_Senders = Annotated[
    Mapping[Annotated[str, Checked(_sender_name)], Annotated[SenderSettings, Checked(_complete)]],
    Checked(_fitting),
]


@dataclass(frozen=True, kw_only=True)
class WebhookSettings(Section):
    """[env.NAME.webhook]"""

    senders: _Senders = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The settings that the handler reads from its environment; none where there is no sender."""
        return {"WEBHOOK_SENDERS": senders_variable(self.senders)} if self.senders else {}
