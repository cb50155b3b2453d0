"""Frame, time and face of a row in tables that people write themselves: columns of many names, times of many units."""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from .recording import Report

__all__ = ["FACE", "FRAME", "TIME", "find_column", "seconds"]

FRAME = ("frame", "frameidx", "frameindex", "framenumber", "frameid", "framenr", "frameno", "samplenumber")
TIME = (
    "timestamp", "time", "timestampms", "timems", "timestamps", "times", "timesec", "timeseconds", "seconds",
    "timestampsec", "timestampseconds", "msec", "ms", "mediatime", "framems", "t",
)  # fmt: skip
FACE = ("faceid", "face", "faceindex", "faceidx", "personid", "person")
EPOCH_S = 1e8
"""Seconds beyond which a time is a date, not a place in a clip."""


def find_column(names: Sequence[str], known: Sequence[str]) -> str | None:
    """The first column that has one of the known names, which are compared without case and marks.

    >>> find_column(["Frame_Index", "Time (ms)"], TIME)
    'Time (ms)'
    """
    plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(names)}
    return next((plain[name] for name in known if name in plain), None)


def seconds(values: Float[np.ndarray, " n"], name: str, report: Report) -> Float[np.ndarray, " n"]:
    """Times in seconds; dates count from the first.

    The unit is that of the column's name, or else follows from the usual step between two times: no film has frames
    of a second or more, so that steps from 1 on are milliseconds and those from 1,000 on microseconds.
    """
    steps = np.diff(np.unique(values[np.isfinite(values)]))
    usual = float(np.median(steps)) if len(steps) else 0.0
    plain = name.lower()
    if re.search(r"(ms|msec|millis\w*)\W*$", plain):
        scale, unit = 1e-3, "milliseconds"
    elif re.search(r"(sec|seconds|[_(\s]s)\W*$", plain):
        scale, unit = 1.0, "seconds"
    else:
        scale, unit = (1e-6, "microseconds") if usual >= 1000 else (1e-3, "milliseconds") if usual >= 1 else (1.0, "")
        report.notes += [f"the column {name} is taken as {unit}, by its steps"] * bool(unit)
    times = values * scale
    if len(times) and np.nanmin(times) > EPOCH_S:
        report.notes.append(f"the column {name} holds dates: times count from the first")
        times = times - np.nanmin(times)
    return times
