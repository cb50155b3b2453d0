"""How long a study of one's own clips takes, said before it begins: minutes for a few, hours for hours of video."""

from functools import cached_property
from pathlib import Path

from ..errors import UserError, counted
from ..io.clip_table import MediaFile
from ..io.media import is_media, open_media
from ..io.parameters import read_parameters
from ..io.paths import params_dir, results_dir
from ..io.pieces import PIECES
from ..io.progress import duration
from ..tracking.sources import find_sources
from .plan import STAGE_COSTS, cost_model

__all__ = ["Forecast", "step_seconds"]

FIXED_S = {
    "01_preprocess": 15.0,
    "02_fit_3dmm": 50.0,
    "03_train": 40.0,
    "04_codebook_vs_facs": 70.0,
    "05_downstream": 60.0,
}
"""Seconds of each step that do not depend on how much video there is: networks, actors, figures, pages; for 15 people
with three labels on a machine of two cores."""
STAGES = {"01_preprocess": ("detect",), "02_fit_3dmm": ("fit",), "03_train": ("tokenise",)}
"""Stages of the bench that a step takes every frame through."""


class Forecast:
    """What is said of a step before it begins: how long it is until the report; nothing where the clips are samples.

    Arguments:
        profile: folder of `params`. bench: folder of the bench's tables; the project's when None.

    Raises:
        UserError: when it is called: the clips are not there.
    """

    def __init__(self, profile: str, bench: Path | None = None) -> None:
        self.settings = read_parameters(params_dir(profile) / "01_preprocess.yaml")
        self.bench = bench or results_dir("bench")
        self.begun = False

    def __call__(self, step: str) -> str:
        if not self.clips or step not in FIXED_S:
            return ""
        seconds = step_seconds(self.frames, self.bench, _workers(self.settings))
        left = sum(taken for name, taken in seconds.items() if name >= step)
        size = "" if self.begun else f"{counted(len(self.clips), 'clip')} of {self.frames:,} frames in all; "
        self.begun = True
        return f"{step:<22} begins: {size}about {duration(left)} until the report"

    @cached_property
    def clips(self) -> list[MediaFile]:
        """Of one's own; none where they are samples, or where the machine has not been measured."""
        media = self.settings.get("media", [])
        names = [media] if isinstance(media, str) else media
        if not isinstance(names, list) or set(names) & set(PIECES) or not (self.bench / STAGE_COSTS).exists():
            return []
        return find_sources(names) if names else []

    @cached_property
    def frames(self) -> int:
        return sum(map(_frames, self.clips))


def step_seconds(frames: int, bench: Path, workers: int = 1) -> dict[str, float]:
    """Seconds by the clock of each step for so many frames of video.

    Arguments:
        bench: folder of the bench's tables. workers: processes that share the clips in 01.
    """
    cost = cost_model(bench).cpu_us_per_frame
    shared = {"01_preprocess": workers}
    return {
        step: fixed + frames * sum(cost[stage] for stage in STAGES.get(step, ())) / 1e6 / shared.get(step, 1)
        for step, fixed in FIXED_S.items()
    }


def _frames(clip: MediaFile) -> int:
    """Frames of a video or picture, as far as the file says; other programs' files need no detection."""
    if not is_media(clip.path):
        return 0
    try:
        with open_media(clip.path, clip.start_s, clip.end_s) as reader:
            return reader.expected
    except UserError:  # 01 says why it cannot be read, and goes on
        return 0


def _workers(settings: dict[str, object]) -> int:
    workers = settings.get("workers", 1)
    return workers if isinstance(workers, int) and workers > 0 else 1
