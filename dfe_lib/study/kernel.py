"""One notebook in its own kernel: a fixed environment, its peak memory, and an error that fits on one screen."""

import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from ..errors import UserError
from ..io.paths import PROJECT, STANDS
from ..io.scratch import scratch

__all__ = ["Announcements", "PeakMemory", "StepError", "arithmetic", "execute_notebook"]

SOURCE_LINES, ERROR_LINES, WIDTH = 20, 12, 160
"""What a failure may take on the screen."""


SUMS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")
"""Threads: their number is the number of partial sums, so it is not that of the machine's cores."""
AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_CBWR": "AVX2,STRICT",
    "OPENBLAS_CORETYPE": "Haswell",  # numpy, scipy and faiss have one each
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
    "FAISS_SIMD_LEVEL": "AVX2",
}
"""Code paths, by the variable that each library reads once, when it is loaded."""


class StepError(UserError):
    """A cell failed; the message shows its source and the error, and fits on one screen."""

    def __init__(self, message: str) -> None:
        ValueError.__init__(self, message)  # the cell and its error stay on lines of their own


def execute_notebook(notebook: Path, output: Path, parameters: Mapping[str, object]) -> None:
    """Execute a notebook from the project's folder into a copy, and never over itself.

    Arguments:
        notebook: The source.
        output: The executed copy.
        parameters: Set in a cell after the one tagged `parameters`.

    Raises:
        StepError: a cell failed or the kernel died.
    """
    import papermill  # slow to import, and not needed when every step is skipped
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    if output.resolve() == notebook.resolve():
        raise UserError(f"{notebook.name} would be executed over itself: set DFE_RESULTS to another folder.")
    output.parent.mkdir(parents=True, exist_ok=True)
    options = {"progress_bar": False, "kernel_name": "python3", "language": "python", "cwd": PROJECT}
    options["extra_arguments"] = ["--IPKernelApp.log_level=40"]  # or each kernel says that it talks to itself over TCP
    try:
        with _kernel_environment(), _swept_temporaries():
            papermill.execute_notebook(notebook, output, dict(parameters), **options)
    except PapermillExecutionError as error:
        raise StepError(_screen(output, error)) from None
    except DeadKernelError:
        raise StepError(f"{output.stem} stopped: its kernel died, as it does when memory runs out.") from None


class PeakMemory:
    """Peak memory of the processes started inside the block, in MB, watched from a thread."""

    def __enter__(self) -> "PeakMemory":
        self.peak_mb = 0
        self._others = {child.pid for child in psutil.Process().children(recursive=True)}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            children = psutil.Process().children(recursive=True)
            peaks = [_peak_mb(child) for child in children if child.pid not in self._others]
            self.peak_mb = max([self.peak_mb, *peaks])


class Announcements:
    """Hands on what the notebook of the block announces (`Study.announce`), as it does, from a thread.

    Arguments:
        path: file that it writes to; what an earlier notebook left there is removed.
        report: takes each sentence.
    """

    def __init__(self, path: Path, report: Callable[[str], object]) -> None:
        self.path, self.report, self.told = path, report, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Announcements":
        self.path.unlink(missing_ok=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self._tell()
        self.path.unlink(missing_ok=True)

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            self._tell()

    def _tell(self) -> None:
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1] if self.path.exists() else []
        for line in lines[self.told :]:
            self.report(line)
        self.told = len(lines)


def _peak_mb(process: psutil.Process) -> int:
    # Linux keeps the high-water mark itself, so that no peak falls between two looks.
    try:
        text = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        return int(re.findall(r"VmHWM:\s+(\d+) kB", text)[0]) // 1024
    except (OSError, IndexError):
        pass
    try:
        return process.memory_info().rss // 2**20
    except psutil.Error:
        return 0


def arithmetic() -> dict[str, str]:
    """Environment variables under which every machine computes alike: one order of summation, one set of kernels.

    Libraries choose their kernels by the processor, and each rounds in its own way. On x86 with AVX2 all of them are
    held to AVX2, at a few percent of the time; MKL's choice is the one that training amplifies (with it fixed, the
    oldest code paths of all the others gave the same tokens). Other machines keep the libraries' choice.
    """
    return SUMS | (AVX2 if _has_avx2() else {})


def _has_avx2() -> bool:
    try:
        return " avx2 " in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


@contextmanager
def _kernel_environment() -> Iterator[None]:
    """Hashing and arithmetic fixed for the kernels, since both change results, and where the user stands; what the
    user has set stays."""
    wanted = {"PYTHONHASHSEED": "0", "CUBLAS_WORKSPACE_CONFIG": ":4096:8", STANDS: str(Path.cwd())} | arithmetic()
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextmanager
def _swept_temporaries() -> Iterator[None]:
    """The file of a kernel's ports, which Jupyter puts where temporary files go, in a folder that outlives no kill
    for long."""
    before = tempfile.tempdir
    with scratch() as folder:
        tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before


def _screen(output: Path, error: Exception) -> str:
    """The failing cell and its error, without colours, short enough to see at once."""
    source, name, value, trace = (getattr(error, part) for part in ("source", "ename", "evalue", "traceback"))
    where = "/".join(output.parts[-3:])
    lines = _plain("\n".join(trace)).splitlines()
    # A UserError says it all in its sentence; of any other, the end of the trace matters most.
    shown = [value] if name == "UserError" else _clip(lines[::-1], ERROR_LINES)[::-1]
    head = f"{output.stem} stopped at a failing cell (results/{where} holds all of it):"
    return "\n".join([head, "", *(f"    {line}" for line in _clip(source.splitlines(), SOURCE_LINES)), "", *shown])


def _clip(lines: Sequence[str], count: int) -> list[str]:
    kept = [line[:WIDTH] for line in lines[:count]]
    return [*kept, "..."] if len(lines) > count else kept


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
