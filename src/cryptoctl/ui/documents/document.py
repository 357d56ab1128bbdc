"""What the documents of all commands have."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


def about(text: str) -> Any:
    """What the documentation says of a field."""
    return Field(description=text)


class Part(BaseModel):
    """A part of a document."""

    # Built when it is used: of some ninety models a command needs three.
    model_config = ConfigDict(extra="forbid", from_attributes=True, defer_build=True)


class FailureDocument(Part):
    """Why a command failed."""

    problem: Annotated[str, about("the name of the exit code, such as REFUSED")]
    message: Annotated[str, about("what failed, and why")]
    next: Annotated[str, about("what to do next; empty where there is nothing to say")]


class CommandDocument(Part):
    """What every command's document has, whatever the outcome."""

    command: Annotated[str, about("the command, such as `dlq list`")]
    outcome: Annotated[Literal["success", "failure", "interrupted"], about("how the command ended")]
    environment: Annotated[str | None, about("the environment; null where its name is not valid")]
    target: Annotated[str | None, about('"aws" or "local"')]
    account: Annotated[str | None, about("the AWS account; null where AWS was not asked")]
    region: Annotated[str | None, about("the AWS region; null where AWS was not asked")]
    failure: Annotated[FailureDocument | None, about("why it failed; null after a success")]


Notes = Annotated[list[str], about("what else should be known")]
