from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from clip_files import short_clip, small_model
from video_files import real_frames

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.encoding.angles import gaze_degrees, gaze_map
from dfe_lib.encoding.settings import Settings
from dfe_lib.encoding.tokenizer import Tokenizer
from dfe_lib.errors import UserError
from dfe_lib.fitting.smoothing import WINDOW_S
from dfe_lib.morphable.anny import anny_head
from dfe_lib.quantisation.rvqvae import STUDY_MODEL


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_pretrained()


@pytest.fixture(scope="module")
def psi() -> np.ndarray:
    return (np.random.default_rng(0).random((6, 52)) * 0.4).astype(np.float32)


def test_a_clip_and_its_pictures_as_an_array_have_the_same_rows(tokenizer, tmp_path) -> None:
    path = short_clip(tmp_path / "a.mp4", count=8)
    from dfe_lib.io.media import open_media

    with open_media(path) as reader:
        pictures = np.stack([frame.rgb for frame in reader.frames])
    of_file, of_array = tokenizer.encode(path), tokenizer.encode(pictures)
    pd.testing.assert_frame_equal(of_file.drop(columns=["clip_id", "subject_id"]),
                                  of_array.drop(columns=["clip_id", "subject_id"]), rtol=1e-5)  # fmt: skip
    assert len(tokenizer.encode([path, str(path)])) == 8  # a file is one clip, however often it is named
    assert tokenizer.encode(pictures[0]).frame.tolist() == [0]


def test_psi_comes_as_an_array_or_under_names_in_any_order_and_case(tokenizer, psi) -> None:
    plain = tokenizer.encode(psi)
    shuffled = pd.DataFrame(psi, columns=[f"psi_{name[0].upper()}{name[1:]}" for name in ACTIONS]).iloc[:, ::-1]
    named = tokenizer.encode(shuffled.assign(time_s=np.arange(6) / 10))
    assert (named.filter(like="token_") == plain.filter(like="token_")).all(axis=None)
    assert named.time_s.tolist() == (np.arange(6) / 10).tolist()
    again = tokenizer.encode(tokenizer.encode(psi, Settings(groups=("psi",))))
    assert (again.words == plain.words).all()


def test_rows_of_several_clips_keep_no_tokens_of_one_another(tokenizer) -> None:
    smile = np.isin(ACTIONS, ["mouthSmileLeft", "mouthSmileRight"]) * 0.4
    psi = np.clip(smile + 0.004 * np.random.default_rng(1).standard_normal((20, 52)), 0, 1)
    pictures = pd.DataFrame(psi, columns=list(ACTIONS)).assign(clip_id=[f"p{i}" for i in range(20)], time_s=0.0)
    held, alone = (tokenizer.encode(pictures, Settings(hold_mm=length)) for length in (0.2, 0.0))
    pd.testing.assert_frame_equal(held, alone)
    one_clip = tokenizer.encode(pictures.assign(clip_id="p"))
    assert (one_clip.filter(like="token_") != alone.filter(like="token_")).any(axis=None)


def test_a_row_without_a_face_stays_a_row(tokenizer, psi) -> None:
    holed = psi.copy()
    holed[2] = np.nan
    table = tokenizer.encode(holed)
    assert table.valid.tolist() == [True, True, False, True, True, True]
    assert table.loc[2, ["token_1", "error_mm", "words", "AU12_mesh", "gaze_yaw_deg"]].isna().all()


def test_words_and_units_say_what_the_face_does(tokenizer) -> None:
    smile = np.zeros((1, 52), np.float32)
    smile[0, [ACTIONS.index("mouthSmileLeft"), ACTIONS.index("mouthSmileRight")]] = 0.8
    row = tokenizer.encode(smile).iloc[0]
    assert "oth lip corners" in row.words and "up" in row.words
    assert row.AU12_mesh == pytest.approx(4.0, abs=0.3) and row.AU04_mesh < 0.3


