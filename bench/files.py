"""How fast files of prices are read, and in how much memory: 1,000,000 lines, by the reader alone.

A file is read through once to decide what has to be decided over the whole of it, then its prices are made;
both are in the time, which is the CPU's. The memory is the peak of a process of its own, and that over one
that reads ten lines.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptoctl.files.reader import open_files
from cryptoctl.files.records import FileOptions

LINES = 1_000_000
START_MS = 1_675_329_600_000


def trades(count: int, *, ids: bool) -> Iterator[str]:
    yield f"timestamp,{ids * 'id,'}price,volume\n"
    for n in range(count):
        price, volume = f"{1666 + n % 997 / 100:.2f}", n % 30011 / 1000
        yield f"{START_MS + n * 7},{ids * f'{1206419187 + n},'}{price},{volume}\n"


def json_lines(count: int) -> Iterator[str]:
    for n in range(count):
        trade = {"timestamp": START_MS + n * 7, "id": str(n), "side": "buy", "price": n % 997 / 100 + 1}
        yield json.dumps({**trade, "amount": 1.5}) + "\n"


SHAPES: dict[str, Callable[[int], Iterator[str]]] = {
    "csv": lambda count: trades(count, ids=True),
    "csv without ids": lambda count: trades(count, ids=False),
    "jsonl": json_lines,
}


def read(path: Path) -> tuple[int, float, int]:
    """How many prices, in how many seconds of CPU, and the process' peak of memory in kilobytes."""
    begun = time.process_time()
    [file] = open_files([path], FileOptions(symbol="ETH", exchange="binance")).files
    count = sum(1 for _ in file.prices(lambda: START_MS + LINES * 10))
    return count, time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(path: Path) -> tuple[int, float, int]:
    """`read` in a process of its own."""
    code = f"from pathlib import Path; from bench.files import read; print(*read(Path({str(path)!r})))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    count, seconds, kilobytes = done.stdout.split()
    return int(count), float(seconds), int(kilobytes)


def main() -> None:
    """Prints the measurements."""
    with TemporaryDirectory() as directory:
        print(f"{'':<20}{'prices':>10}{'CPU s':>10}{'a second':>10}{'memory':>10}{'over 10':>10}")
        for name, make in SHAPES.items():
            small, large = Path(directory) / "small", Path(directory) / "large"
            for path, count in ((small, 10), (large, LINES)):
                with path.open("w", encoding="utf-8") as file:
                    file.writelines(make(count))
            least = measure(small)[2]
            count, seconds, kilobytes = measure(large)
            speed = f"{count / seconds:>10,.0f}"
            memory = f"{kilobytes / 1024:>7.0f} MB{(kilobytes - least) / 1024:>7.1f} MB"
            print(f"{name:<20}{count:>10,}{seconds:>10.1f}{speed}{memory}", flush=True)


if __name__ == "__main__":
    main()
