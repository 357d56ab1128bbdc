"""One name is one thing: a public class name exists once, and what a text names in a file is there."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "cryptoctl"


def test_each_public_class_name_exists_once() -> None:
    places = defaultdict(list)
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(file.relative_to(SOURCE).as_posix())
    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def test_what_a_claim_names_in_a_file_is_in_that_file() -> None:
    missing = []
    for file in sorted(SOURCE.rglob("*.py")):
        for where, what in re.findall(r'"([\w/]+\.py): ([\w.]+)"', file.read_text("utf-8")):
            identifiers = re.findall(r"\w+", (SOURCE / where).read_text("utf-8"))
            missing += [f"{where}: {name}" for name in what.split(".") if name not in identifiers]
    assert missing == []
