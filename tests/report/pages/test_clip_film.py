"""Films and single pictures of a real clip."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from codebooks import known_model
from PIL import Image
from video_files import real_frames, write_video

from dfe_lib.cli import main
from dfe_lib.encoding.view import EncodedClip, encoded_clip
from dfe_lib.errors import UserError
from dfe_lib.io.media import open_media
from dfe_lib.morphable import use_renderer
from dfe_lib.report.pages.clip_film import ClipFilm

PICKED = (0, 1, 2, *range(110, 115))
"""Frames of noface_face.mov: nobody, then somebody."""
TIMES_MS = [0, 40, 80, 120, 160, 300, 340, 380]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    frames = real_frames("noface_face.mov", PICKED[-1] + 1)
    write_video(folder / "walk in.mp4", [frames[i].rgb[::2, ::2] for i in PICKED], TIMES_MS)
    known_model().save_pretrained(folder / "model")
    return folder


@pytest.fixture(scope="module")
def clip(folder: Path) -> Iterator[EncodedClip]:
    with encoded_clip(folder / "walk in.mp4", folder / "model") as clip:
        yield clip


@pytest.fixture(scope="module")
def film(clip: EncodedClip, folder: Path) -> list[tuple[float, np.ndarray]]:
    """Times and pictures of the whole film."""
    assert clip.film(folder / "out.mp4") == len(PICKED)
    with av.open(str(folder / "out.mp4")) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def test_a_film_has_a_picture_for_each_frame_at_its_time(film) -> None:
    np.testing.assert_allclose([time for time, _ in film], np.array(TIMES_MS) / 1000, atol=1e-3)
    assert {picture.shape for _, picture in film} == {film[0][1].shape}


def test_mesh_and_head_are_there_where_a_face_is(film, clip: EncodedClip) -> None:
    with open_media(clip.media) as reader:
        originals = [frame.rgb for frame in reader.frames]
    height, width = originals[0].shape[:2]
    changed = [
        np.abs(shown[:height, :width].astype(int) - rgb).max(2) > 40
        for (_, shown), rgb in zip(film, originals, strict=True)
    ]
    share = np.array([each.mean() for each in changed])
    assert (share[:3] < 0.002).all() and (share[3:] > 0.005).all()
    marks = clip.shown.placer
    assert marks is not None
    heads = [shown[:height, width:].std() for _, shown in film]
    assert max(heads[:3]) < 1 and min(heads[3:]) > 20
    edges = [np.r_[shown[:2, width:], shown[height - 2 : height, width:]] for _, shown in film]
    assert min(edge.min() for edge in edges) > 240  # crown and neck are in the picture


def test_the_mesh_stays_within_the_face(clip: EncodedClip) -> None:
    told = clip.shown.whole()
    rows = next(
        iter(
            clip.shown.batches(
                ("frame", "time_s", "tokens", "psi", "box_x_px", "box_y_px", "box_width_px", "box_height_px"), 64
            )
        )
    )
    row = {name: values[4] for name, values in rows.items()}
    with open_media(clip.media) as reader:
        rgb = [frame.rgb for frame in reader.frames][4]
    with ClipFilm(clip.shown, clip.tokenizer.model, told) as film:
        sheet = film(rgb, row)
    places = np.argwhere((sheet[: rgb.shape[0], : rgb.shape[1]] != rgb).any(2))
    low, high = places.min(0)[::-1], places.max(0)[::-1]
    corner = np.array([row["box_x_px"], row["box_y_px"]])
    size = np.array([row["box_width_px"], row["box_height_px"]])
    assert (np.abs(low - corner) < 0.1 * size).all() and (np.abs(high - corner - size) < 0.1 * size).all()


def test_a_still_is_a_picture_of_the_film(film, clip: EncodedClip, folder: Path) -> None:
    assert clip.still(folder / "still.png", at_s=0.31) == 5
    still = np.asarray(Image.open(folder / "still.png")).astype(int)
    near = np.abs(still[: still.shape[0] // 2 * 2, : still.shape[1] // 2 * 2] - film[5][1])
    assert near.mean() < 4 < np.abs(still[: film[0][1].shape[0]] - film[0][1]).mean()
    with pytest.raises(UserError, match=r"no picture at 9 s: name a time from 0\.00 to 0\.38 s"):
        clip.still(folder / "late.png", at_s=9.0)
    assert not (folder / "late.png").exists()


def test_the_command_writes_both_and_refuses_other_endings(folder: Path, capsys: pytest.CaptureFixture) -> None:
    media, model = str(folder / "walk in.mp4"), ["--model", str(folder / "model")]
    made = folder / "made"
    assert main(["view", media, *model, "--video", str(made / "a.mp4"), "--still", str(made / "a.png")]) == 0
    assert capsys.readouterr().out == f"frame 0 in {made / 'a.png'}\n8 frames in {made / 'a.mp4'}\n"
    assert sorted(path.name for path in made.iterdir()) == ["a.mp4", "a.png"]  # no page was asked for
    assert main(["view", media, *model, "--video", str(made / "a.gif")]) == 1
    assert capsys.readouterr().err == f"dfe: {made / 'a.gif'} must end in .mp4.\n"
    assert main(["view", media, *model, "--video", media]) == 1
    assert "is the clip itself" in capsys.readouterr().err


@pytest.mark.pytorch3d
def test_the_renderer_changes_hardly_a_pixel(clip: EncodedClip, folder: Path) -> None:
    stills = []
    for name in ("vtk", "pytorch3d"):
        use_renderer(name)
        try:
            clip.still(folder / f"{name}.png", at_s=0.31)
        finally:
            use_renderer("vtk")
        stills.append(np.asarray(Image.open(folder / f"{name}.png")).astype(int))
    assert 0 < np.abs(stills[0] - stills[1]).mean() < 1
