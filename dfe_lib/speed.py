"""How fast a clip becomes tokens, beside MediaPipe's FaceLandmarker alone, measured in turns in one run."""

import time
from collections.abc import Sequence
from pathlib import Path

import mediapipe as mp
import pandas as pd
from mediapipe.tasks.python import BaseOptions, vision

from .encoding.files import encode_media
from .io.assets import asset
from .io.media import Frame, open_media
from .io.scratch import scratch

__all__ = ["encode_speed"]


def encode_speed(path: Path, model: Path | None = None, rounds: int = 5) -> pd.DataFrame:
    """Frames a second of FaceLandmarker alone and of `dfe encode`, round by round, and their ratio.

    FaceLandmarker has the decoded frames in memory already; `encode` decodes, finds faces, fits, makes tokens and
    writes the table. A first round of both is not counted.

    Arguments:
        path: A video; all its frames are held in memory.
        model: Folder of the trained model, the study's when None.
        rounds: Counted rounds.
    """
    with open_media(path) as reader:
        frames = list(reader.frames)
    with scratch() as folder:
        out = folder / "tokens.parquet"
        rows = [
            {
                "facelandmarker_fps": len(frames) / _alone_s(frames),
                "encode_fps": len(frames) / _encode_s(path, out, model),
            }
            for _ in range(rounds + 1)
        ]
    table = pd.DataFrame(rows[1:])
    return table.assign(ratio=table["encode_fps"] / table["facelandmarker_fps"])


def _encode_s(path: Path, out: Path, model: Path | None) -> float:
    start = time.perf_counter()
    encode_media(path, out, model)
    return time.perf_counter() - start


def _alone_s(frames: Sequence[Frame]) -> float:
    """FaceLandmarker as its documentation shows it: one face, video mode, with scores and pose."""
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(asset("face_landmarker.task"))),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    start = time.perf_counter()
    with vision.FaceLandmarker.create_from_options(options) as detector:
        for frame in frames:
            detector.detect_for_video(mp.Image(mp.ImageFormat.SRGB, frame.rgb), round(1000 * frame.time_s))
    return time.perf_counter() - start
