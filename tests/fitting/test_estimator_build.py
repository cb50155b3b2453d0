"""The estimator from nothing: filmed, trained, measured, and taken up again where it stopped."""

import numpy as np
import pytest

from dfe_lib.errors import UserError
from dfe_lib.fitting import estimator_build
from dfe_lib.fitting.estimator import EstimatorConfig, ExpressionEstimator
from dfe_lib.fitting.estimator_build import BuildConfig, build_estimator
from dfe_lib.fitting.estimator_training import TrainingConfig
from dfe_lib.fitting.feature_network import FeatureConfig
from dfe_lib.morphable.anny import anny_head

SHORT = TrainingConfig(steps=5, batch=16)
MODELS = {
    "478": (EstimatorConfig(n_even=6, n_odd=4, hidden=8, depth=1), SHORT),
    "68": (EstimatorConfig(layout="68", n_even=6, n_odd=4, hidden=8, depth=1), SHORT),
}
FEATURES = FeatureConfig(hidden=8, depth=1), SHORT
FEW = {"actors": 2, "test_actors": 1, "moving_actors": 1, "moving_frames": 3, "workers": 1, "models": MODELS,
       "channel_actors": 1, "channel_frames": 3,
       "creased_actors": 2, "creased_frames": 2, "creased_neutral": 2, "features": FEATURES}  # fmt: skip
CONFIG = BuildConfig(frames=2, test_frames=2, **FEW)


class TwoHeads:
    """Stands in for Anny's whole identity space, which takes a minute to set up."""

    def identities(self, n: int, rng: np.random.Generator) -> np.ndarray:
        head = anny_head()
        return head.template + np.tensordot(rng.normal(0, 0.5, (n, 4)).astype(np.float32), head.identity[:4], 1)


def test_an_estimator_from_nothing_and_again_from_its_films(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(estimator_build, "HeadSampler", TwoHeads)
    films, out, actors, axes = (tmp_path / name for name in ("films", "model", "actors.parquet", "axes.safetensors"))
    errors = build_estimator(films, out, actors, CONFIG, axes)
    assert set(errors["condition"]) >= {"rendered", "rendered_large_pose", "exact_landmarks", "landmarks68"}
    assert np.isfinite(errors["mean_mm"]).all()
    card = (out / "README.md").read_text()
    assert "2 rendered actors" in card and "| ours_landmarks |" in card and "{" not in card
    made = sorted(films.rglob("actor_*.safetensors"))
    assert [path.parent.name for path in made] == ["channels", "creased", "creased", "moving", "test", "train", "train"]

    weights = {path: path.read_bytes() for path in out.rglob("*.safetensors")}
    kept, lost = made[-1], made[-2]
    before = kept.stat().st_mtime_ns
    lost.unlink()
    build_estimator(films, out, actors, CONFIG, axes)
    assert kept.stat().st_mtime_ns == before and lost.exists()
    assert weights == {path: path.read_bytes() for path in weights} and len(weights) == 3
    again = ExpressionEstimator.from_pretrained(out / "478")
    assert again.config.hidden == 8 and again.features is not None and again.features.config.hidden == 8

    with pytest.raises(UserError, match="another plan"):
        build_estimator(films, out, actors, BuildConfig(frames=3, **FEW))
