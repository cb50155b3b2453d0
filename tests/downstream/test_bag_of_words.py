import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from dfe_lib.downstream.bag_of_words import BagOfWords, token_windows
from dfe_lib.errors import UserError
from dfe_lib.io.tables import REAL, table_writer, tokens_schema
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
        "by_stage": True, "durations": False, "min_share": 0.0, "ngrams": 1, "weighting": "frequency",
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


def test_impossible_settings_are_explained(tmp_path):
    with pytest.raises(UserError, match="weighting"):
        BagOfWords(weighting="share").fit([np.array([[1]])])
    with pytest.raises(UserError, match="no token"):
        BagOfWords().fit([np.zeros((0, 4), int)])
    with pytest.raises(UserError, match="window_s"):
        token_windows([], MODEL, window_s=0.0)
