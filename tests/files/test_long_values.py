"""Of a JSON value, no more is held than one may be long, whatever kind it is of."""

from __future__ import annotations

import pytest

from cryptoctl.files.json_scanner import MAX_VALUE_LENGTH, JsonScanner, ScanError

pytestmark = pytest.mark.pure


@pytest.mark.parametrize("begin", ["1", '"', "[1", '{"a": 1'])
def test_a_value_without_an_end_is_refused_before_it_is_read_on(begin: str) -> None:
    piece = begin[-1] * (MAX_VALUE_LENGTH // 4)
    pieces = iter([begin, *[piece.replace('"', "a")] * 8])
    with pytest.raises(ScanError, match="line 1: "):
        JsonScanner(pieces).value()
    assert len(list(pieces)) > 1
