import numpy as np
import pytest
import torch

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.encoding.settings import Settings
from dfe_lib.errors import UserError
from dfe_lib.morphable.anny import anny_head
from dfe_lib.quantisation.holding import HOLD_MM, MAX_GAP_S, Holder
from dfe_lib.quantisation.metrics import error_mm
from dfe_lib.quantisation.rvqvae import STUDY_MODEL, RvqVae

FRAMES = 120
JUMP = 60


@pytest.fixture(scope="module")
def model() -> RvqVae:
    return RvqVae.from_pretrained(STUDY_MODEL)


METRIC = anny_head().gram()
TIME = np.arange(FRAMES) / 25


def trembling(seed: int = 0) -> np.ndarray:
    """A smile that trembles, and from the middle on an open mouth that does."""
    psi = np.zeros((FRAMES, 52))
    psi[:, [ACTIONS.index("mouthSmileLeft"), ACTIONS.index("mouthSmileRight")]] = 0.4
    psi[JUMP:, ACTIONS.index("jawOpen")] = 0.5
    return np.clip(psi + 0.004 * np.random.default_rng(seed).standard_normal(psi.shape), 0, 1).astype(np.float32)


def alone(model: RvqVae, psi: np.ndarray) -> np.ndarray:
    return model.encode(torch.as_tensor(psi)).numpy()


