"""`python -m bench [NAME…]`: runs the measurements, or those named."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from unittest.mock import patch


def main() -> None:
    """Runs them one after the other; all of them take about an hour."""
    directory = Path(__file__).parent
    sys.path.insert(0, str(directory.parent / "tests"))
    names = sorted(file.stem for file in directory.glob("[a-z]*.py"))
    if {"-h", "--help"} & set(sys.argv):
        print(f"{__doc__}\nThey are: {', '.join(names)}.")
        return
    named = [argument for argument in sys.argv[1:] if not argument.startswith("-") and "." not in argument]
    for name in named or names:
        if name not in names:
            sys.exit(f"there is no bench {name}; choose among {', '.join(names)}")
        print(f"\n== {name} ==", flush=True)
        # What one sets, a proxy or credentials, would reach the next.
        with patch.dict(os.environ):
            importlib.import_module(f"bench.{name}").main()


main()
