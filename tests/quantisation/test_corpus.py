from pathlib import Path

import numpy as np
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.tables import expressions_schema, table_writer
from dfe_lib.quantisation import corpus as corpus_module
from dfe_lib.quantisation.corpus import Frames, joined, read_corpus, read_frames


def write(folder: Path, clip: str, subject: str, data: str, frames: int = 10) -> Path:
    path = folder / f"{clip}.parquet"
    with table_writer(path, expressions_schema(["jawOpen", "jawLeft"])) as table:
        number = np.arange(frames)
        table.write(
            {"clip_id": clip, "subject_id": subject, "face_id": 0, "frame": number, "time_s": number / 10, "data": data,
             "psi": np.full((frames, 2), len(clip)), "residual_mm": 0.1, "valid": number > 0}
        )  # fmt: skip
    return path


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    real = [write(tmp_path, name, name, "real") for name in ("a", "b")]
    return real + [write(tmp_path, f"sim{i}", f"sim{i}", "simulated", 101) for i in range(4)]


def read(paths: list[Path], named: list[str]) -> Frames:
    return read_corpus(paths, named, 0.25, 0)


def test_subjects_of_both_kinds_are_held_out_and_nobody_is_in_both_splits(paths: list[Path]) -> None:
    corpus = read(paths, ["b"])
    subjects = corpus.subjects()
    assert subjects.subject_id.is_unique
    held = subjects[subjects.split == "heldout"]
    assert held.groupby("data").size().to_dict() == {"real": 1, "simulated": 1}
    assert "b" in set(held.subject_id)
    assert subjects.frames.tolist() == [9, 9, 100, 100, 100, 100]  # the first frame of each is not valid
    assert {kind: len(part.psi) for kind, part in corpus.parts().items()} == {"real": 9, "simulated": 100}


def test_a_smaller_corpus_keeps_the_real_frames_and_thins_the_simulated_ones_evenly(paths: list[Path]) -> None:
    corpus = read(paths, ["b"])
    assert len(corpus.training()) == 9 + 300
    few = corpus.training(at_most=40)
    assert (few[:9] == 1).all()
    assert 9 < len(few) <= 40


def test_one_subject_alone_is_split_by_time(paths: list[Path]) -> None:
    corpus = read(paths[:1], [])
    assert corpus.heldout.tolist() == [False] * 7 + [True] * 2


def test_people_of_an_official_test_split_are_held_out_where_they_are_there(paths: list[Path]) -> None:
    corpus = read_corpus(paths, [], 0.25, 0, tested=["a", "unread"])
    subjects = corpus.subjects().set_index("subject_id")["split"]
    assert subjects["a"] == "heldout" and subjects["b"] == "train"


def test_a_subject_that_is_not_there_cannot_be_held_out(paths: list[Path]) -> None:
    with pytest.raises(UserError, match="no subject 'nobody' to hold out"):
        read(paths, ["nobody"])


def test_the_valid_frames_are_read_in_the_order_of_the_tables(paths: list[Path]) -> None:
    found = read_frames([paths[1], paths[0]])
    assert found.clip.tolist() == 9 * ["b"] + 9 * ["a"] and found.people.tolist() == ["a", "b"]
    assert found.frame.tolist() == found[9:].frame.tolist() * 2 == 2 * list(range(1, 10))
    assert set(found.data) == {"real"} and not found.heldout.any() and not found.display.any()
    assert found.of(["a"]).clip.tolist() == 9 * ["a"] and found.thinned(5).frame.tolist() == [1, 5, 9, 4, 8]
    with pytest.raises(UserError, match="no frame with a face"):
        read_frames([])


def test_a_large_corpus_is_thinned_while_it_is_read(paths: list[Path], monkeypatch) -> None:
    monkeypatch.setattr(corpus_module, "ROWS", 7)
    whole, few = read_frames(paths), read_frames(paths, at_most=100)
    assert 80 <= len(few) <= 100 and set(few.subject) == set(whole.subject)
    kept = [frame for frame in range(1, 101) if frame % 5 == 0]
    assert few.frame[few.subject == "sim2"].tolist() == kept
    assert len(read_frames(paths, at_most=10_000)) == len(whole)


def test_a_stream_is_of_people_of_the_training_alone(paths: list[Path]) -> None:
    corpus = read(paths, ["b"])
    assert "b" not in corpus.learners and len(corpus.learners) == 4
    with pytest.raises(UserError, match="set stream to false"):
        _ = read_corpus(paths[:1], [], 0.25, 0).learners


def test_a_psi_that_is_not_finite_is_no_face(tmp_path: Path) -> None:
    with table_writer(tmp_path / "a.parquet", expressions_schema(["jawOpen"])) as table:
        key = {"clip_id": "a", "subject_id": "a", "face_id": 0, "frame": np.arange(2), "time_s": np.arange(2) / 10}
        table.write(key | {"data": "real", "psi": [[np.nan], [0.5]], "residual_mm": 0.1, "valid": True})
    assert read_frames([tmp_path / "a.parquet"]).psi.tolist() == [[0.5]]


def test_real_frames_are_repeated_or_thinned_to_their_weight(paths: list[Path]) -> None:
    corpus = read(paths, ["b"])  # nine frames of a, whose psi is 1, and 300 simulated ones
    for weight in (0.01, 0.25, 0.75):
        psi = corpus.training(200, weight)
        assert len(psi) <= 200 and (psi == 1).all(1).sum() == 200 * weight
    assert (corpus.training(real_weight=0.25) == 1).all(1).sum() == 100
    with pytest.raises(UserError, match=r"real_weight must be .* below 1, not 1\.0"):
        corpus.training(200, 1.0)


def test_every_real_person_of_the_training_is_in_one_fold(tmp_path: Path) -> None:
    real = [write(tmp_path, name, name, "real") for name in "abcde"]
    corpus = read_corpus([*real, write(tmp_path, "sim0", "sim0", "simulated")], ["b"], 0.25, 0)
    for count, sizes in ((2, [2, 2]), (9, [1, 1, 1, 1])):
        parts = [corpus[fold.heldout & ~corpus.heldout].people.tolist() for fold in corpus.folds(count)]
        assert (
            sorted(name for part in parts for name in part) == list("acde") and [len(part) for part in parts] == sizes
        )
    assert all("b" not in fold[~fold.heldout].people for fold in corpus.folds(2))
    assert corpus.folds(0) == []
    assert read(real[:2], ["b"]).folds(2) == [], "one person alone cannot be left out"


def test_people_of_few_real_frames_are_neither_learnt_from_nor_judged(paths: list[Path], tmp_path: Path) -> None:
    picture = write(tmp_path, "picture", "picture", "real", 2)
    corpus = read_corpus([*paths, picture], ["b"], 0.25, 0, least_frames=2)
    assert "picture" not in corpus.people and {"a", "b", "sim0"} <= set(corpus.people)
    with pytest.raises(UserError, match="None of 1 people has 2 frames"):
        read_corpus([picture], [], 0.25, 0, least_frames=2)


def test_frames_are_thinned_person_by_person_and_joined_again(paths: list[Path]) -> None:
    frames = read_frames(paths[1:3]).thinned_people(10)
    assert np.unique(frames.subject, return_counts=True)[1].tolist() == [9, 10]
    again = joined([frames.of(["b"]), frames.of(["sim0"])])
    assert again.frame.tolist() == frames.frame.tolist() and again.psi.shape == frames.psi.shape
