"""The pinned packages are those that each Python and system needs which the package names."""

import re
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DIRECTORY = Path(__file__).parents[1] / "lock"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}


def pinned(lock: Path) -> list[Requirement]:
    """Its requirements, without their hashes."""
    lines = re.findall(r"^(\S+==[^\\\n]+?) \\$", lock.read_text(encoding="utf-8"), re.MULTILINE)
    return [Requirement(line) for line in lines]


@cache
def requirements_of_packages() -> dict[str, list[Requirement]]:
    """What the installed packages ask of each package, but for what only an extra of theirs needs."""
    requirements: dict[str, list[Requirement]] = {}
    for distribution in distributions():
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if "extra ==" not in str(requirement.marker):
                requirements.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return requirements


def applies(requirement: Requirement, python: str, system: str) -> bool:
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_system": SYSTEMS[system],
    }
    return requirement.marker is None or requirement.marker.evaluate(environment)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", ["dev.txt", "local.txt"])
def test_what_a_python_or_system_does_not_need_is_not_installed_there(
    name: str, python: str, system: str
) -> None:
    """On Python 3.14, ccxt needs no coincurve, and coincurve cannot be built."""
    of_packages = requirements_of_packages()
    for requirement in pinned(DIRECTORY / name):
        if requirements := of_packages.get(canonicalize_name(requirement.name)):
            needed = any(applies(other, python, system) for other in requirements)
            assert needed or not applies(requirement, python, system), requirement


@pytest.mark.parametrize("lock", sorted(DIRECTORY.glob("*.txt")), ids=lambda lock: lock.name)
def test_every_pinned_package_has_hashes_and_no_index_is_named(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=\S+==)", text)[1:]
    assert blocks and len(blocks) == len(pinned(lock))
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text and "--index" not in text and "--find-links" not in text
