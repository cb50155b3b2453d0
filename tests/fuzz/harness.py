"""Damages small sound inputs of every kind and counts what the readers make of them.

`make fuzz` runs this file: `python tests/fuzz/harness.py [CASES] [SEED] [JOBS]`. Cases run in processes of their own;
one that hangs or crashes costs that process, and the next goes on after it. What is done to a case depends on the seed
and its number alone, so that any number of processes finds the same.
"""

import gc
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from select import select

import psutil

OUTCOMES = ("clear error", "unchanged", "changed and said", "another value", "changed silently", "stack trace", "hang",
            "crash")  # fmt: skip
"""`another value`: as many rows and columns, with another possible number or word in them."""
HANG_S = 60.0
"""Beyond this a case hangs; the slowest sound one takes a tenth of a second on an idle machine."""
NOBODY = {"target": "of no answer", "peak_mb": 0.0}
HERE = Path(__file__).resolve().parent
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
"""Where a system keeps files in memory: a case writes a handful, and a disk that others use takes most of its time."""


def run(cases: int, seed: int = 0, jobs: int = 1, progress: bool = False) -> dict:
    """Counts by target and outcome, peak memory of a process in MB, and the cases of each kind of fault.

    Arguments:
        cases: how many. seed: of all of them. jobs: processes that share them; they change nothing but the time.
        progress: whether faults are printed as they come, and how far it is.
    """
    with ThreadPoolExecutor(jobs) as pool:
        shares = pool.map(lambda job: list(_share(range(job, cases, jobs), seed, progress)), range(jobs))
        results = sorted(chain(*shares), key=lambda each: each["case"])
    counts: dict[str, Counter] = {}
    faults: dict[str, list[int]] = {}
    for each in results:
        counts.setdefault(each["target"], Counter())[each["outcome"]] += 1
        if each["detail"]:
            faults.setdefault(_fault(each), []).append(each["case"])
    peak = max((each["peak_mb"] for each in results), default=0.0)
    return {"cases": cases, "seed": seed, "peak_mb": peak, "counts": counts, "faults": faults}


def _fault(result: dict) -> str:
    return f"{result['outcome']}: {result['target']}: {result['detail']}"


def _share(cases: range, seed: int, progress: bool) -> Iterator[dict]:
    """Results of some cases, by as many processes in turn as it takes."""
    seen: set[str] = set()
    while cases:
        done = 0
        for result in _worker(cases, seed):
            done += 1
            if progress and result["detail"] and _fault(result) not in seen:
                seen.add(_fault(result))
                print(f"case {result['case']}: {_fault(result)}", file=sys.stderr, flush=True)
            if progress and result["case"] % 1000 == 0:
                print(f"case {result['case']}", file=sys.stderr, flush=True)
            yield result
        cases = cases[done:]


