import numpy as np
import pytest

from dfe_lib.downstream import compare_representations, predict_other_subjects, within_subject_accuracy
from dfe_lib.errors import UserError
from dfe_lib.words import BagOfWords

RNG = np.random.default_rng(0)
SUBJECTS = np.repeat(["anna", "ben", "cem"], 20)
LABELS = np.concatenate([(RNG.uniform(size=20) < share).astype(int) for share in (0.2, 0.5, 0.8)])


def windows(told: bool) -> list[np.ndarray]:
    """Token 7 appears in the windows of label 1 when `told`; the rest is noise."""
    return [
        np.where(RNG.uniform(size=(10, 2)) < 0.3 * told * label, 7, RNG.integers(0, 6, (10, 2))) for label in LABELS
    ]


def test_a_token_that_tells_the_label_is_found_on_other_people() -> None:
    table = compare_representations({"words": (BagOfWords(), windows(told=True))}, LABELS, SUBJECTS)
    told, shuffled = table.itertuples()
    assert told.mean > 0.8 and told.ci_low > 0.6
    assert shuffled.mean == pytest.approx(0.5, abs=0.06)


def test_tokens_that_tell_nothing_are_at_chance() -> None:
    table = compare_representations({"words": (BagOfWords(), windows(told=False))}, LABELS, SUBJECTS)
    assert table["mean"].iloc[0] == pytest.approx(0.5, abs=0.15)


def test_base_rates_alone_are_worth_nothing() -> None:
    always = np.repeat([0, 1, 1], 20)
    assert within_subject_accuracy(LABELS, always, SUBJECTS) == 0.5


def test_a_model_never_sees_the_subject_that_it_is_tested_on() -> None:
    """Labels that only memory of the person could tell are not told."""
    own_token = [np.full((4, 1), ["anna", "ben", "cem"].index(name)) for name in SUBJECTS]
    labels = np.tile([0, 1], 30)
    predicted = predict_other_subjects(BagOfWords(), own_token, labels, SUBJECTS)
    assert all(len(set(predicted[SUBJECTS == name])) == 1 for name in ("anna", "ben", "cem"))


def test_labels_of_one_kind_are_refused_in_words() -> None:
    with pytest.raises(UserError, match="one label only"):
        predict_other_subjects(BagOfWords(), windows(True), np.zeros(60, int), SUBJECTS)
