import matplotlib.pyplot as plt
import numpy as np
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.io.clip_table import MediaFile
from dfe_lib.io.tables import REAL, expressions_schema, table_writer
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.rendering import turn
from dfe_lib.report.drawing import VIEW, drawn_heads, face_crop, heat_bar, heat_colours
from dfe_lib.report.one_face import read_face
from dfe_lib.report.pictures import (
    clip_to_show,
    example_displays,
    frames_to_show,
    has_pictures,
    middle_frames,
    some_of,
    template_map,
)
from dfe_lib.tracking import take_clips
from dfe_lib.tracking.formats.flame_codes import flame_names
from dfe_lib.tracking.sources import find_sources, read_sources, write_sources


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
    still, opened = drawn_heads(anny_head(), psi)
    assert still.shape == opened.shape and np.abs(still.astype(int) - opened).max() > 60


@pytest.mark.parametrize("view", [VIEW, turn(), turn(yaw=40, pitch=10)])
def test_a_head_is_whole_in_its_picture(view: np.ndarray) -> None:
    for picture in drawn_heads(
        anny_head(), np.eye(52)[[ACTIONS.index("jawOpen"), ACTIONS.index("mouthLeft")]], view=view
    ):
        rows, columns = ((picture < 250).any((1 - axis, 2)).nonzero()[0] for axis in (0, 1))
        assert rows[0] > 2 and rows[-1] < len(picture) - 3, "crown or neck are cut"
        assert columns[0] > 2 and columns[-1] < picture.shape[1] - 3
        assert abs(rows[0] - (len(picture) - 1 - rows[-1])) < 12  # in the middle
        assert len(rows) > 0.85 * len(picture)  # and no smaller than it must be


def test_the_scale_has_the_colours_of_the_heads() -> None:
    """Grey where nothing moves, on the scale as on the head."""
    head, psi = anny_head(), np.eye(52)[[ACTIONS.index("jawOpen")]]
    figure, axis = plt.subplots()
    heat_bar(figure, [axis], 20.0)
    (scale,) = (each.collections[-1] for each in figure.axes if each is not axis)
    moved = np.linalg.norm(head.displacement_mm(psi)[0], axis=1)
    for mm in (0.0, 0.5, 3.0, 12.0):
        vertex = np.abs(moved - mm).argmin()
        painted = heat_colours(head, psi, 20.0)[0][vertex]
        np.testing.assert_allclose(scale.cmap(moved[vertex] / 20.0)[:3], painted, atol=0.03)


def test_a_face_at_the_border_is_not_drawn_on() -> None:
    """What lies beyond the picture is white: a border that is repeated looks like hair and necks in stripes."""
    picture = np.full((60, 80, 3), 40, np.uint8)
    crop, corner = face_crop(picture, np.array([[40.0, 30.0], [70.0, 58.0]]))
    assert corner.tolist() == [55 - 24, 44 - 24] and crop.shape == (48, 48, 3)
    assert (crop[60 - 20 :] == 255).all() and (crop[:40] == 40).all()


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


@pytest.fixture
def expressions(tmp_path):
    for clip, valid in {"a_hand": [0, 0, 0], "b_woman": [0, 1, 1], "c_man": [1, 1, 1]}.items():
        with table_writer(tmp_path / f"{clip}.parquet", expressions_schema(ACTIONS)) as table:
            key = {
                "clip_id": clip,
                "subject_id": clip,
                "face_id": 0,
                "frame": np.array([4, 5, 6]),
                "time_s": np.arange(3),
            }
            told = {"psi": np.zeros((3, 52)), "residual_mm": np.zeros(3), "valid": np.array(valid, bool)}
            table.write(key | {"data": REAL} | told)
    return tmp_path


def test_a_clip_that_is_named_or_the_first_with_a_face(expressions) -> None:
    assert clip_to_show(expressions, "c_man") == "c_man"
    assert clip_to_show(expressions, "") == "b_woman"
    with pytest.raises(UserError, match="'my_clip': set shown_clip to one of a_hand, b_woman, c_man"):
        clip_to_show(expressions, "my_clip")


def test_no_face_anywhere_is_told(expressions) -> None:
    for clip in ("b_woman", "c_man"):
        (expressions / f"{clip}.parquet").unlink()
    with pytest.raises(UserError, match="No clip has a frame with a face"):
        clip_to_show(expressions, "")


def test_frames_that_are_named_or_any_with_a_face(expressions) -> None:
    assert frames_to_show(expressions / "b_woman.parquet", [4, 6]) == [6]
    assert frames_to_show(expressions / "b_woman.parquet", []) == [5, 6]
    assert frames_to_show(expressions / "c_man.parquet", [], most=2) == [4, 6]
    with pytest.raises(UserError, match="shown_frames of b_woman"):
        frames_to_show(expressions / "b_woman.parquet", [4])


def test_a_figure_stays_a_page() -> None:
    assert len(some_of(range(10_000))) == 24 and some_of(range(5)) == [0, 1, 2, 3, 4] and some_of([]) == []


def test_no_figure_shows_a_sample_whose_terms_nobody_states(tmp_path) -> None:
    clips = find_sources("cap13_edit2.mp4", {}, parts={"cap13_edit2": [0, 0.2]})
    take_clips(clips, tmp_path)
    write_sources(clips, tmp_path)
    sources = read_sources(tmp_path)
    assert not has_pictures(sources, "cap13_edit2")
    pictures, marks = middle_frames(tmp_path, sources, ["cap13_edit2"])
    assert (pictures["cap13_edit2"] == 255).all() and len(marks["cap13_edit2"]) == 478
    assert read_face(tmp_path, "cap13_edit2", 2).crop is None
