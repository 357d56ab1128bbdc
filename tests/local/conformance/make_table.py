"""Writes the conformance table of docs/embedded-engine.md from a run of the suite on both engines.

python -m local.conformance.make_table        (with `tests` and `src` on PYTHONPATH)
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.conformance.plain import plain_ministack

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
DOCUMENT = ROOT / "docs" / "embedded-engine.md"
BEGIN, END = "<!-- conformance table: begin -->", "<!-- conformance table: end -->"


@dataclass(frozen=True)
class Behaviour:
    """A conformance test: what it shows, and the document it rests on."""

    test: str
    topic: str
    behaviour: str
    document: str


def behaviours() -> list[Behaviour]:
    """Every conformance test, read from its source."""
    entries: list[Behaviour] = []
    for file in sorted(HERE.glob("test_*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        tests = (node for node in tree.body if isinstance(node, ast.FunctionDef))
        entries.extend(_behaviour(node, constants) for node in tests if node.name.startswith("test_"))
    return entries


def _behaviour(node: ast.FunctionDef, constants: Mapping[str, object]) -> Behaviour:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).endswith("behaviour"):
            topic, behaviour, document = (
                constants[part.id] if isinstance(part, ast.Name) else ast.literal_eval(part)
                for part in decorator.args
            )
            return Behaviour(node.name, str(topic), str(behaviour), str(document))
    raise LookupError(f"{node.name} does not name its behaviour and its document")


def outcomes(endpoint: str | None) -> dict[str, str]:
    """The outcome of each test: as AWS, differs, or partly where only some of its cases pass."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.json"
        command = [sys.executable, "-m", "pytest", str(HERE), "-q", "-p", "no:randomly", "--tb=no"]
        command += ["--conformance-report", str(report)]
        if endpoint:
            command += ["--endpoint-url", endpoint]
        subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL, timeout=3600)
        results: dict[str, str] = json.loads(report.read_text(encoding="utf-8"))
    cases: dict[str, list[bool]] = defaultdict(list)
    for name, outcome in results.items():
        cases[name.partition("[")[0]].append(outcome == "passed")
    return {
        name: "as AWS"
        if all(passed)
        else "differs"
        if not any(passed)
        else f"{sum(passed)} of {len(passed)} cases"
        for name, passed in cases.items()
    }


def table() -> str:
    engine = outcomes(None)
    with tempfile.TemporaryDirectory() as directory, plain_ministack(Path(directory)) as url:
        plain = outcomes(url)
    lines = ["| topic | behaviour | embedded engine | plain ministack | rests on |", "|---|---|---|---|---|"]
    for behaviour in behaviours():
        cells = (
            behaviour.topic,
            behaviour.behaviour,
            engine[behaviour.test],
            plain[behaviour.test],
            behaviour.document,
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Runs the suite on both and writes the table into the document."""
    text = table()
    before, remainder = DOCUMENT.read_text(encoding="utf-8").split(BEGIN)
    _, after = remainder.split(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
