import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clip_files import damaged_clip, faceless_clip, short_clip, small_model
from recorded_files import write_live_link

import dfe_lib.encoding.clip as clip
import dfe_lib.encoding.jobs as jobs
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cli import main
from dfe_lib.encoding.batch import encode_inputs
from dfe_lib.encoding.settings import Settings, parts_folder
from dfe_lib.errors import UserError
from dfe_lib.io.scratch import sole_writer
from dfe_lib.io.tables import read_arrays


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> Path:
    """Two people, one of them in a folder below."""
    folder = tmp_path_factory.mktemp("clips")
    short_clip(folder / "anna.mp4")
    short_clip(folder / "more" / "ben.mp4", "single_face.mp4", 8)
    return folder


@pytest.fixture(scope="module")
def encoded(clips, model, tmp_path_factory) -> tuple[Path, list[str]]:
    """The folder as one CSV file, and what was said."""
    out, said = tmp_path_factory.mktemp("out") / "faces.csv", []
    result = encode_inputs([clips], out, model=model, expressions=out.with_name("psi.csv"), say=said.append)
    assert result.is_sound and not result.earlier
    return out, [*said, str(result)]


def copied(encoded: tuple[Path, list[str]], folder: Path) -> Path:
    return Path(shutil.copytree(encoded[0].parent, folder / "copy")) / "faces.csv"


def test_a_folder_becomes_one_table_that_a_spreadsheet_shows(encoded) -> None:
    table = pd.read_csv(encoded[0])
    assert table.groupby("clip_id").size().to_dict() == {"anna": 12, "ben": 8}
    assert table.valid.all() and table[["token_1", "token_2", "token_3"]].isin(range(16)).all(axis=None)
    assert table.words.str.len().gt(5).all() and table.shape[1] < 50
    assert table.box_width_px.between(40, 200).all() and table.yaw_deg.abs().lt(30).all()
    assert table.filter(like="_mesh").shape[1] == 17 and table.filter(like="_mesh").clip(0, 5).equals(
        table.filter(like="_mesh")
    )


def test_each_clip_and_the_whole_run_have_a_line(encoded) -> None:
    said = encoded[1]
    assert said[0].startswith("anna: 12 of 12 frames have a face; mean error ")
    assert said[-1].startswith("2 clips: 20 of 20 frames have a face, ") and "frames a second" in said[-1]


def test_every_column_and_every_token_is_explained_beside_the_table(encoded) -> None:
    out, _ = encoded
    columns, codebook = pd.read_csv(out.with_name("columns.csv")), pd.read_csv(out.with_name("codebook.csv"))
    assert columns.column.tolist() == pd.read_csv(out).columns.tolist() and columns.meaning.str.len().gt(5).all()
    assert list(codebook) == [
        "token", "place", "display", "level", "strength", "group", "words", "action_units", "region", "mm"
    ] and len(codebook) == 16  # fmt: skip


def test_a_second_run_does_nothing_again(encoded, clips, model, tmp_path, monkeypatch) -> None:
    out = copied(encoded, tmp_path)
    before = out.read_bytes()
    monkeypatch.setattr(jobs, "_steps", lambda *_: pytest.fail("a finished clip was done again"))
    result = encode_inputs([clips], out, model=model)
    assert result.earlier == 2 and result.is_sound and out.read_bytes() == before


def test_a_clip_that_changed_is_done_again_and_so_are_all_with_other_settings(encoded, clips, model, tmp_path) -> None:
    out = copied(encoded, tmp_path)
    os.utime(clips / "anna.mp4")
    said: list[str] = []
    assert encode_inputs([clips], out, model=model, say=said.append).earlier == 1 and said[0].startswith("anna")
    assert encode_inputs([clips], out, Settings(smoothing="none"), model, say=said.append).earlier == 0


def test_after_a_kill_only_the_missing_clips_are_done_and_the_table_is_whole(
    clips, model, tmp_path, monkeypatch
) -> None:
    def killed(rows, read, *rest) -> None:
        if read.plan.clip.clip_id == "ben":
            raise KeyboardInterrupt
        real(rows, read, *rest)

    real, out = clip.finish_clip, tmp_path / "faces.parquet"
    monkeypatch.setattr(clip, "finish_clip", killed)
    with pytest.raises(KeyboardInterrupt):
        encode_inputs([clips], out, model=model)
    assert not out.exists() and [path.name for path in out.with_name("faces.parquet.parts").iterdir()] == [
        "anna.parquet"
    ]
    monkeypatch.setattr(clip, "finish_clip", real)
    assert encode_inputs([clips], out, model=model).earlier == 1
    assert sorted(set(read_arrays(out)["clip_id"])) == ["anna", "ben"]


