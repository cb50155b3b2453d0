import pandas as pd
import pytest
from clip_files import faceless_clip, short_clip, small_model

from dfe_lib.cli import main


def test_a_video_in_the_cameras_place_is_told_and_written_as_it_runs(tmp_path, capsys) -> None:
    video, model = short_clip(tmp_path / "a.mp4", "single_face.mp4", 10), small_model(tmp_path / "model")
    assert main(["live", str(video), "-o", str(tmp_path / "live.csv"), "--model", str(model)]) == 0
    told, table = capsys.readouterr().out.splitlines(), pd.read_csv(tmp_path / "live.csv")
    assert told[-1].startswith("10 rows in") and told[0].strip().startswith("0.00 s")
    assert table.frame.tolist() == list(range(10)) and table.valid.all()
    assert {"token_1", "token_2", "token_3", "words", "yaw_deg", "AU12_mesh"} <= set(table) and "psi" not in table


def test_nobody_before_the_camera_is_a_row(tmp_path, capsys) -> None:
    video, model = faceless_clip(tmp_path / "a.mp4", 3), small_model(tmp_path / "model")
    assert main(["live", str(video), "-o", str(tmp_path / "live.csv"), "--model", str(model)]) == 0
    assert "no face" in capsys.readouterr().out
    assert pd.read_csv(tmp_path / "live.csv").token_1.isna().all()


@pytest.mark.parametrize("source", ["absent.mp4", "77"])
def test_no_camera_and_no_video_are_one_sentence(tmp_path, capsys, source) -> None:
    assert main(["live", source, "--model", str(small_model(tmp_path))]) == 1
    assert capsys.readouterr().err.startswith("dfe: ")
