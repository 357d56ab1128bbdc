"""The console script. From its first moment on, Ctrl-C ends it without a traceback."""

import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

from cryptoctl import interrupts

# A command keeps what it has read until it ends. To look for garbage among it took a sixth of the time in
# which 10,000 prices are read.
GC_THRESHOLDS = (200_000, 50, 100)


def main() -> NoReturn:
    """Runs the command line and ends the process."""
    gc.set_threshold(*GC_THRESHOLDS)
    _fill_closed_streams()
    try:
        with interrupts.exit_on_signal():
            # To import it takes a while, in which one may press Ctrl-C.
            from cryptoctl.cli import main as run

            run()
        code: object = 0
    except SystemExit as ending:
        code = ending.code
    except OSError as error:  # the help, say, into a full disk; completion into a home that is read-only
        problem = (
            "The output cannot be written" if error.filename is None else f"{error.filename} cannot be used"
        )
        code = f"error: {problem}: {error.strerror}."
    except RuntimeError as error:
        if "home directory" not in str(error):
            raise
        code = "error: HOME names no absolute path, and the user has no home directory: set HOME."
    _end(code)


def _fill_closed_streams() -> None:
    """Gives /dev/null to what is closed of stdin, stdout and stderr.

    Their numbers would go to the next files and connections, which a process that is started would take for
    its own streams.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _end(code: object) -> NoReturn:
    """Ends the process without the interpreter's teardown, which takes longer than many a command."""
    if isinstance(code, str):
        with suppress(OSError):
            sys.stderr.write(f"{code}\n")
    number = code if isinstance(code, int) else int(code is not None)
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except BrokenPipeError:  # whoever reads has read enough
            continue
        except OSError:
            number = number or 1
    os._exit(number)


if __name__ == "__main__":
    main()
