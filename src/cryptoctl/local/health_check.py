"""Asking an engine that runs whether it answers, and what does not work."""

from __future__ import annotations

import json
from typing import Final

from cryptoctl.local.data_directory import EngineRecord

RESPONDS_WITHIN_S: Final[float] = 5.0


def responds(record: EngineRecord, within_s: float) -> bool:
    """Whether it answers, or refuses at once, and does not keep waiting who asks."""
    try:
        _ask(record, within_s)
    except TimeoutError:
        return False
    except (OSError, ValueError):
        pass  # the request itself says more of it
    return True


def problems(record: EngineRecord) -> tuple[str, ...]:
    """What the engine says does not work."""
    try:
        return tuple(map(str, _problems_in(_ask(record, RESPONDS_WITHIN_S))))
    except (OSError, ValueError) as error:
        reason = f"port {record.port}: {str(error) or type(error).__name__}"
        return (f"the engine does not answer ({reason}); `cryptoctl local stop` ends it",)


def _problems_in(answer: bytes) -> list[object]:
    """The problems in it. Raises ValueError where it is not this engine's answer: it may have just ended."""
    try:
        found_problems = json.loads(answer)["problems"]
    except (ValueError, KeyError, TypeError):
        found_problems = None
    if not isinstance(found_problems, list):
        raise ValueError("what answers there is not this engine")
    return found_problems


def _ask(record: EngineRecord, within_s: float) -> bytes:
    """The answer's body. Raises OSError, ValueError for what is no HTTP, TimeoutError where none comes."""
    import http.client

    if not record.status_path:  # an earlier cryptoctl's
        return b'{"problems": []}'
    connection = http.client.HTTPConnection("127.0.0.1", record.port, timeout=within_s)
    try:
        connection.request("GET", record.status_path)
        return connection.getresponse().read()
    except http.client.HTTPException as error:
        raise ValueError(str(error) or type(error).__name__) from error
    finally:
        connection.close()
