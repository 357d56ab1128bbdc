"""Runs commands on the hostile AWS and collects what they say."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hostile.golden import Situation
from hostile.lengths import Window, Windows
from hostile.proxy import Trap
from hostile.world import World

LOOKING = ("plan", "status", "doctor", "iam-policy")


@dataclass
class MessageRecorder:
    """Runs commands on the hostile AWS and collects what they say.

    What only looks, or says that nothing was changed, has sent no writing request.
    """

    world: World
    situations: list[Situation] = field(default_factory=list)

    def __call__(
        self,
        title: str,
        *arguments: str,
        but: tuple[Window, ...] = (),
        lengths: Windows | None = None,
        waits: str = "",
        trap: Trap | None = None,
        **variables: str,
    ) -> None:
        """`but` is what AWS does otherwise; of what is waited for, only the lines with `waits` are kept."""
        behaviour = self.world.proxy.behave(lengths, trap=trap)
        behaviour.windows = (*but, *behaviour.windows)
        running = self.world.clients.start(
            *arguments,
            variables={"QUICK_RETRIES": "yes", **variables},
            on_start=lambda pid: None if trap is None else setattr(trap, "victim", pid),
        )
        result = running.wait()
        if arguments[0] in LOOKING or "Nothing was changed" in result.err:
            assert [str(entry.request) for entry in behaviour.recorded if entry.request.writes] == [], title
        self.add(title, arguments, *vars(result).values(), waits=waits)

    def add(
        self, title: str, arguments: tuple[str, ...], code: int, out: str, err: str, *, waits: str = ""
    ) -> None:
        """How long something takes, and whether it is worth a line, depends on the machine."""
        lines = [line for line in err.splitlines() if line[:1] != "…" or (waits and waits in line)]
        lines = [re.sub(r"\(\d+ s so far", "(N s so far", line) for line in lines]
        directories = (str(self.world.home), *re.findall(r"(\S+)/cryptoctl.toml", " ".join(arguments)))
        command, shown_err = " ".join(["cryptoctl", *arguments]), "\n".join(dict.fromkeys(lines))
        for directory in directories:
            command, shown_err = (text.replace(directory, "DIRECTORY") for text in (command, shown_err))
        self.situations.append(Situation(title=title, command=command, code=code, out=out, err=shown_err))
