"""Short clips of real people for the tests of whole commands."""

from pathlib import Path

from video_files import real_frames, write_video

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig


def short_clip(path: Path, name: str = "carphone_pristine.mp4", count: int = 12, first: int = 0) -> Path:
    """So many frames of a sample clip, encoded anew."""
    frames = real_frames(name, first + count)[first:]
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = (side // 2 * 2 for side in frames[0].rgb.shape[:2])  # 4:2:0 has no odd sizes
    return write_video(path, [frame.rgb[:height, :width] for frame in frames])


def faceless_clip(path: Path, count: int = 8) -> Path:
    return short_clip(path, "no_face.mp4", count)


def damaged_clip(path: Path) -> Path:
    """A clip of 20 frames whose file ends in the middle."""
    data = short_clip(path, count=20).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path


def small_model(folder: Path) -> Path:
    RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16, n_stages=3)).save_pretrained(folder)
    return folder
