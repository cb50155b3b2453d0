from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.downstream.clip import Clip
from dfe_lib.downstream.cross_validation import fitted_vectors, official_folds, predict_unseen
from dfe_lib.downstream.recorded import labelled_clips, with_action_units
from dfe_lib.downstream.representations import AuWords, Confounds, TokenWords
from dfe_lib.errors import UserError
from dfe_lib.io.clip_table import write_clip_table
from dfe_lib.io.tables import REAL, expressions_schema, frames_schema, table_writer, tokens_schema
from dfe_lib.morphable.rendering import turn
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

UNITS = ("AU06", "AU12")


def write_run(
    folder: Path, clip_id: str, subject_id: str, n: int = 6, faces: int = 1, confidence: float | np.ndarray = 0.9,
    unposed: Sequence[int] = (),
) -> None:  # fmt: skip
    """Tables of a clip: frame 1 shows nobody, frame 2 has no tokens, the head turns to 10, 20, 30 degrees."""
    frame = np.arange(n)
    key = {"clip_id": clip_id, "subject_id": subject_id, "face_id": 0, "frame": frame, "time_s": frame / 10}
    shown, coded = frame != 1, ~np.isin(frame, (1, 2))
    turns = np.stack([turn(yaw=10 * i, pitch=5, roll=-3) for i in range(n)]).reshape(n, 9)
    turns[list(unposed)] = np.nan
    schema = frames_schema("OpenFace 2", {"rotation": 9, "au_intensity": UNITS, "au_occurrence": UNITS})
    with table_writer(folder / "frames" / f"{clip_id}.parquet", schema) as table:
        size = dict.fromkeys(("interocular_px", "out_of_frame"), np.zeros(n)) | {"width": 64, "height": 48}
        units = np.c_[np.full(n, 5.0), frame]
        table.write(key | size | {"face_id": np.where(shown, 0, -1), "detected": shown,
                                  "confidence": np.broadcast_to(confidence, n), "rotation": turns,
                                  "au_intensity": units, "au_occurrence": units > 1})  # fmt: skip
        if faces > 1:
            table.write(key | size | {"face_id": 1, "frame": frame[:2], "time_s": frame[:2] / 10, "detected": True,
                                      "interocular_px": np.zeros(2), "out_of_frame": np.zeros(2),
                                      "confidence": np.ones(2), "rotation": turns[:2], "au_intensity": units[:2],
                                      "au_occurrence": units[:2]})  # fmt: skip
    with table_writer(folder / "expressions" / f"{clip_id}.parquet", expressions_schema(["jawOpen"])) as table:
        table.write(key | {"data": REAL, "psi": frame[:, None] / 10, "residual_mm": np.zeros(n), "valid": shown})
    with table_writer(folder / "tokens" / f"{clip_id}.parquet", tokens_schema(2)) as table:
        tokens = np.c_[frame, frame + 10]
        table.write(key | {"data": REAL, "valid": coded, "tokens": tokens, "error_mm": np.zeros(n)})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for clip_id, subject_id in (("a_1", "a"), ("a_2", "a"), ("b_1", "b"), ("c_1", "c")):
        write_run(tmp_path, clip_id, subject_id)
    rows = {"clip_id": ["c_1", "a_1", "b_1"], "subject_id": ["c", "a", "b"], "split": ["dev", "train", "train"]}
    write_clip_table(tmp_path / "clips.csv", pd.DataFrame(rows | {"depressed": [1, 0, np.nan], "talking": [1, 1, 0]}))
    return tmp_path


def read(run: Path, **others: object) -> object:
    return labelled_clips(
        run / "clips.csv", run / "tokens", run / "expressions", run / "frames", **{"model": model()} | others
    )


def model(**settings: object) -> RvqVae:
    return RvqVae(RvqVaeConfig(("jawOpen",), codebook_size=16, n_stages=2, **settings))


