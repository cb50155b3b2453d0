"""What the project says of its results, as data: each sentence, the numbers in it, and when it holds.

`results/claims.yaml` has one entry a sentence, by its name:

    codes_level:
      sentence: Tokens leave {ours} mm, the residual quantiser {classical} mm.
      values:
        ours: {table: reconstruction, where: {method: dfe_additive}, column: error_mm, sd: error_mm_sd}
        classical: {table: reconstruction, where: {method: faiss_rq}, column: error_mm, sd: error_mm_sd}
      holds:
        - {near: [ours, classical], within: 0.02}

A sentence holds where all of its predicates do, for every row of their values:

| predicate | holds where | to spare |
|---|---|---|
| `below: [a, b], margin: m` | a + m <= b | b - a - m |
| `above: [a, b], margin: m` | a >= b + m | a - b - m |
| `near: [a, b], within: w` | a and b differ by w at most | w - abs(a - b) |
| `apart: [a, b]` | a < b, by more than the spread of both | b - a - spread |
| `not_apart: [a, b]` | a and b differ by no more than the spread of both | spread - abs(a - b) |

a and b name values or are numbers, `margin` and `within` are numbers of the same unit, or shares of b with
`of_b: true`. The spread is that of :class:`~dfe_lib.study.values.Numbers`, of two values the root of their squares.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from ..errors import UserError, did_you_mean
from ..io.parameters import read_parameters
from ..io.paths import PROJECT
from ..io.tables import write_csv
from .values import NotMeasured, Numbers, Tables, Value

__all__ = [
    "CLAIMED",
    "CLAIMS",
    "FAILS",
    "HOLDS",
    "UNKNOWN",
    "Claim",
    "Verdict",
    "check_claims",
    "read_claims",
    "write_verdicts",
]

CLAIMED = "study"
"""The run that the claims speak of."""
CLAIMS = PROJECT / "results" / "claims.yaml"
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "not measured"
"""Verdicts on a claim."""

_Array = Float[np.ndarray, " n"]
_Spare = Callable[[Numbers, Numbers, _Array], _Array]


def _spread(a: Numbers, b: Numbers) -> _Array:
    return np.sqrt(np.nansum([a.half**2, b.half**2], axis=0))


PREDICATES: dict[str, tuple[str, _Spare]] = {
    "below": ("margin", lambda a, b, margin: b.number - a.number - margin),
    "above": ("margin", lambda a, b, margin: a.number - b.number - margin),
    "near": ("within", lambda a, b, within: within - np.abs(a.number - b.number)),
    "apart": ("", lambda a, b, _: b.number - a.number - _spread(a, b)),
    "not_apart": ("", lambda a, b, _: _spread(a, b) - np.abs(a.number - b.number)),
}
"""Each predicate's own setting, and what it has to spare for two numbers."""


@dataclass(frozen=True)
class Claim:
    """One sentence: where its numbers come from, by the names of its placeholders, and predicates as mappings."""

    name: str
    sentence: str
    numbers: Mapping[str, Value]
    holds: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Verdict:
    """What a run says of a claim.

    Arguments:
        claim: its name.
        verdict: HOLDS, FAILS or UNKNOWN.
        spare: by how much it holds or, below 0, fails, in the unit of its values; the least of its predicates.
        sentence: with its numbers filled in.
        reason: why nothing can be said.
    """

    claim: str
    verdict: str
    spare: float
    sentence: str
    reason: str = ""

    def __str__(self) -> str:
        how = self.reason or f"{self.spare:+.3g}"
        return f"{self.claim:<28} {self.verdict:<14} {how}"


def read_claims(path: Path = CLAIMS) -> list[Claim]:
    """The claims of a file.

    Raises:
        UserError: an entry has something that this module does not know, or lacks what it needs.
    """
    return [_claim(name, entry) for name, entry in read_parameters(path).items()]


def check_claims(folder: Path, claims: Iterable[Claim]) -> list[Verdict]:
    """A verdict on each claim by the tables of a run's folder."""
    tables = Tables(folder)
    return [_verdict(claim, tables) for claim in claims]


