"""The webhook's senders."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cryptoctl.ui.documents.document import CommandDocument, Part


class SenderDocument(Part):
    """A sender. The name `unknown` is that of requests that name no sender."""

    name: Annotated[str, Field(description="its name")]
    scheme: Annotated[str, Field(description="how it proves who it is: hmac, token or basic")]
    preset: Annotated[str | None, Field(description="its preset")]
    sources: Annotated[list[str], Field(description="where it may send from; empty: anywhere")]
    last_accepted: Annotated[
        str | None, Field(description="when a request of it was last accepted, as far as logs are kept")
    ]
    refused: Annotated[int, Field(description="how many requests were refused with 401 in the last hour")]


class WebhookListDocument(CommandDocument):
    """`webhook list`"""

    url: Annotated[str | None, Field(description="the address; each sender's is this and its name")] = None
    senders: Annotated[list[SenderDocument], Field(description="in the configuration's order")] = []


class WebhookShowDocument(CommandDocument):
    """`webhook show`"""

    sender: Annotated[str | None, Field(description="the sender's name")] = None
    url: Annotated[str | None, Field(description="where it sends to")] = None
    secret: Annotated[str | None, Field(description="its secret; only with --reveal")] = None
    previous_until: Annotated[
        str | None, Field(description="until when the secret before this one counts as well")
    ] = None
    message: Annotated[str | None, Field(description="the message of a TradingView alert")] = None
    curl: Annotated[str | None, Field(description="a request as this sender makes it, for a shell")] = None


class WebhookRotateDocument(CommandDocument):
    """`webhook rotate`"""

    sender: Annotated[str | None, Field(description="the sender's name")] = None
    secret: Annotated[str | None, Field(description="its new secret; only with --reveal")] = None
    previous_until: Annotated[str | None, Field(description="until when the old secret counts as well")] = (
        None
    )
    effective: Annotated[
        bool, Field(description="whether each instance of the function knows the new secret by now")
    ] = False


class ProofStepDocument(Part):
    """A request of the test."""

    step: Annotated[str, Field(description="what should happen")]
    passed: Annotated[
        bool | None,
        Field(description="whether it did; null where the sender may only send from other addresses"),
    ]
    answer: Annotated[str, Field(description="the status, and the message where there is one")]


class WebhookTestDocument(CommandDocument):
    """`webhook test`"""

    sender: Annotated[str | None, Field(description="the sender's name")] = None
    steps: Annotated[list[ProofStepDocument], Field(description="in the order in which they were sent")] = []
