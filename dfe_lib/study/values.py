"""Numbers that sentences state, picked from a run's result tables together with how far each may be off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from ..errors import UserError

__all__ = ["NotMeasured", "Numbers", "Tables", "Value"]

DIGITS = 3
"""Significant digits of a number in a sentence."""


class NotMeasured(Exception):
    """A run has no such table, column or row: nothing can be said of the value."""


class Tables:
    """The CSV tables of one run, each read once.

    Arguments:
        folder: of the run, such as `results/study`.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tables"
        self._read: dict[str, pd.DataFrame] = {}

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._read:
            path = self.folder / f"{name}.csv"
            if not path.is_file():
                raise NotMeasured(f"there is no table {name}.csv")
            self._read[name] = pd.read_csv(path)
        return self._read[name]


@dataclass(frozen=True)
class Numbers:
    """One number or more, of the rows that a value picks.

    Arguments:
        keys: what tells the rows apart; numbers of two values are compared where these are the same.
        number: the numbers.
        half: half the width of what each may be off by: two standard deviations or half a 95 % interval; else NaN.
        text: how a sentence states them.
    """

    keys: tuple[str, ...]
    number: Float[np.ndarray, " n"]
    half: Float[np.ndarray, " n"]
    text: str


@dataclass(frozen=True)
class Value:
    """A number of a table, by a closed set of words: no expression is evaluated.

    Just one of `sd`, `interval`, `by`, `share` and `exact` says how far the number may be off.

    Arguments:
        table: without its ending.
        column: of the number.
        where: what a row must say: for each column a value, a list of values, `{above: x}`, `{below: x}` or
            `{other_than: value}`.
        sd: column of the standard deviation over trainings.
        interval: columns of the two ends of a 95 % interval.
        by: columns that tell several rows apart, such as the seed; the sentence gives their range.
        share: as `where`: how many of the rows fulfil this as well. The number is their share, and needs no column.
        exact: the number was set or counted.
        digits: significant digits in the sentence.
        percent: the sentence gives a percentage.
    """

    table: str
    column: str = ""
    where: Mapping[str, object] = field(default_factory=dict)
    sd: str = ""
    interval: Sequence[str] = ()
    by: str | list[str] = ""
    share: Mapping[str, object] = field(default_factory=dict)
    exact: bool = False
    digits: int = DIGITS
    percent: bool = False

    def __post_init__(self) -> None:
        given = [name for name in ("sd", "interval", "by", "share", "exact") if getattr(self, name)]
        if len(given) != 1:
            raise UserError(
                f"A number of {self.table}.csv needs just one of sd, interval, by, share and exact, not {len(given)}."
            )
        if bool(self.column) == bool(self.share):
            raise UserError(f"A number of {self.table}.csv needs a column, or a share of its rows.")

    def of(self, tables: Tables) -> Numbers:
        """The numbers in the tables of a run.

        Raises:
            NotMeasured: the run lacks the table, a column or such rows; or several rows fit where one is stated.
        """
        rows = _rows(tables[self.table], self.where, self.table)
        if self.share:
            few = len(_rows(rows, self.share, self.table, some=False))
            return Numbers(("",), np.array([few / len(rows)]), np.array([np.nan]), f"{few} of {len(rows)}")
        number = _column(rows, self.column, self.table)
        if self.by:
            keys = rows[_names(self.by)].astype(str).agg(", ".join, axis=1)
            return Numbers(tuple(keys), number, np.full(len(rows), np.nan), self._range(number))
        if len(rows) > 1:
            raise NotMeasured(f"{len(rows)} rows of {self.table}.csv fit where one is stated")
        return self._one(rows, number)

    def _one(self, rows: pd.DataFrame, number: Float[np.ndarray, " n"]) -> Numbers:
        text, half = self._text(number[0]), np.array([np.nan])
        if self.sd:
            deviation = _column(rows, self.sd, self.table)
            text, half = f"{text} ± {self._text(deviation[0], 1)}", 2 * deviation
        elif self.interval:
            low, high = (_column(rows, name, self.table)[0] for name in self.interval)
            text, half = f"{text} [{self._text(low)}, {self._text(high)}]", np.array([(high - low) / 2])
        return Numbers(("",), number, half, self._with_unit(text))

    def _range(self, number: Float[np.ndarray, " n"]) -> str:
        low, high = self._text(number.min()), self._text(number.max())
        return self._with_unit(low if low == high else f"{low} to {high}")

    def _text(self, number: float, digits: int | None = None) -> str:
        return f"{float(f'{number * (100 if self.percent else 1):.{digits or self.digits}g}'):,.10g}"

    def _with_unit(self, text: str) -> str:
        return f"{text} %" if self.percent else text


def _rows(table: pd.DataFrame, where: Mapping[str, object], name: str, some: bool = True) -> pd.DataFrame:
    for column, wanted in where.items():
        if column not in table:
            raise NotMeasured(f"{name}.csv has no column {column}")
        table = table[_fits(table[column], wanted)]
    if some and table.empty:
        raise NotMeasured(f"{name}.csv has no such row")
    return table


def _fits(column: pd.Series, wanted: object) -> Bool[np.ndarray, " n"]:
    if isinstance(wanted, list):
        return column.isin(wanted).to_numpy()
    if not isinstance(wanted, Mapping):
        return (column == wanted).to_numpy()
    tests = {"above": column.gt, "below": column.lt, "other_than": column.ne}
    unknown = set(wanted) - set(tests)
    if unknown:
        raise UserError(f"A row cannot be chosen by {unknown.pop()!r}; use above, below or other_than.")
    return np.logical_and.reduce([tests[word](value).to_numpy() for word, value in wanted.items()])


def _column(rows: pd.DataFrame, column: str, name: str) -> Float[np.ndarray, " n"]:
    if column not in rows:
        raise NotMeasured(f"{name}.csv has no column {column}")
    number = rows[column].to_numpy(float)
    if not np.isfinite(number).all():
        raise NotMeasured(f"{column} of {name}.csv is empty there")
    return number


def _names(columns: str | list[str]) -> list[str]:
    return [columns] if isinstance(columns, str) else columns
