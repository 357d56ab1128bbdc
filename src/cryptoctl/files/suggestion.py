"""What a person has to say of a file's columns, and what of it can be suggested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isclose

from cryptoctl.errors import InputError
from cryptoctl.files.column_names import columns_like, finer, only_at_need
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
    looks: dict[str, str] = field(default_factory=dict)

    def add(self, other: Suggestion, name: Callable[[str], str]) -> None:
        """What another one suggests as well, whose columns are called otherwise here."""
        self.mapped.update({field: name(column) for field, column in other.mapped.items()})
        self.ignored += map(name, other.ignored)
        self.looks.update({name(column): field for column, field in other.looks.items()})

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
    missing = [each for each in NEEDED if each not in fields and each not in options.constants]
    timeless = "timestamp" not in fields and not options.now
    if options.now and "timestamp" in fields:
        raise InputError(
            f"--now cannot apply to {name}: {fields['timestamp']!r} has the times.",
            f"Leave it out, or add --ignore {shell_word(fields['timestamp'])}.",
        )
    if not suggestion.looks and not missing and not timeless:
        return
    problems = [
        f"{quoted(column)} looks like {WORDS[each]} and is used for nothing"
        for column, each in suggestion.looks.items()
    ]
    wanted = [each for each in missing if each not in suggestion.mapped]
    if timeless and "timestamp" not in suggestion.mapped:
        wanted.append("timestamp")
    problems += [f"nothing says the {'time' if each == 'timestamp' else each}" for each in wanted]
    problems += [
        f"no column is named {each}"
        for each, column in suggestion.mapped.items()
        if column not in suggestion.looks
    ]
    listed = f" Its columns: {listing(unused)}." if unused and {"price", "timestamp"} & {*wanted} else ""
    raise InputError(
        f"{name} is refused: {'; '.join(problems[:12])}.{listed}",
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
    left = list(unused)
    for each in (*WORDS, "price"):
        alike = _candidates(each, left, fields, sample)
        given = each in fields or each in options.constants or (each == "timestamp" and options.now)
        if each == "timestamp":
            if not alike and not given:
                times = [name for name in left if name in sample.timelike]
                alike = [name for name in times if not columns_like("id", [name])][:1]
            if not alike and not given and fields.get("id") in sample.whole_minutes - sample.repeated:
                suggestion.mapped[each] = fields["id"]
                suggestion.ignored.append(fields["id"])
                given = True
            by_name = shape is None and each in fields and each not in options.mapping
            if by_name and any(finer(name, fields[each]) for name in alike[:1] if name in sample.timelike):
                suggestion.ignored.append(fields[each])
                given = False
        no_ids = {*sample.repeated, "#"}  # which is the trade's, or the number of the line
        fitting = [name for name in alike if each != "id" or name not in no_ids]
        if each in options.constants and each not in fields:  # several would all become the one that is given
            fitting = [name for name in fitting if sample.differs(name)]
            given = not fitting
        if fitting and not given:
            suggestion.mapped[each] = fitting[0]
            alike.remove(fitting[0])
            left.remove(fitting[0])
            if each != "price":
                suggestion.looks[suggestion.mapped[each]] = each
        if each != "price":
            suggestion.ignored += alike
            suggestion.looks.update(dict.fromkeys(alike, each))
            left = [name for name in left if name not in alike]
    return suggestion


def _candidates(field: str, left: Sequence[str], fields: Mapping[str, str], sample: Sample) -> list[str]:
    """The columns that look like the field, the likeliest first."""
    candidates = columns_like(field, left, sample.numbers)
    if field == "symbol":
        named = field in fields or not all(map(only_at_need, candidates))
        return [name for name in candidates if not (only_at_need(name) and (named or name in sample.money))]
    if field == "volume":
        paid = _paid(candidates, fields, left, sample)
        return sorted(candidates, key=lambda name: name in paid)
    if field == "timestamp":
        return _likeliest([name for name in candidates if name != "t" or name in sample.timelike], sample)
    return candidates


def _paid(
    quantities: Sequence[str], fields: Mapping[str, str], left: Sequence[str], sample: Sample
) -> set[str]:
    """Those that are about another one times the price: what was paid, and not how much was traded."""
    numbers = [name for name in quantities if name in sample.numbers]
    price = fields.get("price", next(iter(columns_like("price", left, sample.numbers)), None))
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
        name for name in times if any(finer(other, name) and other in sample.timelike for other in times)
    }
    return sorted(times, key=lambda name: (name not in sample.timelike, name in coarse))


def _advice(
    suggestion: Suggestion,
    wanted: Sequence[str],
    shape: PresetMatch | None,
    sample: Sample,
    *,
    columns: bool,
) -> str:
    exchange = shape.preset.exchange if shape is not None and shape.preset.exchange else "kraken"
    now = "--now (to store the prices as of the time of sending)"
    more = {
        "symbol": "--symbol BTC",
        "exchange": f"--exchange {exchange}",
        "price": "--map price=COLUMN",
        "timestamp": f"--map timestamp=COLUMN or, if none has it, {now}" if columns else now,
    }
    options = " ".join(filter(None, [suggestion.options(), *(more[each] for each in wanted)]))
    open_ = [each for each in ("price", "timestamp") if each in wanted and (columns or each == "price")]
    asked = " and which the ".join("time" if each == "timestamp" else each for each in open_)
    said = f"Say which column is the {asked}: {options}" if open_ else f"Add {options}"
    if {"symbol", "exchange"} & set(wanted):
        said += ", with your own names"
    if suggestion.looks:
        said += "; map what matters, and list in --ignore what does not"
    if "price" in wanted and sample.lists:
        inside = sample.lists[0]
        first = f"If the prices are in the list {quoted(inside)}, add --records {shell_word(inside)}."
        said = f"{first} Else, {said[0].lower()}{said[1:]}"
    return f"{said}. --dry-run shows what would be sent."
