"""The webhook's senders."""

from __future__ import annotations

from typing import Annotated

from cryptoctl.ui.documents.document import CommandDocument, Part, about


class SenderDocument(Part):
    """A sender. The name `unknown` is that of requests that name no sender."""

    name: Annotated[str, about("its name")]
    scheme: Annotated[str, about("how it proves who it is: hmac, token or basic")]
    preset: Annotated[str | None, about("its preset")]
    sources: Annotated[list[str], about("where it may send from; empty: anywhere")]
    last_accepted: Annotated[
        str | None, about("when a request of it was last accepted, as far as logs are kept")
    ]
    refused: Annotated[int, about("how many requests were refused with 401 in the last hour")]
    last_refused: Annotated[str | None, about("when the last of them was")]
    last_refusal: Annotated[str | None, about("why the last of them was")]


class WebhookListDocument(CommandDocument):
    """`webhook list`"""

    url: Annotated[str | None, about("the address; each sender's is this and its name")] = None
    senders: Annotated[list[SenderDocument], about("in the configuration's order")] = []


class WebhookShowDocument(CommandDocument):
    """`webhook show`"""

    sender: Annotated[str | None, about("the sender's name")] = None
    url: Annotated[str | None, about("where it sends to")] = None
    secret: Annotated[str | None, about("its secret; only with --reveal")] = None
    previous_until: Annotated[str | None, about("until when the secret before this one counts as well")] = (
        None
    )
    message: Annotated[str | None, about("the message of a TradingView alert")] = None
    curl: Annotated[str | None, about("a request as this sender makes it, for a shell")] = None


class WebhookRotateDocument(CommandDocument):
    """`webhook rotate`"""

    sender: Annotated[str | None, about("the sender's name")] = None
    secret: Annotated[str | None, about("its new secret; only with --reveal")] = None
    previous_until: Annotated[str | None, about("until when the old secret counts as well")] = None
    effective: Annotated[bool, about("whether each instance of the function knows the new secret by now")] = (
        False
    )


class ProofStepDocument(Part):
    """A request of the test."""

    step: Annotated[str, about("what should happen")]
    passed: Annotated[
        bool | None,
        about("whether it did; null where the sender may only send from other addresses"),
    ]
    answer: Annotated[str, about("the status, and the message where there is one")]


class WebhookTestDocument(CommandDocument):
    """`webhook test`"""

    sender: Annotated[str | None, about("the sender's name")] = None
    steps: Annotated[list[ProofStepDocument], about("in the order in which they were sent")] = []
