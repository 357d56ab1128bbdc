"""python lint.py DIRECTORY: what parliament finds in the policies there; ends with 1 where it is new."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from parliament import analyze_policy_string, enhance_finding  # type: ignore[import-not-found]

# Findings that are no mistake, each with the reason: what is found, and of which actions.
EXPLAINED = {
    ("RESOURCE_MISMATCH", frozenset({"kms:CreateAlias", "kms:DeleteAlias"})): "it looks for alias and key in "
    "one statement; there are two, since only a key has tags for a condition",
    ("RESOURCE_MISMATCH", frozenset({"dynamodb:GetResourcePolicy"})): "it wants the stream beside the table, "
    "whose policy nobody asks for",
    (
        "RESOURCE_STAR",
        frozenset({"cloudwatch:DescribeAlarms"}),
    ): "alarms are listed by how their names begin, which CloudWatch allows on all alarms or not at all",
}


def is_explained(finding: Any) -> bool:
    """Whether it is a finding whose reason is given here."""
    detail = finding.detail if isinstance(finding.detail, list) else []
    actions = frozenset(action["action"] if isinstance(action, dict) else str(action) for action in detail)
    return (finding.issue, actions) in EXPLAINED


def main(directory: Path) -> int:
    """Prints the findings that are not known."""
    paths, explained, new = sorted(directory.glob("*.json")), 0, 0
    for path in paths:
        for result in analyze_policy_string(path.read_text(encoding="utf-8")).findings:
            finding = enhance_finding(result)
            if is_explained(finding):
                explained += 1
                continue
            new += 1
            sys.stdout.write(
                f"{path.name}: {finding.severity} {finding.issue}: {finding.detail} {finding.location}\n"
            )
    sys.stdout.write(f"{len(paths)} policies: {new} findings, and {explained} that lint.py explains\n")
    return int(new > 0)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
