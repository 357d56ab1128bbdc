"""Who may send to the webhook, as the function is told in WEBHOOK_SENDERS; no secrets."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from cryptoctl.core.authentication import SCHEMES, AuthScheme, HmacScheme, NoScheme, TokenScheme
from cryptoctl.core.fields import Expression, FieldMapping
from cryptoctl.core.webhook_requests import WebhookRequest
from cryptoctl.core.webhook_secrets import SenderSecret, key_bytes

Compile = Callable[[str], Expression]


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowedSender:
    """One sender: how it proves who it is, where it sends from, and how its records become prices.

    `mapping` is None for a sender that sends prices as we write them.
    """

    name: str
    scheme: AuthScheme
    sources: tuple[IPv4Network | IPv6Network, ...] = ()
    mapping: FieldMapping | None = None
    message_id_header: str | None = None

    def accepts(self, request: WebhookRequest, secrets: Sequence[str], now_s: float) -> bool:
        """Whether the request came from this sender: from one of its networks, and with a proof."""
        if self.sources and not in_networks(request.source, self.sources):
            return NOBODY.accepts(request, secrets, now_s)  # as long as for nobody, and nothing is parsed
        return self.scheme.accepts(request, secrets, now_s)

    def problem(self, request: WebhookRequest, now_s: float) -> str:
        """Why a request was not accepted: nothing of what the sender wrote."""
        if self.sources and not in_networks(request.source, self.sources):
            return "it came from an address that is not among the sender's sources"
        return self.scheme.problem(request, now_s)

    def check(self, secret: SenderSecret) -> None:
        """Raises SecretError for a secret that the scheme cannot use."""
        if isinstance(self.scheme, HmacScheme):
            for text in filter(None, (secret.secret, secret.previous)):
                key_bytes(text, self.scheme.secret_encoding)

    @property
    def token_member(self) -> str | None:
        """The member of the body that may hold the secret."""
        return self.scheme.token_member if isinstance(self.scheme, TokenScheme) else None


# Checked in place of a sender that does not exist, so that its absence takes no less time.
NOBODY = AllowedSender(name="unknown", scheme=NoScheme())


def allowed_senders(text: str, compile_expression: Compile) -> dict[str, AllowedSender]:
    """The senders in the variable's JSON text, by name."""
    return {name: _sender(name, keys, compile_expression) for name, keys in json.loads(text).items()}


def in_networks(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether the address lies in one of the networks; IPv4 written as IPv6 counts as IPv4."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return any(ip in network for network in networks)


def scheme_of(name: str, keys: Mapping[str, Any]) -> AuthScheme:
    """The scheme that a sender's keys describe; `name` is the user name where none is set."""
    scheme, values = SCHEMES[keys["scheme"]], {"username": name, **keys}
    return scheme(**{field.name: values[field.name] for field in fields(scheme) if field.name in values})


def _sender(name: str, keys: Mapping[str, Any], compile_expression: Compile) -> AllowedSender:
    return AllowedSender(
        name=name,
        scheme=scheme_of(name, keys),
        sources=tuple(map(ip_network, keys.get("sources", ()))),
        mapping=_mapping(keys, compile_expression),
        message_id_header=keys.get("message_id_header"),
    )


def _mapping(keys: Mapping[str, Any], compile_expression: Compile) -> FieldMapping | None:
    parts = keys.get("fields"), keys.get("constants"), keys.get("prices")
    if not any(parts):
        return None
    expressions, constants, prices = parts
    return FieldMapping(
        fields={field: compile_expression(expression) for field, expression in expressions.items()}
        if expressions
        else None,
        constants=constants or {},
        prices=compile_expression(prices) if prices else None,
    )
