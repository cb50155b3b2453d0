"""The stages that a frame passes through, each as work that can be timed, and the libraries that do the like alone."""

from pathlib import Path
from shutil import copyfile

import numpy as np
import torch
from jaxtyping import Float

from ..blendshapes import ACTIONS
from ..encoding.batch import encode_inputs
from ..encoding.files import encode_media
from ..fitting.fit import fit_tables
from ..io.assets import asset
from ..io.media import open_media
from ..io.tables import SIMULATED, expressions_schema, read_batches, read_parquet, table_writer, tokens_schema
from ..morphable.anny import anny_head
from ..morphable.metric import metric_root
from ..quantisation.config import TrainConfig
from ..quantisation.counts import count_tokens
from ..quantisation.rvqvae import STUDY_MODEL, RvqVae
from ..quantisation.streaming import ParquetFrames
from ..quantisation.tokens import tokenise
from ..quantisation.training import train
from ..speed import facelandmarker_alone
from ..tracking.extraction import extract_clip
from .measure import Work, Working

__all__ = ["LIBRARIES", "STAGES", "encode_copies"]

CLIP, SHORT_CLIP = "WolfgangLanger_Pexels.mp4", "single_face.mp4"
"""Sample clips of 640 x 360, of 472 frames for what reads pictures and of 72 for workers to share."""
TRAIN_BATCH = 512
PART = 8192
"""Frames that are made at a time."""


def encode_copies(folder: Path, count: int, workers: int = 1) -> tuple[Working, int]:
    """`dfe encode` of `count` clips by so many workers, from nothing."""
    clips, out = _copies(folder / "clips", count), folder / f"encoded_{workers}"
    frames = count * _frames_of(asset(SHORT_CLIP))
    return lambda: _none(encode_inputs(clips, out, workers=workers, say=_silent)) + _size(out), frames


def _decode(folder: Path, frames: int) -> tuple[Working, int]:
    def run() -> int:
        with open_media(asset(CLIP)) as reader:
            return _none([None for _ in reader.frames])

    return run, _frames_of(asset(CLIP))


def _decode_alone(folder: Path, frames: int) -> tuple[Working, int]:
    import av

    def run() -> int:
        with av.open(str(asset(CLIP))) as container:
            return _none([None for frame in container.decode(video=0) if frame.to_ndarray(format="rgb24") is not None])

    return run, _frames_of(asset(CLIP))


def _detect(folder: Path, frames: int) -> tuple[Working, int]:
    out = folder / "frames" / "clip.parquet"
    return lambda: _none(extract_clip(asset(CLIP), out, progress=False)) + _size(out), _frames_of(asset(CLIP))


def _detect_alone(folder: Path, frames: int) -> tuple[Working, int]:
    with open_media(asset(CLIP)) as reader:
        pictures = list(reader.frames)

    def run() -> int:
        facelandmarker_alone(pictures)
        return 0

    return run, len(pictures)


def _fit(folder: Path, frames: int) -> tuple[Working, int]:
    table, head = folder / "frames" / "clip.parquet", anny_head()
    if not table.exists():
        extract_clip(asset(CLIP), table, progress=False)
    out = folder / "expressions"
    return lambda: _none(fit_tables([table], out, head, "bilateral")) + _size(out), _frames_of(asset(CLIP))


def _tokenise(folder: Path, frames: int) -> tuple[Working, int]:
    table, out = _expressions_table(folder / "psi.parquet", frames), folder / "tokens.parquet"
    model, metric = RvqVae.from_pretrained(STUDY_MODEL), anny_head().gram()
    model.encode(torch.zeros(4096, len(ACTIONS)))  # the first pass starts threads
    return lambda: _none(tokenise(model, table, out, metric)) + _size(out), frames


def _faiss_encode(folder: Path, frames: int) -> tuple[Working, int]:
    import faiss

    psi = _invented(min(frames, 50_000), 0) @ metric_root(anny_head().gram()).astype(np.float32)
    quantiser = faiss.ResidualQuantizer(psi.shape[1], 4, 8)
    quantiser.max_beam_size = 5
    quantiser.train(psi[:10_000])
    return lambda: _none(quantiser.compute_codes(psi)), len(psi)


