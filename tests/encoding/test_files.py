import shutil
from pathlib import Path

import numpy as np
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.encoding.files import encode_media
from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.paths import PROJECT
from dfe_lib.io.tables import read_arrays
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("model")
    RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16, n_stages=3)).save_pretrained(folder)
    return folder


def test_every_frame_of_a_clip_is_a_row_with_or_without_tokens(model, tmp_path) -> None:
    done = encode_media(asset("face_noface.mov"), tmp_path / "tokens.parquet", model)
    table = read_arrays(tmp_path / "tokens.parquet")
    assert np.array_equal(table["frame"], np.arange(169)) and (np.diff(table["time_s"]) > 0).all()
    assert table["valid"].sum() == done["valid"] == 73
    assert table["tokens"][table["valid"]].shape == (73, 3) and (table["tokens"][~table["valid"]] == -1).all()


def test_two_runs_write_the_same_bytes(model, tmp_path) -> None:
    for run in ("once.parquet", "twice.parquet"):
        encode_media(asset("carphone_pristine.mp4"), tmp_path / run, model)
    assert (tmp_path / "once.parquet").read_bytes() == (tmp_path / "twice.parquet").read_bytes()


def test_one_clip_has_the_tokens_and_coefficients_that_the_study_gave_it(tmp_path) -> None:
    """The study fits a subject's clips together; the man of this clip has no other."""
    out, psi, study = tmp_path / "tokens.parquet", tmp_path / "psi.parquet", PROJECT / "results" / "study"
    encode_media(asset("carphone_pristine.mp4"), out, expressions=psi)
    told, known = (read_arrays(path)["tokens"] for path in (out, study / "tokens" / "carphone_pristine.parquet"))
    assert (told == known).mean() > 0.95  # other processors round differently
    stored = read_arrays(study / "expressions" / "carphone_pristine.parquet")["psi"]
    np.testing.assert_allclose(read_arrays(psi)["psi"], stored, atol=1e-3)


def test_tokens_and_expressions_are_two_files(model, tmp_path) -> None:
    with pytest.raises(UserError, match="a file of its own"):
        encode_media(asset("single_face.jpg"), tmp_path / "a.parquet", model, expressions=tmp_path / "a.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", ["tokens.xlsx", "carphone_pristine.mp4", "folder.parquet"])
def test_an_output_that_would_mislead_or_destroy_is_refused(model, tmp_path, wrong) -> None:
    source = shutil.copy(asset("carphone_pristine.mp4"), tmp_path)
    (tmp_path / "folder.parquet").mkdir()
    before = Path(source).read_bytes()
    with pytest.raises(UserError, match=wrong):
        encode_media(source, tmp_path / wrong, model)
    assert Path(source).read_bytes() == before


def test_a_picture_of_five_people_gives_five_rows(model, tmp_path) -> None:
    encode_media(asset("multi_face.jpg"), tmp_path / "tokens.parquet", model, faces="all")
    assert sorted(read_arrays(tmp_path / "tokens.parquet")["face_id"]) == [0, 1, 2, 3, 4]


def test_a_clip_without_a_face_is_no_error(model, tmp_path) -> None:
    assert encode_media(asset("no_face.mp4"), tmp_path / "tokens.parquet", model)["valid"] == 0


@pytest.mark.parametrize("wrong", ["absent.mp4", "notes.txt"])
def test_what_cannot_be_read_is_told_and_nothing_is_written(model, tmp_path, wrong) -> None:
    (tmp_path / "notes.txt").write_text("no video")
    with pytest.raises(UserError, match=wrong):
        encode_media(tmp_path / wrong, tmp_path / "tokens.parquet", model)
    assert not (tmp_path / "tokens.parquet").exists()


def test_a_model_of_other_coefficients_is_refused(tmp_path) -> None:
    RvqVae(RvqVaeConfig(("jawOpen", "jawLeft"), codebook_size=16)).save_pretrained(tmp_path / "other")
    with pytest.raises(UserError, match="other coefficients"):
        encode_media(asset("single_face.jpg"), tmp_path / "tokens.parquet", tmp_path / "other")
