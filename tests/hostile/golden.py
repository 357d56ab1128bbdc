"""messages.txt: what a person sees in each situation. Each test makes its chapter anew and compares.

`make golden` writes the chapters instead. What differs from run to run is written in capitals.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import unified_diff
from itertools import groupby
from pathlib import Path

FILE = Path(__file__).with_name("messages.txt")
PREFACE = """What a person sees, by situation: the command, its exit code, stdout and stderr.
Made by `make golden` from what the commands really print; the tests in this directory compare.
N, DATE, PORT, ID stand for what differs from run to run.
"""
CHAPTER = "=" * 20

VARYING = (
    (re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]"), ""),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\b(plan|The plan is) [0-9a-f]{12}"), r"\1 ID"),
    (re.compile(r'("fingerprint": )"[0-9a-f]{12}"'), r'\1"ID"'),
    (re.compile(r"sha256 [0-9a-f]{12}"), "sha256 ID"),
    (re.compile(r"\b\d+ bytes"), "N bytes"),
    (re.compile(r'(CodeSha256"?: )\S{43}='), r"\1ID"),
    (re.compile(r"\bARO[A-Z0-9]{10,}"), "ID"),
    (re.compile(r"0x[0-9a-f]{6,}"), "0xN"),
    (re.compile(r"\b20\d\d-\d\d-\d\d(T[\d:.+Z]+)?"), "DATE"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"\bport \d+"), "port PORT"),
    (re.compile(r"\bport=\d+"), "port=PORT"),
    (re.compile(r"\bprocess \d+(, \d+ MiB)?"), "process N, N MiB"),
    (re.compile(r"\b\d+ s off"), "N s off"),
    (re.compile(r"(last result: )[^\n]*"), r"\1…"),
    (re.compile(r"\b\d+\.\d+ s\b"), "N s"),
    (re.compile(r'("seconds": )[\d.]+'), r"\1N"),
    # Of requests that are under way together, the first one is told.
    (re.compile(r"No answer to (?!sts:)\S+ yet"), "No answer to SERVICE:OPERATION yet"),
    (re.compile(r'(SERVICE:OPERATION yet .*"http://[^/"]*/)[^"]*'), r"\1"),
)
ENDS = "✓✗■…"
STOPPING = "Stopping:"


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One situation: what it is in plain words, the command, and what the person sees."""

    title: str
    command: str
    code: int
    out: str = ""
    err: str = ""
    in_order: bool = False
    """Whether its lines come in the same order in every run: else they are put in order."""

    def __str__(self) -> str:
        parts = [f"## {self.title}", f"$ {self.command}", f"exit code {self.code}"]
        for name, text in (("stdout", self.out), ("stderr", self.err)):
            if text.strip():
                parts += [f"{name}:", *(f"    {line}".rstrip() for line in self._settled(text))]
        return "\n".join(parts)

    def _settled(self, text: str) -> list[str]:
        for pattern, instead in VARYING:
            text = pattern.sub(instead, text)
        return text.splitlines() if self.in_order else ordered(text.splitlines())


def ordered(lines: Iterable[str]) -> list[str]:
    """The lines of the progress, which come from several threads, by resource in order of the alphabet."""
    ordered: list[str] = []
    for of_threads, group in groupby(lines, key=lambda line: line[:1] in ENDS or line.startswith(STOPPING)):
        together = list(group)
        ordered += sorted(together, key=_resource) if of_threads else together
    return ordered


def _resource(line: str) -> str:
    return line[2:].partition("  ")[0]


def check(chapter: str, situations: Iterable[Situation]) -> None:
    """Compares a chapter of the file with these situations, or writes it."""
    text = "\n\n".join(map(str, situations)).strip() + "\n"
    assert text.strip(), "a chapter without a situation proves nothing"
    if os.environ.get("GOLDEN"):
        write({**chapters(), chapter: text})
    expected = chapters().get(chapter, "")
    differs = "\n".join(unified_diff(expected.splitlines(), text.splitlines(), FILE.name, "now", lineterm=""))
    assert text == expected, f"“{chapter}”: read what differs, then `make golden`\n{differs}"


def chapters() -> dict[str, str]:
    """The file by the titles of its chapters."""
    text = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    _, *pieces = re.split(rf"^{CHAPTER} (.+)\n\n", text, flags=re.MULTILINE)
    return dict(zip(pieces[::2], [f"{body.strip()}\n" for body in pieces[1::2]], strict=True))


def write(chapter_texts: dict[str, str]) -> None:
    """Writes the whole file, the chapters in order of their titles."""
    parts = [PREFACE, *(f"{CHAPTER} {title}\n\n{chapter_texts[title]}" for title in sorted(chapter_texts))]
    FILE.write_text("\n".join(parts), encoding="utf-8")
