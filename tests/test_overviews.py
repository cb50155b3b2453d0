import matplotlib.pyplot as plt
import numpy as np
import pytest

from dfe_lib.anny_head import anny_head
from dfe_lib.assets import asset
from dfe_lib.flame_codes import flame_names
from dfe_lib.intake import take_clips
from dfe_lib.media import MediaFile
from dfe_lib.names import ACTIONS
from dfe_lib.overviews import example_displays, has_pictures, head_pictures, middle_frames, template_map


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("overviews")
    np.savez(folder / "codes.npz", exp=np.zeros((5, 50)))
    paths = [asset("OpenFace_Test.csv"), asset("single_face.jpg"), folder / "codes.npz"]
    clips = [MediaFile(path, path.stem, path.stem) for path in paths]
    take_clips(clips, folder / "frames", reading={"fps": 30.0})
    return folder / "frames", {clip.clip_id: clip.path for clip in clips}


def test_landmarks_without_a_picture_get_an_empty_one(taken) -> None:
    frames, sources = taken
    pictures, marks = middle_frames(frames, sources, list(sources))
    assert set(pictures) == {"OpenFace_Test", "single_face"}
    assert (pictures["OpenFace_Test"] == 255).all() and pictures["single_face"].std() > 20
    side = len(pictures["OpenFace_Test"])
    assert marks["OpenFace_Test"].shape == (68, 2) and marks["single_face"].shape == (478, 2)
    assert marks["OpenFace_Test"].min() > 0 and marks["OpenFace_Test"].max() < side
    assert np.ptp(marks["OpenFace_Test"], axis=0).max() > 0.6 * side


def test_pictures_are_where_the_media_are(taken) -> None:
    _, sources = taken
    assert has_pictures(sources, "single_face") and not has_pictures(sources, "OpenFace_Test")
    assert not has_pictures(sources, "nobody")


def test_a_head_stands_for_a_frame() -> None:
    psi = np.zeros((2, 52))
    psi[1, ACTIONS.index("jawOpen")] = 1
    still, opened = head_pictures(anny_head(), psi)
    assert still.shape == opened.shape and np.abs(still.astype(int) - opened).max() > 60


@pytest.mark.parametrize(
    "names", [ACTIONS, flame_names(50), flame_names(100, jaw=False), flame_names(50, eyelids=True)]
)
def test_examples_are_one_coefficient_each(names) -> None:
    displays, titles = example_displays(names)
    assert displays.shape == (len(titles), len(names)) and ((displays != 0).sum(1) == 1).all()
    assert [names[row.argmax()] for row in displays] == [title.split()[0] for title in titles]


def test_the_map_shows_every_template() -> None:
    templates = np.random.default_rng(0).normal(size=(6, 53))
    figure = template_map(templates, flame_names(50), [str(i) for i in range(6)])
    (mesh,) = figure.axes[0].collections
    np.testing.assert_array_equal(mesh.get_array().reshape(6, 53), templates)
    plt.close(figure)
