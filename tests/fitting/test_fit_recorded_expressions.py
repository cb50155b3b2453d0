import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from recorded_files import E_DAIC, face_68, openface_rows, write_live_link, write_table

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.fitting.estimator import pretrained_estimator
from dfe_lib.fitting.fit import LandmarkFit, fit_tables
from dfe_lib.io.assets import asset
from dfe_lib.io.clip_table import MediaFile
from dfe_lib.io.tables import coefficient_names, read_arrays, read_dataframe, read_metadata
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.procrustes import LAYOUT_68
from dfe_lib.morphable.rendering import turn
from dfe_lib.tracking.formats.flame_codes import flame_names
from dfe_lib.tracking.import_clips import take_clips

TIME = np.arange(30) / 30


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Files of four programs and a video, taken in and fitted together."""
    folder = tmp_path_factory.mktemp("recorded")
    psi = np.random.default_rng(0).random((70, 52), dtype=np.float32)
    write_live_link(folder / "phone.csv", psi, [f"00:00:{i // 60:02d}:{i % 60:02d}.000" for i in range(70)])
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


def test_psi_that_is_there_is_kept_as_it_is(fitted) -> None:
    folder, _, summary, psi = fitted
    for name, expected in (("phone", psi), ("codes", np.c_[psi[:, :50], psi[:, :3]])):
        table = read_arrays(folder / "expressions" / f"{name}.parquet")
        np.testing.assert_allclose(table["psi"], expected, atol=1e-6)
        assert table["valid"].all() and summary.neutral[name] == "not needed"
    assert coefficient_names(folder / "expressions" / "phone.parquet") == ACTIONS
    assert coefficient_names(folder / "expressions" / "codes.parquet") == flame_names(50)


def test_action_units_alone_get_no_expressions_and_say_so(fitted) -> None:
    folder, taken, summary, _ = fitted
    assert not (folder / "expressions" / "units.parquet").exists()
    assert summary.neutral["units"] == "no landmarks" and taken.reason["units"].startswith("action units alone")


def test_clips_that_are_gone_or_have_no_expressions_any_more_leave_the_folder(fitted, tmp_path) -> None:
    frames = fitted[0] / "frames"
    given = [shutil.copy(frames / f"{name}.parquet", tmp_path / f"{clip}.parquet")
             for name, clip in (("phone", "a"), ("codes", "b"), ("phone", "c"))]  # fmt: skip
    fit_tables(map(Path, given), tmp_path / "out", None)
    shutil.copy(frames / "units.parquet", tmp_path / "c.parquet")
    fit_tables([tmp_path / "b.parquet", tmp_path / "c.parquet"], tmp_path / "out", None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.parquet"]


def test_landmarks_become_expressions_row_by_row(fitted) -> None:
    folder, _, summary, _ = fitted
    table = read_arrays(folder / "expressions" / "9_visual.parquet")
    assert np.flatnonzero(~table["valid"]).tolist() == [7] and len(table["frame"]) == 40
    assert table["psi"][table["valid"]].max() <= 1 and table["psi"][table["valid"]].min() >= 0
    assert "68 landmarks" in read_metadata(folder / "expressions" / "9_visual.parquet")["front_end"]
    assert summary.residual_mm["9_visual"] < 10


def test_a_picture_goes_its_own_way_beside_them(fitted) -> None:
    folder = fitted[0]
    assert read_arrays(folder / "expressions" / "single_face.parquet")["valid"].all()
    front_end = {name: read_metadata(folder / "expressions" / f"{name}.parquet")["front_end"]
                 for name in ("single_face", "Fex_Test")}  # fmt: skip
    assert "68 landmarks" not in front_end["single_face"] and "68 landmarks" in front_end["Fex_Test"]


@pytest.mark.parametrize(("clip", "unit"), [("OpenFace_Test", "au_intensity.AU45"), ("Fex_Test", "au_occurrence.AU43")])
def test_on_real_files_the_eyes_close_when_the_detector_says_so(fitted, clip, unit) -> None:
    folder, _, _, _ = fitted
    psi = read_dataframe(folder / "expressions" / f"{clip}.parquet", ["psi"])
    closed = psi["psi.eyeBlinkLeft"] + psi["psi.eyeBlinkRight"] - psi["psi.eyeWideLeft"] - psi["psi.eyeWideRight"]
    detected = read_dataframe(folder / "frames" / f"{clip}.parquet", [unit.partition(".")[0]])[unit]
    assert closed.corr(detected) > 0.75


def test_a_persons_clips_of_one_detector_count_together(fitted) -> None:
    frames = fitted[2].neutral_frames
    assert frames["OpenFace_Test"] == frames["again"] == 100 + 100 and frames["Fex_Test"] == 40


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
def test_a_display_is_found_on_a_person_who_rests_most_of_the_time(depth) -> None:
    psi = np.zeros((60, 52))
    smile, jaw = (ACTIONS.index(name) for name in ("mouthSmileLeft", "jawOpen"))
    psi[40:48, [smile, ACTIONS.index("mouthSmileRight")]] = 0.8
    psi[50:56, jaw] = 0.5
    pixels = posed(psi, np.random.default_rng(1))
    found, residual, _ = LandmarkFit(anny_head(), pixels)(pixels if depth else pixels[..., :2], np.arange(60) / 30)
    assert found[40:48, smile].mean() > 0.4 and found[:40, smile].max() < 0.2
    assert abs(found[50:56, jaw].mean() - 0.5) < 0.2 and found[:40, jaw].max() < 0.15
    assert np.isfinite(residual).all()
    stranger = pretrained_estimator("68").estimate(pixels[..., :2]).psi
    gram = anny_head().gram()
    known, unknown = (np.einsum("ni,ij,nj->n", psi[:40], gram, psi[:40]).mean() ** 0.5 for psi in (found, stranger))
    assert known < 0.5 * unknown, "the person's own face at rest is no expression"


def test_what_is_no_face_gets_no_expression() -> None:
    pixels = posed(np.zeros((30, 52)), np.random.default_rng(2))
    pixels[3] = np.random.default_rng(3).random((68, 3)) * 300
    pixels[4] = pixels[4] * [-1, -1, 1]  # upside down
    pixels[5] = pixels[5] * [-1, 1, 1]  # mirrored, and not relabelled
    psi, residual, _ = LandmarkFit(anny_head(), pixels)(pixels, TIME)
    assert np.isnan(psi[[3, 4, 5]]).all() and np.isnan(residual[[3, 4, 5]]).all()
    assert np.isfinite(psi[6:]).all()


def test_a_frame_does_not_depend_on_the_frames_beside_it() -> None:
    pixels = posed(np.zeros((30, 52)), np.random.default_rng(2))
    fit = LandmarkFit(anny_head(), pixels)
    np.testing.assert_allclose(fit(pixels, TIME)[0][5:8], fit(pixels[5:8], TIME[5:8])[0], atol=1e-5)


def test_smoothing_is_told_and_calms_the_landmarks_fit() -> None:
    rng = np.random.default_rng(2)
    pixels = posed(np.zeros((30, 52)), rng)
    pixels[..., :2] += rng.normal(0, 0.6, pixels[..., :2].shape)
    (rough, _, nothing), (calm, _, change) = (
        LandmarkFit(anny_head(), pixels, smoothing)(pixels, TIME) for smoothing in ("none", "bilateral")
    )
    assert nothing == 0 < change
    assert np.abs(np.diff(calm, axis=0)).mean() < 0.5 * np.abs(np.diff(rough, axis=0)).mean()


def test_the_summary_has_one_row_a_person_and_clip(fitted) -> None:
    _, _, summary, _ = fitted
    assert isinstance(summary, pd.DataFrame) and summary.index.is_unique and len(summary) == 8
