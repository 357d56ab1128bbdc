"""The page's files, and the page as one file that needs no server."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from cryptoctl.dashboard.library import library

LIBRARY = "lightweight-charts.js"
# In the order in which they are run.
SCRIPTS = ("text.js", "chart.js", "panels.js", "page.js")
STYLES = "page.css"
# Nothing is loaded from, sent to or framed by anybody else, and no text becomes markup or a script.
TRUSTED_TYPES = "require-trusted-types-for 'script'; trusted-types 'none'"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'none'; "
    f"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; {TRUSTED_TYPES}"
)


def asset(name: str) -> str:
    """A file of the page."""
    return files("cryptoctl.dashboard").joinpath("assets", name).read_text(encoding="utf-8")


def served_files() -> Mapping[str, tuple[str, str]]:
    """Each file that the server has, by its path below the token, with its media type."""
    scripts = [f'<script src="{name}" defer></script>' for name in (LIBRARY, *SCRIPTS)]
    page = _page([f'<link rel="stylesheet" href="{STYLES}">', *scripts])
    return {
        "": ("text/html", page),
        STYLES: ("text/css", asset(STYLES)),
        LIBRARY: ("text/javascript", library()),
        **{name: ("text/javascript", asset(name)) for name in SCRIPTS},
    }


def saved_page(answers: Mapping[str, Any]) -> str:
    """The page as one file; `answers` is what it would have asked a server for."""
    styles = asset(STYLES)
    scripts = [library(), *(asset(name) for name in SCRIPTS)]
    sources = " ".join(map(_source, scripts))
    policy = (
        f"default-src 'none'; script-src {sources}; style-src {_source(styles)}; base-uri 'none'; "
        f"form-action 'none'; {TRUSTED_TYPES}"
    )
    head = [
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(policy)}">',
        f"<style>{styles}</style>",
    ]
    data = f'<script type="application/json" id="saved">{embedded(answers)}</script>'
    return _page(head, [data, *(f"<script>{script}</script>" for script in scripts)])


def embedded(value: Any) -> str:
    """JSON that can stand in a script element: no character of it begins or ends markup or a line."""
    text = json.dumps(value, separators=(",", ":"))  # which escapes everything beyond ASCII
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _page(head: Sequence[str], foot: Sequence[str] = ()) -> str:
    page = asset("page.html")
    return page.replace("</head>", "\n".join([*head, "</head>"]), 1).replace(
        "</body>", "\n".join([*foot, "</body>"]), 1
    )


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