def _worker(cases: range, seed: int) -> Iterator[dict]:
    """Results of the cases by one process, as far as it comes; a hang or crash is the last of them."""
    process = subprocess.Popen(_command(cases, seed), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    left = iter(cases)
    try:
        for line in _lines(process):
            if line is None:
                yield NOBODY | {"case": next(left), "outcome": "hang", "detail": "no answer"}
                return
            next(left)
            yield json.loads(line)
        for case in left:
            yield NOBODY | {"case": case, "outcome": "crash", "detail": f"exit {process.wait()}"}
            return
        if process.wait():
            raise RuntimeError(f"a process ended with {process.returncode} after its last case")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _command(cases: range, seed: int) -> list[str]:
    return [
        sys.executable,
        str(HERE / "harness.py"),
        "--worker",
        *map(str, (cases.start, cases.stop, cases.step, seed)),
    ]


def _lines(process: subprocess.Popen) -> Iterator[bytes | None]:
    """Its lines; None, the last, where the next one does not come.

    Seconds of computing count, since others may use the machine; ten times as many of waiting are a hang as well.
    """
    rest, clock, waited = b"", _seconds(process), 0.0
    while True:
        ready, _, _ = select([process.stdout], [], [], HANG_S / 10)
        waited += HANG_S / 10
        if ready:
            data = os.read(process.stdout.fileno(), 1 << 16)
            *lines, rest = (rest + data).split(b"\n")
            yield from lines
            if not data:
                return
            clock, waited = _seconds(process), 0.0
        elif _seconds(process) - clock > HANG_S or waited > 10 * HANG_S:
            yield None
            return


def _seconds(process: subprocess.Popen) -> float:
    try:
        return sum(psutil.Process(process.pid).cpu_times()[:2])
    except psutil.Error:  # it has ended
        return 0.0


def _peak_mb() -> float:
    """Highest memory of this process since it began; `ru_maxrss` also counts that of the parent which forked it."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def work(cases: range, seed: int) -> None:
    """The cases one after the other, a line of JSON each."""
    import warnings

    from targets import TARGETS

    warnings.simplefilter("ignore")
    unseen = _unseen()
    weights = [target.weight for target in TARGETS]
    with tempfile.TemporaryDirectory(prefix="dfe-fuzz-", dir=MEMORY) as folder:
        sound = {target.name: _sound(target, Path(folder) / str(i)) for i, target in enumerate(TARGETS)}
        out = Path(folder) / "work"
        out.mkdir()
        gc.collect()
        gc.freeze()  # what was imported stays, and looking through it for garbage took a third of the time
        for case in cases:
            draw = random.Random(f"{seed} {case}")
            target = draw.choices(TARGETS, weights)[0]
            outcome, detail = _judged(target, draw, *sound[target.name], out)
            if unseen:
                outcome, detail = "stack trace", _place(unseen[0])
                unseen.clear()
            result = {"case": case, "target": target.name, "outcome": outcome, "detail": detail, "peak_mb": _peak_mb()}
            print(json.dumps(result), flush=True)


def _unseen() -> list[BaseException]:
    """Takes the errors that reach nobody, as in a callback or another thread, and are printed as a trace."""
    found: list[BaseException] = []

    def note(error) -> None:
        found.append(error.exc_value)

    sys.unraisablehook = threading.excepthook = note
    return found


def _sound(target, folder: Path) -> tuple[Path, dict[Path, bytes], tuple]:
    """What is read, the contents of its files, and what comes of reading it."""
    folder.mkdir()
    path = target.make(folder)
    files = {each: each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()}
    out = folder.with_name(folder.name + "_out")
    out.mkdir()
    return path, files, target.read(path, out)


def _judged(
    target, draw: random.Random, path: Path, files: dict[Path, bytes], wanted: tuple, out: Path
) -> tuple[str, str]:
    from targets import mutate

    from dfe_lib.errors import UserError

    damaged, data, how = mutate(draw, target, files)
    damaged.write_bytes(data)
    began = time.process_time()
    try:
        found = target.read(path, out)
    except UserError as error:
        bad = "\n" in str(error) or len(str(error)) > 1500
        return ("stack trace", "more than a sentence") if bad else ("clear error", "")
    except BaseException as error:
        return "stack trace", _place(error)
    finally:
        damaged.write_bytes(files[damaged])
        for left in out.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    if time.process_time() - began > HANG_S / 6:
        return "hang", "slow"
    outcome = _compared(found, wanted)
    return outcome, f"{damaged.name} by {how}" if outcome == "changed silently" else ""


def _place(error: BaseException) -> str:
    """The error and the line of ours that it came from."""
    where = traceback.extract_tb(error.__traceback__)
    ours = next((step for step in reversed(where) if "dfe_lib" in step.filename), where[-1] if where else None)
    place = f"{Path(ours.filename).name}:{ours.lineno}" if ours else "nowhere"
    return f"{type(error).__name__} at {place}: {str(error)[:90]}"


def _compared(found: tuple, wanted: tuple) -> str:
    import numpy as np

    same_names = list(map(str, found[0])) == list(map(str, wanted[0]))
    if same_names and all(
        _equal(np.asarray(a), np.asarray(b)) for a, b in zip(found[0].values(), wanted[0].values(), strict=True)
    ):
        return "unchanged"
    flags = [name for name in ("detected", "valid") if name in found[0]]
    marked = any(not np.array_equal(found[0][name], wanted[0].get(name)) for name in flags)
    if found[1] != wanted[1] or marked:
        return "changed and said"
    pairs = zip(found[0].values(), wanted[0].values(), strict=False)
    if same_names and all(np.shape(a) == np.shape(b) for a, b in pairs):
        return "another value"
    return "changed silently"


def _equal(a, b) -> bool:
    import numpy as np

    if a.shape != b.shape:
        return False
    if a.dtype.kind in "fc" and b.dtype.kind in "fc":
        return bool(np.array_equal(a, b, equal_nan=True))
    return bool(np.array_equal(a, b)) or repr(a.tolist()) == repr(b.tolist())


def table(found: dict) -> str:
    """Counts as text, a line a target."""
    width = max(len(name) for name in found["counts"])
    counts = dict(sorted(found["counts"].items())) | {"all": sum(found["counts"].values(), Counter())}
    lines = ["  ".join([" " * width, *OUTCOMES])]
    for name, each in counts.items():
        lines.append("  ".join([name.ljust(width), *(str(each[outcome]).rjust(len(outcome)) for outcome in OUTCOMES)]))
    lines.append(f"{found['cases']} cases, seed {found['seed']}, peak memory {found['peak_mb']:.0f} MB")
    return "\n".join(lines)


def main() -> int:
    cases, seed, jobs = (int(value) for value in [*sys.argv[1:], *["100000", "0", "1"][len(sys.argv) - 1 :]][:3])
    found = run(cases, seed, jobs, progress=True)
    print(table(found))
    for fault, where in sorted(found["faults"].items(), key=lambda each: -len(each[1])):
        print(f"  {len(where)} x {fault} (case {where[0]})")
    bad = ("stack trace", "hang", "crash")
    return int(
        any(counts[outcome] for counts in found["counts"].values() for outcome in bad) or found["peak_mb"] >= 1024
    )


if __name__ == "__main__":
    sys.path[:0] = [str(HERE), str(HERE.parent / "helpers"), str(HERE.parents[1])]
    if sys.argv[1:2] == ["--worker"]:
        first, stop, step, seed = map(int, sys.argv[2:])
        work(range(first, stop, step), seed)
    else:
        sys.exit(main())
