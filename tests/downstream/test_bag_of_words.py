import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from dfe_lib.downstream.bag_of_words import BagOfWords, token_windows
from dfe_lib.errors import UserError
from dfe_lib.io.tables import REAL, table_writer, tokens_schema
from dfe_lib.quantisation.lexicon import Lexicon, lexicon_of
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

MODEL = RvqVae(RvqVaeConfig(("jawOpen",), codebook_size=256, n_stages=2))


def write_tokens(path, tokens, face_id, rate=25.0, clip_id="clip"):
    face_id = np.asarray(face_id)
    with table_writer(path, tokens_schema(tokens.shape[1])) as table:
        table.write({
            "clip_id": clip_id, "subject_id": "anna", "face_id": face_id, "frame": np.arange(len(tokens)),
            "time_s": 3.0 + np.arange(len(tokens)) / rate, "data": REAL, "valid": face_id >= 0, "tokens": tokens,
            "error_mm": np.where(face_id >= 0, 0.5, np.nan),
        })  # fmt: skip
    return path


def test_windows_count_from_the_first_frame_and_hold_valid_frames_only(tmp_path):
    tokens = np.arange(200).reshape(100, 2)
    face_id = np.where((np.arange(100) >= 50) & (np.arange(100) < 75), -1, 0)
    face_id[10] = -1
    windows = token_windows([write_tokens(tmp_path / "a.parquet", tokens, face_id)], MODEL, window_s=1.0)
    assert windows.index["start_s"].tolist() == [3.0, 4.0, 6.0]
    assert windows.index["end_s"].tolist() == [4.0, 5.0, 7.0]
    assert windows.index["frames"].tolist() == [24, 25, 25]
    np.testing.assert_array_equal(windows.tokens[1], tokens[25:50])
    np.testing.assert_array_equal(windows.tokens[0], np.delete(tokens[:25], 10, axis=0))


def test_faces_have_windows_of_their_own(tmp_path):
    tokens = np.arange(20).reshape(10, 2)
    path = write_tokens(tmp_path / "two.parquet", tokens, np.arange(10) % 2)
    windows = token_windows([path], MODEL)
    assert windows.index["face_id"].tolist() == [0, 1]
    np.testing.assert_array_equal(windows.tokens[0], tokens[0::2])
    np.testing.assert_array_equal(windows.tokens[1], tokens[1::2])


def test_one_number_at_two_stages_is_two_words_where_codebooks_are_separate(tmp_path):
    model = RvqVae(RvqVaeConfig(("jawOpen",), codebook_size=8, n_stages=2, shared_codebook=False))
    path = write_tokens(tmp_path / "clip.parquet", np.array([[7, 7], [7, 1]]), [0, 0])
    (words,) = token_windows([path], model).tokens
    assert words.tolist() == [[7, 15], [7, 9]]
    assert BagOfWords().fit([words]).get_feature_names_out().tolist() == ["token_7", "token_9", "token_15"]


def test_clips_without_faces_give_no_window(tmp_path):
    path = write_tokens(tmp_path / "none.parquet", np.zeros((5, 2), int), [-1] * 5)
    assert token_windows([path], MODEL, 1.0).tokens == []


def test_rounded_times_do_not_open_a_window_early_or_late(tmp_path):
    path = write_tokens(tmp_path / "ntsc.parquet", np.zeros((300, 1), int), np.zeros(300), rate=30.0)
    assert token_windows([path], MODEL, 0.1).index["frames"].tolist() == [3] * 100


def test_counts_are_those_of_numpy():
    tokens = np.random.default_rng(0).integers(0, 9, (40, 3))
    plain = BagOfWords(weighting="count").fit([tokens])
    np.testing.assert_array_equal(plain.transform([tokens])[0], np.bincount(tokens.ravel(), minlength=9))
    staged = BagOfWords(by_stage=True, weighting="count").fit([tokens])
    expected = [np.sum(tokens[:, stage] == token) for stage, token in staged.vocabulary_]
    np.testing.assert_array_equal(staged.transform([tokens])[0], expected)
    assert len(staged.vocabulary_) == 27
    assert staged.get_feature_names_out()[10] == "stage_1_token_1"


def test_frequencies_do_not_grow_with_the_window():
    tokens = np.random.default_rng(0).integers(0, 9, (40, 3))
    rows = BagOfWords().fit_transform([tokens, np.concatenate([tokens, tokens]), tokens[:0]])
    np.testing.assert_allclose(rows[0], rows[1])
    assert rows[0].sum() == pytest.approx(3.0)
    assert not rows[2].any()


def test_vocabulary_is_that_of_the_training_windows():
    bag = BagOfWords().fit([np.array([[1, 5]])])
    np.testing.assert_array_equal(bag.transform([np.array([[5, 7], [8, 8]])]), [[0.0, 0.5]])


def test_works_in_a_scikit_learn_pipeline():
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    windows = [rng.integers(0, 6, (30, 2)) + 3 * label for label in labels]
    pipeline = make_pipeline(BagOfWords(by_stage=True), LogisticRegression())
    assert clone(pipeline).steps[0][1].get_params() == {
        "by_stage": True, "durations": False, "lexicon": None, "min_share": 0.0, "ngrams": 1, "strength": True,
        "vocabulary": "displays", "weighting": "frequency",
    }  # fmt: skip
    assert cross_val_score(pipeline, windows, labels, cv=4).mean() > 0.9


