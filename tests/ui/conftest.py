"""What the tests of the screen share."""

from __future__ import annotations

from cli.conftest import cli as cli
from cli.conftest import elsewhere as elsewhere
from cli.conftest import without_functions as without_functions
