from pathlib import Path

import numpy as np
import pytest

from dfe_lib.facs import au_intensities
from dfe_lib.fitting import fit as expressions
from dfe_lib.fitting.estimator import ExpressionEstimator
from dfe_lib.fitting.fit import fit_clips
from dfe_lib.io.assets import asset
from dfe_lib.io.media_files import find_media
from dfe_lib.io.tables import FRAMES, coefficient_names, read_arrays, table_writer
from dfe_lib.morphable.anny import anny_head
from dfe_lib.tracking.extraction import extract_clips

SUBJECTS = {"face_noface": "man", "single_face": "man", "multi_face": "group", "no_face": "nobody"}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("fit")
    names = ["face_noface.mov", "single_face.mp4", "no_face.mp4"]
    extract_clips(find_media([asset(name) for name in names], SUBJECTS), folder / "frames")
    extract_clips(find_media(asset("multi_face.jpg"), SUBJECTS), folder / "frames", faces="all")
    summary = fit_clips((folder / "frames").glob("*.parquet"), folder / "expressions", anny_head())
    return folder, {row.clip_id: row for row in summary.itertuples() if row.face_id == 0}


def test_every_frame_is_a_row_and_only_faces_are_valid(fitted) -> None:
    folder, _ = fitted
    for clip, valid in (("face_noface", 73), ("no_face", 0)):
        frames, psi = (read_arrays(folder / kind / f"{clip}.parquet") for kind in ("frames", "expressions"))
        assert np.array_equal(frames["frame"], psi["frame"]) and np.array_equal(frames["detected"], psi["valid"])
        assert psi["valid"].sum() == valid
        assert np.isfinite(psi["psi"][psi["valid"]]).all() and np.isnan(psi["psi"][~psi["valid"]]).all()


def test_coefficients_are_named_and_in_their_bounds(fitted) -> None:
    path = fitted[0] / "expressions" / "single_face.parquet"
    psi = read_arrays(path)["psi"]
    assert coefficient_names(path) == anny_head().names
    assert psi.min() >= 0 and psi.max() <= 1


def test_a_grin_after_a_still_face_is_a_smile(fitted) -> None:
    table = read_arrays(fitted[0] / "expressions" / "single_face.parquet")
    smile = au_intensities(table["psi"], anny_head().gram(), ["AU12"])[:, 0]
    assert smile[0] < 0.15 and smile[40] > 0.5


def test_a_subjects_clips_share_one_neutral_and_a_picture_has_none(fitted) -> None:
    _, summary = fitted
    assert summary["face_noface"].neutral_frames == summary["single_face"].neutral_frames == 73 + 72
    assert summary["multi_face"].neutral == "none" and "no_face" not in summary


def test_people_of_one_picture_are_fitted_one_by_one(fitted) -> None:
    table = read_arrays(fitted[0] / "expressions" / "multi_face.parquet")
    assert sorted(table["face_id"]) == [0, 1, 2, 3, 4] and len(np.unique(table["psi"], axis=0)) == 5


def test_the_head_fits_real_landmarks_to_millimetres(fitted) -> None:
    residual = read_arrays(fitted[0] / "expressions" / "face_noface.parquet")["residual_mm"]
    assert 1 < np.nanmedian(residual) < 8


def test_the_same_frames_give_the_same_bytes(fitted, tmp_path) -> None:
    fit_clips([fitted[0] / "frames" / "face_noface.parquet"], tmp_path / "once", anny_head())
    fit_clips([fitted[0] / "frames" / "face_noface.parquet"], tmp_path / "twice", anny_head())
    once, twice = ((tmp_path / run / "face_noface.parquet").read_bytes() for run in ("once", "twice"))
    assert once == twice


def test_smoothing_is_told_and_leaves_pictures_alone(fitted, tmp_path) -> None:
    folder, _ = fitted
    paths = [folder / "frames" / f"{clip}.parquet" for clip in ("face_noface", "multi_face")]
    summary = fit_clips(paths, tmp_path, anny_head(), smoothing="bilateral").set_index(["clip_id", "face_id"])
    assert 0.02 < summary.loc[("face_noface", 0), "smoothing_mm"] < 0.5
    assert (summary.loc["multi_face", "smoothing_mm"] == 0).all()
    rough, calm = (read_arrays(where / "face_noface.parquet") for where in (folder / "expressions", tmp_path))
    step = [np.nanmedian(np.abs(np.diff(table["psi"], axis=0)).sum(1)) for table in (rough, calm)]
    assert step[1] < 0.8 * step[0] and np.array_equal(rough["valid"], calm["valid"])
    still = [(where / "multi_face.parquet").read_bytes() for where in (folder / "expressions", tmp_path)]
    assert still[0] == still[1]


def test_a_face_that_is_seldom_there_tells_its_neutral_by_all_of_its_frames(fitted, tmp_path) -> None:
    rows = read_arrays(fitted[0] / "frames" / "face_noface.parquet")
    count = 20 * len(rows["frame"])
    spread = np.full(count, np.flatnonzero(~rows["detected"])[0])
    spread[::20] = np.arange(count // 20)
    columns = {name: values[spread] for name, values in rows.items()}
    with table_writer(tmp_path / "frames" / "seldom.parquet", FRAMES) as table:
        table.write(columns | {"frame": np.arange(count), "time_s": np.arange(count) / 25})
    summary = fit_clips([tmp_path / "frames" / "seldom.parquet"], tmp_path / "expressions", anny_head())
    assert summary.neutral_frames.tolist() == [73]


def test_the_frames_of_one_subject_are_held_at_a_time(fitted, tmp_path, monkeypatch) -> None:
    events: list[str] = []
    seen, neutral = expressions._seen, ExpressionEstimator.neutral_of_clip
    monkeypatch.setattr(expressions, "_seen", lambda path: events.append(path.stem) or seen(path))
    monkeypatch.setattr(
        ExpressionEstimator, "neutral_of_clip", lambda self, *parts: events.append("neutral") or neutral(self, *parts)
    )
    fit_clips((fitted[0] / "frames").glob("*.parquet"), tmp_path, anny_head())
    together = ["face_noface", "single_face", "neutral"]
    assert events in (["multi_face", *["neutral"] * 5, *together], [*together, "multi_face", *["neutral"] * 5])
