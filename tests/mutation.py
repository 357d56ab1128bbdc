"""Changes the code in one place at a time, and tells which changes no pure test notices.

    python tests/mutation.py                      a sample of core, handlers and reconcile
    python tests/mutation.py --every 1            every change; hours on two cores
    python tests/mutation.py src/cryptoctl/core --tests tests/core

The tests that reach the changed line are run on it, the quickest first, and notice the change if one fails.
Which tests reach which line is measured first, with coverage. A line that runs when its module is imported is
every test's that reaches the module.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import coverage
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from kit.mutants import SOURCE, Mutant, chosen

PLACES = [SOURCE / "cryptoctl" / name for name in ("core", "handlers", "reconcile")]
CPU_LIMIT_S = 60
TIME_LIMIT_S = 300
AT_IMPORT = ""  # coverage's name for what runs before any test
QUICKLY = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header")
Lines = dict[tuple[str, int], set[str]]
"""For each file and line the tests that reach it."""


class Reach:
    """A plugin of pytest: which lines each test reaches, and how long it takes."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured = measured
        self.took_s: dict[str, float] = {}
        self.failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails already shows nothing."""
        if report.failed:
            self.failed.add(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        """Around each test."""
        self.measured.switch_context(item.nodeid)
        began_s = time.monotonic()
        try:
            return (yield)
        finally:
            self.took_s[item.nodeid] = time.monotonic() - began_s


class FewExamples:
    """A plugin of pytest: hypothesis tries fewer examples, and makes none of those that fail simpler."""

    def pytest_configure(self) -> None:
        """Before any test is imported."""
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutation", max_examples=50, phases=phases, database=None)
        settings.load_profile("mutation")


def measure(result_file: Path, tests: Sequence[str]) -> None:
    """Runs the pure tests among these; writes down the lines that each reaches, and how long each takes."""
    measured = coverage.Coverage(data_file=None, source=[str(SOURCE)], config_file=False)
    reach = Reach(measured)
    measured.start()
    pytest.main([*QUICKLY, "-m", "pure", *tests], plugins=[reach, FewExamples()])
    measured.stop()
    data = measured.get_data()
    lines: Lines = defaultdict(set)
    for file in data.measured_files():
        contexts = {line: set(names) - reach.failed for line, names in data.contexts_by_lineno(file).items()}
        everybody = set[str]().union(*contexts.values()) - {AT_IMPORT}
        for line, reaching in contexts.items():
            lines[file, line] = everybody if AT_IMPORT in reaching else reaching
    result_file.write_bytes(pickle.dumps((dict(lines), reach.took_s)))


def forked(work: Any, *arguments: Any) -> int:
    """Does the work in a process of its own, which says nothing; gives the process's id.

    Nothing of the package is imported in this one: so each fork imports it anew.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        code = int(work(*arguments) or 0)
    finally:
        os._exit(code)


class Loader(importlib.machinery.SourceFileLoader):
    """Loads a mutant in the place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.module, str(mutant.file))
        self.mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        """The changed code; no cache is read or written."""
        return compile(self.mutant.tree(), self.path, "exec", dont_inherit=True)


class Finder(importlib.abc.MetaPathFinder):
    """Finds a mutant under its module's name."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The mutant, if it is what is looked for."""
        if fullname != self.mutant.module:
            return None
        return importlib.util.spec_from_file_location(fullname, self.mutant.file, loader=Loader(self.mutant))


def tried(mutant: Mutant, tests: Sequence[str]) -> int:
    """Runs the tests on the mutant; pytest's exit code. An endless loop or wait is ended, too."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    signal.alarm(TIME_LIMIT_S)
    sys.meta_path.insert(0, Finder(mutant))
    return int(pytest.main([*QUICKLY, "-x", *tests], plugins=[FewExamples()]))


def survivors(mutants: Sequence[Mutant], tests: Sequence[str], workers: int) -> Iterator[tuple[Mutant, str]]:
    """The mutants that none of the tests notices, and why."""
    with tempfile.TemporaryDirectory() as directory:
        reached = Path(directory) / "reached"
        os.waitpid(forked(measure, reached, tests), 0)
        measured: tuple[Lines, dict[str, float]] = pickle.loads(reached.read_bytes())
    lines, took_s = measured
    running: dict[int, Mutant] = {}
    todo = list(reversed(mutants))
    while todo or running:
        while todo and len(running) < workers:
            mutant = todo.pop()
            reaching = sorted(lines.get((str(mutant.file), mutant.line), ()), key=took_s.__getitem__)
            if reaching:
                running[forked(tried, mutant, reaching)] = mutant
            else:
                yield mutant, "no test reaches it"
        if running:
            child, status = os.wait()
            mutant = running.pop(child)
            if os.waitstatus_to_exitcode(status) == 0:
                yield mutant, "all tests pass"


def main() -> None:
    """Prints each survivor as it is found, and then how many were noticed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("places", nargs="*", type=Path, default=PLACES)
    parser.add_argument("--tests", nargs="+", default=[], help="files and folders (default: all pure tests)")
    parser.add_argument("--every", type=int, default=8, help="one of so many changes (default: 8)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    os.chdir(SOURCE.parent)
    mutants = chosen([place.resolve() for place in arguments.places], arguments.every)
    total, unnoticed = Counter(change.package for change in mutants), Counter[str]()
    for mutant, why in survivors(mutants, arguments.tests, arguments.workers):
        unnoticed[mutant.package] += 1
        print(f"{mutant}  ({why})", flush=True)
    for package, count in sorted(total.items()):
        print(f"{package}: {count - unnoticed[package]} of {count} changes are noticed")


if __name__ == "__main__":
    main()