def test_the_tables_of_a_clip_stand_side_by_side_where_all_have_the_frame(run: Path) -> None:
    found = read(run)
    assert [clip.clip_id for clip in found.clips] == found.labels.clip_id.tolist() == ["c_1", "a_1", "b_1"]
    clip = found.clips[1]
    assert clip.time_s.tolist() == [0.0, 0.3, 0.4, 0.5]
    assert clip.tokens.tolist() == [[0, 10], [3, 13], [4, 14], [5, 15]]
    np.testing.assert_allclose(clip.psi[:, 0], [0, 0.3, 0.4, 0.5], atol=1e-7)
    np.testing.assert_allclose(clip.aus, [[1, 0], [1, 0.6], [1, 0.8], [1, 1]], atol=1e-7)
    assert clip.au_names == UNITS
    np.testing.assert_allclose(clip.turn_deg[1], [30, 5, -3], atol=1e-4)
    assert clip.talking.all() and not found.clips[2].talking.any()


def test_one_number_at_two_stages_is_two_words_where_codebooks_are_separate(run: Path) -> None:
    clip = read(run, model=model(shared_codebook=False)).clips[1]
    assert clip.tokens.tolist() == [[0, 26], [3, 29], [4, 30], [5, 31]]


def test_tokens_need_the_model_that_wrote_them(run: Path) -> None:
    with pytest.raises(UserError, match="give the model"):
        read(run, model=None)


def test_a_frame_that_one_table_lacks_is_left_out(run: Path) -> None:
    frame = np.arange(6)
    with table_writer(run / "expressions" / "a_1.parquet", expressions_schema(["jawOpen"])) as table:
        key = {"clip_id": "a_1", "subject_id": "a", "face_id": 0, "frame": frame, "time_s": frame / 10, "data": REAL}
        table.write(key | {"psi": frame[:, None] / 10, "residual_mm": np.zeros(6), "valid": frame != 4})
    clip = read(run).clips[1]
    assert clip.time_s.tolist() == [0.0, 0.3, 0.5]
    assert clip.tokens[:, 0].tolist() == [0, 3, 5]


def test_clips_of_the_run_without_a_row_are_mentioned(run: Path) -> None:
    (note,) = read(run).notes
    assert note == "1 clip of the run that the table lacks left out, such as a_2"


def test_the_face_that_is_there_most_is_taken(tmp_path: Path) -> None:
    write_run(tmp_path, "d", "d", faces=2)
    write_clip_table(tmp_path / "clips.csv", pd.DataFrame({"clip_id": ["d"], "subject_id": ["d"]}))
    (clip,) = labelled_clips(tmp_path / "clips.csv", frames=tmp_path / "frames").clips
    assert len(clip) == 5 and clip.confidence.max() < 1 and clip.tokens is None


def test_every_table_of_a_clip_gives_the_same_face(tmp_path: Path) -> None:
    """Face 0 is detected in ten frames and read in three; face 1, which is detected and read in eight, is the clip."""
    face, frame = np.repeat([0, 1], [10, 8]), np.r_[np.arange(10), np.arange(8)]
    n, told = len(face), (face == 1) | (frame < 3)
    key = {"clip_id": "d", "subject_id": "d", "face_id": face, "frame": frame, "time_s": frame / 10}
    turns = np.stack([turn(yaw=40.0 * bool(each)) for each in face]).reshape(n, 9)
    with table_writer(tmp_path / "frames" / "d.parquet", frames_schema("OpenFace 2", {"rotation": 9})) as table:
        size = dict.fromkeys(("interocular_px", "out_of_frame"), np.zeros(n)) | {"width": 64, "height": 48}
        table.write(key | size | {"detected": True, "confidence": np.ones(n), "rotation": turns})
    with table_writer(tmp_path / "expressions" / "d.parquet", expressions_schema(["jawOpen"])) as table:
        table.write(key | {"data": REAL, "psi": face[:, None], "residual_mm": np.zeros(n), "valid": told})
    with table_writer(tmp_path / "tokens" / "d.parquet", tokens_schema(1)) as table:
        table.write(key | {"data": REAL, "valid": told, "tokens": face[:, None], "error_mm": np.zeros(n)})
    write_clip_table(tmp_path / "clips.csv", pd.DataFrame({"clip_id": ["d"], "subject_id": ["d"]}))
    (clip,) = read(tmp_path).clips
    assert len(clip) == 8 and set(clip.tokens[:, 0]) == set(clip.psi[:, 0]) == {1}
    np.testing.assert_allclose(clip.turn_deg[:, 0], 40, atol=1e-4)


