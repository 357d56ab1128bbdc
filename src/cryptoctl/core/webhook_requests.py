"""A webhook's request as it came: headers, raw body, and what the body says if it is JSON or a form."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from cryptoctl.core import json_text
from cryptoctl.core.fields import exact_number
from cryptoctl.core.prices import Rejected

FORM = "application/x-www-form-urlencoded"
MAX_FORM_MEMBERS = 100
# What senders call their JSON; text/plain is TradingView's word for an alert that is not quite JSON.
_JSON_TYPES = ("", "application/json", "text/json", "text/plain", "text/javascript", "application/javascript")


class UnsupportedType(Rejected):
    """Refused because its content type is neither JSON nor a form."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhookRequest:
    """One request: header names in lower case, the body's bytes as they came.

    `token` is what stands behind the sender's name in the path, `source` the address it came from.
    """

    headers: Mapping[str, str]
    body: bytes
    source: str = ""
    token: str = ""

    def header(self, name: str | None) -> str:
        """A header's value without margins; empty where there is none."""
        return self.headers.get(name, "").strip() if name is not None else ""

    def text(self) -> str:
        """The body as text, without a byte order mark. Raises Rejected."""
        try:
            return self.body.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Rejected("body", "is no UTF-8 text") from None

    def is_form(self) -> bool:
        """Whether the body is a form. Raises UnsupportedType where it is neither that nor JSON."""
        media_type = self.header("content-type").partition(";")[0].strip().lower()
        if media_type == FORM:
            # curl and many libraries say so of whatever they post.
            return not self.body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))
        if media_type not in _JSON_TYPES and not media_type.endswith("+json"):
            raise UnsupportedType("content-type", f"is neither JSON nor {FORM}")
        return False

    def document(self) -> Any:
        """The body parsed: JSON with exact numbers, or a form's members. Raises Rejected."""
        if self.is_form():
            return self._form()
        try:
            document = json_text.Document(self.text(), exact_number)
        except json_text.JsonError as error:
            raise Rejected("body", str(error)) from None
        if document.problems:
            raise Rejected("body", document.problems[0])
        return document.value

    def _form(self) -> dict[str, str]:
        try:
            members = parse_qsl(
                self.text(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_MEMBERS
            )
        except ValueError:
            raise Rejected("body", f"is no form of at most {MAX_FORM_MEMBERS} members in UTF-8") from None
        form = {name.strip(): value for name, value in members}
        if len(form) != len(members):
            raise Rejected("body", "a name occurs twice in the form")
        return form