def test_two_runs_do_not_write_one_output(clips, model, tmp_path) -> None:
    out = tmp_path / "faces.parquet"
    with sole_writer(parts_folder(out)), pytest.raises(UserError, match="is being written by process"):
        encode_inputs([clips], out, model=model)


def test_other_columns_need_no_new_encoding(encoded, clips, model, tmp_path) -> None:
    out = copied(encoded, tmp_path)
    os.utime(clips / "anna.mp4", ns=(0, 0))  # as an earlier test may have left it
    encode_inputs([clips], out, model=model)
    assert encode_inputs([clips], out, Settings(groups=("pose", "psi")), model).earlier == 2
    table = pd.read_csv(out)
    assert "psi_jawOpen" in table and "yaw_deg" in table and "AU12_mesh" not in table and "note" not in table


def test_what_fails_is_named_with_its_reason_and_the_rest_is_done(clips, model, tmp_path, capsys) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    (tmp_path / "notes.txt").write_text("nothing")
    inputs = [str(clips / "anna.mp4"), str(tmp_path / "broken.mp4"), str(tmp_path / "notes.txt"), "absent.mp4"]
    assert main(["encode", *inputs, "-o", str(tmp_path / "out.csv"), "--model", str(model)]) == 1
    said = capsys.readouterr()
    assert [line.split(":")[1].split("/")[-1].strip() for line in said.err.splitlines()] == [
        "notes.txt", "absent.mp4", "broken",
    ]  # fmt: skip
    assert "cannot be read as a video" in said.err and "does not exist" in said.err
    assert set(pd.read_csv(tmp_path / "out.csv").clip_id) == {"anna"}


def test_a_run_without_any_face_fails_and_says_what_to_try(model, tmp_path, capsys) -> None:
    faceless_clip(tmp_path / "empty.mp4")
    assert main(["encode", str(tmp_path / "empty.mp4"), "-o", str(tmp_path / "o.csv"), "--model", str(model)]) == 1
    said = capsys.readouterr()
    assert "0 of 8 frames have a face" in said.out and "--faces all" in said.err
    assert len(pd.read_csv(tmp_path / "o.csv")) == 8


def test_a_clip_that_could_be_read_in_part_says_so_in_its_line_and_its_rows(model, tmp_path) -> None:
    said: list[str] = []
    encode_inputs([damaged_clip(tmp_path / "torn.avi")], tmp_path / "o.csv", model=model, say=said.append)
    table = pd.read_csv(tmp_path / "o.csv")
    assert len(table) < 20 and "frames" in said[0] and (table.note == table.note[0]).all() and table.note[0] in said[0]


def test_several_workers_write_the_same_tables_as_one(clips, model, tmp_path) -> None:
    for workers in (1, 2):
        encode_inputs([clips], tmp_path / f"by{workers}.parquet", model=model, workers=workers)
    assert (tmp_path / "by1.parquet").read_bytes() == (tmp_path / "by2.parquet").read_bytes()


def test_a_part_of_a_clip_at_another_rate(clips, model, tmp_path) -> None:
    settings = Settings(start_s=0.2, end_s=0.5, fps=20.0, groups=())
    encode_inputs([clips / "anna.mp4"], tmp_path / "o.parquet", settings, model)
    table = read_arrays(tmp_path / "o.parquet")
    np.testing.assert_allclose(table["time_s"], np.arange(4, 10) / 20)
    assert "words" in table and "yaw_deg" not in table


def test_files_of_other_programs_and_clips_go_into_one_table(clips, model, tmp_path) -> None:
    codes = [f"00:00:00:{frame:02d}.000" for frame in range(59)]
    write_live_link(tmp_path / "phone.csv", np.random.default_rng(0).random((59, 52)) * 0.4, codes)
    said: list[str] = []
    encode_inputs([tmp_path / "phone.csv", clips / "anna.mp4"], tmp_path / "o.csv", model=model, say=said.append)
    assert pd.read_csv(tmp_path / "o.csv").groupby("clip_id").size().to_dict() == {"anna": 12, "phone": 59}


def test_what_it_wrote_is_read_again_by_encode_inspect_and_transform(encoded, model, tmp_path, capsys) -> None:
    from dfe_lib.quantisation.encoder import DiscreteFacialEncoder

    out, _ = encoded
    first = pd.read_csv(out)
    for name in ("faces.csv", "psi.csv"):
        assert main(["inspect", str(out.with_name(name))]) == 0
        assert "frames: 20, usable 20" in capsys.readouterr().out
        encode_inputs([out.with_name(name)], tmp_path / name / "again.csv", model=model)
        again = pd.read_csv(tmp_path / name / "again.csv")
        assert (again.clip_id == first.clip_id).all() and (again.token_1 == first.token_1).all()
        assert (again.words == first.words).all()
    tokens = DiscreteFacialEncoder.from_pretrained(model).transform(pd.read_csv(out.with_name("psi.csv")))
    assert (tokens == first[["token_1", "token_2", "token_3"]]).all(axis=None)


