"""Every stage's throughput and memory in one run: `make bench`, five minutes on two idle cores."""

import argparse
from pathlib import Path

import pandas as pd

from ..io.machine import cpu_count
from ..io.paths import PROJECT, results_dir
from ..io.progress import bar
from ..io.scratch import scratch
from ..io.tables import atomic_path, write_csv
from ..report.bench import bench_figure
from .measure import measured
from .plan import SCALING, STAGE_COSTS, predicted_s, write_plan
from .stages import LIBRARIES, STAGES, encode_copies

__all__ = ["run_bench"]

FRAMES = 200_000
"""Invented frames for the stages that read no pictures."""
CLIPS = 12
"""Clips that workers share."""


def run_bench(frames: int = FRAMES, clips: int = CLIPS, folder: Path | None = None) -> pd.DataFrame:
    """Measures every stage, the libraries alone and one and two workers; writes tables and a figure.

    Arguments:
        frames: invented frames for the stages that read no pictures.
        clips: that the workers share.
        folder: where the tables go, `results/bench` when None.

    Returns:
        The table of stages: stage, by (`dfe` or the library), and the columns of :meth:`~.measure.Measured.row`.
    """
    folder = folder or results_dir("bench")
    with scratch() as work:
        stages = _stages(work, frames)
        write_csv(folder / STAGE_COSTS, stages, "%.4g")
        scaling = _checked(_scaling(work, clips))
    write_csv(folder / SCALING, scaling, "%.4g")
    with atomic_path(folder / "bench.png") as partial:
        bench_figure(stages, scaling).savefig(partial, format="png", dpi=150)
    return stages


def _stages(work: Path, frames: int) -> pd.DataFrame:
    rows = []
    for stage, ours in bar(STAGES.items(), desc="bench"):
        rows.append({"stage": stage, "by": "dfe"} | measured(ours, work, frames).row())
        if stage in LIBRARIES:
            name, alone = LIBRARIES[stage]
            rows.append({"stage": stage, "by": name} | measured(alone, work, frames).row())
    return pd.DataFrame(rows)


def _scaling(work: Path, clips: int) -> pd.DataFrame:
    """`dfe encode` of one clip and of many by one worker, of a clip each and of many by two."""
    rows = []
    for count, workers in ((1, 1), (clips, 1), (2, 2), (clips, 2)):
        found = measured(_Encoded(count, workers), work / f"{count}_{workers}", 0)
        row = {"clips": count, "workers": workers, "cpu_count": cpu_count(), "wall_s": found.wall_s}
        rows.append(row | {"cpu_s": found.cpu_s} | found.row())
    return pd.DataFrame(rows)


class _Encoded:
    """Work of so many clips and workers; a class, so that a process can be handed it."""

    def __init__(self, clips: int, workers: int):
        self.clips, self.workers = clips, workers

    def __call__(self, folder: Path, frames: int) -> tuple:
        return encode_copies(folder, self.clips, self.workers)


def _checked(scaling: pd.DataFrame) -> pd.DataFrame:
    """With what the schedule, which knows the other runs, predicts of the last, and how far off it is."""
    last = scaling.index[-1]
    scaling.loc[last, "predicted_s"] = predicted_s(scaling[:-1], int(scaling.clips[last]), int(scaling.workers[last]))
    return scaling.assign(off=scaling.predicted_s / scaling.wall_s - 1)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"invented frames (default: {FRAMES})")
    parser.add_argument("--clips", type=int, default=CLIPS, help=f"clips that workers share (default: {CLIPS})")
    parser.add_argument("--output", type=Path, help="folder of the tables (default: results/bench)")
    options = parser.parse_args()
    table = run_bench(options.frames, options.clips, options.output)
    print(table[["stage", "by", "frames_per_cpu_s", "frames_per_s", "memory_mb"]].round(1).to_string(index=False))
    if options.output is None:
        write_plan(PROJECT / "docs" / "how_long.md", results_dir("bench"))


if __name__ == "__main__":
    _main()
