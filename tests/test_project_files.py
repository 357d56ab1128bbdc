"""What the files around the code promise of each other: decisions, targets, workflows, hooks, pictures."""

from __future__ import annotations

import re
import shlex
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml  # type: ignore[import-untyped]

import cryptoctl.cli  # noqa: F401 - registers the commands
from cryptoctl.cli.app import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DECISIONS = DOCS / "decisions"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RECORD = re.compile(
    r"# (?P<number>\d+)\. (?P<title>\S.*[^.\s])\n\n"
    r"- Status: (?P<status>accepted|superseded by \[\d+\]\(\d{4}-[a-z0-9-]+\.md\))\n"
    r"- Date: \d{4}-\d{2}\n\n"
    r"## Context\n\n(?P<context>.+?)\n\n## Decision\n\n(?P<decision>.+?)\n\n"
    r"## Consequences\n\n(?P<consequences>.+)",
    re.DOTALL,
)


def text(*parts: str) -> str:
    """A file of the project."""
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def records() -> dict[str, re.Match[str] | None]:
    """Each decision record's file name with what was read of it; None where it has another shape."""
    files = sorted(file for file in DECISIONS.glob("*.md") if file.name != "README.md")
    return {file.name: RECORD.fullmatch(file.read_text(encoding="utf-8")) for file in files}


def targets() -> dict[str, str]:
    """The Makefile's targets for people, with what `make help` says of them."""
    return dict(re.findall(r"^([a-z0-9-]+):.*?  ## (.+)$", text("Makefile"), re.MULTILINE))


def steps(file: Path) -> Iterator[dict[str, Any]]:
    """The steps of every job of a workflow."""
    for job in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].values():
        yield from job["steps"]


