import numpy as np
import pytest
from sklearn.base import clone

from dfe_lib.downstream.clip import Clip
from dfe_lib.downstream.representations import (
    AuWords,
    Confounds,
    Functionals,
    KMeansWords,
    TokenWords,
    clip_representations,
)
from dfe_lib.errors import UserError
from dfe_lib.quantisation.lexicon import Lexicon

UNITS = ("AU01", "AU12", "AU45")


def clips(count: int = 4, length: int = 30) -> list[Clip]:
    rng = np.random.default_rng(0)
    return [
        Clip(
            f"p{i}",
            np.arange(length) / 10,
            f"c{i}",
            tokens=rng.integers(0, 9, (length, 4)),
            psi=rng.random((length, 5)),
            aus=rng.random((length, 3)),
            au_names=UNITS,
            talking=rng.random(length) < 0.5,
            turn_deg=rng.normal(size=(length, 3)).cumsum(0),
            confidence=rng.random(length),
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("name", clip_representations(clips(), ["openface17"]))
def test_each_gives_one_finite_row_a_clip_and_does_not_depend_on_its_company(name: str) -> None:
    every = clips()
    transformer = clone(clip_representations(every, ["openface17"])[name]).fit(every)
    matrix = transformer.transform(every)
    assert np.isfinite(matrix).all() and len(matrix) == 4 and matrix.any()
    np.testing.assert_allclose(transformer.transform(every[2:3]), matrix[2:3])
    assert np.isfinite(transformer.transform([every[0].where(np.zeros(30, bool))])).all()


def test_names_start_with_what_they_read() -> None:
    names = clip_representations(clips(), ["openface17", "facs"])
    assert {name.split()[0] for name in names} == {"token", "au", "psi", "confounds"}
    alone = [Clip("p", np.arange(3.0), tokens=np.zeros((3, 2), int))]
    assert {name.split()[0] for name in clip_representations(alone)} == {"token"}


LEXICON = Lexicon(np.arange(16) // 4, np.arange(16) // 8, np.r_[0.0, np.tile([0.25, 0.5, 0.75, 1.0], 4)[1:]])


def test_tokens_come_by_strength_and_by_counts_and_in_every_vocabulary() -> None:
    found = clip_representations(clips(), (), LEXICON, "displays")
    matrices = {name: each.fit_transform(clips()) for name, each in found.items() if name.startswith("token words")}
    assert {"token words, counts", "token words, groups", "token words, codes"} <= set(matrices)
    np.testing.assert_array_equal(matrices["token words"], matrices["token words, displays"])
    assert (matrices["token words"] < matrices["token words, counts"]).all()
    with pytest.raises(UserError, match="vocabulary must be auto or one of"):
        clip_representations(clips(), (), LEXICON, "letters")


@pytest.mark.parametrize(("people", "prefix"), [(3, "group"), (4, "display"), (15, "display"), (16, "token")])
def test_the_training_people_choose_the_vocabulary_not_their_clips(people: int, prefix: str) -> None:
    words = TokenWords(LEXICON, "auto").fit([*clips(people), *clips(2)])
    assert all(name.startswith(prefix) for name in words.get_feature_names_out())


def test_detectors_report_their_units_alone() -> None:
    clip = Clip("a", np.arange(2.0), aus=np.array([[0.8, 0.9], [0.0, 0.9]]), au_names=("AU12", "AU28"))
    np.testing.assert_array_equal(AuWords("openface17").fit_transform([clip]), [[0.5]])
    np.testing.assert_array_equal(AuWords().fit_transform([clip]), [[0.5, 1.0]])
    assert Functionals("aus", "openface17").fit_transform([clip]).shape == (1, 4)


def test_five_levels_count_frames_that_reach_them() -> None:
    clip = Clip("a", np.arange(4.0), aus=np.array([[0.0], [0.2], [0.55], [1.0]]), au_names=("AU12",))
    np.testing.assert_array_equal(AuWords(levels="five").fit_transform([clip])[0], [0.75, 0.5, 0.5, 0.25, 0.25])


def test_speed_and_onsets_are_those_of_a_known_movement_at_any_rate() -> None:
    def clip(rate: float) -> Clip:
        time_s = np.arange(0, 10, 1 / rate)
        return Clip("a", time_s, psi=np.clip(np.sin(2 * np.pi * time_s - 0.1), 0, 1)[:, None])

    for rate in (20.0, 50.0):
        mean, _, speed, onsets = Functionals().fit_transform([clip(rate)])[0]
        assert mean == pytest.approx(1 / np.pi, rel=0.05)
        assert speed == pytest.approx(2.0, rel=0.05)
        assert onsets == pytest.approx(1.0, rel=0.05)


def test_frames_left_out_are_no_movement() -> None:
    psi = np.concatenate([np.zeros(10), np.ones(10)])[:, None]
    kept = Clip("a", np.arange(20) / 10, psi=psi).where(np.abs(np.arange(20) - 9.5) > 3)
    assert Functionals().fit_transform([kept])[0][2:].tolist() == [0, 0]
    turned = Clip("a", np.arange(20) / 10, turn_deg=np.repeat(90 * psi, 3, axis=1))
    assert Confounds().fit_transform([turned])[0, 0] > 80
    assert Confounds().fit_transform([turned.where(np.abs(np.arange(20) - 9.5) > 3)])[0, 0] == 0


def test_kmeans_words_are_shares_of_frames_near_each_centre() -> None:
    shown = np.repeat([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [10, 20, 30], axis=0)
    clip = Clip("a", np.arange(60.0), aus=shown, au_names=("AU01", "AU12"))
    shares = KMeansWords(n_words=50).fit_transform([clip])[0]
    assert sorted(shares[shares > 0].tolist()) == pytest.approx([1 / 6, 1 / 3, 1 / 2])


def test_roots_are_roots_of_the_shares() -> None:
    every = clips()
    for one, other in ((AuWords(), AuWords(root=True)), (KMeansWords(8), KMeansWords(8, root=True))):
        np.testing.assert_allclose(other.fit_transform(every) ** 2, one.fit_transform(every))


def test_confounds_are_read_as_they_are_known() -> None:
    clip = Clip("a", np.arange(4.0), talking=np.array([True, True, True, False]), confidence=np.full(4, 0.5))
    np.testing.assert_array_equal(Confounds().fit_transform([clip]), [[0.75, 0.5]])


def test_confidence_is_the_mean_of_the_frames_in_which_the_detector_looked() -> None:
    """A clip in which it never did has the mean of the clips that were given to fit, so that it tells nothing."""
    seldom, never = np.array([0.8, np.nan, np.nan, 0.6]), np.full(4, np.nan)
    clips = [Clip("a", np.arange(4.0), confidence=values) for values in (seldom, np.full(4, 0.3), never)]
    np.testing.assert_allclose(Confounds().fit_transform(clips), [[0.7], [0.3], [0.5]])
    np.testing.assert_array_equal(Confounds().fit_transform(clips[2:]), [[0.0]])


def test_frames_without_a_head_pose_are_no_movement() -> None:
    turns = np.repeat(np.array([0.0, 3, 6, 9, 12])[:, None], 3, axis=1)
    whole, never = (
        Clip("a", np.arange(5.0), turn_deg=turns),
        Clip("b", np.arange(5.0), turn_deg=np.full((5, 3), np.nan)),
    )
    turns = turns.copy()
    turns[2, 1] = np.nan
    found = Confounds().fit_transform([whole, Clip("a", np.arange(5.0), turn_deg=turns), never])
    np.testing.assert_allclose(found, np.full((3, 1), np.sqrt(27)))


@pytest.mark.parametrize(
    ("transformer", "message"),
    [
        (TokenWords(), "has no tokens"),
        (Confounds(), "nothing of talking"),
        (AuWords("openface99"), "no set of action units"),
        (AuWords(levels="ten"), "levels must be"),
        (Functionals("tokens"), "functionals are of"),
    ],
)
def test_what_cannot_be_read_is_explained(transformer, message: str) -> None:
    clip = Clip("a", np.arange(2.0), psi=np.zeros((2, 3)))
    with pytest.raises(UserError, match=message):
        transformer.fit_transform([clip])


def test_columns_must_be_as_long_as_the_clip() -> None:
    with pytest.raises(UserError, match="different lengths"):
        Clip("a", np.arange(3.0), talking=np.zeros(2, bool))


def test_clips_of_another_detector_are_refused() -> None:
    one = Clip("a", np.arange(2.0), aus=np.zeros((2, 1)), au_names=("AU12",))
    other = Clip("b", np.arange(2.0), aus=np.zeros((2, 1)), au_names=("AU04",))
    with pytest.raises(UserError, match="lacks AU12"):
        AuWords().fit([one]).transform([other])


def test_kmeans_is_the_same_for_the_same_seed() -> None:
    np.testing.assert_array_equal(KMeansWords(8).fit_transform(clips()), KMeansWords(8).fit_transform(clips()))
