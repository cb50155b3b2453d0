"""Kills `dfe encode` and the five steps at random points, and checks that what is whole stays and the rest is redone.

`make faults` runs this file: `python tests/faults/harness.py [KILLS] [SEED]`. A seventh of the kills are for the steps,
the others for encode. Each run is a fork of this process, so that what all of them import is imported once; it is
killed (SIGKILL) when it and its children have computed for a random part of what an undisturbed run takes, which
depends on nobody else at work. Of several processes, one is drawn.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
OF_STEPS = 7
"""One kill in so many is of a step, which takes longest."""
ORPHAN_S = 120
"""Seconds of waiting after which a process that outlives its parent is one too many."""
TIMED = ("manifest.json", "fit_speed.csv", "training_speed.csv")
"""Files that hold times."""
STEPS = ("01_preprocess", "02_fit_3dmm", "03_train", "04_codebook_vs_facs", "05_downstream")
SMALL = {
    "01_preprocess": {"media": ["carphone_pristine.mp4", "multi_face.jpg"], "subjects": {}, "cohort_people": 4,
                      "cohort_minutes": 0.3, "filmed_people": 0},
    "02_fit_3dmm": {"shown_actors": 0},
    "03_train": {"codebook_size": 16, "steps": 8, "start_frames": 512, "train_frames": 600, "folds": 0, "n_seeds": 1,
                 "methods": "none", "heldout_subjects": []},
    "04_codebook_vs_facs": {"compared": 100, "fitted": 100, "n_queries": 20, "n_trainings": 1, "training_frames": 256},
    "05_downstream": {"people": 10, "sizes": [10], "reference_people": 2},
}  # fmt: skip


@dataclass
class Report:
    """What was done and found."""

    kills: Counter = field(default_factory=Counter)
    kept: int = 0
    faults: list[str] = field(default_factory=list)

    def check(self, is_good: bool, fault: str) -> None:
        if not is_good:
            self.faults.append(fault)
            print(f"FAULT {fault}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Case:
    """Something that may be killed.

    Arguments:
        run: does all of it, or what is missing. whole: the files that it has finished, by name.
        leftovers: what it must not leave once it has ended.
        kept: folders, as their names begin, whose finished files no later run may touch; the others are joined or
            summed up from them, and made again.
    """

    name: str
    run: Callable[[], None]
    whole: Callable[[], dict[str, Path]]
    leftovers: Callable[[], list[Path]]
    kept: tuple[str, ...]


def disturbed(
    case: Case, kills: int, draw: random.Random, report: Report, wanted: dict[str, str], cost_s: float
) -> None:
    """Kills runs of a case, then lets one end, and compares what is there with what is wanted."""
    cost_s, done = max(cost_s, 0.05), 0
    while done < kills:
        before = _marks(case)
        if not killed(case.run, draw.uniform(0, cost_s), draw):
            _ended(case, report, wanted)  # it was done before its time had come: all of it anew
            cost_s *= 0.8
            continue
        done += 1
        report.kills[case.name] += 1
        after = _marks(case)
        again = sorted(name for name in before if after.get(name) != before[name])
        report.check(not again, f"{case.name}: {again[:5]} lost or done again")
        report.kept += len(after)
        hashes = _hashes(case)
        report.check(hashes.items() <= wanted.items(), f"{case.name}: {_differing(hashes, wanted)} after a kill")
    report.check(finished(case.run) is not None, f"{case.name}: it does not end well after the kills")
    _ended(case, report, wanted)


def _ended(case: Case, report: Report, wanted: dict[str, str]) -> None:
    found = _hashes(case)
    report.check(found == wanted, f"{case.name}: {_differing(found, wanted)} at the end")
    report.check(not case.leftovers(), f"{case.name}: leftovers {[path.name for path in case.leftovers()][:5]}")
    for path in case.whole().values():
        path.unlink()


def _differing(found: dict[str, str], wanted: dict[str, str]) -> list[str]:
    return sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))[:5]


def _marks(case: Case) -> dict[str, int]:
    return {name: path.stat().st_mtime_ns for name, path in case.whole().items() if name.startswith(case.kept)}


def _hashes(case: Case) -> dict[str, str]:
    return {name: sha256(path.read_bytes()).hexdigest() for name, path in case.whole().items()}


def finished(run: Callable[[], None]) -> float | None:
    """Seconds of computing of an undisturbed run; None where it fails."""
    pid, cost_s = _forked(run), 0.0
    process = psutil.Process(pid)
    while process.status() != psutil.STATUS_ZOMBIE:
        cost_s = max(cost_s, _seconds(process))
        time.sleep(0.01)
    return cost_s if os.waitpid(pid, 0)[1] == 0 else None


def killed(run: Callable[[], None], after_s: float, draw: random.Random) -> bool:
    """Kills a run, or one of its processes, after so many seconds of computing; was there time to?"""
    pid = _forked(run)
    process, seen = psutil.Process(pid), list[psutil.Process]()
    while process.status() != psutil.STATUS_ZOMBIE and _seconds(process) < after_s:
        time.sleep(0.002)
    with suppress(psutil.Error):
        seen = process.children(recursive=True)
    is_there = process.status() != psutil.STATUS_ZOMBIE
    if is_there:
        victim = draw.choice([process, *seen]) if draw.random() < 0.3 else process
        with suppress(psutil.Error):
            victim.kill()
        if victim is not process:  # the run goes on, or ends with a sentence
            os.waitpid(pid, 0)
            return True
    os.waitpid(pid, 0)
    _, left = psutil.wait_procs(seen, timeout=ORPHAN_S)
    for orphan in left:
        orphan.kill()
        raise RuntimeError(f"{orphan} has outlived its parent by {ORPHAN_S} s")
    return is_there


def _forked(run: Callable[[], None]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.dup2(log, 1)
        os.dup2(log, 2)
        run()
        code = 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def _seconds(process: psutil.Process) -> float:
    """Of computing, by it and what it has started and not yet waited for."""
    total = 0.0
    with suppress(psutil.Error):
        for each in [process, *process.children(recursive=True)]:
            times = each.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def encode_cases(folder: Path) -> Iterator[tuple[Case, float]]:
    """Cases of encode, and their share of the kills."""
    from clip_files import short_clip, small_model
    from video_files import real_frames, write_video

    from dfe_lib.blendshapes import ACTIONS

    model, clips = small_model(folder / "model"), folder / "clips"
    short_clip(clips / "one.mp4", count=12)
    several = folder / "several"
    for number in range(3):
        short_clip(several / f"clip{number}.mp4", count=4 + number)
    (several / "psi.csv").write_text(
        "\n".join([",".join(["clip_id", "frame", "time_s", *ACTIONS])]
                  + [",".join(["psi", str(row), str(row / 25), *["0.1"] * len(ACTIONS)]) for row in range(9)]) + "\n"
    )  # fmt: skip
    frames = [frame.rgb[:144, :192] for frame in real_frames("carphone_pristine.mp4", 66)]
    long = write_video(folder / "long.mp4", frames, [10_000 * row for row in range(66)], key_every=4)
    yield _encode("encode, one clip", [clips / "one.mp4"], model, folder / "out1", 1), 0.3
    yield _encode("encode, segments", [long], model, folder / "out2", 1), 0.35
    yield _encode("encode, several clips", [several], model, folder / "out3", 1), 0.25
    yield _encode("encode, two workers", [several], model, folder / "out4", 2), 0.1


def _encode(name: str, inputs: Sequence[Path], model: Path, folder: Path, workers: int) -> Case:
    from dfe_lib.cli import main

    out, parts = folder / "out.csv", folder / "out.csv.parts"

    def run() -> None:
        arguments = ["encode", *map(str, inputs), "-o", str(out), "--model", str(model), "--workers", str(workers)]
        if main(arguments):
            raise RuntimeError("it failed")

    def whole() -> dict[str, Path]:
        there = [*parts.glob("[!.]*"), *folder.glob("*.csv")]
        return {str(path.relative_to(folder)): path for path in there if path.is_file()}

    return Case(name, run, whole, lambda: [*folder.glob(".*"), *parts.glob(".*")], (parts.name,))


def step_cases(folder: Path) -> Iterator[Case]:
    """A case for each step, in order; a later one needs the earlier ones."""
    import yaml

    params = folder / "params"
    params.mkdir()
    for name, values in SMALL.items():
        (params / f"{name}.yaml").write_text(yaml.safe_dump(values))
    for name in STEPS:
        yield _step(name, params, Path(os.environ["DFE_RESULTS"]) / "faults")


def _step(name: str, params: Path, folder: Path) -> Case:
    """A step, and the files of the run that were not there before it."""
    earlier = set(_results(folder))

    def run() -> None:
        from dfe_lib.study.runner import Runner

        Runner("faults", params=params, report=lambda line: None).execute(only=[name])

    def whole() -> dict[str, Path]:
        return {str(path.relative_to(folder)): path for path in _results(folder) if path not in earlier}

    def leftovers() -> list[Path]:
        return [path for path in folder.rglob(".*") if path.name != ".state.json"]

    return Case(name, run, whole, leftovers, ("frames", "expressions"))


def _results(folder: Path) -> list[Path]:
    from dfe_lib.io.run import KINDS

    found = (path for kind in KINDS for path in (folder / kind).rglob("*") if path.is_file())
    return [path for path in found if path.name not in TIMED and not path.name.startswith(".")]


def main() -> int:
    kills, seed = (int(value) for value in [*sys.argv[1:], *["100", "0"][len(sys.argv) - 1 :]][:2])
    draw, report = random.Random(seed), Report()
    with tempfile.TemporaryDirectory(prefix="dfe-faults-") as name:
        folder = Path(name)
        _prepare(folder)
        for case, share in encode_cases(folder):
            count = round(share * (kills - kills // OF_STEPS))
            _undisturbed_then_disturbed(case, count, draw, report)
        per_step = -(-(kills // OF_STEPS) // len(STEPS))
        for case in step_cases(folder):
            _undisturbed_then_disturbed(case, per_step, draw, report)
            report.check(finished(case.run) is not None, f"{case.name}: does not run for the next step")
        _check_tmpdir(folder / "tmp", report)
    for case_name, count in report.kills.items():
        print(f"{case_name:<24} {count:4d} kills")
    print(f"{report.kills.total()} kills, {report.kept} finished files kept, {len(report.faults)} faults, seed {seed}")
    print(f"{sum(os.times()[:4]):.0f} s of computing")
    return int(bool(report.faults))


def _undisturbed_then_disturbed(case: Case, kills: int, draw: random.Random, report: Report) -> None:
    if not kills:
        return
    cost_s = finished(case.run)
    report.check(cost_s is not None, f"{case.name}: fails undisturbed")
    wanted = _hashes(case)
    for path in case.whole().values():
        path.unlink()
    print(f"{case.name}: {cost_s or 0:.1f} s, {len(wanted)} files", file=sys.stderr, flush=True)
    disturbed(case, kills, draw, report, wanted, cost_s or 1.0)


def _prepare(folder: Path) -> None:
    """Everything below one folder, and what all runs import."""
    import dfe_lib.encoding.batch  # noqa: F401

    (folder / "tmp").mkdir()
    os.environ |= {"TMPDIR": str(folder / "tmp"), "DFE_RESULTS": str(folder / "results"), "OMP_NUM_THREADS": "1"}
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    tempfile.tempdir = str(folder / "tmp")
    global LOG
    LOG = str(folder / "log.txt")


LOG = os.devnull


def _check_tmpdir(tmp: Path, report: Report) -> None:
    """What killed runs left there is gone once it is a day old."""
    from dfe_lib.io.scratch import OLD_S, scratch

    left = list(tmp.iterdir())
    for path in left:
        os.utime(path, (time.time() - OLD_S - 60,) * 2)

    def sweep() -> None:
        with scratch():
            pass

    finished(sweep)
    print(f"{len(left)} leftovers in TMPDIR before they were a day old, {len(list(tmp.iterdir()))} after", flush=True)
    report.check(not list(tmp.iterdir()), f"TMPDIR keeps {[path.name for path in tmp.iterdir()][:5]}")


if __name__ == "__main__":
    sys.path[:0] = [str(HERE), str(HERE.parent / "helpers"), str(HERE.parents[1])]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    sys.exit(main())