def command_lines(file: Path) -> Iterator[list[str]]:
    """The words of each line in a document's code blocks that calls cryptoctl, without its comment."""
    for block in re.findall(
        r"^```(?:sh)?\n(.*?)^```", file.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        for line in block.splitlines():
            if line.startswith("cryptoctl "):
                yield shlex.split(line, comments=True)[1:]


def test_decisions_are_numbered_without_gaps() -> None:
    names = list(records())
    assert [name[:5] for name in names] == [f"{number:04}-" for number in range(1, len(names) + 1)]


@pytest.mark.parametrize("name", records())
def test_a_decision_has_title_status_date_context_decision_and_consequences(name: str) -> None:
    record = records()[name]
    assert record, f"{name} has not the shape that docs/decisions/README.md describes"
    assert record["number"] == name[:4].lstrip("0")
    for part in ("context", "decision", "consequences"):
        assert not re.search(r"^## ", record[part], re.MULTILINE), f"{name} has another section"


def test_the_index_lists_every_decision_with_its_title_and_status() -> None:
    rows = re.findall(
        r"^\| (\d+) \| \[(.+)\]\((.+)\) \| (.+) \|$", text("docs", "decisions", "README.md"), re.MULTILINE
    )
    assert rows == [
        (record["number"], record["title"], name, record["status"])
        for name, record in records().items()
        if record
    ]


def test_every_reference_to_a_decision_is_to_one_that_exists() -> None:
    numbers = {int(name[:4]) for name in records() if name[:4].isdigit()}
    folders = (ROOT / "src", ROOT / "tests", ROOT / "bench", DOCS)
    files = [file for folder in folders for file in folder.rglob("*.*") if file.suffix in (".py", ".md")]
    for file in (*files, *ROOT.glob("*.md")):
        text = file.read_text(encoding="utf-8")
        for number, linked in re.findall(r"\b[Dd]ecision\s+(\d+)\b(?:\]\((?:\w+/)*(\d+)-)?", text):
            assert int(number) in numbers, f"{file}: decision {number}"
            assert int(linked or number) == int(number), f"{file}: decision {number} links to another one"


@pytest.mark.parametrize("file", sorted(ROOT.glob("*.md")), ids=lambda file: file.name)
def test_every_link_of_a_page_at_the_top_leads_somewhere(file: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
        assert (ROOT / link).exists(), link


def test_every_picture_is_shown_and_drawn_by_the_script() -> None:
    pictures = {file.stem for file in (DOCS / "pictures").glob("*.svg")}
    assert set(re.findall(r"docs/pictures/([a-z-]+)\.svg", text("README.md"))) == pictures
    assert set(re.findall(r'terminal\.draw\("([a-z-]+)"\)', text("docs", "pictures", "make.py"))) == pictures


@pytest.mark.parametrize("file", sorted((DOCS / "pictures").glob("*.svg")), ids=lambda file: file.name)
def test_a_picture_is_well_formed_fetches_nothing_and_shows_no_traceback(file: Path) -> None:
    drawn = file.read_text(encoding="utf-8")
    text = "".join(ET.fromstring(drawn).itertext())
    assert "cryptoctl" in text
    assert "Traceback" not in text
    assert not re.findall(r"(?:href|url)\W+(?:https?:)?//", drawn)


def test_the_architecture_names_every_part_of_the_package_and_no_other() -> None:
    parts = re.findall(r"^\| (`[\w/.]+`(?:, `[\w/.]+`)*) \|", text("docs", "architecture.md"), re.MULTILINE)
    named = {part.strip("`/") for row in parts for part in row.split(", ")}
    package = ROOT / "src" / "cryptoctl"
    folders = {file.name for file in package.iterdir() if (file / "__init__.py").exists()}
    assert named == folders | {file.name for file in package.glob("[a-z]*.py")}


def test_every_target_that_a_person_calls_is_phony_and_in_the_help() -> None:
    phony = set(re.search(r"^\.PHONY: (.+)$", text("Makefile"), re.MULTILINE)[1].split())  # type: ignore[index]
    assert set(targets()) == phony


@pytest.mark.parametrize(
    "file", sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")]), ids=lambda file: file.stem
)
def test_every_target_that_a_document_names_exists(file: Path) -> None:
    named = re.findall(r"(?:`|^)make ([a-z0-9-]+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= set(targets())


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_calls_targets_that_exist_and_actions_by_their_commit(file: Path) -> None:
    for step in steps(file):
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"]), step
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, step
        for called in re.findall(r"\bmake ((?:[a-z-]+ ?)+)", step.get("run", "")):
            assert set(called.split()) <= set(targets()), step


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_may_do_no_more_than_read_unless_a_job_says_so(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 60, name


def test_the_source_distribution_has_the_hidden_files_that_its_tests_read() -> None:
    included = set(PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"])
    read = set(re.findall(r'(?:text\(|ROOT / )"(\.\w[\w.-]*)"', text("tests", "test_project_files.py")))
    assert len(read) == 3
    assert read <= included


def test_ci_runs_every_python_that_the_package_names_on_three_systems() -> None:
    versions = [
        classifier.rpartition(" ")[2]
        for classifier in PROJECT["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", classifier)
    ]
    jobs = yaml.safe_load(text(".github", "workflows", "ci.yml"))["jobs"]
    assert {name: job["strategy"]["matrix"]["python"] for name, job in jobs.items()} == dict.fromkeys(
        ("linux", "macos", "windows"), versions
    )


def test_the_tests_that_ci_runs_on_windows_exist() -> None:
    (line,) = [
        step["run"]
        for step in steps(ROOT / ".github" / "workflows" / "ci.yml")
        if "pytest " in step.get("run", "")
    ]
    paths = [word for word in line.split() if word.startswith("tests/")]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_hooks_run_the_tools_that_make_check_runs() -> None:
    (repo,) = yaml.safe_load(text(".pre-commit-config.yaml"))["repos"]
    hooks = {" ".join(hook["entry"].split()[:2]) for hook in repo["hooks"]}
    check = text("Makefile").partition("\ncheck:")[2].partition("\n\n")[0]
    run = {" ".join(line.split()[:2]).replace("$(BIN)", ".venv/bin") for line in check.splitlines()[1:]}
    assert hooks == run


def test_editors_wrap_python_where_ruff_does() -> None:
    editors = ConfigParser()
    editors.read_string("[top]\n" + text(".editorconfig"))
    assert editors.getint("*.py", "max_line_length") == PROJECT["tool"]["ruff"]["line-length"]


@pytest.mark.parametrize(
    "file", [ROOT / "README.md", ROOT / "SECURITY.md", *DOCS.glob("*.md")], ids=lambda file: file.stem
)
def test_every_command_line_in_a_document_names_a_command_and_options_that_exist(file: Path) -> None:
    for words in command_lines(file):
        command: Any = typer.main.get_command(app)
        options = {name for parameter in command.params for name in parameter.opts}
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
            options |= {
                n for parameter in command.params for n in (*parameter.opts, *parameter.secondary_opts)
            }
        assert not hasattr(command, "commands"), f"no such command: {words}"
        assert {word for word in words if word.startswith("--")} <= options, words


# A kind with more settings than most.
LONGER = {"src/cryptoctl/provisioners/function.py": 320}


def test_files_are_about_one_thing_each_and_so_are_short() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for folder in ("src", "tests", "bench")
        for file in (ROOT / folder).rglob("*.py")
    }
    limits = {name: LONGER.get(name, 300 if name.startswith("src") else 400) for name in lengths}
    assert {name: length for name, length in lengths.items() if length > limits[name]} == {}
