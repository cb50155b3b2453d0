"""Two runs side by side: which tables differ, by how much beside their spread, which claims and tokens changed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from ..comparison.recovery import match_templates
from ..errors import UserError
from ..morphable.metric import mesh_cosine
from ..morphable.space import read_space
from ..quantisation.rvqvae import RvqVae
from .claims import CLAIMED, CLAIMS, check_claims, read_claims
from .manifest import read_json

__all__ = ["ALIKE", "ALLOWED", "Agreement", "compare_runs", "compare_tables"]

ALIKE = 0.9
"""Cosine in the mesh metric from which two templates are one token."""
ALLOWED = 0.05
"""Share of a column's rows that may lie beyond their spread, which is two standard deviations or a 95 % interval."""
OWN = "claims"
"""Table of verdicts, which are compared as such."""


@dataclass(frozen=True)
class Agreement:
    """What became of the comparison.

    Arguments:
        sentences: one for each table that differs, each claim that changed, and the codebooks.
        agrees: no claim changed, and no column lies beyond its spread in more than `ALLOWED` of its rows.
    """

    sentences: tuple[str, ...]
    agrees: bool


def compare_runs(first: Path, second: Path, claims: Path = CLAIMS) -> Agreement:
    """Two result folders side by side.

    Tables without a stated spread are reported where they differ, and judged by the claims alone. Claims speak of the
    study: of runs with other parameters, which say so in their manifest, they are not checked.

    Arguments:
        first, second: folders of two runs, such as `results/study`.
        claims: the file of claims that are checked in both.

    Raises:
        UserError: one of them is no folder of results.
    """
    for folder in (first, second):
        if not next((folder / "tables").glob("*.csv"), None):
            raise UserError(f"{folder} is no folder of results, for it has no tables: give one such as results/study.")
    changed = list(_changed_claims(first, second, claims)) if all(map(_is_claimed, (first, second))) else []
    tables = list(_changed_tables(first, second))
    sentences = [*(sentence for sentence, _ in tables), *changed, *_codebooks(first, second)]
    return Agreement(tuple(sentences), not changed and all(within for _, within in tables))