def held(
    model: RvqVae, psi: np.ndarray, hold_mm: float = HOLD_MM, time_s: np.ndarray = TIME, face: np.ndarray | None = None,
    pieces: tuple[int, ...] = (), valid: np.ndarray | None = None, clip: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    hold, own = Holder(model, METRIC, hold_mm), alone(model, psi)
    clip = np.full(len(psi), "clip", object) if clip is None else clip
    face = np.zeros(len(psi), np.int64) if face is None else face
    valid = np.ones(len(psi), bool) if valid is None else valid
    columns = [np.split(values, pieces) for values in (clip, face, time_s, psi, own, valid)]
    parts = [hold(*part) for part in zip(*columns, strict=True)]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


def changes(tokens: np.ndarray) -> list[int]:
    return (np.flatnonzero((tokens[1:] != tokens[:-1]).any(1)) + 1).tolist()


def test_a_face_that_trembles_keeps_its_tokens_and_one_that_moves_does_not(model: RvqVae) -> None:
    psi = trembling()
    tokens, error = held(model, psi)
    assert len(changes(alone(model, psi))) > 30 and changes(tokens) == [JUMP]
    np.testing.assert_allclose(error, error_mm(psi, model.decode(torch.as_tensor(tokens)).numpy(), METRIC), rtol=1e-5)


def test_what_is_kept_is_no_further_off_than_it_may_be(model: RvqVae) -> None:
    rng = np.random.default_rng(3)
    psi = np.clip(np.cumsum(0.01 * rng.standard_normal((FRAMES, 52)), 0) + 0.2, 0, 1).astype(np.float32)
    tokens, own = held(model, psi)[0], alone(model, psi)
    assert (tokens != own).any() and len(changes(tokens)) > 5
    axes = model.analysis.detach().numpy().T
    far, near = (np.square((psi - model.decode(torch.as_tensor(each)).numpy()) @ axes).sum(1) for each in (tokens, own))
    assert (far <= near + HOLD_MM**2 + 1e-6).all()


def test_without_a_length_every_frame_stands_alone(model: RvqVae) -> None:
    psi = trembling()
    np.testing.assert_array_equal(held(model, psi, 0.0)[0], alone(model, psi))


@pytest.mark.parametrize("pieces", [(1,), (7, 8, 61), tuple(range(1, FRAMES))])
def test_pieces_leave_no_trace(model: RvqVae, pieces: tuple[int, ...]) -> None:
    psi, face = trembling(), np.arange(FRAMES) % 2
    psi[1::2] = psi[1::2][::-1]
    valid = np.random.default_rng(1).random(FRAMES) > 0.1
    whole, error = held(model, psi, face=face, valid=valid)
    again, error_again = held(model, psi, face=face, valid=valid, pieces=pieces)
    np.testing.assert_array_equal(whole, again)
    np.testing.assert_array_equal(error, error_again)
    assert np.isnan(error[~valid]).all() and np.isfinite(error[valid]).all()


def test_frames_that_come_later_do_not_matter(model: RvqVae) -> None:
    psi = trembling()
    np.testing.assert_array_equal(held(model, psi)[0][:50], held(model, psi[:50], time_s=TIME[:50])[0])


def test_each_face_keeps_its_own(model: RvqVae) -> None:
    one, two = trembling(), trembling(1)[::-1].copy()
    both = np.stack([one, two], 1).reshape(-1, 52)
    tokens = held(model, both, time_s=np.repeat(TIME, 2), face=np.tile([4, 9], FRAMES))[0]
    np.testing.assert_array_equal(tokens[::2], held(model, one)[0])
    np.testing.assert_array_equal(tokens[1::2], held(model, two)[0])


def test_a_clip_keeps_nothing_of_the_one_before(model: RvqVae) -> None:
    one, two = trembling(), trembling(1)
    clip = np.repeat(np.array(["a", "b"], object), FRAMES)
    for pieces in ((), (7, FRAMES - 1, FRAMES + 3)):
        tokens = held(model, np.concatenate([one, two]), time_s=np.tile(TIME, 2), clip=clip, pieces=pieces)[0]
        np.testing.assert_array_equal(tokens, np.concatenate([held(model, each)[0] for each in (one, two)]))
    pictures = np.array([f"picture {number}" for number in range(FRAMES)], object)
    still = held(model, one, time_s=np.zeros(FRAMES), clip=pictures)[0]
    np.testing.assert_array_equal(still, alone(model, one))


def test_one_row_of_each_face_is_remembered_and_none_of_another_clip(model: RvqVae) -> None:
    hold, psi = Holder(model, METRIC), trembling()
    for clip in ("a", "b"):
        faces, clips = np.arange(FRAMES) % 3, np.full(FRAMES, clip, object)
        hold(clips, faces, TIME, psi, alone(model, psi), np.ones(FRAMES, bool))
    kept = [values for rows in hold._last.values() for values in rows.values()]
    assert len(hold._last) == 3 and all(len(values) == 1 and values.base is None for values in kept)


@pytest.mark.filterwarnings("error")
def test_a_time_that_is_no_number_is_no_time_after_the_frame_before(model: RvqVae) -> None:
    psi = trembling()[:JUMP]
    tokens = held(model, psi, time_s=np.where(np.arange(JUMP) % 2, np.nan, TIME[:JUMP]))[0]
    np.testing.assert_array_equal(tokens, alone(model, psi))


@pytest.mark.parametrize(
    ("first_s", "later", "anew"),
    [(0.0, 0.04, False), (0.0, MAX_GAP_S + 0.01, True), (0.0, -0.01, True), (-300 + 0.02, 0.04, True)],
    ids=["next frame", "gap", "back in time", "next segment"],
)
def test_tokens_are_found_anew(model: RvqVae, first_s: float, later: float, anew: bool) -> None:
    psi = trembling()[:JUMP]
    other = int(np.flatnonzero((alone(model, psi) != alone(model, psi)[:1]).any(1))[0])
    shown = psi[[0, 0, other]]
    tokens = held(model, shown, time_s=np.array([first_s, 0.0, later]))[0]
    np.testing.assert_array_equal(tokens[2], alone(model, shown)[2 if anew else 0])


def test_a_length_below_nothing_is_refused_and_the_settings_have_the_studys(model: RvqVae) -> None:
    for length in (-0.1, float("nan"), float("inf")):
        with pytest.raises(UserError, match="hold_mm must be a number"):
            Holder(model, METRIC, length)
        with pytest.raises(UserError, match="--hold-mm"):
            Settings(hold_mm=length)
    assert Settings().hold_mm == HOLD_MM


def test_a_length_of_any_size_holds_all(model: RvqVae) -> None:
    assert not changes(held(model, trembling(), 1e200)[0])
