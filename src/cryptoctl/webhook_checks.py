"""Whether the keys of a sender belong together, and none of them alone keeps every price out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from cryptoctl.core.fields import check_constants
from cryptoctl.core.prices import Rejected
from cryptoctl.expressions import compile_expression, needed_member

REQUIRED_FIELDS = ("symbol", "price", "exchange")

_IN_SIGNATURES = {"hex": "[0-9A-Fa-f]+", "base64": "[0-9A-Za-z+/]+"}


def check_sender(keys: Mapping[str, Any]) -> None:
    """Raises ValueError, which names the key, where they do not belong together or let nobody in."""
    from cryptoctl.core.authentication import SCHEMES  # where there is no sender, none is needed

    scheme = keys.get("scheme")
    if scheme is None:
        raise ValueError("needs `preset` or `scheme`")
    for scheme_name, kind in SCHEMES.items():
        # The id of a message is also that of its prices, whatever the scheme.
        own_keys = {field.name for field in fields(kind)} - {"message_id_header"}
        for name in sorted(own_keys & keys.keys()):
            if scheme_name != scheme:
                raise ValueError(f'`{name}` is for scheme "{scheme_name}", and this is "{scheme}"')
    if scheme == "hmac":
        _check_signature(keys)
    if scheme == "token" and not (
        keys.keys() & {"token_header", "token_member"} or keys.get("token_in_path")
    ):
        raise ValueError("needs `token_header`, `token_in_path` or `token_member`")
    for name in ("signature_prefix", "timestamp_prefix", "token_prefix"):
        if keys.get(name, "").startswith(" "):
            raise ValueError(f"`{name}` begins with a space, which no header's value does")
    _check_member(keys)
    _check_fields(keys)


def _check_signature(keys: Mapping[str, Any]) -> None:
    if "signature_header" not in keys:
        raise ValueError("needs `signature_header`")
    signed_message = keys.get("signed_message", "body")
    if "timestamp" in signed_message and "timestamp_header" not in keys:
        raise ValueError(f'needs `timestamp_header`, since `signed_message` is "{signed_message}"')
    if "id" in signed_message and "message_id_header" not in keys:
        raise ValueError(f'needs `message_id_header`, since `signed_message` is "{signed_message}"')
    if "timestamp" not in signed_message and "timestamp_header" in keys:
        # A time that is not signed can be replaced by whoever replays the request.
        raise ValueError('`timestamp_header` needs `signed_message` "timestamp.body" or "id.timestamp.body"')
    _check_headers(keys)


def _check_headers(keys: Mapping[str, Any]) -> None:
    """Raises ValueError where no header could hold what is looked for in it."""
    signature, delimiter = keys["signature_header"], keys.get("delimiter")
    if keys.get("timestamp_header") == signature and delimiter is None:
        raise ValueError("needs `delimiter`, since the time and the signature are in one header")
    if "id" in keys.get("signed_message", "") and keys["message_id_header"] == signature:
        raise ValueError(
            "`message_id_header` is the header of the signature, which would have to sign itself"
        )
    for name in ("signature_prefix", "timestamp_prefix"):
        if delimiter is not None and delimiter in keys.get(name, ""):
            raise ValueError(f"`{name}` contains the `delimiter`, at which the header is divided before")
    if delimiter is not None and re.fullmatch(_IN_SIGNATURES[keys.get("encoding", "hex")], delimiter):
        raise ValueError("`delimiter` may stand in a signature itself")


def _check_member(keys: Mapping[str, Any]) -> None:
    """Raises ValueError where every price needs the member with the secret, which is taken away before."""
    member, constants = keys.get("token_member"), keys.get("constants") or {}
    if member is None or "prices" in keys:  # then fields are looked for in its records
        return
    mapped = keys.get("fields") or {}
    for name in REQUIRED_FIELDS:
        if name not in constants and needed_member(compile_expression(mapped.get(name, name))) == member:
            raise ValueError(f"`token_member` is where `{name}` stands, and is taken away before")


def _check_fields(keys: Mapping[str, Any]) -> None:
    mapped, constants = keys.get("fields") or {}, keys.get("constants") or {}
    twice = sorted(mapped.keys() & constants.keys())
    if twice:
        raise ValueError(f"`{twice[0]}` is both in `fields` and in `constants`")
    missing = [name for name in REQUIRED_FIELDS if mapped and name not in (*mapped, *constants)]
    if missing:
        raise ValueError(f"`fields` needs `{missing[0]}`, or `constants` does")
    try:
        check_constants(constants)
    except Rejected as rejected:
        raise ValueError(
            f"`constants.{rejected.field}` would have every price refused: {rejected.reason}"
        ) from None