def _read(folder: Path, frames: int) -> tuple[Working, int]:
    stream = ParquetFrames([_expressions_table(folder / "psi.parquet", frames)])
    batches = stream.batches(TRAIN_BATCH, torch.Generator().manual_seed(0))
    return lambda: _none([None for _ in zip(range(frames // TRAIN_BATCH), batches, strict=False)]), frames


def _train(folder: Path, frames: int) -> tuple[Working, int]:
    stream = ParquetFrames([_expressions_table(folder / "psi.parquet", frames)])
    model, steps = RvqVae(RvqVae.from_pretrained(STUDY_MODEL).config), 100
    settings = TrainConfig(steps, TRAIN_BATCH, start_rounds=0, start_frames=4096, evaluate_every=steps)
    metric = anny_head().gram()
    return lambda: _none(train(model, stream, np.zeros((0, len(ACTIONS)), np.float32), metric, settings)), (
        steps * TRAIN_BATCH
    )


def _write(folder: Path, frames: int) -> tuple[Working, int]:
    rows, out = _token_rows(folder, frames), folder / "written.parquet"

    def run() -> int:
        with table_writer(out, tokens_schema(4, displays=True)) as table:
            for part in rows:
                table.write(part)
        return _size(out)

    return run, sum(len(part["frame"]) for part in rows)


def _write_alone(folder: Path, frames: int) -> tuple[Working, int]:
    import pyarrow.parquet as pq

    _token_rows(folder, frames)
    table, out = read_parquet(folder / "tokens.parquet"), folder / "alone.parquet"
    return lambda: _none(pq.write_table(table, out, compression="zstd")) + _size(out), len(table)


def _count(folder: Path, frames: int) -> tuple[Working, int]:
    _token_rows(folder, frames)
    model = RvqVae.from_pretrained(STUDY_MODEL)
    return lambda: _none(count_tokens([folder / "tokens.parquet"], model)), frames


def _encode(folder: Path, frames: int) -> tuple[Working, int]:
    out = folder / "encoded.parquet"
    return lambda: _none(encode_media(asset(CLIP), out)) + _size(out), _frames_of(asset(CLIP))


STAGES: dict[str, Work] = {
    "decode": _decode, "detect": _detect, "fit": _fit, "tokenise": _tokenise, "write": _write, "read": _read,
    "train": _train, "count": _count, "encode": _encode,
}  # fmt: skip
"""By name, in the order of a frame's way; `detect` decodes and writes, `encode` is the whole way to tokens."""
LIBRARIES: dict[str, tuple[str, Work]] = {
    "decode": ("PyAV", _decode_alone), "detect": ("FaceLandmarker", _detect_alone),
    "tokenise": ("faiss ResidualQuantizer 4 x 256", _faiss_encode), "write": ("pyarrow", _write_alone),
}  # fmt: skip
"""What does the like of a stage alone; FaceLandmarker has its pictures in memory."""


def _token_rows(folder: Path, frames: int) -> list[dict[str, np.ndarray]]:
    table = folder / "tokens.parquet"
    if not table.exists():
        _tokenise(folder, frames)[0]()
    return list(read_batches(table, rows=PART))


def _expressions_table(path: Path, frames: int) -> Path:
    """An expressions table of so many invented frames, a few actions at a time, made where it is missing."""
    if path.exists():
        return path
    with table_writer(path, expressions_schema(ACTIONS)) as table:
        for start in range(0, frames, PART):
            number = np.arange(start, min(start + PART, frames))
            table.write({
                "clip_id": path.stem, "subject_id": path.stem, "face_id": 0, "frame": number, "time_s": number / 30,
                "data": SIMULATED, "psi": _invented(len(number), start), "residual_mm": 0.5,
                "valid": np.ones(len(number), bool),
            })  # fmt: skip
    return path


def _copies(folder: Path, count: int) -> list[Path]:
    """The sample clip under so many names."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"clip_{i}.mp4" for i in range(count)]
    for path in paths:
        if not path.exists():
            copyfile(asset(SHORT_CLIP), path)
    return paths


def _invented(count: int, seed: int) -> Float[np.ndarray, "n e"]:
    rng = np.random.default_rng(seed)
    shown = rng.random((count, len(ACTIONS))) < 0.1
    return (shown * rng.random((count, len(ACTIONS)))).astype(np.float32)


def _frames_of(path: Path) -> int:
    with open_media(path) as reader:
        return sum(1 for _ in reader.frames)


def _size(path: Path) -> int:
    return sum(each.stat().st_size for each in ([path] if path.is_file() else path.rglob("*")) if each.is_file())


def _none(_: object) -> int:
    """Nothing was written."""
    return 0


def _silent(_: str) -> None:
    pass
