"""Every command: its name, its line in the help and its module. Importing this loads no command."""

from __future__ import annotations

from difflib import get_close_matches

# The line in the help by what is typed, in the order of a day's work. A test compares with the docstrings.
COMMANDS = {
    "init": "Write a commented cryptoctl.toml. An existing file is not overwritten.",
    "config": "Show every configuration key: its value and where that comes from, its default, its meaning.",
    "cost": "Estimate what the environment costs on AWS, part by part. Only --actual asks AWS.",
    "doctor": "Check credentials, permissions, quotas, names and the engine. Changes nothing.",
    "up": "Create or update the environment's resources so that they match the configuration.",
    "plan": "Show what `up` would do; with --verbose each API call. Changes nothing.",
    "status": "Show whether all is well, and what needs attention: resources, dead letters, stream, prices.",
    "dashboard": "Show the environment in the browser: candles, ticks, the pipeline, dead letters, "
    "errors. Read only.",
    "open": "Open AWS's console in a browser: a function, its logs or dead letters, the table, the "
    "dashboard.",
    "outputs": "Show the environment's outputs: resource names and ARNs.",
    "envs": "List the environments in this account and region, found by their tags.",
    "send-price": "Send a price, or files of prices, to the webhook processor.",
    "feed": "Follow exchanges' trades and send each to the webhook processor, once.",
    "prices": "Show a symbol's prices, oldest first, with ma_5, ma_20 and volatility. Times are UTC.",
    "chart": "Draw a symbol's last prices with ma_20 and the volume, as wide as the terminal.",
    "candles": "Show a symbol's open, high, low, close, volume and trades by interval, oldest "
    "first. Times are UTC.",
    "symbols": "List the symbols that have prices: the last one, when that was, and how it has changed.",
    "logs": "Show what the functions logged, merged in order of time (UTC); repeats once, with their number.",
    "trace": "Follow one price: who sent it and when, the answer, the item, its enrichment, the "
    "announcement.",
    "dlq list": "Show how many messages there are, since when, and why. Consumes nothing.",
    "dlq peek": "Show messages with the log lines of their requests. Consumes nothing.",
    "dlq replay": "Run what failed again. A message is deleted only once that has succeeded.",
    "dlq repair": "Find stored prices that are not enriched, whatever the reason, and enrich them.",
    "dlq export": "Write messages to a file, bodies and attributes exactly. Consumes nothing.",
    "dlq import": "Put a file's messages back into their queues, as new messages with the same body "
    "and attributes.",
    "dlq purge": "Delete messages for good, after writing them to a file that `import` reads.",
    "webhook list": "Show the senders: how each proves who it is, and what came from it.",
    "webhook show": "Show what to give a sender: the address, the secret, and a message or a "
    "request to paste.",
    "webhook rotate": "Replace a sender's secret; the old one still counts for a while.",
    "webhook test": "Send a test price as a sender does, and the same request forged, which must be refused.",
    "iam-policy": "Print the smallest IAM policy for an environment, as JSON. Nothing is changed.",
    "selftest": "Check what cryptoctl relies on about AWS, and write a report.",
    "down": "Delete the environment: all its resources and their data; the key some days later.",
    "local start": "Start the engine; one that runs already is left as it is.",
    "local stop": "Stop the engine. Its data stays for the next start.",
    "local status": "Show whether the engine runs, where, and how to point other tools at it.",
    "local reset": "Stop the engine and delete all its data.",
    "local logs": "Show the engine's own log (the functions' logs: `cryptoctl logs`).",
    "local outbox": "Show the messages that AWS would have sent to external recipients; the engine "
    "sends none.",
}

GROUPS = {
    "webhook": "The webhook's senders: list, show, rotate, test.",
    "dlq": "Dead letters: list, inspect, replay, export, purge.",
    "local": "The embedded engine on this machine.",
}

# What people type for it who know another tool.
SYNONYMS = {
    "config": "settings",
    "doctor": "check validate",
    "up": "apply create deploy",
    "plan": "diff preview",
    "envs": "environments list ls",
    "status": "info ls show",
    "outputs": "output",
    "send-price": "send",
    "logs": "tail",
    "list": "ls",
    "peek": "inspect show view",
    "replay": "redrive retry",
    "repair": "fix",
    "export": "backup",
    "import": "restore",
    "purge": "clear delete remove",
    "iam-policy": "policy",
    "down": "delete destroy remove teardown",
    "local": "engine start stop",
    "start": "up",
    "stop": "down",
    "reset": "clear delete destroy remove",
}


def module_of(name: str) -> str:
    """The module that declares the command: named as it, or as its group."""
    in_files = ("dlq export", "dlq import", "dlq purge")
    module = "dlq_files" if name in in_files else name.partition(" ")[0].replace("-", "_")
    return f"cryptoctl.cli.{module}"


def names(group: str = "") -> list[str]:
    """What can be typed after `cryptoctl`, or after a group's name, in the order of the help."""
    prefix = f"{group} " if group else ""
    commands = [name.removeprefix(prefix) for name in COMMANDS if name.startswith(prefix)]
    return list(dict.fromkeys(name.partition(" ")[0] for name in commands))


def nearest(typed: str, group: str = "") -> str | None:
    """The command that was probably meant; None where nothing is near."""
    known = names(group)
    matches = [name for name, words in SYNONYMS.items() if typed.lower() in words.split() and name in known]
    return next(iter(matches or get_close_matches(typed.lower(), known, n=1)), None)
