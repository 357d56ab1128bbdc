"""The page's files: whole, without anything from elsewhere, and allowed to do nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from cryptoctl.dashboard import library as library_of
from cryptoctl.dashboard.library import library, verify_release
from cryptoctl.dashboard.page import SCRIPTS, saved_page, served_files
from cryptoctl.errors import ExitCode, Failure

OURS = (
    "https://www.tradingview.com/"  # the link that the library's licence asks for; nothing is loaded from it
)
ANSWERS = {"state": {"text": "</script><script>alert(1)</script><!-- \u2028"}, "prices": {}}


def test_every_file_of_the_page_is_served_and_no_other() -> None:
    names = {asset.name for asset in files("cryptoctl.dashboard").joinpath("assets").iterdir()}
    page = served_files()[""][1]
    linked = set(re.findall(r'(?:src|href)="([^":]+)"', page))
    assert linked == set(served_files()) - {""}
    assert names == {"page.html", "page.css", *SCRIPTS}


def test_no_file_of_the_page_names_another_place() -> None:
    for name, (_, text) in served_files().items():
        if not name.startswith("lightweight"):
            assert set(re.findall(r"(?:https?:)?//\w[^\"'\s<)]*", text)) <= {
                OURS,
                "http://www.w3.org/2000/svg",
            }, name


def test_no_script_makes_markup_or_code_of_text() -> None:
    for name in SCRIPTS:
        text = served_files()[name][1]
        assert not re.findall(
            r"(?:inner|outer)HTML|insertAdjacent|document\.write|\beval\b|new Function", text
        ), name


def test_a_saved_page_allows_exactly_the_scripts_and_styles_that_are_in_it() -> None:
    page = saved_page(ANSWERS)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy
    allowed = html.unescape(policy[1])
    inside = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(inside) == len(SCRIPTS) + 1 and len(styles) == 1
    for text in (*inside, *styles):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"sha256-{digest}" in allowed
    assert "unsafe" not in allowed and allowed.startswith("default-src 'none'")
    assert page.count("<script") == len(SCRIPTS) + 2  # ours, the library, the data
    assert not re.findall(r'(?:src|href)="(?!https://www.tradingview.com/")', page)


def test_the_library_is_the_release_byte_for_byte() -> None:
    content = library().encode()
    assert b"Apache License 2.0" in content[:300]
    with pytest.raises(Failure) as raised:
        verify_release(content + b"\n", "lightweight-charts.js")
    assert raised.value.exit_code is ExitCode.REFUSED


def test_the_extra_pins_the_version_that_has_that_file() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    extra = project["project"]["optional-dependencies"]["dashboard"]
    assert f"{library_of.PACKAGE}=={library_of.VERSION}" in extra


def test_a_missing_extra_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library_of, "PACKAGE", "not-installed-anywhere")
    with pytest.raises(Failure) as raised:
        library()
    assert raised.value.exit_code is ExitCode.USAGE
    assert "litecharts==" in raised.value.hint
