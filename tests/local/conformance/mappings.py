"""Functions behind event source mappings, and what they have been given."""

from __future__ import annotations

from typing import Any

from local.workbench import Workbench, reporting

TELL = reporting("""
    def handler(event, context):
        tell(event)
""")
FAIL_ON_13 = reporting("""
    def handler(event, context):
        tell(event)
        if 13 in numbers(event):
            raise ValueError("13")
""")
REPORT_13 = reporting("""
    def handler(event, context):
        tell(event)
        for record in event["Records"]:
            if record["dynamodb"]["Keys"]["at"]["N"] == "13":
                return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
        return {"batchItemFailures": []}
""")


def batches(bench: Workbench, function: str, stream: str) -> list[list[int]]:
    """What the function was given of a stream; it may have been given batches of others."""
    return [record["batch"] for record in bench.reports(function) if record["stream"] == stream]


def delivered(bench: Workbench, function: str, stream: str) -> list[int]:
    return [number for batch in batches(bench, function, stream) for number in batch]


def wait_for(bench: Workbench, function: str, stream: str, *numbers: int) -> list[list[int]]:
    """The batches, once all of these were delivered."""
    bench.eventually(lambda: set(numbers) <= set(delivered(bench, function, stream)), what=f"{numbers}")
    return batches(bench, function, stream)


def wait_for_good(bench: Workbench, function: str, stream: str, number: int) -> list[list[int]]:
    """The batches, once this number came in one without the poison."""

    def look() -> bool:
        return any(number in batch and 13 not in batch for batch in batches(bench, function, stream))

    bench.eventually(look, what=f"{number} without 13")
    return batches(bench, function, stream)


def settings(bench: Workbench, mapping: str) -> dict[str, Any]:
    response: dict[str, Any] = bench.client("lambda").get_event_source_mapping(UUID=mapping)
    return response
