import numpy as np
import pytest
import torch
from planted import PlantedDisplays, invented_metric

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.io.tables import REAL, SIMULATED, expressions_schema, read_arrays, table_writer
from dfe_lib.quantisation import tokens as tokenisation
from dfe_lib.quantisation.config import TrainConfig
from dfe_lib.quantisation.metrics import error_mm
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig
from dfe_lib.quantisation.tokens import tokenise
from dfe_lib.quantisation.training import train

METRIC = invented_metric()
FRAMES = 700
PSI = PlantedDisplays.invented().sample(FRAMES, seed=5)[0]
VALID = np.arange(FRAMES) % 7 != 3


@pytest.fixture(scope="module")
def model() -> RvqVae:
    model = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=32, n_stages=3))
    train(model, PSI, PSI[:0], METRIC, TrainConfig(steps=0, start_rounds=2, start_frames=700))
    return model


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.parquet", PSI, VALID)


def write_clip(path, psi, valid, names=ACTIONS, data=REAL):
    with table_writer(path, expressions_schema(names, "planted")) as table:
        table.write({
            "clip_id": "clip", "subject_id": "anna", "face_id": np.where(valid, 0, -1),
            "frame": np.arange(len(psi)), "time_s": np.arange(len(psi)) / 25, "data": data, "psi": psi,
            "residual_mm": np.where(valid, 1.0, np.nan), "valid": valid,
        })  # fmt: skip
    return path


def test_the_table_holds_the_display_and_the_level_of_each_token(clip, tmp_path):
    strong = RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16, n_stages=3, decoder="additive", levels=4))
    strong.quantiser.codebook.data.zero_()[0, :, : len(ACTIONS)] = torch.as_tensor(PSI[:4])
    tokenise(strong, clip, tmp_path / "tokens.parquet", METRIC)
    table = read_arrays(tmp_path / "tokens.parquet")
    assert (table["tokens"][VALID] == 4 * table["displays"][VALID] + table["levels"][VALID]).all()
    assert table["levels"].max() == 3 and (table["displays"][~VALID] == -1).all()


def test_every_frame_has_a_row_and_only_valid_ones_tokens(model, clip, tmp_path):
    summary = tokenise(model, clip, tmp_path / "tokens.parquet", METRIC, hold_mm=0.0)
    table = read_arrays(tmp_path / "tokens.parquet")
    assert table["frame"].tolist() == list(range(FRAMES))
    assert (table["valid"] == VALID).all()
    assert (table["face_id"] == np.where(VALID, 0, -1)).all()
    assert (table["tokens"][~VALID] == -1).all()
    assert np.isnan(table["error_mm"][~VALID]).all()
    codes = model.encode(torch.from_numpy(PSI[VALID]))
    assert (table["tokens"][VALID] == codes.numpy()).all()
    errors = error_mm(PSI[VALID], model.decode(codes).numpy(), METRIC)
    np.testing.assert_allclose(table["error_mm"][VALID], errors, rtol=1e-6)
    assert summary == {"frames": FRAMES, "valid": VALID.sum(), "error_mm": pytest.approx(errors.mean(), rel=1e-6)}


def test_tokens_are_held_where_nothing_else_is_asked_for(model, clip, tmp_path):
    alone = tokenise(model, clip, tmp_path / "alone.parquet", METRIC, hold_mm=0.0)
    held = tokenise(model, clip, tmp_path / "held.parquet", METRIC)
    far = tokenise(model, clip, tmp_path / "far.parquet", METRIC, hold_mm=1e3)
    assert alone["error_mm"] <= held["error_mm"] < far["error_mm"]
    tokens = read_arrays(tmp_path / "far.parquet")["tokens"][VALID]
    assert (tokens == tokens[0]).all()


def test_what_is_simulated_stays_so(model, tmp_path):
    data = np.where(np.arange(9) % 2, REAL, SIMULATED)
    clip = write_clip(tmp_path / "mixed.parquet", PSI[:9], np.ones(9, bool), data=data)
    tokenise(model, clip, tmp_path / "tokens.parquet", METRIC)
    assert read_arrays(tmp_path / "tokens.parquet")["data"].tolist() == data.tolist()


def test_batches_leave_no_trace_in_the_file(model, clip, tmp_path, monkeypatch):
    tokenise(model, clip, tmp_path / "whole.parquet", METRIC)
    monkeypatch.setattr(tokenisation, "ROWS", 60)
    tokenise(model, clip, tmp_path / "pieces.parquet", METRIC)
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "pieces.parquet").read_bytes()


def test_clip_without_a_face_has_rows_without_tokens(model, tmp_path):
    clip = write_clip(tmp_path / "empty.parquet", PSI[:9], np.zeros(9, bool))
    summary = tokenise(model, clip, tmp_path / "tokens.parquet", METRIC)
    assert (summary["frames"], summary["valid"]) == (9, 0)
    assert np.isnan(summary["error_mm"])
    assert not read_arrays(tmp_path / "tokens.parquet")["valid"].any()


def test_other_coefficients_are_refused_and_nothing_is_left(model, tmp_path):
    clip = write_clip(tmp_path / "flame.parquet", PSI[:9], np.ones(9, bool), names=[f"exp_{i}" for i in range(52)])
    with pytest.raises(UserError, match="other coefficients"):
        tokenise(model, clip, tmp_path / "tokens.parquet", METRIC)
    assert [path.name for path in tmp_path.iterdir()] == ["flame.parquet"]
