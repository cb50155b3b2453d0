"""Many short clips: a kill half way, the speed beside one long clip of the same frames, and two workers beside one.

`make scale` runs this file: `python tests/faults/scale.py [CLIPS] [FRAMES]`, 1,000 clips of 25 frames. Rates are by
seconds of computing, which other programs disturb less, and by the clock, which counts where nobody else is at work.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import psutil

HERE = Path(__file__).resolve().parent
SAMPLE = "carphone_pristine.mp4"
SHORT = 20
"""Clips that one worker and two are compared on."""


def make_clips(folder: Path, clips: int, frames: int) -> tuple[Path, Path]:
    """A folder of short clips, and one long clip of all their frames; slices of a sample, each encoded once."""
    from video_files import real_frames, write_video

    pictures = [frame.rgb[:144, :192] for frame in real_frames(SAMPLE)]
    starts = range(len(pictures) - frames)
    short = folder / "short"
    short.mkdir()
    for clip in range(clips):
        start = starts[clip % len(starts)]
        first = short / f"clip{clip % len(starts):05d}.mp4"
        if clip < len(starts):
            write_video(first, pictures[start : start + frames])
        else:
            shutil.copy(first, short / f"clip{clip:05d}.mp4")

    def every() -> Iterator[np.ndarray]:
        for clip in range(clips):
            start = starts[clip % len(starts)]
            yield from pictures[start : start + frames]

    return short, write_video(folder / "long.mp4", every())


def command(inputs: Sequence[Path], out: Path, workers: int = 1) -> list[str]:
    return [sys.executable, "-m", "dfe_lib.cli", "encode", *map(str, inputs), "-o", str(out), "--workers", str(workers)]


def timed(inputs: Sequence[Path], out: Path, workers: int = 1) -> tuple[float, float, str]:
    """Seconds of computing and by the clock of a run, and its last line."""
    used, began = _used(), time.perf_counter()
    done = subprocess.run(command(inputs, out, workers), capture_output=True, text=True, check=True)
    return _used() - used, time.perf_counter() - began, done.stdout.splitlines()[-1]


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def killed_half_way(inputs: Sequence[Path], out: Path, clips: int) -> dict[Path, int]:
    """The finished tables of a run that is killed once half of them are there, and when they were written."""
    parts = out.with_name(out.name + ".parts")
    with subprocess.Popen(command(inputs, out), stdout=subprocess.DEVNULL) as process:
        below = psutil.Process(process.pid)
        while process.poll() is None and len(list(parts.glob("[!.]*.parquet"))) < clips // 2:
            time.sleep(0.05)
        children = below.children(recursive=True)
        process.kill()
    psutil.wait_procs(children, timeout=60)
    return {path: path.stat().st_mtime_ns for path in parts.glob("[!.]*.parquet")}


def main() -> int:
    clips, frames = (int(value) for value in [*sys.argv[1:], *["1000", "25"][len(sys.argv) - 1 :]][:2])
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    with tempfile.TemporaryDirectory(prefix="dfe-scale-") as name:
        folder = Path(name)
        short, long = make_clips(folder, clips, frames)
        few = list(islice(sorted(short.iterdir()), SHORT))
        start_s, *_ = timed(few[:1], folder / "one.csv")
        kept = killed_half_way([short], folder / "all.csv", clips)
        used_s, clock_s, said = timed([short], folder / "all.csv")
        again = sum(path.stat().st_mtime_ns != mark for path, mark in kept.items())
        tables = len(list((folder / "all.csv.parts").glob("*.parquet")))
        print(f"{clips} clips of {frames} frames, killed after {len(kept)}: {said}")
        print(f"done again: {again}; tables: {tables}")
        new = (clips - len(kept)) * frames
        long_s, long_clock_s, _ = timed([long], folder / "long.csv")
        rates = new / (used_s - start_s), clips * frames / (long_s - start_s)
        print(f"frames a second of computing, without the start of {start_s:.1f} s: {rates[0]:.0f} in short clips, "
              f"{rates[1]:.0f} in one long clip, ratio {rates[0] / rates[1]:.2f}")  # fmt: skip
        print(f"by the clock, with the start: {new / clock_s:.0f} and {clips * frames / long_clock_s:.0f}")
        by = {workers: timed(few, folder / f"by{workers}.csv", workers) for workers in (1, 2)}
        same = (folder / "by1.csv").read_bytes() == (folder / "by2.csv").read_bytes()
        for workers, (used, clock, _) in by.items():
            print(f"{len(few)} clips, {workers} worker{'s' if workers > 1 else ''}: {clock:.1f} s by the clock, "
                  f"{used:.1f} s of computing, {used / clock:.2f} processors")  # fmt: skip
        print(f"two workers are {by[1][1] / by[2][1]:.2f} x as quick as one; the same tables: {same}")
    return int(bool(again or tables != clips or not same))


if __name__ == "__main__":
    sys.path[:0] = [str(HERE.parent / "helpers"), str(HERE.parents[1])]
    sys.exit(main())
