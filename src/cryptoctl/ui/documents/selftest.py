"""What the self-test found."""

from __future__ import annotations

from cryptoctl.ui.documents.document import CommandDocument, Part, about


class ClaimDocument(Part):
    """A claim about AWS."""

    id: str = about("its name, as `--only` takes it where a check is written for it")
    text: str = about("what is claimed")
    relied_on: list[str] = about("where the code relies on it")
    outcome: str | None = about("holds, differs, check failed or not shown here; null with `--list`", None)
    seen: str = about("what AWS did, or why nothing was seen", "")
    seconds: float = about("how long the check took", 0.0)


class SelftestReportDocument(Part):
    """The report, as its JSON file has it: without the account and the caller, unless asked for."""

    environment: str = about("the environment that was made for it")
    target: str = about('"aws" or "local"')
    account: str = about("the AWS account, hidden unless asked for")
    region: str = about("the AWS region")
    began: str = about("when it began")
    seconds: float = about("how long it took, removal included")
    versions: dict[str, str] = about("of cryptoctl, boto3 and Python")
    counts: dict[str, int] = about("how many claims there are of each outcome")
    problems: list[str] = about("what kept it from being a whole run")
    claims: list[ClaimDocument] = about("every claim")


class SelftestDocument(CommandDocument, commands=["selftest"]):
    """`selftest`"""

    claims: list[ClaimDocument] = about("the claims, with `--list`", [])
    report: SelftestReportDocument | None = about("what was found", None)
    files: list[str] = about("where the report was written", [])
    removed: list[str] = about("the environments of earlier runs that were removed first", [])
