import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recorded_files import E_DAIC, face_68, openface_rows, write_live_link, write_table

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.facs import au_intensities
from dfe_lib.fitting import person
from dfe_lib.fitting.estimator import ExpressionEstimator, pretrained_estimator
from dfe_lib.fitting.fit import fit_tables
from dfe_lib.fitting.measurement import Landmarks68
from dfe_lib.io import segments
from dfe_lib.io.assets import asset
from dfe_lib.io.clip_table import MediaFile
from dfe_lib.io.media_files import find_media
from dfe_lib.io.tables import (
    FRAMES,
    coefficient_names,
    frames_schema,
    read_arrays,
    read_at,
    read_batches,
    read_dataframe,
    read_metadata,
    table_writer,
)
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.procrustes import LAYOUT_68
from dfe_lib.morphable.rendering import turn
from dfe_lib.tracking import take_clips
from dfe_lib.tracking.extraction import extract_clips
from dfe_lib.tracking.formats.flame_codes import flame_names

SUBJECTS = {"face_noface": "man", "single_face": "man", "multi_face": "group", "no_face": "nobody"}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("fit")
    names = ["face_noface.mov", "single_face.mp4", "no_face.mp4"]
    extract_clips(find_media([asset(name) for name in names], SUBJECTS), folder / "frames")
    extract_clips(find_media(asset("multi_face.jpg"), SUBJECTS), folder / "frames", faces="all")
    summary = fit_tables((folder / "frames").glob("*.parquet"), folder / "expressions", anny_head())
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
    fit_tables([fitted[0] / "frames" / "face_noface.parquet"], tmp_path / "once", anny_head())
    fit_tables([fitted[0] / "frames" / "face_noface.parquet"], tmp_path / "twice", anny_head())
    once, twice = ((tmp_path / run / "face_noface.parquet").read_bytes() for run in ("once", "twice"))
    assert once == twice


def test_smoothing_is_told_and_leaves_pictures_alone(fitted, tmp_path) -> None:
    folder, _ = fitted
    paths = [folder / "frames" / f"{clip}.parquet" for clip in ("face_noface", "multi_face")]
    summary = fit_tables(paths, tmp_path, anny_head(), smoothing="bilateral").set_index(["clip_id", "face_id"])
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
    summary = fit_tables([tmp_path / "frames" / "seldom.parquet"], tmp_path / "expressions", anny_head())
    assert summary.neutral_frames.tolist() == [73]


def test_the_frames_of_one_subject_are_held_at_a_time(fitted, tmp_path, monkeypatch) -> None:
    events: list[str] = []
    neutral = ExpressionEstimator.neutral_of_clip
    monkeypatch.setattr(person, "read_at", lambda path, *which: events.append(path.stem) or read_at(path, *which))
    monkeypatch.setattr(
        ExpressionEstimator, "neutral_of_clip", lambda self, *parts: events.append("neutral") or neutral(self, *parts)
    )
    fit_tables((fitted[0] / "frames").glob("*.parquet"), tmp_path, anny_head())
    together, group = ["face_noface", "single_face", "neutral"], ["multi_face", "neutral"] * 5
    assert events in (group + together, together + group)


