"""The authorities' certificates, parsed once for each client and not for each of its connections.

urllib3 parses the whole list again for each connection that it opens. That takes 17 ms of a CPU, more than
the rest of a request, and three times as long in a function with 512 MB, which has 0.29 of a CPU.
"""

import ssl
import threading
from collections.abc import Callable, Hashable
from typing import Any

from botocore import httpsession

# A botocore without it makes its contexts otherwise, and parses as often as it did.
_make_context: Callable[..., ssl.SSLContext] = getattr(
    httpsession, "create_urllib3_context", ssl.create_default_context
)


def parse_once() -> None:
    """From now on each client that botocore makes parses its authorities with its first connection."""
    httpsession.create_urllib3_context = _context


def _context(*args: Any, **kwargs: Any) -> ssl.SSLContext:
    """A TLS context as botocore makes it. It is not shared: clients may trust different authorities, and
    urllib3 switches the verification off in a context that it uses for a request without TLS."""
    context = _make_context(*args, **kwargs)
    context.load_verify_locations = Once(context.load_verify_locations)  # type: ignore[assignment, method-assign]
    return context


class Once:
    """Calls a function once for the same arguments, also from several threads.

    What it raised is forgotten, so that the next call tries again.
    """

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        self._done: set[object] = set()
        self._lock = threading.Lock()

    def __call__(self, *args: Hashable, **kwargs: Hashable) -> None:
        arguments = args, frozenset(kwargs.items())
        with self._lock:
            if arguments not in self._done:
                self._function(*args, **kwargs)
                self._done.add(arguments)
