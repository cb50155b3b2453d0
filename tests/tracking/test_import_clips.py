import numpy as np
import pytest
from recorded_files import E_DAIC, openface_rows, write_table

from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.clip_table import MediaFile
from dfe_lib.io.media import is_media
from dfe_lib.io.tables import read_arrays
from dfe_lib.tracking import import_clips as intake
from dfe_lib.tracking import take_clips
from dfe_lib.tracking.formats.registry import Format


def clip(path, subject="anna"):
    return MediaFile(path, path.stem, subject)


def test_media_and_other_files_give_one_summary(tmp_path) -> None:
    rows = openface_rows(E_DAIC, 40, fps=10)
    rows[5, E_DAIC.index("success")] = 0
    units = write_table(tmp_path / "units.csv", E_DAIC, rows)
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n")
    found = take_clips([clip(units), clip(asset("single_face.jpg")), clip(tmp_path / "bad.csv")], tmp_path / "frames")
    assert found.clip_id.tolist() == ["units", "single_face", "bad"] and set(found.subject_id) == {"anna"}
    first, picture, bad = found.itertuples(index=False)
    assert (first.frames, first.frames_with_face, first.people, first.fps) == (40, 39, 1, 10.0)
    assert first.duration_s == 3.9 and first.reason == "action units alone: no expressions to fit"
    assert picture.status == "ok" and picture.frames_with_face == 1
    assert bad.status == "failed" and "none of the formats" in bad.reason
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == ["single_face.parquet", "units.parquet"]


def test_a_file_that_fails_takes_its_old_table_with_it(tmp_path) -> None:
    path = write_table(tmp_path / "a.csv", E_DAIC, openface_rows(E_DAIC, 4))
    take_clips([clip(path)], tmp_path / "frames")
    path.write_text(path.read_text().replace("0.9, 1,", "high, 1,", 1))
    assert take_clips([clip(path)], tmp_path / "frames").status.tolist() == ["failed"]
    assert not list((tmp_path / "frames").iterdir())


@pytest.mark.parametrize("error", [np.linalg.LinAlgError("SVD did not converge"), OSError("gone"), RuntimeError("no")])
def test_a_file_that_breaks_its_reader_is_told(tmp_path, monkeypatch, error) -> None:
    path = write_table(tmp_path / "a.csv", E_DAIC, openface_rows(E_DAIC, 4))

    def read(path, settings):
        raise error

    monkeypatch.setattr(intake, "recognise", lambda path: Format("OpenFace", read))
    found = take_clips([clip(path)], tmp_path / "frames")
    assert found.status.tolist() == ["failed"] and str(error) in found.reason[0]
    assert not list((tmp_path / "frames").glob("*"))


def test_clips_that_are_no_longer_asked_for_leave_the_folder(tmp_path) -> None:
    first, second = (write_table(tmp_path / name, E_DAIC, openface_rows(E_DAIC, 4)) for name in ("a.csv", "b.csv"))
    folder = tmp_path / "frames"
    take_clips([clip(first), clip(second)], folder)
    kept = [folder / "sources.json", folder / "others" / "c.parquet"]
    kept[1].parent.mkdir()
    for path in kept:
        path.write_text("not a table of this folder")
    with pytest.raises(UserError, match="no reading setting"):
        take_clips([clip(second)], folder, reading={"rate": 50})
    assert (folder / "a.parquet").exists()
    take_clips([clip(second)], folder)
    assert sorted(folder.rglob("*.*")) == sorted([folder / "b.parquet", *kept])


def test_settings_reach_the_reader(tmp_path) -> None:
    path = write_table(tmp_path / "a.csv", E_DAIC, openface_rows(E_DAIC, 4))
    take_clips([clip(path)], tmp_path, reading={"fps": 50, "width": 640, "height": 480})
    table = read_arrays(tmp_path / "a.parquet")
    np.testing.assert_allclose(table["time_s"], np.arange(4) / 50)
    assert set(table["width"]) == {640}
    with pytest.raises(UserError, match="no reading setting 'rate'"):
        take_clips([clip(path)], tmp_path, reading={"rate": 50})


def test_the_summary_keeps_what_was_assumed_and_dropped(tmp_path) -> None:
    rows = openface_rows(E_DAIC, 30)
    rows[7, E_DAIC.index("AU12_r")] = 9
    names = [name for name in E_DAIC if name != "timestamp"]
    path = write_table(tmp_path / "a.csv", names, rows[:, [E_DAIC.index(name) for name in names]])
    row = take_clips([clip(path)], tmp_path / "frames").iloc[0]
    assert "1 frames with values that cannot be" in row.notes and "taken as 30 frames a second" in row.notes
    assert row.reason == "action units alone: no expressions to fit"


def test_media_are_known_by_their_ending(tmp_path) -> None:
    (tmp_path / "a.mp4").mkdir()
    assert is_media(asset("single_face.mp4")) and not is_media(asset("OpenFace_Test.csv"))
    assert not is_media(tmp_path / "a.mp4")