def test_a_folder_holds_a_table_a_clip_and_is_not_read_as_an_input(clips, model, tmp_path) -> None:
    folder = Path(shutil.copytree(clips, tmp_path / "clips"))
    for _ in range(2):
        result = encode_inputs([folder], folder / "encoded", Settings(groups=("pose",)), model)
    assert result.earlier == 2 and len(result.done) == 2
    assert sorted(path.name for path in (folder / "encoded").iterdir()) == [
        "anna.parquet", "ben.parquet", "codebook.csv", "columns.csv",
    ]  # fmt: skip
    assert read_arrays(folder / "encoded" / "ben.parquet")["tokens"].shape == (8, 3)


@pytest.mark.parametrize("wrong", ["out.xlsx", "anna.mp4", "folder.csv", "columns.csv", "absent/../own/out.csv"])
def test_an_output_is_checked_before_anything_heavy_is_imported(clips, tmp_path, wrong) -> None:
    import subprocess
    import sys

    shutil.copy(clips / "anna.mp4", tmp_path)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "columns.csv").write_text("my,own,table\n")
    code = "import sys; from dfe_lib.cli import main; code = main(sys.argv[1:]);"
    code += "print(code, *{'torch', 'numpy', 'mediapipe'} & set(sys.modules))"
    wrong = wrong.replace("absent/../", "")
    arguments = [sys.executable, "-c", code, "encode", "anna.mp4", "-o", wrong]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n" and done.stderr.startswith("dfe: ") and done.stderr.count("\n") == 1


def test_ids_that_a_spreadsheet_would_run_are_escaped_and_come_back(model, tmp_path) -> None:
    psi = pd.DataFrame(np.full((3, 52), 0.1), columns=[f"psi_{name}" for name in ACTIONS])
    psi.assign(clip_id="=1+1", subject_id="@me", frame=range(3), time_s=0.0).to_csv(tmp_path / "p.csv", index=False)
    encode_inputs([tmp_path / "p.csv"], tmp_path / "o.csv", model=model)
    encode_inputs([tmp_path / "o.csv"], tmp_path / "again.parquet", model=model)
    table = pd.read_csv(tmp_path / "o.csv")
    assert set(table.clip_id) == {"'=1+1"} and set(table.subject_id) == {"'@me"}
    assert set(read_arrays(tmp_path / "again.parquet")["clip_id"]) == {"=1+1"}


def test_nothing_to_encode_is_one_sentence(model, tmp_path) -> None:
    with pytest.raises(UserError, match="No video or picture"):
        encode_inputs([tmp_path], tmp_path / "o.csv", model=model)
    with pytest.raises(UserError, match="--workers"):
        encode_inputs([tmp_path], tmp_path / "o.csv", workers=0)


def test_what_lies_in_a_folder_and_is_no_clip_is_said_and_stops_nothing(model, tmp_path, capsys) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    codes = [f"00:00:00:{frame:02d}.000" for frame in range(30)]
    write_live_link(folder / "phone.csv", np.random.default_rng(0).random((30, 52)) * 0.4, codes)
    (folder / "torn.parquet").write_bytes(b"PAR1 and no more")
    (folder / "half.npy").write_bytes(b"\x93NUMPY\x01\x00")
    arguments = ["encode", str(folder), "-o", str(folder / "out.csv"), "--model", str(model)]
    for _ in range(2):  # the second finds what the first wrote
        assert main(arguments) == 0
        said = capsys.readouterr()
        lines = [line for line in said.out.splitlines() if "passed over, " in line]
        assert len(lines) == 2 and lines[0].startswith("half.npy: ") and lines[1].startswith("torn.parquet: ")
        assert "1 clip" in said.out and "2 passed over" in said.out
    assert main(["inspect", str(folder)]) == 0
    said = capsys.readouterr()
    assert "phone.csv: Live Link Face CSV" in said.out and "frames: 30, usable 30" in said.out
    assert [line.split(":")[1].strip() for line in said.err.splitlines()] == ["half.npy", "torn.parquet"]


def test_what_had_to_be_assumed_of_a_recording_stands_in_its_rows(model, tmp_path) -> None:
    codes = [f"00:00:00:{frame:02d}.000" for frame in range(20)]
    path = write_live_link(tmp_path / "phone.csv", np.random.default_rng(0).random((20, 52)) * 0.4, codes)
    table = pd.read_csv(path).drop(columns="TongueOut")
    table.to_csv(path, index=False)
    said: list[str] = []
    encode_inputs([path], tmp_path / "o.csv", model=model, say=said.append)
    assert "tongue is taken as in" in said[0] and pd.read_csv(tmp_path / "o.csv").note.str.contains("tongue").all()
