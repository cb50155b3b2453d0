from pathlib import Path

import pytest

from dfe_lib.bench.stages import LIBRARIES, STAGES


@pytest.mark.parametrize("stage", ["tokenise", "write", "read", "count"])
def test_work_on_invented_frames_writes_what_it_says(stage: str, tmp_path: Path) -> None:
    run, frames = STAGES[stage](tmp_path, 1024)
    written = run()
    assert frames == 1024 and (written > 10 * frames) == (stage in ("tokenise", "write"))


def test_libraries_are_beside_stages_that_there_are() -> None:
    assert set(LIBRARIES) <= set(STAGES)
