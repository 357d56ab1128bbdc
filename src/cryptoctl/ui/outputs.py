"""Outputs as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping

from cryptoctl.ui.screen import Screen


def show_outputs(screen: Screen, outputs: Mapping[str, str]) -> None:
    """One output a line, on stdout."""
    width = max(map(len, outputs), default=0)
    for name, value in outputs.items():
        screen.data(f"{name.ljust(width)}  {value}")
