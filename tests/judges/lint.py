"""python lint.py DIRECTORY: what parliament finds in the policies there; ends with 1 where it is new."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from parliament import analyze_policy_string, enhance_finding  # type: ignore[import-not-found]

# It looks for alias and key in one statement; there are two, since only a key has tags for a condition.
IN_TWO_STATEMENTS = ("RESOURCE_MISMATCH", {"kms:CreateAlias", "kms:DeleteAlias"})


def known(finding: Any) -> bool:
    """Whether it is a finding whose reason is given here."""
    detail = finding.detail if isinstance(finding.detail, list) else []
    return (finding.issue, {each["action"] for each in detail}) == IN_TWO_STATEMENTS


def main(directory: Path) -> int:
    """Prints the findings that are not known."""
    paths, explained, new = sorted(directory.glob("*.json")), 0, 0
    for path in paths:
        for each in analyze_policy_string(path.read_text(encoding="utf-8")).findings:
            finding = enhance_finding(each)
            if known(finding):
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
