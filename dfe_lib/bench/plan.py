"""What so many hours of video take, worked out from what the bench measured on this machine."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import UserError
from ..io.tables import write_text
from .schedule import clip_lengths, simulated_schedule

__all__ = ["MACHINES", "Rates", "cost_model", "plan_table", "predicted_s", "rates_of", "write_plan"]

STAGE_COSTS, SCALING = "stages.csv", "scaling.csv"
"""Tables of the bench."""
MACHINES = {"laptop": 4, "server": 64, "cluster": 1024}
"""Cores: of a laptop, of a server, and of 16 such servers."""
HOURS = (10.0, 1000.0, 10_000.0)
FRAME_RATE = 30.0
LIFE_H = 24.0
"""Hours that a worker lives on average, in the plan's simulation; our choice."""
COSTS = ["stage", "by", "cpu_us_per_frame", "frames_per_cpu_s", "memory_mb", "bytes_per_frame"]


@dataclass(frozen=True)
class Rates:
    """What a worker of `dfe encode` takes.

    Arguments:
        frame_s: Seconds a frame by the clock, one worker alone on the machine. cores: That it keeps busy meanwhile.
        start_s: Seconds until workers of their own processes have started. cpu_count: Cores of the machine.
    """

    frame_s: float
    cores: float
    start_s: float
    cpu_count: int

    def slower(self, workers: int, cores: int) -> float:
        """How many times as long a frame takes where so many workers share so many cores."""
        return max(1.0, workers * self.cores / cores)


def cost_model(folder: Path) -> pd.DataFrame:
    """Rows of our stages, by name: processor time, memory and bytes a frame.

    Raises UserError where nothing was measured yet.
    """
    return _table(folder / STAGE_COSTS).query("by == 'dfe'").set_index("stage")


def rates_of(scaling: pd.DataFrame) -> Rates:
    """From runs of one clip and of many by one worker, and of a clip each by two (columns of `scaling.csv`)."""
    alone = scaling[scaling.workers == 1].sort_values("clips")
    first, many = alone.iloc[0], alone.iloc[-1]
    frames = many.frames - first.frames
    wall, cpu = many.wall_s - first.wall_s, many.cpu_s - first.cpu_s
    cores = int(many.cpu_count)
    rates = Rates(max(wall, 1e-9) / frames, cpu / max(wall, 1e-9), 0.0, cores)
    two = scaling[scaling.workers == 2].sort_values("clips").iloc[0]
    work = two.frames / two.workers * rates.frame_s * rates.slower(2, cores)
    return Rates(rates.frame_s, rates.cores, max(0.0, two.wall_s - work), cores)


def predicted_s(scaling: pd.DataFrame, clips: int, workers: int) -> float:
    """What the schedule says that a run of so many of the bench's clips takes on this machine, in seconds."""
    rates = rates_of(scaling)
    frames = scaling.frames.iloc[0] / scaling.clips.iloc[0]
    task = frames * rates.frame_s * rates.slower(workers, rates.cpu_count)
    return simulated_schedule([task] * clips, workers, rates.start_s).wall_s


def plan_table(
    folder: Path,
    hours: Sequence[float] = HOURS,
    workers: int = 0,
    kind: str = "interviews",
    life_h: float = LIFE_H,
) -> pd.DataFrame:
    """What so many hours of video at 30 frames a second take, on each kind of machine.

    Arguments:
        folder: of the bench's tables.
        hours: of video in all.
        workers: processes on this machine; 0 is a laptop, a server and a cluster with as many as their cores carry.
        kind: how long the clips are, of :func:`~.schedule.clip_lengths`.
        life_h: hours that a worker lives on average before it dies with the clip that it has.

    Returns:
        A row for each number of hours and machine: hours, machine, workers, encode_h (by the clock), lost_h (of
        workers, on clips that died), cpu_h, memory_gb (of all workers together), tokens_gb and landmarks_gb (on disk,
        the latter only where they are asked for), and cpu_h of tokenising psi again and of counting words.
    """
    costs, rates = cost_model(folder), rates_of(_table(folder / SCALING))
    places = {"this machine": (rates.cpu_count, workers)} if workers else {
        name: (cores, max(1, int(cores / max(rates.cores, 0.1)))) for name, cores in MACHINES.items()
    }  # fmt: skip
    rows = []
    for many in hours:
        lengths, frames = clip_lengths(kind, many), 3600 * many * FRAME_RATE
        for machine, (cores, count) in places.items():
            seconds = lengths * FRAME_RATE * rates.frame_s * rates.slower(count, cores)
            run = simulated_schedule(seconds, count, rates.start_s, 3600 * life_h)
            rows.append(
                {"hours": many, "machine": machine, "workers": count, "encode_h": run.wall_s / 3600,
                 "lost_h": run.lost_s / 3600, "cpu_h": frames * costs.cpu_us_per_frame["encode"] / 3.6e9,
                 "memory_gb": min(count, len(lengths)) * costs.memory_mb["encode"] / 1024,
                 "tokens_gb": frames * costs.bytes_per_frame["encode"] / 1e9,
                 "landmarks_gb": frames * costs.bytes_per_frame["detect"] / 1e9,
                 "tokenise_cpu_h": frames * costs.cpu_us_per_frame["tokenise"] / 3.6e9,
                 "count_cpu_h": frames * costs.cpu_us_per_frame["count"] / 3.6e9}
            )  # fmt: skip
    return pd.DataFrame(rows)


def write_plan(page: Path, folder: Path) -> None:
    """Fills the tables of a page, between `<!--plan:NAME-->` and `<!--/plan-->`, from those of the bench.

    Names are `costs`, `plan` and `check`.
    """
    scaling = _table(folder / SCALING)
    tables = {
        "costs": _table(folder / STAGE_COSTS)[COSTS],
        "plan": plan_table(folder),
        "check": scaling[["clips", "workers", "wall_s", "predicted_s", "off"]],
    }

    def filled(found: "re.Match[str]") -> str:
        return f"<!--plan:{found[1]}-->\n{_markdown(tables[found[1]])}\n<!--/plan-->"

    text = page.read_text(encoding="utf-8")
    write_text(page, re.sub(r"<!--plan:(\w+)-->.*?<!--/plan-->", filled, text, flags=re.DOTALL))


def _table(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise UserError(f"{path} does not exist: run make bench first, which measures this machine.")
    return pd.read_csv(path)


def _markdown(table: pd.DataFrame) -> str:
    lines = [list(table.columns), ["---"] * table.shape[1], *([_said(v) for v in row] for row in table.to_numpy())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _said(value: object) -> str:
    """Three digits, in full; nothing where there is no number."""
    if isinstance(value, str):
        return value
    number = float(value)  # type: ignore[arg-type]
    if np.isnan(number):
        return ""
    rounded = float(f"{number:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 or rounded.is_integer() else f"{rounded:g}"
