"""The console script. From its first moment on, Ctrl-C ends it without a traceback."""

from cryptoctl import interrupts


def main() -> None:
    """Runs the command line."""
    with interrupts.ending_the_process():
        # To import it takes a good part of a second, in which one may think better of it.
        from cryptoctl.cli import main

        main()


if __name__ == "__main__":
    main()
