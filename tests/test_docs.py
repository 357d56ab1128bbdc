"""What the documentation claims, read by a test."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import TypeAdapter

import cryptoctl.cli  # registers the commands
from cryptoctl.cli.app import app
from cryptoctl.errors import ExitCode
from cryptoctl.settings import DocumentedKey, EnvironmentSettings, Settings, documented_keys

DOCS = Path(__file__).parents[1] / "docs"
README = DOCS.parent / "README.md"


def commands() -> dict[str, Any]:
    commands: dict[str, Any] = {}
    root: Any = typer.main.get_command(app)
    for name, command in root.commands.items():
        if hasattr(command, "commands"):
            commands.update({f"{name} {inner}": subcommand for inner, subcommand in command.commands.items()})
        else:
            commands[name] = command
    return commands


def documented() -> dict[str, str]:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `cryptoctl ([a-z-]+(?: [a-z]+)?)[^`]*` \| (.*) \|$", text, re.MULTILINE)
    return dict(rows)


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


def test_every_command_is_documented_and_every_documented_command_exists() -> None:
    assert set(documented()) == set(commands())


@pytest.mark.thorough
def test_every_option_is_documented_and_every_documented_option_exists() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    common = set(
        re.findall(r"--[a-z-]+|-[a-z]\b", text[text.index("Common to all") : text.index("## Which")])
    )
    for name, row in documented().items():
        command = commands()[name]
        written = set(re.findall(r"--[a-z-]+", row))
        existing = {option for option in options(command) if option.startswith("--")}
        assert written <= existing, name
        assert existing - written <= common | {"--help"}, name


def test_every_command_has_help_with_an_example() -> None:
    for name, command in commands().items():
        assert command.help, name
        assert f"cryptoctl {name}" in (command.epilog or ""), name


def test_the_help_says_of_an_option_that_it_may_be_repeated() -> None:
    for name, command in commands().items():
        for parameter in command.params:
            if parameter.param_type_name == "option" and parameter.multiple:
                said = "may be repeated" in parameter.help.lower() or parameter.metavar.endswith(",…")
                assert said, (name, parameter.name)


def test_the_exit_codes_are_those_of_the_document() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ?([A-Z]*) \| (.+?) \|$", text, re.MULTILINE)
    assert {(int(code), name) for code, name, _ in rows} == {
        (exit_code.value, exit_code.name) for exit_code in ExitCode
    } | {(0, "")}


def test_every_key_of_the_configuration_is_documented_as_the_schema_has_it() -> None:
    file = DOCS / "configuration.md"
    text = file.read_text(encoding="utf-8")
    template = (Path(cryptoctl.cli.__file__).parents[1] / "template.toml").read_text(encoding="utf-8")
    table = text[text.index("| key |") :].partition("\n\n")[0]
    expected = "\n".join(["| key | default | meaning |", "|---|---|---|", *map(_row, documented_keys())])
    if os.environ.get("GOLDEN"):
        file.write_text(text.replace(table, expected), encoding="utf-8")
        table = expected
    assert table == expected
    for key in documented_keys():
        name = key.name.rpartition(".")[2]
        assert re.search(rf"^# {name} = ", template, re.MULTILINE), name


def test_the_template_holds_together_when_every_line_of_it_is_taken() -> None:
    template = (Path(cryptoctl.cli.__file__).parents[1] / "template.toml").read_text(encoding="utf-8")
    uncommented = re.sub(r"^# (?=[a-z_]+ =|\[)", "", template, flags=re.MULTILINE)
    settings = TypeAdapter(Settings).validate_python(tomllib.loads(uncommented))
    assert settings.env["dev"].webhook.senders.keys() == {"tradingview", "provider", "alerts", "desk"}


def _row(key: DocumentedKey) -> str:
    default = "" if key.default is None else f"`{json.dumps(key.default)}`"
    return f"| `{key.name}` | {default} | {key.meaning} |"


def test_the_schema_that_pydantic_sees_has_the_same_meanings() -> None:
    schema = TypeAdapter(EnvironmentSettings).json_schema()
    assert schema["properties"]["protected"]["description"] in {key.meaning for key in documented_keys()}


SHELL_BLOCK = re.compile(r"^```(?:sh|bash|console)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def typed() -> list[str]:
    """The commands in the documents' blocks that stand alone: nothing is piped or redirected."""
    lines = []
    for file in (README, *sorted(DOCS.rglob("*.md"))):
        for block in SHELL_BLOCK.findall(file.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                if not line.startswith("cryptoctl "):
                    continue
                words = set(shlex.shlex(line, posix=True, punctuation_chars=True))
                if not words & {"|", "<", ">", ">>", "&", "&&", ";"}:
                    lines.append(line)
    return lines


@pytest.mark.process
def test_a_shell_passes_the_commands_of_the_documents_on_as_they_are_written() -> None:
    """In double quotes it would run what stands between backticks, such as a number of JMESPath."""
    lines = typed()
    assert len(lines) > 50
    script = "\n".join(['cryptoctl() { printf "%s\\0" "$@"; printf "\\n\\0"; }', *lines])
    ran = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, env={"PATH": ""})
    passed = [record.split("\0")[:-1] for record in ran.stdout.split("\n\0")[:-1]]
    assert passed == [shlex.split(line, comments=True)[1:] for line in lines]
    assert ran.stderr == ""


def test_the_readme_lists_every_page_of_the_documentation() -> None:
    listed = README.read_text(encoding="utf-8").split("## Documentation", maxsplit=1)[1]
    assert [page.name for page in DOCS.glob("*.md") if f"](docs/{page.name})" not in listed] == []


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for file in (README, README.parent / "CONTRIBUTING.md", *DOCS.rglob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
            assert (file.parent / link).exists(), f"{file.name}: {link}"
