"""AFFDEX's action metrics (Affectiva; McDuff et al. 2016), as its own tools and iMotions export them."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import UserError
from ...io.delimited import TextLayout, read_columns, text_layout
from .clock_columns import FACE, TIME, find_column, seconds
from .people import follow
from .recording import Recording, Report, Rows, recording
from .settings import ReadSettings

__all__ = ["METRICS", "is_affdex", "read_affdex"]

METRICS = {
    "innerbrowraise": "AU01", "browraise": "AU02", "browfurrow": "AU04", "eyewiden": "AU05", "cheekraise": "AU06",
    "lidtighten": "AU07", "nosewrinkle": "AU09", "upperlipraise": "AU10", "smile": "AU12", "dimpler": "AU14",
    "lipcornerdepressor": "AU15", "chinraise": "AU17", "lippucker": "AU18", "lipstretch": "AU20", "lippress": "AU24",
    "mouthopen": "AU25", "jawdrop": "AU26", "lipsuck": "AU28", "eyeclosure": "AU43",
}  # fmt: skip
"""Metrics and the action units that they stand for, as Affectiva describes them; a smirk is none."""
FEWEST = 6
"""Metrics by which an export is known."""
PERCENT = 100.0
OTHER_ROWS = "rows of other sensors or between two pictures, without a metric and without a sample number"
SAMPLE = ("samplenumber",)


def is_affdex(names: Sequence[str]) -> bool:
    """Are there enough of AFFDEX's metrics among these columns?"""
    return len(_units(names)) >= FEWEST


def read_affdex(path: Path, settings: ReadSettings) -> Recording:
    """Rows of an export: each metric, a likelihood from 0 to 100, as an occurrence from 0 to 1 of its action unit.

    A row without any value is a frame without a face. Frames are numbered by their times.

    Raises UserError when there is no column of times and no setting fps.
    """
    layout = text_layout(path)
    units, time = _units(layout.names), find_column(layout.names, TIME)
    if time is None and not settings.fps:
        raise UserError(f"{path} has no column of times, such as Timestamp: export it with one, or give fps.")
    report = Report(lacks=["landmarks (AFFDEX does not export them)"])
    report.notes.append("likelihoods from 0 to 100 are taken as occurrences from 0 to 1")
    table = _table(path, layout, units, time, report)
    lines = np.arange(len(table["values"]), dtype=float)
    times = lines / settings.fps if settings.fps else seconds(table["time"], str(time), report)
    rows: Rows = {
        "frame": np.unique(times, return_inverse=True)[1].astype(float),
        "time_s": times,
        "detected": np.asarray(np.isfinite(table["values"]).any(1)),
        "au_occurrence": table["values"] / PERCENT,
    }
    cast = follow(rows | {"name": table["face"]} if "face" in table else rows, settings.faces, report)
    lists = {"au_occurrence": tuple(units.values())}
    return recording(path, "AFFDEX", lists, cast.rows(iter([rows]), report), settings, report)


def _units(names: Sequence[str]) -> dict[str, str]:
    """Columns of the metrics, and their action units."""
    found = {METRICS.get(re.sub(r"[^a-z]", "", name.lower())): name for name in reversed(names)}
    return {found[unit]: unit for unit in METRICS.values() if unit in found}


def _table(path: Path, layout: TextLayout, units: dict[str, str], time: str | None, report: Report) -> Rows:
    """All rows that are pictures: iMotions writes those of all its sensors into one table."""
    sample, face = find_column(layout.names, SAMPLE), find_column(layout.names, FACE)
    key = list(dict.fromkeys(name for name in (time, sample, face) if name))
    batches = list(read_columns(path, layout, [*key, *units], report.dropped))
    if not batches:
        raise UserError(f"{path} has no whole row of values: it was cut off, or nothing was recorded.")
    columns = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    values = np.stack([columns[name] for name in units], 1)
    pictures = np.ones(len(values), bool)
    if sample:
        pictures = np.isfinite(columns[sample]) | np.isfinite(values).any(1)
        report.dropped[OTHER_ROWS] += int((~pictures).sum())
        report.rows += int((~pictures).sum())
    table = {"values": values[pictures]}
    table |= {"time": columns[time][pictures]} if time else {}
    return table | ({"face": columns[face][pictures]} if face else {})
