"""Every command: its name, its module and its line in the help. Importing this loads no command.

A test compares the lines with the modules' own docstrings.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, kw_only=True)
class CommandEntry:
    """A command as the help lists it: `name` is what is typed, "dlq list" for a command of a group."""

    name: str
    module: str
    help: str


def _entry(name: str, help_line: str, module: str = "") -> CommandEntry:
    return CommandEntry(name=name, module=f"cryptoctl.cli.{module or name.replace('-', '_')}", help=help_line)


# In the order of a day's work.
COMMANDS = (
    _entry("init", "Write a commented cryptoctl.toml. An existing file is not overwritten."),
    _entry(
        "config",
        "Show every configuration key: its value and where that comes from, its default, its meaning.",
    ),
    _entry("cost", "Estimate what the environment costs on AWS, part by part. Only --actual asks AWS."),
    _entry("doctor", "Check credentials, permissions, quotas, names and the engine. Changes nothing."),
    _entry("up", "Create or update the environment's resources so that they match the configuration."),
    _entry("plan", "Show what `up` would do; with --verbose each API call. Changes nothing."),
    _entry(
        "status",
        "Show whether all is well, and what needs attention: resources, dead letters, stream, prices.",
    ),
    _entry(
        "dashboard",
        "Show the environment in the browser: candles, ticks, the pipeline, dead letters, errors. Read only.",
    ),
    _entry(
        "open",
        "Open AWS's console in a browser: a function, its logs or dead letters, the table, the dashboard.",
    ),
    _entry("outputs", "Show the environment's outputs: resource names and ARNs."),
    _entry("envs", "List the environments in this account and region, found by their tags."),
    _entry("send-price", "Send a price, or files of prices, to the webhook processor."),
    _entry("feed", "Follow exchanges' trades and send each to the webhook processor, once."),
    _entry("prices", "Show a symbol's prices, oldest first, with ma_5, ma_20 and volatility. Times are UTC."),
    _entry("chart", "Draw a symbol's last prices with ma_20 and the volume, as wide as the terminal."),
    _entry(
        "candles",
        "Show a symbol's open, high, low, close, volume and trades by interval, oldest first. Times are UTC.",
    ),
    _entry(
        "symbols", "List the symbols that have prices: the last one, when that was, and how it has changed."
    ),
    _entry(
        "logs",
        "Show what the functions logged, merged in order of time (UTC); repeats once, with their number.",
    ),
    _entry(
        "trace",
        "Follow one price: who sent it and when, the answer, the item, its enrichment, the announcement.",
    ),
    _entry("dlq list", "Show how many messages there are, since when, and why. Consumes nothing.", "dlq"),
    _entry("dlq peek", "Show messages with the log lines of their requests. Consumes nothing.", "dlq"),
    _entry("dlq replay", "Run what failed again. A message is deleted only once that has succeeded.", "dlq"),
    _entry(
        "dlq repair", "Find stored prices that are not enriched, whatever the reason, and enrich them.", "dlq"
    ),
    _entry(
        "dlq export",
        "Write messages to a file, bodies and attributes exactly. Consumes nothing.",
        "dlq_files",
    ),
    _entry(
        "dlq import",
        "Put a file's messages back into their queues, as new messages with the same body and attributes.",
        "dlq_files",
    ),
    _entry(
        "dlq purge",
        "Delete messages for good, after writing them to a file that `import` reads.",
        "dlq_files",
    ),
    _entry("webhook list", "Show the senders: how each proves who it is, and what came from it.", "webhook"),
    _entry(
        "webhook show",
        "Show what to give a sender: the address, the secret, and a message or a request to paste.",
        "webhook",
    ),
    _entry("webhook rotate", "Replace a sender's secret; the old one still counts for a while.", "webhook"),
    _entry(
        "webhook test",
        "Send a test price as a sender does, and the same request forged, which must be refused.",
        "webhook",
    ),
    _entry("iam-policy", "Print the smallest IAM policy for an environment, as JSON. Nothing is changed."),
    _entry(
        "selftest",
        "Check what cryptoctl relies on about AWS, in an environment of its own, and write a report.",
    ),
    _entry("down", "Delete the environment: all its resources, in reverse order, with their data."),
    _entry("local start", "Start the engine; one that runs already is left as it is.", "local"),
    _entry("local stop", "Stop the engine. Its data stays for the next start.", "local"),
    _entry(
        "local status", "Show whether the engine runs, where, and how to point other tools at it.", "local"
    ),
    _entry("local reset", "Stop the engine and delete all its data.", "local"),
    _entry("local logs", "Show the engine's own log (the functions' logs: `cryptoctl logs`).", "local"),
    _entry(
        "local outbox",
        "Show the messages that AWS would have sent to external recipients; the engine sends none.",
        "local",
    ),
)

GROUPS = {
    "webhook": "The webhook's senders: list, show, rotate, test.",
    "dlq": "Dead letters: list, inspect, replay, export, purge.",
    "local": "The embedded engine on this machine.",
}

# What people type who know another tool, and what they mean: the first of the words that the group has.
SYNONYMS = {
    "apply": "up",
    "backup": "export",
    "check": "doctor",
    "clear": "purge reset",
    "create": "up",
    "delete": "down purge reset",
    "deploy": "up",
    "destroy": "down reset",
    "diff": "plan",
    "down": "stop",
    "engine": "local",
    "environments": "envs",
    "fix": "repair",
    "info": "status",
    "inspect": "peek",
    "list": "envs",
    "ls": "envs list status",
    "output": "outputs",
    "policy": "iam-policy",
    "preview": "plan",
    "remove": "down purge reset",
    "restore": "import",
    "send": "send-price",
    "settings": "config",
    "show": "status peek",
    "tail": "logs",
    "teardown": "down",
    "up": "start",
    "validate": "doctor",
    "view": "peek",
    "retry": "replay",
    "redrive": "replay",
    "start": "local",
    "stop": "local",
}


def names(group: str = "") -> list[str]:
    """What can be typed after `cryptoctl`, or after a group's name, in the order of the help."""
    prefix = f"{group} " if group else ""
    inner = [each.name.removeprefix(prefix) for each in COMMANDS if each.name.startswith(prefix)]
    return list(dict.fromkeys(name.partition(" ")[0] for name in inner))


def nearest(typed: str, group: str = "") -> str | None:
    """The command that was probably meant; None where nothing is near."""
    known = names(group)
    meant = [word for word in SYNONYMS.get(typed.lower(), "").split() if word in known]
    return next(iter(meant or get_close_matches(typed.lower(), known, n=1)), None)
