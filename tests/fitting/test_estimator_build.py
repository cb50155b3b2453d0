"""The estimator from nothing: filmed, trained, measured, and taken up again where it stopped."""

import numpy as np
import pytest

from dfe_lib.errors import UserError
from dfe_lib.fitting import estimator_build
from dfe_lib.fitting.estimator import EstimatorConfig, ExpressionEstimator
from dfe_lib.fitting.estimator_build import BuildConfig, build_estimator
from dfe_lib.fitting.estimator_training import TrainingConfig
from dfe_lib.morphable.anny import anny_head

SHORT = TrainingConfig(steps=5, batch=16)
MODELS = {
    "478": (EstimatorConfig(n_even=6, n_odd=4, hidden=8, depth=1), SHORT),
    "68": (EstimatorConfig(layout="68", n_even=6, n_odd=4, hidden=8, depth=1), SHORT),
}
FEW = {"actors": 2, "test_actors": 1, "moving_actors": 1, "moving_frames": 3, "workers": 1, "models": MODELS}
CONFIG = BuildConfig(frames=2, test_frames=2, **FEW)


class TwoHeads:
    """Stands in for Anny's whole identity space, which takes a minute to set up."""

    def identities(self, n: int, rng: np.random.Generator) -> np.ndarray:
        head = anny_head()
        return head.template + np.tensordot(rng.normal(0, 0.5, (n, 4)).astype(np.float32), head.identity[:4], 1)


def test_an_estimator_from_nothing_and_again_from_its_films(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(estimator_build, "HeadSampler", TwoHeads)
    films, out, actors = tmp_path / "films", tmp_path / "model", tmp_path / "actors.parquet"
    errors = build_estimator(films, out, actors, CONFIG)
    assert set(errors["condition"]) >= {"rendered", "rendered_large_pose", "exact_landmarks", "landmarks68"}
    assert np.isfinite(errors["mean_mm"]).all()
    card = (out / "README.md").read_text()
    assert "2 rendered actors" in card and "| ours |" in card and "{" not in card
    made = sorted(films.rglob("actor_*.safetensors"))
    assert [path.parent.name for path in made] == ["moving", "test", "train", "train"]

    weights = {path: path.read_bytes() for path in out.rglob("*.safetensors")}
    kept, lost = made[-1], made[-2]
    before = kept.stat().st_mtime_ns
    lost.unlink()
    build_estimator(films, out, actors, CONFIG)
    assert kept.stat().st_mtime_ns == before and lost.exists()
    assert weights == {path: path.read_bytes() for path in weights} and len(weights) == 2
    assert ExpressionEstimator.from_pretrained(out / "478").config.hidden == 8

    with pytest.raises(UserError, match="another plan"):
        build_estimator(films, out, actors, BuildConfig(frames=3, **FEW))
