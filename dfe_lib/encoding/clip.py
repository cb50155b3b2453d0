"""One clip of any kind to its encoded table in one process: the steps of `segments`, one after the other."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tqdm import tqdm

from ..io.clip_table import MediaFile
from ..io.scratch import scratch
from ..io.threads import one_thread
from .decision import Decision
from .reading import ReadClip, plan_clip, read_clip
from .rows import Batch, RowMaker
from .segments import decide
from .settings import Settings
from .table import keep_frames, segment_rows, write_table

__all__ = ["finish_clip", "write_clip"]


def write_clip(
    rows: RowMaker,
    clip: MediaFile,
    out: Path,
    settings: Settings,
    metadata: Mapping[str, str] | None = None,
    progress: tqdm | bool | None = None,
) -> None:
    """Writes the encoded table of one clip; it appears when it is whole.

    Arguments:
        rows: of the model. clip: what `inputs.find_inputs` found. out: Parquet file.
        metadata: what the file is to say of itself, beside its `note` of damage.
        progress: a bar to move on frame by frame, or whether to show one (default: when a terminal watches).

    Raises UserError when the clip cannot be read, or its psi is not the model's.
    """
    with scratch() as folder:
        read = read_clip(plan_clip(clip, settings), folder, settings, progress)
        finish_clip(rows, read, out, settings, metadata)


def finish_clip(
    rows: RowMaker,
    read: ReadClip,
    out: Path,
    settings: Settings,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """The second half of :func:`write_clip`: psi, where there is none yet, and the rows."""
    decision = decide(rows, read.plan, read.work, settings)
    keep_frames(decision, read.plan.clip.clip_id, settings)
    with one_thread():
        write_table(rows, _rows(rows, decision, read.work, settings), out, settings, decision, metadata)


def _rows(rows: RowMaker, decision: Decision, work: Path, settings: Settings) -> Iterator[Batch]:
    """Segment after segment; the landmarks of one that no later one looks at go."""
    for number, segment in enumerate(decision.segments):
        yield from segment_rows(rows, decision, number, settings)
        before = decision.segments[number - 1].path if number else segment.path
        if before != segment.path and before.parent == work:
            before.unlink()
