"""What a person has to say of a file's columns, and what of it can be suggested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose

from cryptoctl.errors import InputError
from cryptoctl.files.column_names import columns_like, is_fallback_symbol, is_finer
from cryptoctl.files.preset_matching import PresetMatch
from cryptoctl.files.records import FileOptions, listing, quoted, shell_word
from cryptoctl.files.sample import Sample

NEEDED = ("price", "symbol", "exchange")
# In the order in which they are looked for.
WORDS = {
    "timestamp": "a time",
    "volume": "a quantity",
    "id": "an id",
    "symbol": "a symbol",
    "exchange": "an exchange",
}


@dataclass(kw_only=True)
class Suggestion:
    """What would answer the open questions."""

    mapped: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    likely_fields: dict[str, str] = field(default_factory=dict)

    def add(self, other: Suggestion, name: Callable[[str], str]) -> None:
        """What another one suggests as well, whose columns are called otherwise here."""
        self.mapped.update({field: name(column) for field, column in other.mapped.items()})
        self.ignored += map(name, other.ignored)
        self.likely_fields.update({name(column): field for column, field in other.likely_fields.items()})

    def options(self) -> str:
        """As they are typed."""
        parts = []
        if self.mapped:
            pairs = ",".join(f"{name}={column}" for name, column in self.mapped.items())
            parts.append(f"--map {shell_word(pairs)}")
        if self.ignored:
            parts.append(f"--ignore {shell_word(','.join(self.ignored))}")
        return " ".join(parts)


def refuse_open_questions(
    suggestion: Suggestion,
    fields: Mapping[str, str],
    unused: Sequence[str],
    options: FileOptions,
    shape: PresetMatch | None,
    sample: Sample,
    name: str,
) -> None:
    """Raises Failure where something is suggested or missing, with what to type."""
    missing = [field for field in NEEDED if field not in fields and field not in options.constants]
    timeless = "timestamp" not in fields and not options.now
    if options.now and "timestamp" in fields:
        raise InputError(
            f"--now cannot apply to {name}: {fields['timestamp']!r} has the times.",
            f"Leave it out, or add --ignore {shell_word(fields['timestamp'])}.",
        )
    if not suggestion.likely_fields and not missing and not timeless:
        return
    problems = [
        f"{quoted(column)} looks like {WORDS[field]} and is used for nothing"
        for column, field in suggestion.likely_fields.items()
    ]
    wanted = [field for field in missing if field not in suggestion.mapped]
    if timeless and "timestamp" not in suggestion.mapped:
        wanted.append("timestamp")
    problems += [f"nothing says the {'time' if field == 'timestamp' else field}" for field in wanted]
    problems += [
        f"no column is named {field}"
        for field, column in suggestion.mapped.items()
        if column not in suggestion.likely_fields
    ]
    note = f" Its columns: {listing(unused)}." if unused and {"price", "timestamp"} & {*wanted} else ""
    raise InputError(
        f"{name} is refused: {'; '.join(problems[:12])}.{note}",
        _advice(suggestion, wanted, shape, sample, columns=bool(unused)),
    )


def suggest(
    fields: Mapping[str, str],
    unused: Sequence[str],
    options: FileOptions,
    sample: Sample,
    shape: PresetMatch | None,
) -> Suggestion:
    """What each unused column that looks like a field could be: the field, or one to be ignored."""
    suggestion = Suggestion()
    remaining = list(unused)
    for field_ in (*WORDS, "price"):
        candidates = _candidates(field_, remaining, fields, sample)
        given = field_ in fields or field_ in options.constants or (field_ == "timestamp" and options.now)
        if field_ == "timestamp":
            if not candidates and not given:
                times = [name for name in remaining if name in sample.timelike]
                candidates = [name for name in times if not columns_like("id", [name])][:1]
            if not candidates and not given and fields.get("id") in sample.whole_minutes - sample.repeated:
                suggestion.mapped[field_] = fields["id"]
                suggestion.ignored.append(fields["id"])
                given = True
            by_name = shape is None and field_ in fields and field_ not in options.mapping
            if by_name and any(
                is_finer(name, fields[field_]) for name in candidates[:1] if name in sample.timelike
            ):
                suggestion.ignored.append(fields[field_])
                given = False
        no_ids = {*sample.repeated, "#"}  # which is the trade's, or the number of the line
        fitting = [name for name in candidates if field_ != "id" or name not in no_ids]
        # Several would all become the one that is given.
        if field_ in options.constants and field_ not in fields:
            fitting = [name for name in fitting if sample.differs(name)]
            given = not fitting
        if fitting and not given:
            suggestion.mapped[field_] = fitting[0]
            candidates.remove(fitting[0])
            remaining.remove(fitting[0])
            if field_ != "price":
                suggestion.likely_fields[suggestion.mapped[field_]] = field_
        if field_ != "price":
            suggestion.ignored += candidates
            suggestion.likely_fields.update(dict.fromkeys(candidates, field_))
            remaining = [name for name in remaining if name not in candidates]
    return suggestion


def _candidates(field: str, remaining: Sequence[str], fields: Mapping[str, str], sample: Sample) -> list[str]:
    """The columns that look like the field, the likeliest first."""
    candidates = columns_like(field, remaining, sample.numbers)
    instruments = [name for name in remaining if name == "i" and name in sample.repeated - sample.numbers]
    if field == "id":
        return [name for name in candidates if name not in instruments]
    if field == "symbol":
        candidates = [name for name in candidates if name != "s" or name not in sample.sides] or instruments
        named = field in fields or not all(map(is_fallback_symbol, candidates))
        return [
            name for name in candidates if not (is_fallback_symbol(name) and (named or name in sample.money))
        ]
    if field == "volume":
        quote_volumes = _quote_volumes(candidates, fields, remaining, sample)
        return sorted(candidates, key=lambda name: name in quote_volumes)
    if field == "timestamp":
        return _likeliest([name for name in candidates if name != "t" or name in sample.timelike], sample)
    return candidates


def _quote_volumes(
    quantities: Sequence[str], fields: Mapping[str, str], remaining: Sequence[str], sample: Sample
) -> set[str]:
    """Those that are about another one times the price: what was paid, and not how much was traded."""
    numbers = [name for name in quantities if name in sample.numbers]
    price = fields.get("price", next(iter(columns_like("price", remaining, sample.numbers)), None))
    if price not in sample.numbers:
        return set()
    return {
        name
        for name in numbers
        for other in numbers
        if other != name and isclose(sample.total(name), sample.total(other, price), rel_tol=0.2)
    }


def _likeliest(times: Sequence[str], sample: Sample) -> list[str]:
    """First those whose values are times; of one time in two units, first the finer."""
    coarse = {
        name for name in times if any(is_finer(other, name) and other in sample.timelike for other in times)
    }
    return sorted(times, key=lambda name: (name not in sample.timelike, name in coarse))


def _advice(
    suggestion: Suggestion,
    missing_fields: Sequence[str],
    shape: PresetMatch | None,
    sample: Sample,
    *,
    columns: bool,
) -> str:
    exchange = shape.preset.exchange if shape is not None and shape.preset.exchange else "kraken"
    now = "--now (to store the prices as of the time of sending)"
    flags = {
        "symbol": "--symbol BTC",
        "exchange": f"--exchange {exchange}",
        "price": "--map price=COLUMN",
        "timestamp": f"--map timestamp=COLUMN or, if none has it, {now}" if columns else now,
    }
    options = " ".join(filter(None, [suggestion.options(), *(flags[field] for field in missing_fields)]))
    fields = [
        field for field in ("price", "timestamp") if field in missing_fields and (columns or field == "price")
    ]
    question = " and which the ".join("time" if field == "timestamp" else field for field in fields)
    advice = f"Say which column is the {question}: {options}" if fields else f"Add {options}"
    if {"symbol", "exchange"} & set(missing_fields):
        advice += ", with your own names"
    if suggestion.likely_fields:
        advice += "; map what matters, and list in --ignore what does not"
    if "price" in missing_fields and sample.lists:
        path = sample.lists[0]
        hint = f"If the prices are in the list {quoted(path)}, add --records {shell_word(path)}."
        if not sample.message:
            hint = (
                f"If the prices are in the lists {quoted(path)} inside of the records, write each of their "
                "elements as a record of its own."
            )
        advice = f"{hint} Else, {advice[0].lower()}{advice[1:]}"
    return f"{advice}. --dry-run shows what would be sent."
