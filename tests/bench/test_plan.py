from pathlib import Path

import pandas as pd
import pytest

from dfe_lib.bench.plan import plan_table, predicted_s, rates_of, write_plan
from dfe_lib.errors import UserError

SCALING = pd.DataFrame(
    {"clips": [1, 11, 2], "workers": [1, 1, 2], "cpu_count": 2, "frames": [100, 1100, 200],
     "wall_s": [3.0, 13.0, 7.5], "cpu_s": [4.0, 19.0, 11.0]}
)  # fmt: skip
"""A clip takes one second and one and a half of processor time; two workers share two cores."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    stages = {"stage": ["detect", "tokenise", "count", "encode"], "by": "dfe", "frames_per_cpu_s": 1.0,
              "cpu_us_per_frame": [8000.0, 20.0, 1.0, 15000.0], "memory_mb": [500, 600, 400, 1024],
              "bytes_per_frame": [5400.0, 30.0, 0.0, 100.0]}  # fmt: skip
    pd.DataFrame(stages).to_csv(tmp_path / "stages.csv", index=False)
    SCALING.assign(predicted_s=float("nan"), off=float("nan")).to_csv(tmp_path / "scaling.csv", index=False)
    return tmp_path


def test_rates_follow_from_runs_of_one_and_of_many_clips():
    rates = rates_of(SCALING)
    assert (rates.frame_s, rates.cores, rates.start_s) == pytest.approx((0.01, 1.5, 6.0))
    assert rates.slower(2, 2) == 1.5 and rates.slower(2, 64) == 1.0
    assert predicted_s(SCALING, clips=10, workers=2) == pytest.approx(6.0 + 5 * 1.5)


def test_a_plan_is_worked_out_from_the_tables(folder):
    plan = plan_table(folder, hours=[100.0], life_h=0.0).set_index("machine")
    frames = 100 * 3600 * 30
    assert plan.workers.to_dict() == {"laptop": 2, "server": 42, "cluster": 682}
    assert plan.cpu_h.unique() == pytest.approx([frames * 0.015 / 3600])
    assert plan.tokens_gb["laptop"] == pytest.approx(frames * 100 / 1e9)
    assert plan.encode_h["laptop"] == pytest.approx(frames * 0.01 / 2 / 3600, rel=0.01)
    assert plan.encode_h["laptop"] > plan.encode_h["server"] >= plan.encode_h["cluster"] > 0
    dying = plan_table(folder, hours=[100.0], workers=2, life_h=1.0)
    assert dying.lost_h[0] > 0 and dying.machine[0] == "this machine"


def test_the_page_is_filled_and_says_what_is_missing(folder, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Before\n<!--plan:costs-->\nold\n<!--/plan-->\nand <!--plan:check--><!--/plan--> after")
    write_plan(page, folder)
    text = page.read_text()
    assert "old" not in text and "| encode | dfe | 15,000 |" in text and text.endswith("after")
    with pytest.raises(UserError, match="run make bench first"):
        plan_table(tmp_path / "nothing")
