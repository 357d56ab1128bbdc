"""One name is one thing: a public class name exists once, and what a text names in a file is there."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "cryptoctl"


def test_each_public_class_name_exists_once() -> None:
    places = defaultdict(list)
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(file.relative_to(SOURCE).as_posix())
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def claims() -> Iterator[tuple[str, str]]:
    """Each file and name of the texts `"file.py: name"` and `"file.py: name, Class.name"`."""
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                claim = re.fullmatch(r"([\w/]+\.py): (.+)", node.value)
                if claim:
                    yield from ((claim[1], name) for name in claim[2].split(", "))


def names_in(file: Path) -> Iterator[str]:
    """What a file defines, imports or calls, and the keys that it writes; no local variables, no prose."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.alias):
            yield node.name
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant):
            yield str(node.value)
        if isinstance(node, ast.Module | ast.ClassDef):
            targets = (name for statement in node.body for name in ast.iter_child_nodes(statement))
            yield from (name.id for name in targets if isinstance(name, ast.Name))


def test_what_a_claim_names_in_a_file_is_in_that_file() -> None:
    missing = []
    for file, names in claims():
        known = set(names_in(SOURCE / file))
        missing += [f"{file}: {name}" for name in names.split(".") if name not in known]
    assert missing == []