def test_landmarks_are_read_once_for_the_neutral_and_once_for_the_fit(fitted, tmp_path, monkeypatch) -> None:
    read: list[bool] = []

    def counted(reader):
        return lambda path, *which, **how: read.append("landmarks" in which[-1]) or reader(path, *which, **how)

    monkeypatch.setattr(segments, "read_batches", counted(read_batches))
    monkeypatch.setattr(person, "read_at", counted(read_at))
    fit_tables([fitted[0] / "frames" / "face_noface.parquet"], tmp_path, anny_head())
    assert sum(read) == 2


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Files of four programs and a video, taken in and fitted together."""
    folder = tmp_path_factory.mktemp("recorded")
    psi = np.random.default_rng(0).random((70, 52), dtype=np.float32)
    write_live_link(folder / "phone.csv", psi, [f"00:00:{i // 30:02d}:{i % 30:02d}.000" for i in range(70)])
    np.savez(folder / "codes.npz", exp=psi[:, :50], jaw=psi[:, :3])
    write_table(folder / "units.csv", E_DAIC, openface_rows(E_DAIC, 20))
    points = face_68(40)
    points[7] = 0
    np.save(folder / "9_visual.npy", points.reshape(40, 136))
    paths = {name.stem: name for name in folder.iterdir()}
    paths["again"] = asset("OpenFace_Test.csv")
    paths |= {name.partition(".")[0]: asset(name) for name in ("OpenFace_Test.csv", "Fex_Test.csv", "single_face.jpg")}
    clips = [
        MediaFile(path, name, "someone" if "_Test" in name or name == "again" else name) for name, path in paths.items()
    ]
    taken = take_clips(clips, folder / "frames", reading={"fps": 30.0})
    summary = fit_tables((folder / "frames").glob("*.parquet"), folder / "expressions", anny_head())
    return folder, taken.set_index("clip_id"), summary.set_index("clip_id"), psi


def test_psi_that_is_there_is_kept_as_it_is(recorded) -> None:
    folder, _, summary, psi = recorded
    for name, expected in (("phone", psi), ("codes", np.c_[psi[:, :50], psi[:, :3]])):
        table = read_arrays(folder / "expressions" / f"{name}.parquet")
        np.testing.assert_allclose(table["psi"], expected, atol=1e-6)
        assert table["valid"].all() and summary.neutral[name] == "not needed"
    assert coefficient_names(folder / "expressions" / "phone.parquet") == ACTIONS
    assert coefficient_names(folder / "expressions" / "codes.parquet") == flame_names(50)


def test_action_units_alone_get_no_expressions_and_say_so(recorded) -> None:
    folder, taken, summary, _ = recorded
    assert not (folder / "expressions" / "units.parquet").exists()
    assert summary.neutral["units"] == "no landmarks" and taken.reason["units"].startswith("action units alone")


def test_clips_that_are_gone_or_have_no_expressions_any_more_leave_the_folder(recorded, tmp_path) -> None:
    frames = recorded[0] / "frames"
    given = [shutil.copy(frames / f"{name}.parquet", tmp_path / f"{clip}.parquet")
             for name, clip in (("phone", "a"), ("codes", "b"), ("phone", "c"))]  # fmt: skip
    fit_tables(map(Path, given), tmp_path / "out", None)
    shutil.copy(frames / "units.parquet", tmp_path / "c.parquet")
    fit_tables([tmp_path / "b.parquet", tmp_path / "c.parquet"], tmp_path / "out", None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.parquet"]


def test_landmarks_become_expressions_row_by_row(recorded) -> None:
    folder, _, summary, _ = recorded
    table = read_arrays(folder / "expressions" / "9_visual.parquet")
    assert np.flatnonzero(~table["valid"]).tolist() == [7] and len(table["frame"]) == 40
    assert table["psi"][table["valid"]].max() <= 1 and table["psi"][table["valid"]].min() >= 0
    assert "68 landmarks" in read_metadata(folder / "expressions" / "9_visual.parquet")["front_end"]
    assert summary.residual_mm["9_visual"] < 10


def test_a_picture_goes_its_own_way_beside_them(recorded) -> None:
    folder = recorded[0]
    assert read_arrays(folder / "expressions" / "single_face.parquet")["valid"].all()
    front_end = {name: read_metadata(folder / "expressions" / f"{name}.parquet")["front_end"]
                 for name in ("single_face", "Fex_Test")}  # fmt: skip
    assert "68 landmarks" not in front_end["single_face"] and "68 landmarks" in front_end["Fex_Test"]


@pytest.mark.parametrize(("clip", "unit"), [("OpenFace_Test", "au_intensity.AU45"), ("Fex_Test", "au_occurrence.AU43")])
def test_on_real_files_the_eyes_close_when_the_detector_says_so(recorded, clip, unit) -> None:
    folder, _, _, _ = recorded
    psi = read_dataframe(folder / "expressions" / f"{clip}.parquet", ["psi"])
    closed = psi["psi.eyeBlinkLeft"] + psi["psi.eyeBlinkRight"] - psi["psi.eyeWideLeft"] - psi["psi.eyeWideRight"]
    detected = read_dataframe(folder / "frames" / f"{clip}.parquet", [unit.partition(".")[0]])[unit]
    assert closed.corr(detected) > 0.75


def test_a_persons_clips_of_one_detector_count_together(recorded) -> None:
    frames = recorded[2].neutral_frames
    assert frames["OpenFace_Test"] == frames["again"] == 100 + 100 and frames["Fex_Test"] == 40


def fit_points(folder: Path, pixels: np.ndarray, smoothing: str = "none") -> tuple[np.ndarray, np.ndarray, float]:
    """psi, residual and what smoothing changed, in mm, of a table that has these 68 landmarks at 30 frames a second."""
    count = len(pixels)
    schema = frames_schema("a detector", {"landmarks": pixels[0].size})
    unknown = dict.fromkeys(["confidence", "interocular_px", "out_of_frame"], np.nan)
    key = {"clip_id": "clip", "subject_id": "someone", "face_id": 0, "width": 640, "height": 480, "detected": True}
    rows = {"frame": np.arange(count), "time_s": np.arange(count) / 30, "landmarks": pixels.reshape(count, -1)}
    with table_writer(folder / "frames" / "clip.parquet", schema) as table:
        table.write(key | unknown | rows)
    summary = fit_tables([folder / "frames" / "clip.parquet"], folder / "out", anny_head(), smoothing)
    found = read_arrays(folder / "out" / "clip.parquet")
    return found["psi"], found["residual_mm"], summary.smoothing_mm[0]


def posed(psi: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """68 landmarks of somebody as pixels (x right, y down, z away), the head turned a little."""
    head = anny_head()
    marks = head.landmark_model()
    beta = np.zeros(len(head.identity))
    beta[:20] = rng.normal(0, 0.7, 20)
    points = marks.vertices(psi, beta)[:, list(LAYOUT_68)] * 1000
    turned = [each @ turn(rng.uniform(-10, 10), rng.uniform(-6, 6)).T for each in points]
    return np.stack(turned) * [1.8, -1.8, -1.8] + [320, 240, 0]


@pytest.mark.parametrize("depth", [True, False])
def test_a_display_is_found_on_a_person_who_rests_most_of_the_time(depth, tmp_path) -> None:
    psi = np.zeros((60, 52))
    smile, jaw = (ACTIONS.index(name) for name in ("mouthSmileLeft", "jawOpen"))
    psi[40:48, [smile, ACTIONS.index("mouthSmileRight")]] = 0.8
    psi[50:56, jaw] = 0.5
    pixels = posed(psi, np.random.default_rng(1))
    found, residual, _ = fit_points(tmp_path, pixels if depth else pixels[..., :2])
    assert found[40:48, smile].mean() > 0.4 and found[:40, smile].max() < 0.2
    assert abs(found[50:56, jaw].mean() - 0.5) < 0.2 and found[:40, jaw].max() < 0.15
    assert np.isfinite(residual).all()
    stranger = pretrained_estimator("68").estimate(pixels[..., :2]).psi
    gram = anny_head().gram()
    known, unknown = (np.einsum("ni,ij,nj->n", psi[:40], gram, psi[:40]).mean() ** 0.5 for psi in (found, stranger))
    assert known < 0.5 * unknown, "the person's own face at rest is no expression"


def test_what_is_no_face_gets_no_expression(tmp_path) -> None:
    pixels = posed(np.zeros((30, 52)), np.random.default_rng(2))
    pixels[3] = np.random.default_rng(3).random((68, 3)) * 300
    pixels[4] = pixels[4] * [-1, -1, 1]  # upside down
    pixels[5] = pixels[5] * [-1, 1, 1]  # mirrored, and not relabelled
    psi, residual, _ = fit_points(tmp_path, pixels)
    assert np.isnan(psi[[3, 4, 5]]).all() and np.isnan(residual[[3, 4, 5]]).all()
    assert np.isfinite(psi[6:]).all()


def test_a_frame_does_not_depend_on_the_frames_beside_it() -> None:
    pixels = posed(np.zeros((30, 52)), np.random.default_rng(2))
    found = Landmarks68(anny_head(), "landmarks")
    rows = {"landmarks": pixels.reshape(30, -1).astype(np.float32)}
    neutral = found.neutral(rows)
    some = {"landmarks": rows["landmarks"][5:8]}
    np.testing.assert_allclose(found.psi(rows, neutral)[0][5:8], found.psi(some, neutral)[0], atol=1e-5)


def test_smoothing_is_told_and_calms_the_landmarks_fit(tmp_path) -> None:
    rng = np.random.default_rng(2)
    pixels = posed(np.zeros((30, 52)), rng)
    pixels[..., :2] += rng.normal(0, 0.6, pixels[..., :2].shape)
    (rough, _, nothing), (calm, _, change) = (
        fit_points(tmp_path, pixels, smoothing) for smoothing in ("none", "bilateral")
    )
    assert nothing == 0 < change
    assert np.abs(np.diff(calm, axis=0)).mean() < 0.5 * np.abs(np.diff(rough, axis=0)).mean()


def test_the_summary_has_one_row_a_person_and_clip(recorded) -> None:
    _, _, summary, _ = recorded
    assert isinstance(summary, pd.DataFrame) and summary.index.is_unique and len(summary) == 8


def test_neutrals_of_landmarks_too_come_from_some_frames_of_each_clip(tmp_path) -> None:
    pixels = posed(np.zeros((40, 52)), np.random.default_rng(2))[np.arange(400) % 40]
    fit_points(tmp_path, pixels)
    rows = read_arrays(tmp_path / "frames" / "clip.parquet")
    with table_writer(tmp_path / "frames" / "other.parquet", frames_schema("a detector", {"landmarks": 204})) as table:
        table.write(rows | {"clip_id": "other"})
    summary = fit_tables((tmp_path / "frames").glob("*.parquet"), tmp_path / "out", anny_head())
    assert summary.neutral_frames.tolist() == [400, 400], "200 evenly spread ones of each clip"


def test_the_residual_of_landmarks_is_that_of_the_psi_in_the_table() -> None:
    """An expression that is not there leaves what it moves: rms over the landmarks, less what a pose can take up."""
    found = Landmarks68(anny_head(), "landmarks")
    pixels = posed(np.zeros((5, 52)), np.random.default_rng(2))
    points = found.points({"landmarks": pixels.reshape(5, -1).astype(np.float32)})
    open_jaw = np.zeros((5, 52), np.float32)
    open_jaw[:, ACTIONS.index("jawOpen")] = 1
    right, wrong = (found.residual(points, psi) for psi in (0 * open_jaw, open_jaw))
    assert len(found.residual(points[:0], open_jaw[:0])) == 0
    assert (right < 5).all() and (wrong > 8).all(), (right, wrong)
