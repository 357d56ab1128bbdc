"""What the documents of all commands have."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """A part of a document."""

    # Built when it is used: of some ninety models a command needs three.
    model_config = ConfigDict(extra="forbid", from_attributes=True, defer_build=True)


class FailureDocument(Part):
    """Why a command failed."""

    problem: Annotated[str, Field(description="the name of the exit code, such as REFUSED")]
    message: Annotated[str, Field(description="what failed, and why")]
    next: Annotated[str, Field(description="what to do next; empty where there is nothing to say")]


class CommandDocument(Part):
    """What every command's document has, whatever the outcome."""

    command: Annotated[str, Field(description="the command, such as `dlq list`")]
    outcome: Annotated[
        Literal["success", "failure", "interrupted"], Field(description="how the command ended")
    ]
    environment: Annotated[str | None, Field(description="the environment; null where its name is not valid")]
    target: Annotated[str | None, Field(description='"aws" or "local"')]
    account: Annotated[str | None, Field(description="the AWS account; null where AWS was not asked")]
    region: Annotated[str | None, Field(description="the AWS region; null where AWS was not asked")]
    failure: Annotated[FailureDocument | None, Field(description="why it failed; null after a success")]


Notes = Annotated[list[str], Field(description="what else should be known")]
