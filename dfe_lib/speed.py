"""How fast a clip becomes tokens, beside MediaPipe's FaceLandmarker alone, measured in turns in one run."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import mediapipe as mp
import numpy as np
import pandas as pd
from mediapipe.tasks.python import BaseOptions, vision

from .encoding.files import encode_media
from .io.assets import asset
from .io.media import Frame, open_media
from .io.scratch import scratch

__all__ = ["encode_speed", "facelandmarker_alone"]


def encode_speed(path: Path, model: Path | None = None, rounds: int = 5) -> pd.DataFrame:
    """Frames a second of FaceLandmarker alone and of `dfe encode`, round by round, and their ratios.

    FaceLandmarker has the decoded frames in memory already; `encode` decodes, finds faces, fits, makes tokens and
    writes the table. A first round of both is not counted, and they take turns in going first.

    Arguments:
        path: A video; all its frames are held in memory.
        model: Folder of the trained model, the study's when None.
        rounds: Counted rounds.

    Returns:
        A row a round: `facelandmarker_fps` and `encode_fps`, frames for each second of processor time on all cores,
        which other programs disturb little; their `ratio`; and `clock_ratio` by the clock, which on an idle machine
        is the better one, since `encode` decodes beside finding.
    """
    with open_media(path) as reader:
        frames = list(reader.frames)
    with scratch() as folder:
        out = folder / "tokens.parquet"
        runs = [lambda: facelandmarker_alone(frames), lambda: encode_media(path, out, model)]
        seconds = [_both(runs, first=number % 2) for number in range(rounds + 1)][1:]
    cpu, clock = (np.array(each) for each in zip(*seconds, strict=True))
    table = pd.DataFrame(len(frames) / cpu, columns=["facelandmarker_fps", "encode_fps"])
    return table.assign(ratio=cpu[:, 0] / cpu[:, 1], clock_ratio=clock[:, 0] / clock[:, 1])


def _both(runs: Sequence[Callable[[], object]], first: int) -> tuple[list[float], list[float]]:
    """Seconds of each run, of processor time and by the clock; run `first` goes first."""
    cpu, clock = [0.0, 0.0], [0.0, 0.0]
    for which in (first, 1 - first):
        cpu_start, start = time.process_time(), time.perf_counter()
        runs[which]()
        cpu[which], clock[which] = time.process_time() - cpu_start, time.perf_counter() - start
    return cpu, clock


def facelandmarker_alone(frames: Sequence[Frame]) -> None:
    """FaceLandmarker as its documentation shows it: one face, video mode, with scores and pose."""
    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(asset("face_landmarker.task"))),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    with vision.FaceLandmarker.create_from_options(options) as detector:
        for frame in frames:
            detector.detect_for_video(mp.Image(mp.ImageFormat.SRGB, frame.rgb), round(1000 * frame.time_s))