def test_gaze_has_the_sides_of_the_person() -> None:
    turns = gaze_map(anny_head())
    look = np.zeros((3, 52))
    look[0, [ACTIONS.index("eyeLookOutLeft"), ACTIONS.index("eyeLookInRight")]] = 1
    look[1, [ACTIONS.index("eyeLookDownLeft"), ACTIONS.index("eyeLookDownRight")]] = 1
    (left, level), (_, down), rest = gaze_degrees(look, turns)
    assert 12 < left < 15 and abs(level) < 1 and 9 < down < 12 and not rest.any()


def test_the_head_turns_to_the_side_that_the_pose_says() -> None:
    """A picture mirrored turns the head to the other side and tilts it the other way."""
    tokenizer, rgb = Tokenizer.from_pretrained(), real_frames("single_face.mp4", 1)[0].rgb
    one, other = (tokenizer.encode(np.ascontiguousarray(each)).iloc[0] for each in (rgb, rgb[:, ::-1]))
    assert one.yaw_deg == pytest.approx(-other.yaw_deg, abs=4) and one.roll_deg == pytest.approx(-other.roll_deg, abs=4)
    assert one.pitch_deg == pytest.approx(other.pitch_deg, abs=4)
    assert one.box_x_px + one.box_width_px + other.box_x_px == pytest.approx(rgb.shape[1], abs=6)


def test_what_is_no_face_and_no_psi_is_refused(tokenizer, psi) -> None:
    with pytest.raises(UserError, match=r"psi must be \(frames, 52\)"):
        tokenizer.encode(psi[:, :51])
    with pytest.raises(UserError, match="no column browDownLeft"):
        tokenizer.encode(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(UserError, match="does not exist"):
        tokenizer.encode("absent.mp4")


def test_pushed_pictures_give_a_row_each_at_once(tokenizer, tmp_path) -> None:
    frames = real_frames("single_face.mp4", 6)
    rows = [tokenizer.push(frame.rgb, frame.time_s) for frame in frames]
    tokenizer.close()
    assert [len(each) for each in rows] == [1] * 6 and [each[0]["frame"] for each in rows] == list(range(6))
    assert all(each[0]["valid"] and len(each[0]["tokens"]) == 4 and each[0]["words"] for each in rows)
    blank = tokenizer.push(np.zeros((64, 64, 3), np.uint8))
    tokenizer.close()
    assert len(blank) == 1 and not blank[0]["valid"] and blank[0]["face_id"] == -1


def test_a_delay_is_kept_and_its_whole_window_smooths_as_files_do(tokenizer) -> None:
    frames = real_frames("single_face.mp4", 32)
    with tokenizer.stream(delay_s=WINDOW_S) as stream:
        early = [row for frame in frames for row in stream.push(frame.rgb, frame.time_s)]
        late = stream.flush()
    assert early[-1]["time_s"] <= frames[-1].time_s - WINDOW_S and len(early) + len(late) == 32
    assert [row["frame"] for row in early + late] == list(range(32))
    with pytest.raises(UserError, match="in order"), tokenizer.stream() as stream:
        stream.push(frames[1].rgb, 1.0)
        stream.push(frames[0].rgb, 0.5)


def test_live_rows_come_near_those_of_the_whole_file(tokenizer) -> None:
    """The face at rest is read from half the frames, and half the window is missing: most of psi is the same."""
    frames = real_frames("single_face.mp4", 40)
    with tokenizer.stream() as stream:
        live = [stream.push(frame.rgb, frame.time_s)[0]["psi"] for frame in frames]
    whole = tokenizer.encode(np.stack([frame.rgb for frame in frames]), Settings(groups=("psi",), fps=30.0))
    apart = np.abs(np.array(live)[30:] - whole.filter(like="psi_").to_numpy()[30:])
    assert apart.mean() < 0.02


def test_another_model_is_used_where_one_is_named(tmp_path) -> None:
    assert Tokenizer.from_pretrained(small_model(tmp_path)).model.config.n_stages == 3
    assert Path(STUDY_MODEL).is_dir()
    with pytest.raises(UserError, match="no trained model"):
        Tokenizer.from_pretrained(tmp_path / "absent")
