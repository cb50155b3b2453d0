import numpy as np
import pytest
import torch
from planted import invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.io.tables import SIMULATED, expressions_schema, table_writer
from dfe_lib.quantisation import training
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig
from dfe_lib.quantisation.streaming import ParquetFrames, shuffled_batches
from dfe_lib.quantisation.training import train

NAMES = ("jawOpen", "jawLeft")


def write(path, number, names=NAMES):
    """A clip whose psi says which clip and frame it is; every tenth frame is not valid."""
    count = 700
    psi = np.stack([np.full(count, number), np.arange(count)], axis=1).astype(np.float32)
    psi = np.tile(psi, (1, len(names) // 2)) / 1000
    with table_writer(path, expressions_schema(names)) as table:
        table.write({
            "clip_id": path.stem, "subject_id": path.stem, "face_id": 0, "frame": np.arange(count),
            "time_s": np.arange(count) / 25, "data": SIMULATED, "psi": psi, "residual_mm": 0.0,
            "valid": np.arange(count) % 10 != 0,
        })  # fmt: skip
    return path


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> ParquetFrames:
    folder = tmp_path_factory.mktemp("clips")
    return ParquetFrames([write(folder / f"{i}.parquet", i) for i in range(5)], buffer=1500)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_a_pass_has_every_valid_frame_once(frames):
    batches = frames.batches(50, generator())
    seen = torch.cat([next(batches) for _ in range(63)])  # 5 clips of 630 valid frames
    assert len(torch.unique(seen, dim=0)) == 5 * 630 == len(seen)


def test_batches_mix_clips_and_hang_on_the_seed_alone(frames):
    first, again = (next(frames.batches(200, generator())) for _ in range(2))
    assert torch.equal(first, again)
    assert len(first[:, 0].unique()) >= 3
    other = next(frames.batches(200, torch.Generator().manual_seed(4)))
    assert not torch.equal(first, other)


def test_sample_is_even_over_the_corpus(frames):
    sample = frames.sample(1000, generator())
    assert len(sample) == 1000 == len(torch.unique(sample, dim=0))
    share = torch.bincount((1000 * sample[:, 0]).round().long(), minlength=5) / 1000
    assert (share - 0.2).abs().max() < 0.05
    assert len(frames.sample(10_000, generator())) == 5 * 630


def test_frames_of_other_people_are_passed_over(frames):
    some = ParquetFrames(frames.paths, buffer=1500, people=["1", "3"])
    seen = some.sample(10_000, generator())
    assert len(seen) == 2 * 630 and set((1000 * seen[:, 0]).round().int().tolist()) == {1, 3}


def test_batches_in_memory_have_every_frame_once_a_pass():
    batches = shuffled_batches(torch.arange(12.0)[:, None], 5, generator())
    seen = torch.cat([next(batches) for _ in range(12)]).flatten()
    assert torch.equal(seen[:12].sort().values, torch.arange(12.0)) and not torch.equal(seen[:12], torch.arange(12.0))


def test_training_from_tables_streams_what_is_more_than_the_sample(tmp_path, monkeypatch):
    paths = [write(tmp_path / f"{i}.parquet", i, ACTIONS) for i in range(3)]
    config = TrainConfig(steps=20, start_rounds=1, start_frames=300, batch_size=64, evaluate_every=20, mirror=True)
    errors = []
    for sample in (500, 65_536):
        monkeypatch.setattr(training, "SAMPLE", sample)
        model = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16))
        history = train(model, ParquetFrames(paths), np.zeros((0, 52), np.float32), invented_metric(), config)
        errors.append(history["train_mm"].iloc[-1])
    assert errors[0] != errors[1] and errors[0] == pytest.approx(errors[1], rel=0.5)


def test_tables_of_two_kinds_are_refused(tmp_path):
    paths = [write(tmp_path / "a.parquet", 0), write(tmp_path / "b.parquet", 0, ("exp1", "exp2"))]
    with pytest.raises(UserError, match="one kind"):
        ParquetFrames(paths)
