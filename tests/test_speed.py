import time

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.io.assets import asset
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig
from dfe_lib.speed import _both, encode_speed


def test_both_are_timed_on_the_same_frames_in_each_round(tmp_path) -> None:
    RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16)).save_pretrained(tmp_path)
    table = encode_speed(asset("single_face.mp4"), tmp_path, rounds=2)
    assert len(table) == 2 and (table > 0).all(axis=None)
    assert (table.ratio * table.facelandmarker_fps).round(6).equals(table.encode_fps.round(6))
    assert table.ratio.between(0.05, 3).all()


def test_seconds_are_of_processor_time_and_by_the_clock_whoever_goes_first(monkeypatch) -> None:
    order, at = [], {"cpu": 0.0, "clock": 0.0}
    monkeypatch.setattr(time, "process_time", lambda: at["cpu"])
    monkeypatch.setattr(time, "perf_counter", lambda: at["clock"])

    def passes(name: str, cpu: float, clock: float) -> None:
        order.append(name)
        at["cpu"] += cpu
        at["clock"] += clock

    for first in (0, 1):
        found = _both([lambda: passes("busy", 4.0, 4.0), lambda: passes("idle", 0.5, 8.0)], first)
        assert found == ([4.0, 0.5], [4.0, 8.0])
    assert order == ["busy", "idle", "idle", "busy"]
