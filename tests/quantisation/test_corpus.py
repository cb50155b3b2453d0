from pathlib import Path

import numpy as np
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.tables import expressions_schema, table_writer
from dfe_lib.quantisation.corpus import Frames, read_corpus, read_frames


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


def test_a_psi_that_is_not_finite_is_no_face(tmp_path: Path) -> None:
    with table_writer(tmp_path / "a.parquet", expressions_schema(["jawOpen"])) as table:
        key = {"clip_id": "a", "subject_id": "a", "face_id": 0, "frame": np.arange(2), "time_s": np.arange(2) / 10}
        table.write(key | {"data": "real", "psi": [[np.nan], [0.5]], "residual_mm": 0.1, "valid": True})
    assert read_frames([tmp_path / "a.parquet"]).psi.tolist() == [[0.5]]
