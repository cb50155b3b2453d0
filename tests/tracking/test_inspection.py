import numpy as np
import pytest
from recorded_files import E_DAIC, openface_rows, write_table

from dfe_lib.cli import main
from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.tables import REAL, table_writer, tokens_schema
from dfe_lib.tracking.formats.settings import ReadSettings
from dfe_lib.tracking.inspection import inspect_file


def test_the_real_file_is_described() -> None:
    found = inspect_file(asset("OpenFace_Test.csv"))
    assert found.kind == "OpenFace 2 CSV" and (found.frames, found.usable, found.fps) == (100, 100, 1000.0)
    assert any(use.startswith("expressions by the fit") for use in found.uses) and not found.lacks
    assert "give the setting fps" in str(found)
    assert inspect_file(asset("OpenFace_Test.csv"), ReadSettings(fps=30.0)).fps == 30.0


def test_a_file_cut_down_to_action_units_is_good_for_that_alone(tmp_path) -> None:
    rows = openface_rows(E_DAIC, 30)
    rows[:5, E_DAIC.index("success")] = 0
    rows[7, E_DAIC.index("AU12_r")] = np.nan
    found = inspect_file(write_table(tmp_path / "a.csv", E_DAIC, rows))
    assert (found.frames, found.usable) == (30, 24) and not any("expressions" in use for use in found.uses)
    assert sum(use.startswith("the FACS side") for use in found.uses) == 2
    assert any("1 frames with values that are missing" in note for note in found.notes) and len(found.lacks) == 2


def test_media_and_the_studys_own_tables_are_known(tmp_path) -> None:
    video = inspect_file(asset("single_face.mp4"))
    assert video.kind == "video (mp4)" and video.frames == 72 and video.fps == pytest.approx(30, abs=0.1)
    with table_writer(tmp_path / "t.parquet", tokens_schema(4)) as table:
        key = {"clip_id": "a", "subject_id": "a", "face_id": 0, "frame": np.arange(3), "time_s": np.arange(3) / 10}
        rows = {"data": REAL, "valid": [True, True, False], "tokens": np.zeros((3, 4)), "error_mm": 0.0}
        table.write(key | rows)
    found = inspect_file(tmp_path / "t.parquet")
    assert (found.frames, found.usable, found.fps) == (3, 2, 10.0) and "ELAN" in found.uses[0]


def test_the_command_prints_it_or_one_sentence(tmp_path, capsys) -> None:
    assert main(["inspect", str(asset("OpenFace_Test.csv")), "--fps", "30"]) == 0
    assert "frames: 100, usable 100, 30 frames a second" in capsys.readouterr().out
    (tmp_path / "a.csv").write_text("a,b\n")
    assert main(["inspect", str(tmp_path / "a.csv")]) == 1
    error = capsys.readouterr().err
    assert error.startswith("dfe: ") and "a.csv is in none of the formats" in error and error.count("\n") == 1


def test_what_is_not_there_is_refused(tmp_path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        inspect_file(tmp_path / "nothing.csv")


def test_the_command_says_line_by_line_what_it_assumed_and_dropped(tmp_path, capsys) -> None:
    names = [name for name in E_DAIC if name not in ("timestamp", "success")]
    rows = openface_rows(E_DAIC, 30)
    rows[7, E_DAIC.index("AU12_r")] = 9
    write_table(tmp_path / "a.csv", names, rows[:, [E_DAIC.index(name) for name in names]])
    assert main(["inspect", str(tmp_path / "a.csv"), "--offset", "2"]) == 0
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  note: ")]
    assert len(notes) == 3 and "1 frames with values that cannot be" in notes[0]
    assert any("taken as 30 frames a second" in note for note in notes)


def test_settings_that_a_video_does_not_need_are_said_to_be_unused() -> None:
    assert "not those of the settings" in inspect_file(asset("single_face.mp4"), ReadSettings(fps=50.0)).notes[0]
