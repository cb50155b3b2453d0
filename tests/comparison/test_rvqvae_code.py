from pathlib import Path

import numpy as np
import torch
from planted import PlantedDisplays, invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.comparison.rvqvae_code import TrainedCode, speed_table
from dfe_lib.io.tables import SIMULATED, expressions_schema, table_writer
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.rvqvae import RvqVaeConfig
from dfe_lib.quantisation.streaming import ParquetFrames

PSI = PlantedDisplays.invented().sample(400, seed=1)[0].astype(np.float32)
METRIC = invented_metric()


def written(path: Path, psi: np.ndarray) -> Path:
    with table_writer(path, expressions_schema(ACTIONS)) as table:
        table.write({
            "clip_id": path.stem, "subject_id": path.stem, "face_id": 0, "frame": np.arange(len(psi)),
            "time_s": np.arange(len(psi)) / 25, "data": SIMULATED, "psi": psi, "residual_mm": 0.1,
            "valid": np.ones(len(psi), bool),
        })  # fmt: skip
    return path


def test_a_code_learns_from_its_stream_and_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    stream = ParquetFrames([written(tmp_path / "a.parquet", PSI[:200]), written(tmp_path / "b.parquet", PSI[200:])])
    shape = RvqVaeConfig(ACTIONS, codebook_size=16, n_stages=2)
    training = TrainConfig(steps=4, start_rounds=1, start_frames=300, batch_size=32, evaluate_every=2)
    kept = tmp_path / "training.safetensors"
    first = TrainedCode(shape, training, PSI[:50], stream=stream, checkpoint=kept).fit(0 * PSI, METRIC, 8)
    assert first.history.train_mm.iloc[-1] > 0.1 and kept.exists()  # it would be 0 of faces at rest
    again = TrainedCode(shape, training, PSI[:50], stream=stream, checkpoint=kept).fit(PSI, METRIC, 8)
    assert all(torch.equal(a, b) for a, b in zip(*(c.model.state_dict().values() for c in (first, again)), strict=True))
    assert np.isnan(again.seconds).tolist() == [True] * 3 and np.isfinite(first.seconds).all()
    assert speed_table({"again": again}, PSI).steps.tolist() == [4]
