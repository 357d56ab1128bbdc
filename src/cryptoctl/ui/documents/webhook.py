"""The webhook's senders."""

from __future__ import annotations

from cryptoctl.ui.documents.document import CommandDocument, Part, about


class SenderDocument(Part):
    """A sender. The name `unknown` is that of requests that name no sender."""

    name: str = about("its name")
    scheme: str = about("how it proves who it is: hmac, token or basic")
    preset: str | None = about("its preset")
    sources: list[str] = about("where it may send from; empty: anywhere")
    last_accepted: str | None = about("when a request of it was last accepted, as far as logs are kept")
    refused: int = about("how many requests were refused with 401 in the last hour")
    last_refused: str | None = about("when the last of them was")
    last_refusal: str | None = about("why the last of them was")


class WebhookListDocument(CommandDocument, commands=["webhook list"]):
    """`webhook list`"""

    url: str | None = about("the address; each sender's is this and its name", None)
    senders: list[SenderDocument] = about("in the configuration's order", [])


class WebhookShowDocument(CommandDocument, commands=["webhook show"]):
    """`webhook show`"""

    sender: str | None = about("the sender's name", None)
    url: str | None = about("where it sends to", None)
    secret: str | None = about("its secret; only with --reveal", None)
    previous_until: str | None = about("until when the secret before this one counts as well", None)
    message: str | None = about("the message of a TradingView alert", None)
    curl: str | None = about("a request as this sender makes it, for a shell", None)


class WebhookRotateDocument(CommandDocument, commands=["webhook rotate"]):
    """`webhook rotate`"""

    sender: str | None = about("the sender's name", None)
    secret: str | None = about("its new secret; only with --reveal", None)
    previous_until: str | None = about("until when the old secret counts as well", None)
    effective: bool = about("whether each instance of the function knows the new secret by now", False)


class ProofStepDocument(Part):
    """A request of the test."""

    step: str = about("what should happen")
    passed: bool | None = about("whether it did; null where the sender may only send from other addresses")
    answer: str = about("the status, and the message where there is one")


class WebhookTestDocument(CommandDocument, commands=["webhook test"]):
    """`webhook test`"""

    sender: str | None = about("the sender's name", None)
    steps: list[ProofStepDocument] = about("in the order in which they were sent", [])
