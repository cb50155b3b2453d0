"""Damages small sound inputs of every kind and counts what the readers make of them.

`make fuzz` runs this file: `python tests/fuzz/harness.py [CASES] [SEED]`. Cases run in a process of their own; one that
hangs or crashes costs that process, and the next goes on after it.
"""

import json
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
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


def run(cases: int, seed: int = 0, progress: bool = False) -> dict:
    """Counts by target and outcome, peak memory in MB, and of each kind of fault the first cases."""
    counts: dict[str, Counter] = {}
    faults: dict[str, list[str]] = {}
    peak, case = 0.0, 0
    while case < cases:
        for line in _worker(case, cases, seed):
            counts.setdefault(line["target"], Counter())[line["outcome"]] += 1
            if line["detail"]:
                fault = f"{line['outcome']}: {line['target']}: {line['detail']}"
                if progress and fault not in faults:
                    print(f"case {line['case']}: {fault}", file=sys.stderr, flush=True)
                faults.setdefault(fault, []).append(line["case"])
            peak, case = max(peak, line["peak_mb"]), line["case"] + 1
            if progress and case % 1000 == 0:
                print(f"{case} cases", file=sys.stderr, flush=True)
    return {"cases": cases, "seed": seed, "peak_mb": peak, "counts": counts, "faults": faults}


def _worker(first: int, cases: int, seed: int):
    """Results of the cases from `first` on; a hang or crash is the last of them."""
    command = [sys.executable, str(Path(__file__)), "--worker", str(first), str(cases), str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    case = first - 1
    try:
        for line in _lines(process):
            if line is None:
                yield NOBODY | {"case": case + 1, "outcome": "hang", "detail": "no answer"}
                return
            found = json.loads(line)
            case = found["case"]
            yield found
        if process.wait() or case + 1 < cases:
            yield NOBODY | {"case": case + 1, "outcome": "crash", "detail": f"exit {process.returncode}"}
    finally:
        process.kill()
        process.wait()


def _lines(process: subprocess.Popen):
    """Its lines; None, the last, where the next one does not come.

    Seconds of computing count, since others may use the machine; ten times as many of waiting are a hang as well.
    """
    clock, waited = _seconds(process), 0.0
    while True:
        ready, _, _ = select([process.stdout], [], [], HANG_S / 10)
        waited += HANG_S / 10
        if ready:
            line = process.stdout.readline()
            if not line:
                return
            yield line
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


def work(first: int, cases: int, seed: int) -> None:
    """The cases one after the other, a line of JSON each."""
    import warnings

    from targets import TARGETS

    warnings.simplefilter("ignore")
    weights = [target.weight for target in TARGETS]
    with tempfile.TemporaryDirectory(prefix="dfe-fuzz-") as folder:
        sound = {target.name: _sound(target, Path(folder) / str(i)) for i, target in enumerate(TARGETS)}
        for case in range(first, cases):
            draw = random.Random(f"{seed} {case}")
            target = draw.choices(TARGETS, weights)[0]
            outcome, detail = _judged(target, draw, *sound[target.name], Path(folder) / "work")
            peak = _peak_mb()
            result = {"case": case, "target": target.name, "outcome": outcome, "detail": detail, "peak_mb": peak}
            print(json.dumps(result), flush=True)


def _sound(target, folder: Path) -> tuple:
    folder.mkdir()
    path = target.make(folder)
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    out = folder.with_name(folder.name + "_out")
    out.mkdir()
    return path, files, target.read(path, out)


def _judged(target, draw: random.Random, path: Path, files: list[Path], wanted: tuple, out: Path) -> tuple[str, str]:
    from targets import mutate

    from dfe_lib.errors import UserError

    damaged, data, how = mutate(draw, target, files)
    before = damaged.read_bytes()
    damaged.write_bytes(data)
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    began = time.process_time()
    try:
        found = target.read(path, out)
    except UserError as error:
        bad = "\n" in str(error) or len(str(error)) > 1500
        return ("stack trace", "more than a sentence") if bad else ("clear error", "")
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = next((step for step in reversed(where) if "dfe_lib" in step.filename), where[-1])
        return "stack trace", f"{type(error).__name__} at {Path(ours.filename).name}:{ours.lineno}: {str(error)[:90]}"
    finally:
        damaged.write_bytes(before)
    if time.process_time() - began > HANG_S / 6:
        return "hang", "slow"
    outcome = _compared(found, wanted)
    return outcome, f"{damaged.name} by {how}" if outcome == "changed silently" else ""


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
    cases, seed = (int(value) for value in [*sys.argv[1:], *["100000", "0"][len(sys.argv) - 1 :]][:2])
    found = run(cases, seed, progress=True)
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
        work(*map(int, sys.argv[2:]))
    else:
        sys.exit(main())
