"""A command of which several threads print on both streams while progress is drawn; run in a terminal.

Arguments: the seed, how many lines each thread prints. The lines that must be seen are written to fd 3.
"""

from __future__ import annotations

import random
import sys
import threading
import time

from rich.text import Text

from cryptoctl.ui.screen import Screen

THREADS = 6


def main(seed: int, count: int) -> None:
    """Prints; each line is either short, or longer than a narrow terminal."""
    screen = Screen(colour=True)
    active: dict[int, int] = {}

    def work(number: int) -> None:
        chance = random.Random(seed * THREADS + number)
        for line_number in range(count):
            active[number] = chance.randint(1, 4)
            time.sleep(chance.choice((0, 0.001, 0.003)))
            line = line_of(number, line_number)
            chance.choice((screen.say, screen.data))(line)
        del active[number]

    def present() -> Text:
        heights = list(active.items())
        return Text(
            "\n".join(
                f"<drawn {number} {line} {'.' * 70}>" for number, height in heights for line in range(height)
            )
        )

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    with screen.drawn(present):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    screen.data("the end")


def line_of(thread: int, number: int) -> str:
    """What is printed: without a space, which would be lost where the terminal wraps."""
    return f"line-{thread}-{number}-" + "x" * ((thread * 31 + number * 17) % 90) + "-end"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
