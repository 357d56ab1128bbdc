"""What the documents of all commands have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def about(text: str, default: Any = ...) -> Any:
    """A field, and what the documentation says of it; without a default it has to be given."""
    return Field(default, description=text)


class Part(BaseModel):
    """A part of a document."""

    # Built when it is used: of some ninety models a command needs three.
    model_config = ConfigDict(extra="forbid", from_attributes=True, defer_build=True)


class FailureDocument(Part):
    """Why a command failed."""

    problem: str = about("the name of the exit code, such as REFUSED")
    message: str = about("what failed, and why")
    next: str = about("what to do next; empty where there is nothing to say")


MODELS: dict[str, type[CommandDocument]] = {}
"""the model of each command's document, by command; each document names its own"""


class CommandDocument(Part):
    """What every command's document has, whatever the outcome."""

    command: str = about("the command, such as `dlq list`")
    outcome: Literal["success", "failure", "interrupted"] = about("how the command ended")
    environment: str | None = about(
        "the environment; null where its name is not valid, or the configuration cannot be used or lacks it"
    )
    target: str | None = about('"aws" or "local"; null where neither was given and the environment is null')
    account: str | None = about("the AWS account; null where AWS was not asked")
    region: str | None = about("the AWS region; null where AWS was not asked")
    failure: FailureDocument | None = about("why it failed; null after a success")

    def __init_subclass__(cls, *, commands: Sequence[str], **config: Any) -> None:
        super().__init_subclass__(**config)
        MODELS.update(dict.fromkeys(commands, cls))


Notes = Annotated[list[str], about("what else should be known")]
