"""What the self-test found."""

from __future__ import annotations

from typing import Annotated

from cryptoctl.ui.documents.document import CommandDocument, Part, about


class ClaimDocument(Part):
    """A claim about AWS."""

    id: Annotated[str, about("its name, as `--only` takes it where a check is written for it")]
    text: Annotated[str, about("what is claimed")]
    relied_on: Annotated[list[str], about("where the code relies on it")]
    outcome: Annotated[
        str | None, about("holds, differs, check failed or not shown here; null with `--list`")
    ] = None
    seen: Annotated[str, about("what AWS did, or why nothing was seen")] = ""
    seconds: Annotated[float, about("how long the check took")] = 0.0


class SelftestReportDocument(Part):
    """The report, as its JSON file has it: without the account and the caller, unless asked for."""

    environment: Annotated[str, about("the environment that was made for it")]
    target: Annotated[str, about('"aws" or "local"')]
    account: Annotated[str, about("the AWS account, hidden unless asked for")]
    region: Annotated[str, about("the AWS region")]
    began: Annotated[str, about("when it began")]
    seconds: Annotated[float, about("how long it took, removal included")]
    versions: Annotated[dict[str, str], about("of cryptoctl, boto3 and Python")]
    counts: Annotated[dict[str, int], about("how many claims there are of each outcome")]
    problems: Annotated[list[str], about("what kept it from being a whole run")]
    claims: Annotated[list[ClaimDocument], about("every claim")]


class SelftestDocument(CommandDocument):
    """`selftest`"""

    claims: Annotated[list[ClaimDocument], about("the claims, with `--list`")] = []
    report: Annotated[SelftestReportDocument | None, about("what was found")] = None
    files: Annotated[list[str], about("where the report was written")] = []
    removed: Annotated[list[str], about("the environments of earlier runs that were removed first")] = []
