"""What the self-test found."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cryptoctl.ui.documents.document import CommandDocument, Part


class ClaimDocument(Part):
    """A claim about AWS."""

    id: Annotated[str, Field(description="its name, as `--only` takes it where a check is written for it")]
    text: Annotated[str, Field(description="what is claimed")]
    relied_on: Annotated[list[str], Field(description="where the code relies on it")]
    outcome: Annotated[
        str | None, Field(description="holds, differs, check failed or not shown here; null with `--list`")
    ] = None
    seen: Annotated[str, Field(description="what AWS did, or why nothing was seen")] = ""
    seconds: Annotated[float, Field(description="how long the check took")] = 0.0


class SelftestReportDocument(Part):
    """The report, as its JSON file has it: without the account and the caller, unless asked for."""

    environment: Annotated[str, Field(description="the environment that was made for it")]
    target: Annotated[str, Field(description='"aws" or "local"')]
    account: Annotated[str, Field(description="the AWS account, hidden unless asked for")]
    region: Annotated[str, Field(description="the AWS region")]
    began: Annotated[str, Field(description="when it began")]
    seconds: Annotated[float, Field(description="how long it took, removal included")]
    versions: Annotated[dict[str, str], Field(description="of cryptoctl, boto3 and Python")]
    counts: Annotated[dict[str, int], Field(description="how many claims there are of each outcome")]
    problems: Annotated[list[str], Field(description="what kept it from being a whole run")]
    claims: Annotated[list[ClaimDocument], Field(description="every claim")]


class SelftestDocument(CommandDocument):
    """`selftest`"""

    claims: Annotated[list[ClaimDocument], Field(description="the claims, with `--list`")] = []
    report: Annotated[SelftestReportDocument | None, Field(description="what was found")] = None
    files: Annotated[list[str], Field(description="where the report was written")] = []
    removed: Annotated[
        list[str], Field(description="the environments of earlier runs that were removed first")
    ] = []
