from pathlib import Path

import numpy as np

from dfe_lib.bench.measure import measured


def busy(folder: Path, frames: int):
    """Sums that take processor time, 200 MB of memory, and a file of 1,000 bytes."""

    def run() -> int:
        numbers = np.ones(25_000_000)
        for _ in range(20):
            numbers.sum()
        (folder / "out").write_bytes(bytes(1000))
        return 1000

    return run, 2 * frames


def test_work_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    found = measured(busy, tmp_path, 50)
    assert found.frames == 100 and found.row()["bytes_per_frame"] == 10
    assert 0 < found.cpu_s <= found.wall_s * 1.5 and found.memory_mb > 190
    assert found.row()["frames_per_cpu_s"] == 100 / found.cpu_s
    assert (tmp_path / "out").exists()
