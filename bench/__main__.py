"""`python -m bench [NAME…]`: runs the measurements, or those named."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main() -> None:
    """Runs them one after the other."""
    here = Path(__file__).parent
    sys.path.insert(0, str(here.parent / "tests"))
    known = sorted(file.stem for file in here.glob("[a-z]*.py"))
    named = [each for each in sys.argv[1:] if not each.startswith("-") and "." not in each]
    for name in named or known:
        if name not in known:
            sys.exit(f"there is no bench {name}; choose among {', '.join(known)}")
        print(f"\n== {name} ==", flush=True)
        importlib.import_module(f"bench.{name}").main()


main()
