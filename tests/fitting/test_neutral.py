import numpy as np

from dfe_lib.fitting.neutral import CAP, MIN_FRAMES, estimate_neutral


def frames(rest: float, held: float, share: float, n: int = 400) -> np.ndarray:
    rng = np.random.default_rng(0)
    value = np.where(rng.uniform(size=n) < share, held, rest)
    return np.clip(value[:, None] + rng.normal(0, 0.02, (n, 51)), 0, 1)


def test_a_person_who_mostly_smiles_has_no_smiling_neutral() -> None:
    neutral = estimate_neutral(frames(rest=0.08, held=0.85, share=0.65))
    assert np.abs(neutral.scores - 0.08).max() < 0.04 and neutral.source == "clip"


def test_a_resting_score_is_the_neutral_one() -> None:
    scores = frames(rest=0.3, held=0.9, share=0.2)
    psi = np.clip(scores - estimate_neutral(scores).scores, 0, 1)
    assert abs(np.median(psi)) < 0.03 and 0.5 < psi.max() < 0.75


def test_what_never_rests_low_is_capped() -> None:
    assert (estimate_neutral(frames(rest=0.9, held=0.9, share=0.0)).scores == CAP).all()


def test_too_few_frames_calibrate_nothing_and_say_so() -> None:
    neutral = estimate_neutral(frames(0.3, 0.9, 0.2)[: MIN_FRAMES - 1])
    assert neutral.source == "none" and not neutral.scores.any()
