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


def test_seconds_are_of_processor_time_and_by_the_clock_whoever_goes_first() -> None:
    order: list[str] = []

    def busy() -> None:
        order.append("busy")
        end = time.process_time() + 0.05
        while time.process_time() < end:
            pass

    def idle() -> None:
        order.append("idle")
        time.sleep(0.1)

    for first in (0, 1):
        (busy_cpu, idle_cpu), (_, idle_clock) = _both([busy, idle], first)
        assert busy_cpu > 0.04 > idle_cpu and idle_clock > 0.09
    assert order == ["busy", "idle", "idle", "busy"]
