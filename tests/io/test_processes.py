import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import deadly_tasks as tasks
import psutil
import pytest
from tqdm import tqdm

from dfe_lib.errors import UserError
from dfe_lib.io.processes import Processes, WorkerDied


@pytest.fixture
def shown() -> Iterator[tqdm]:
    with tqdm(total=100, file=open(os.devnull, "w")) as bar:  # noqa: PTH123
        yield bar


@pytest.fixture
def two(tmp_path: Path, shown: tqdm) -> Iterator[Processes]:
    with Processes(2, tmp_path, shown) as processes:
        yield processes


def test_tasks_are_done_in_other_processes_and_move_the_bar(two: Processes, shown: tqdm) -> None:
    futures = [two.submit(tasks.double, number) for number in range(10)]
    found = [future.result() for future in futures]
    assert [number for number, _ in found] == list(range(0, 20, 2))
    assert os.getpid() not in {who for _, who in found} and len({who for _, who in found}) <= 2
    assert shown.n == sum(range(10))


def test_a_crash_costs_its_task_alone_and_a_kill_nothing(two: Processes, tmp_path: Path) -> None:
    futures = [two.submit(tasks.double, 1), two.submit(tasks.abort), two.submit(tasks.killed_once, tmp_path / "mark")]
    futures += [two.submit(tasks.double, number) for number in range(4)]
    with pytest.raises(WorkerDied, match=r"died twice \(SIGABRT\)"):
        futures[1].result()
    assert futures[2].result() == 1
    assert [future.result()[0] for future in futures[:1] + futures[3:]] == [2, 0, 2, 4, 6]
    assert not list(tmp_path.glob("core*"))


def test_what_a_task_raises_is_raised_where_its_result_is_asked_for(two: Processes) -> None:
    with pytest.raises(FileNotFoundError, match="no such clip"):
        two.submit(tasks.fail).result()
    with pytest.raises(UserError, match="damaged"):
        two.submit(tasks.refuse).result()


def test_an_error_ends_the_processes_at_once(tmp_path: Path, shown: tqdm) -> None:
    mark = tmp_path / "mark"
    with pytest.raises(KeyboardInterrupt), Processes(1, tmp_path, shown) as processes:
        future = processes.submit(tasks.note_and_wait, mark)
        pid = waited_for(mark)
        raise KeyboardInterrupt
    assert not psutil.pid_exists(pid) and isinstance(future.exception(), WorkerDied)


def test_they_end_with_a_killed_parent(tmp_path: Path) -> None:
    """Which is a script without a guard around its main part."""
    script, mark = tmp_path / "script.py", tmp_path / "mark"
    script.write_text(f"""if 1:
        from pathlib import Path
        import deadly_tasks as tasks
        from tqdm import tqdm
        from dfe_lib.io.processes import Processes
        Processes(1, Path({str(tmp_path)!r}), tqdm(disable=True)).submit(tasks.note_and_wait, Path({str(mark)!r}))
    """)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, str(script)], env=environment) as parent:
        pid = waited_for(mark)
        parent.send_signal(signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=20)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def waited_for(mark: Path) -> int:
    for _ in range(3000):
        if mark.exists() and mark.read_text():
            return int(mark.read_text())
        time.sleep(0.01)
    pytest.fail("it has not begun")
