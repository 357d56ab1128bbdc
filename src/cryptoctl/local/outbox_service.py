"""Keeps a copy of each message that AWS would have sent to somebody outside."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cryptoctl.local.database import Database
from cryptoctl.local.http import Forward, HttpRequest, HttpResponse
from cryptoctl.local.internal_client import InternalClient
from cryptoctl.local.ministack_adapter import policy_lets_through
from cryptoctl.local.outbox import SCHEMA

_CHANGES: Final = ("Subscribe", "Unsubscribe", "ConfirmSubscription", "DeleteTopic", "CreateTopic")
OUTSIDE: Final = ("http", "https", "email", "email-json", "sms", "application", "firehose")
KEPT: Final[int] = 10_000


@dataclass(frozen=True, kw_only=True)
class _Publication:
    text: str
    subject: str = ""
    structured: bool = False
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def text_for(self, protocol: str) -> str:
        """The text that subscribers of a protocol get."""
        if not self.structured:
            return self.text
        try:
            by_protocol = json.loads(self.text)
            return str(by_protocol.get(protocol, by_protocol.get("default", "")))
        except (AttributeError, ValueError, RecursionError):
            # ministack has sent it to the others as it is.
            return self.text


class Outbox:
    """A service: ministack answers what is about topics; a copy of each message for outside is kept here."""

    def __init__(self, forward: Forward, database: Database, client: InternalClient) -> None:
        database.define(SCHEMA)
        self._forward = forward
        self._outside: dict[tuple[str, str], list[tuple[str, str, str]]] = {}
        self._database = database
        self._client = client

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """The answer to a request that publishes or subscribes; None for any other."""
        params = request.form
        action = params.get("Action", "")
        if action not in ("Publish", "PublishBatch", *_CHANGES):
            return None
        response = await self._forward(request)
        if action in _CHANGES:
            self._outside.clear()
            if action == "Subscribe" and response.status < 300:
                self._confirmation(request.region, params)
        elif response.status < 300:
            if params.get("PhoneNumber"):
                self._keep(request.region, "sms", params["PhoneNumber"], "", "", params.get("Message", ""))
            else:
                topic = params.get("TopicArn") or params.get("TargetArn", "")
                for publication in _publications(params):
                    await self._publish(request.region, topic, publication)
        return response

    async def alarm(self, region: str, topic: str, subject: str, text: str) -> None:
        """Takes what an alarm tells a topic."""
        await self._publish(region, topic, _Publication(text=text, subject=subject))

    def _confirmation(self, region: str, params: Mapping[str, str]) -> None:
        protocol, endpoint = params.get("Protocol", ""), params.get("Endpoint", "")
        if protocol in OUTSIDE:
            topic = params.get("TopicArn", "")
            text = f"You have chosen to subscribe to the topic {topic}. Confirm the subscription."
            self._keep(region, protocol, endpoint, topic, "Subscription confirmation", text)

    async def _publish(self, region: str, topic: str, publication: _Publication) -> None:
        if (region, topic) not in self._outside:
            # Most topics have no subscriber outside, and a price is published many times a second.
            subscribers = await self._subscribers(region, topic)
            self._outside[region, topic] = [
                subscriber for subscriber in subscribers if subscriber[1] in OUTSIDE
            ]
        for arn, protocol, endpoint in self._outside[region, topic]:
            if await self._passes_filter(region, arn, publication):
                text = publication.text_for(protocol)
                self._keep(region, protocol, endpoint, topic, publication.subject, text)

    async def _subscribers(self, region: str, topic: str) -> list[tuple[str, str, str]]:
        subscribers: list[tuple[str, str, str]] = []
        params: dict[str, str] = {"TopicArn": topic}
        while True:
            tree = await self._client.form("sns", "ListSubscriptionsByTopic", region, **params)
            for member in tree.iter("member"):
                fields = (member.findtext(name, "") for name in ("SubscriptionArn", "Protocol", "Endpoint"))
                subscribers.append(tuple(fields))  # type: ignore[arg-type]
            token = tree.findtext(".//NextToken")
            if not token:
                return subscribers
            params["NextToken"] = token

    async def _passes_filter(self, region: str, subscription: str, publication: _Publication) -> bool:
        """Whether a subscription's filter policy lets the message through."""
        if not subscription.startswith("arn:"):
            return True
        tree = await self._client.form(
            "sns", "GetSubscriptionAttributes", region, SubscriptionArn=subscription
        )
        entries = {entry.findtext("key", ""): entry.findtext("value", "") for entry in tree.iter("entry")}
        return policy_lets_through(entries, publication.attributes, publication.text)

    def _keep(self, region: str, protocol: str, recipient: str, topic: str, subject: str, text: str) -> None:
        columns = "at, region, protocol, recipient, topic, subject, text"
        sql = f"INSERT INTO outbox ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        self._database.execute(sql, time.time(), region, protocol, recipient, topic, subject, text)
        self._database.execute("DELETE FROM outbox WHERE id <= (SELECT max(id) FROM outbox) - ?", KEPT)


def _publications(params: Mapping[str, str]) -> list[_Publication]:
    prefixes = ["", *(f"PublishBatchRequestEntries.member.{number}." for number in range(1, 11))]
    return [
        _Publication(
            text=params[f"{prefix}Message"],
            subject=params.get(f"{prefix}Subject", ""),
            structured=params.get(f"{prefix}MessageStructure") == "json",
            attributes=_attributes(params, prefix),
        )
        for prefix in prefixes
        if f"{prefix}Message" in params
    ]


def _attributes(params: Mapping[str, str], prefix: str) -> dict[str, dict[str, str]]:
    attributes: dict[str, dict[str, str]] = {}
    while True:
        entry = f"{prefix}MessageAttributes.entry.{len(attributes) + 1}"
        if f"{entry}.Name" not in params:
            return attributes
        attributes[params[f"{entry}.Name"]] = {
            member: params.get(f"{entry}.Value.{member}", "") for member in ("DataType", "StringValue")
        }