def test_clips_without_the_label_are_left_out_and_counted(run: Path) -> None:
    part = read(run).labelled(["depressed"])
    assert part.labels.clip_id.tolist() == [clip.clip_id for clip in part.clips] == ["c_1", "a_1"]
    assert part.notes[-1] == "1 clip without depressed left out"
    with pytest.raises(UserError, match="no label phq8; it has clip_id"):
        part.labelled(["phq8"])


def test_the_dev_split_is_the_test_where_no_test_label_is_known(run: Path) -> None:
    found = read(run)
    assert found.split == ["test", "train", "train"]
    (fold,) = official_folds(found.split)
    assert [rows.tolist() for rows in fold] == [[1, 2], [0]]


def test_what_comes_out_goes_through_the_protocol(run: Path) -> None:
    found = read(run).labelled(["depressed"])
    targets = found.labels[["depressed"]].to_numpy(float)
    for words in (TokenWords(), AuWords()):
        vectors = fitted_vectors(words, found.clips)
        prediction = predict_unseen(vectors, targets, found.labels.subject_id, official_folds(["test", "train"]))
        assert np.isfinite(prediction.score[0]).all() and np.isnan(prediction.score[1]).all()


def test_a_clip_that_the_run_does_not_know_is_named(run: Path) -> None:
    rows = pd.DataFrame({"clip_id": ["a_1", "b1"], "subject_id": ["a", "b"]})
    write_clip_table(run / "clips.csv", rows)
    with pytest.raises(UserError, match=r"has 1 clip that the run lacks, such as b1: is it b_1\?"):
        read(run)


def test_a_clip_may_be_called_as_its_file_is(run: Path) -> None:
    rows = pd.DataFrame({"clip_id": ["a_1", "b 1"], "subject_id": ["a", "b"]})
    write_clip_table(run / "clips.csv", rows)
    assert read(run).labels.clip_id.tolist() == ["a_1", "b_1"]


def test_confidence_counts_where_the_detector_looked_now_and_then(run: Path) -> None:
    seldom = np.array([0.8, np.nan, np.nan, 0.6, np.nan, np.nan])
    write_run(run, "a_1", "a", confidence=seldom)
    np.testing.assert_allclose(read(run).clips[1].confidence, seldom[[0, 3, 4, 5]])
    write_run(run, "a_1", "a", confidence=np.nan)
    assert {clip.confidence is None for clip in read(run).clips} == {True}


def test_a_frame_may_lack_its_head_pose(run: Path) -> None:
    write_run(run, "a_1", "a", unposed=[3])
    clips = read(run).clips
    np.testing.assert_allclose(clips[1].turn_deg[:, 0], [0, np.nan, 40, 50], atol=1e-4)
    assert np.isfinite(Confounds().fit_transform(clips)).all()
    write_run(run, "a_1", "a", unposed=range(6))
    assert {clip.turn_deg is None for clip in read(run).clips} == {True}


def test_a_column_that_one_clip_lacks_is_dropped_for_all(run: Path) -> None:
    (run / "tokens" / "a_1.parquet").unlink()
    assert {clip.tokens is None for clip in read(run).clips} == {True}


def test_action_units_are_read_from_coefficients_where_no_detector_gave_any() -> None:
    psi = np.zeros((2, 52), np.float32)
    psi[1, [ACTIONS.index("mouthSmileLeft"), ACTIONS.index("mouthSmileRight")]] = 0.5
    bare = Clip("a", np.arange(2.0), psi=psi)
    detected = Clip("b", np.arange(2.0), psi=psi, aus=np.ones((2, 1)), au_names=("AU12",))
    read, kept = with_action_units([bare, detected], np.eye(52))
    assert read.aus[:, read.au_names.index("AU12")] == pytest.approx([0, 0.5], abs=0.02)
    assert kept is detected