def write_verdicts(folder: Path, verdicts: Iterable[Verdict]) -> None:
    """Writes `tables/claims.csv` of a run's folder: claim, verdict, what it has to spare, and the sentence."""
    table = pd.DataFrame([(v.claim, v.verdict, v.spare, v.sentence) for v in verdicts])
    table.columns = ["claim", "verdict", "spare", "sentence"]
    write_csv(folder / "tables" / "claims.csv", table, float_format="%.4g")


def _verdict(claim: Claim, tables: Tables) -> Verdict:
    try:
        numbers = {name: value.of(tables) for name, value in claim.numbers.items()}
        spare = min(_spare(predicate, numbers) for predicate in claim.holds)
    except NotMeasured as error:
        blanks = dict.fromkeys(claim.numbers, f"({UNKNOWN})")
        return Verdict(claim.name, UNKNOWN, float("nan"), claim.sentence.format(**blanks), str(error))
    filled = claim.sentence.format(**{name: found.text for name, found in numbers.items()})
    return Verdict(claim.name, HOLDS if spare >= 0 else FAILS, spare, filled)


def _spare(predicate: Mapping[str, Any], numbers: Mapping[str, Numbers]) -> float:
    kind = _kind(predicate)
    a, b = (_operand(each, numbers) for each in predicate[kind])
    if len(a.number) > 1 and len(b.number) > 1:
        b = _matched(a, b)
    setting, spare = PREDICATES[kind]
    unit = np.abs(b.number) if predicate.get("of_b") else np.ones_like(b.number)
    return float(spare(a, b, unit * predicate.get(setting, 0)).min())


def _operand(each: str | int | float, numbers: Mapping[str, Numbers]) -> Numbers:
    if isinstance(each, str):
        return numbers[each]
    return Numbers(("",), np.array([float(each)]), np.zeros(1), "")


def _matched(a: Numbers, b: Numbers) -> Numbers:
    """The numbers of b in the order of a's rows."""
    place = {key: row for row, key in enumerate(b.keys)}
    if set(a.keys) != set(place):
        raise NotMeasured("the rows that are compared are not the same")
    order = [place[key] for key in a.keys]
    return Numbers(a.keys, b.number[order], b.half[order], b.text)


def _claim(name: str, entry: object) -> Claim:
    where = f"claims.yaml: {name}"
    parts = _checked(entry, {"sentence", "values", "holds"}, where)
    values = {key: _value(value, f"{where}: {key}") for key, value in dict(parts.get("values", {})).items()}
    sentence, holds = " ".join(str(parts.get("sentence", "")).split()), tuple(parts.get("holds", ()))
    named = {field for _, field, _, _ in Formatter().parse(sentence) if field is not None}
    for missing in named - set(values):
        raise UserError(f"{where}: the sentence has {{{missing}}}, which is none of its values.")
    if not sentence or not holds:
        raise UserError(f"{where} needs a sentence and a predicate under holds.")
    for predicate in holds:
        _check_predicate(predicate, values, where)
    return Claim(name, sentence, values, holds)


def _value(entry: object, where: str) -> Value:
    try:
        return Value(**_checked(entry, set(Value.__dataclass_fields__), where))
    except TypeError:
        raise UserError(f"{where} needs a table.") from None


def _check_predicate(predicate: object, values: Mapping[str, Value], where: str) -> None:
    known = {"of_b", *PREDICATES, *(setting for setting, _ in PREDICATES.values() if setting)}
    parts = _checked(predicate, known, where)
    kinds = [word for word in parts if word in PREDICATES]
    pair = parts[kinds[0]] if len(kinds) == 1 else None
    if not isinstance(pair, list) or len(pair) != 2:
        raise UserError(f"{where}: a predicate is one of {', '.join(PREDICATES)}, each of two values.")
    for each in pair:
        if not isinstance(each, int | float) and each not in values:
            raise UserError(f"{where}: there is no value {each}; {did_you_mean(str(each), values)}")


def _kind(predicate: Mapping[str, Any]) -> str:
    return next(word for word in predicate if word in PREDICATES)


def _checked(entry: object, known: set[str], where: str) -> dict:
    if not isinstance(entry, dict):
        raise UserError(f"{where} must hold lines of the form `name: value`.")
    for word in entry:
        if word not in known:
            raise UserError(f"{where}: there is nothing called {word}; {did_you_mean(str(word), known)}")
    return entry