def test_weightings_agree_with_each_other():
    rng = np.random.default_rng(0)
    windows = [rng.integers(0, 40, (length, 2)) for length in (5, 9, 14)]
    count, share, root, binary, tfidf = (
        BagOfWords(weighting=weighting).fit(windows).transform(windows)
        for weighting in ("count", "frequency", "root", "binary", "tfidf")
    )
    lengths = np.array([5, 9, 14])[:, None]
    np.testing.assert_allclose(share * lengths, count)
    np.testing.assert_allclose(root**2, share)
    np.testing.assert_array_equal(binary, count > 0)
    weighted = share * (np.log(4 / (1 + binary.sum(0))) + 1)
    np.testing.assert_allclose(tfidf, weighted / np.linalg.norm(weighted, axis=1, keepdims=True))


def test_rare_words_can_be_left_out():
    windows = [np.array([[1, 5]]), np.array([[1, 6]]), np.array([[1, 6]])]
    assert BagOfWords(min_share=0.5).fit(windows).get_feature_names_out().tolist() == ["token_1", "token_6"]


def test_runs_are_counted_by_their_changes_and_durations_by_their_frames():
    tokens = np.array([[3, 0], [3, 9], [1, 0], [3, 0], [3, 0], [3, 3]])
    bag = BagOfWords(weighting="count", ngrams=3, durations=True).fit([tokens])
    values = dict(zip(bag.get_feature_names_out(), bag.transform([tokens])[0], strict=True))
    runs = {name: value for name, value in values.items() if name.startswith("run")}
    assert runs == {"run_3_1": 1, "run_1_3": 1, "run_3_1_3": 1}
    assert [values[f"frames_of_{token}"] for token in (0, 1, 3, 9)] == [2.0, 1.0, 2.5, 1.0]
    assert bag.transform([tokens[:0]])[0].sum() == 0


LEXICON = Lexicon(np.arange(32) // 4, np.arange(32) // 16, np.r_[0.0, np.tile([0.25, 0.5, 0.75, 1.0], 8)[1:]])
"""Eight displays at four strengths, in two groups; token 0 means nothing."""


def test_an_occurrence_counts_its_strength_and_rest_nothing() -> None:
    tokens = np.array([[4, 9, 0], [7, 0, 0]])  # display 1 at A and at D, display 2 at B
    bag = BagOfWords(LEXICON, weighting="count").fit([tokens])
    assert bag.get_feature_names_out().tolist() == ["display_1", "display_2"]
    np.testing.assert_array_equal(bag.transform([tokens]), [[0.25 + 1.0, 0.5]])
    plain = BagOfWords(LEXICON, strength=False, weighting="count").fit([tokens])
    np.testing.assert_array_equal(plain.transform([tokens]), [[2, 1]])
    assert not BagOfWords(LEXICON).fit([tokens]).transform([np.zeros((5, 3), int)]).any()


def test_a_frame_has_at_most_as_many_weights_as_tokens() -> None:
    tokens = np.random.default_rng(0).integers(0, 32, (500, 4))
    for vocabulary in ("groups", "displays", "codes"):
        matrix = BagOfWords(LEXICON, vocabulary).fit_transform([row[None] for row in tokens])
        assert (matrix > 0).sum(1).max() <= 4 and matrix.shape[1] == {"groups": 2, "displays": 8, "codes": 31}[
            vocabulary
        ]


def test_the_vocabularies_are_nested() -> None:
    """What the words of a display hold together is what the display holds, and so on."""
    rng = np.random.default_rng(1)
    windows = [np.arange(32).reshape(8, 4), *(rng.integers(0, 32, (30, 4)) for _ in range(5))]
    codes, displays, groups = (
        BagOfWords(LEXICON, vocabulary).fit_transform(windows) for vocabulary in ("codes", "displays", "groups")
    )
    whole = np.hstack([np.zeros((6, 1)), codes])  # token 0 has no column
    np.testing.assert_allclose(whole.reshape(6, 8, 4).sum(2), displays)
    np.testing.assert_allclose(displays.reshape(6, 2, 4).sum(2), groups)


def test_runs_and_durations_are_of_displays_and_pass_over_rest() -> None:
    tokens = np.array([[4], [5], [0], [8], [0], [9]])  # display 1 for two frames, display 2 for two that lie apart
    bag = BagOfWords(LEXICON, weighting="count", ngrams=2, durations=True).fit([tokens])
    values = dict(zip(bag.get_feature_names_out(), bag.transform([tokens])[0], strict=True))
    assert values == {"display_1": 0.75, "display_2": 0.75, "run_1_2": 1, "frames_of_1": 2, "frames_of_2": 1}


def test_with_one_level_strengths_are_counts() -> None:
    tokens = [np.random.default_rng(0).integers(0, 256, (40, 2))]
    lexicon = lexicon_of(MODEL)
    by_strength, plain = BagOfWords(lexicon).fit_transform(tokens), BagOfWords().fit_transform(tokens)
    np.testing.assert_array_equal(by_strength, plain)


def test_impossible_settings_are_explained(tmp_path):
    with pytest.raises(UserError, match="weighting"):
        BagOfWords(weighting="share").fit([np.array([[1]])])
    with pytest.raises(UserError, match="no token"):
        BagOfWords().fit([np.zeros((0, 4), int)])
    with pytest.raises(UserError, match="no token"):
        BagOfWords(LEXICON).fit([np.zeros((3, 4), int)])
    with pytest.raises(UserError, match="vocabulary must be"):
        BagOfWords(LEXICON, "letters").fit([np.array([[1]])])
    with pytest.raises(UserError, match="give its lexicon"):
        BagOfWords(vocabulary="groups").fit([np.array([[1]])])
    with pytest.raises(UserError, match="window_s"):
        token_windows([], MODEL, window_s=0.0)
