"""What the schema of cryptoctl.toml is written with: limits, checks, and what a key means.

pydantic reads these where it validates a file, and nothing here needs pydantic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Between:
    """Limits of a number, as pydantic reads them from an annotation; None is no limit."""

    least: float
    most: float | None = None
    allow_inf_nan: bool | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """The number's schema with the limits in it; true and "5" are no numbers in a TOML file."""
        limits = {"ge": self.least, "le": self.most, "allow_inf_nan": self.allow_inf_nan, "strict": True}
        return {**handler(source), **{name: limit for name, limit in limits.items() if limit is not None}}


@dataclass(frozen=True)
class _Exactly:
    """No text or number in place of true or false, which pydantic takes otherwise."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        return {**handler(source), "strict": True}


Switch: TypeAlias = Annotated[bool, _Exactly()]
"""A setting that is true or false."""


@dataclass(frozen=True)
class Checked:
    """A check of a value, as pydantic reads it from an annotation."""

    check: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """The value's schema with the check after it."""
        check = {"type": "no-info", "function": self.check}
        return {"type": "function-after", "function": check, "schema": handler(source)}


class Section:
    """A table of the file: pydantic refuses keys that it does not have."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


def setting(default: T, meaning: str) -> T:
    """A key of the file, with what `cryptoctl config` and the documentation say that it means."""
    return field(default=default, metadata={"description": meaning})