def compare_tables(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """How far two tables of one name are apart: a row a column of numbers that differ.

    Rows are matched by the first columns, other than fractions, that tell all of them apart; rows of one table alone
    are left out. The spread of a column `x` is two `x_sd`, or half the interval of the columns `..._low` and
    `..._high` behind it, of both tables the root of their squares.

    Returns:
        Columns `column`, `rows`, `largest` (absolute difference), `largest_share` (of the larger of the two),
        `spreads` (largest difference in units of its spread; NaN: none is stated) and `beyond` (rows that differ by
        more than that).
    """
    keys = _keys(first, second)
    one, two = _keyed(first, keys), _keyed(second, keys)
    both = one.index.intersection(two.index)
    one, two = one.loc[both], two.loc[both]
    rows = [_difference(name, one, two) for name in _numbers(one) if name in two and not _is_spread(name)]
    table = pd.DataFrame(rows, columns=["column", "rows", "largest", "largest_share", "spreads", "beyond"])
    return table[table["largest"] > 0].reset_index(drop=True)


def _changed_tables(first: Path, second: Path) -> Iterator[tuple[str, bool]]:
    """A sentence for each table that differs, and whether it lies within its spread."""
    names = [{path.stem for path in (folder / "tables").glob("*.csv")} - {OWN} for folder in (first, second)]
    for name in sorted(names[0] | names[1]):
        paths = [folder / "tables" / f"{name}.csv" for folder in (first, second)]
        if not all(path.exists() for path in paths):
            yield f"{name} is in one run only.", False
        elif paths[0].read_bytes() != paths[1].read_bytes():
            yield _table_sentence(name, *(pd.read_csv(path) for path in paths))


def _is_claimed(folder: Path) -> bool:
    return read_json(folder / "manifest.json").get("run", CLAIMED) == CLAIMED


def _table_sentence(name: str, first: pd.DataFrame, second: pd.DataFrame) -> tuple[str, bool]:
    found = compare_tables(first, second)
    within = bool((found.beyond <= ALLOWED * found.rows).all())
    said = [f"{name} differs in {len(found)} columns of numbers" if len(found) else f"{name} differs in words or rows"]
    if len(found):
        judged = found[found.spreads.notna()]
        worst = (judged if len(judged) else found).sort_values(["spreads", "largest_share"]).iloc[-1]
        said.append(f"most in {worst.column}, by {worst.largest:.3g} ({worst.largest_share:.1%})")
        said.append(_judgement(worst))
    return ", ".join(said) + ".", within


def _judgement(worst: pd.Series) -> str:
    if np.isnan(worst.spreads):
        return "no spread is stated"
    if not worst.beyond:
        return f"within its spread ({worst.spreads:.2g} of it)"
    said = f"beyond its spread ({worst.spreads:.2g} of it) in {worst.beyond} of {worst.rows} rows"
    return said + (f", of which {ALLOWED:.0%} may be" if worst.beyond <= ALLOWED * worst.rows else "")


def _keys(first: pd.DataFrame, second: pd.DataFrame) -> list[str]:
    keys: list[str] = []
    for name in first.columns:
        if name in second and not any(pd.api.types.is_float_dtype(table[name]) for table in (first, second)):
            keys.append(name)
            if not any(table.duplicated(keys).any() for table in (first, second)):
                break
    return keys


def _keyed(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    place = table.groupby(keys, dropna=False).cumcount() if keys else pd.Series(range(len(table)))
    return table.set_index([*(table[key].astype(str) for key in keys), place])


def _numbers(table: pd.DataFrame) -> list[str]:
    return [name for name in table if pd.api.types.is_numeric_dtype(table[name]) and table[name].dtype != bool]


def _is_spread(name: str) -> bool:
    return name.endswith(("_sd", "_low", "_high"))


def _difference(name: str, one: pd.DataFrame, two: pd.DataFrame) -> dict[str, object]:
    a, b = one[name].to_numpy(float), two[name].to_numpy(float)
    apart = np.abs(a - b)
    apart[np.isnan(a) & np.isnan(b)] = 0
    apart[np.isnan(apart)] = np.inf
    larger = np.maximum(np.abs(a), np.abs(b))
    share = np.divide(apart, larger, out=np.zeros_like(apart), where=larger > 0)
    spread = np.hypot(_half(name, one), _half(name, two))
    beyond = apart > spread
    spreads = np.divide(apart, spread, out=np.where(apart > 0, np.inf, 0.0), where=spread > 0)[~np.isnan(spread)]
    return {
        "column": name, "rows": len(one), "largest": apart.max(initial=0), "largest_share": share.max(initial=0),
        "spreads": spreads.max() if len(spreads) else np.nan, "beyond": int(beyond.sum()),
    }  # fmt: skip


def _half(name: str, table: pd.DataFrame) -> Float[np.ndarray, " n"]:
    """What each number of a column may be off by; NaN where the table does not say."""
    if f"{name}_sd" in table:
        return 2 * table[f"{name}_sd"].to_numpy(float)
    low = _low(name, table)
    if low is None:
        return np.full(len(table), np.nan)
    return (table[low.removesuffix("low") + "high"] - table[low]).to_numpy(float) / 2


def _low(name: str, table: pd.DataFrame) -> str | None:
    """Column of the lower end of a column's interval: named like it, or the next one behind it."""
    if f"{name}_low" in table:
        return f"{name}_low"
    after = list(table.columns)[table.columns.get_loc(name) + 1 :][:1]
    return after[0] if after and after[0].endswith("ci_low") else None


def _changed_claims(first: Path, second: Path, claims: Path) -> Iterator[str]:
    known = read_claims(claims)
    for one, two in zip(check_claims(first, known), check_claims(second, known), strict=True):
        if one.verdict != two.verdict:
            yield f"The claim {one.claim} {one.verdict} in the first run and {two.verdict} in the second."


def _codebooks(first: Path, second: Path) -> Iterator[str]:
    """How many tokens of the first run's codebook are those of the second's."""
    if not all((folder / "model" / "config.json").exists() for folder in (first, second)):
        return
    metric = read_space(first / "expressions").metric
    one, two = (RvqVae.from_pretrained(folder / "model").templates() for folder in (first, second))
    if one.shape != two.shape:
        yield f"The codebooks have {len(one)} and {len(two)} templates."
        return
    same = np.diag(mesh_cosine(one, two, metric)) >= ALIKE
    again = match_templates(two, one, metric)[1] >= ALIKE
    yield f"Of the templates {_percent(same)} are the same under the same number, {_percent(again)} under any."


def _percent(which: Bool[np.ndarray, " n"]) -> str:
    return f"{which.mean():.0%}"
