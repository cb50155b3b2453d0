import numpy as np
import pandas as pd
from frame_sets import faces

from dfe_lib.comparison.frame_sets import (
    codebook_people,
    compared_frames,
    read_split,
    shown_displays,
)


def event(subject, display, start_s, apex_s, left, right):
    times = {"start_s": start_s, "onset_s": 0.2, "apex_s": apex_s, "offset_s": 0.2}
    return {"subject_id": subject, "display": display, "task": "rest", "left": left, "right": right} | times


def test_people_of_the_training_are_left_out_while_enough_others_remain(tmp_path) -> None:
    pd.DataFrame({"data": "simulated", "subject_id": list("abcd"), "split": ["train"] + 3 * ["heldout"]}).to_csv(
        tmp_path / "subjects.csv", index=False
    )
    split = read_split(tmp_path)
    chosen = compared_frames(faces(list("abcd")), split, "simulated", 1000)
    assert chosen.people.tolist() == list("bcd") and chosen.heldout.all()
    chosen = compared_frames(faces(list("abc")), split, "simulated", 1000)
    assert chosen.people.tolist() == list("abc") and set(chosen.subject[chosen.heldout]) == {"b", "c"}
    assert read_split(tmp_path / "nowhere") == {}
    chosen = compared_frames(faces(["a"]), split, "simulated", 5)
    assert len(chosen) == 5 and chosen.heldout.all()


def test_a_frame_shows_the_display_that_moves_the_face_most_while_at_half_height() -> None:
    events = pd.DataFrame(
        [event("a", "smile", 0.0, 0.8, 1.0, 1.0), event("a", "brow_flash", 0.4, 0.1, 0.2, 0.2),
         event("b", "jaw_thrust", 0.25, 0.22, 1.0, 1.0), event("c", "smile", 0.0, 5.0, 1.0, 1.0)]
    )  # fmt: skip
    found = shown_displays(faces(["a", "b"]), events, 40 * np.eye(52))
    assert found.display[:10].tolist() == [""] + 9 * ["smile"]  # from 0.1 s on, and the weaker one never
    assert found.display[10:].tolist() == 4 * [""] + 4 * ["jaw_thrust"] + 2 * [""]


def test_displays_that_hardly_move_the_face_are_not_named() -> None:
    events = pd.DataFrame([event("a", "smile", 0.0, 0.8, 1.0, 1.0)])
    assert not shown_displays(faces(["a"]), events, 1e-6 * np.eye(52)).display.any()


def test_a_codebook_that_has_seen_the_people_is_called_so(tmp_path) -> None:
    assert codebook_people(tmp_path, ["anna"]) == "unknown"
    rows = "data,subject_id,split,frames\nreal,anna,train,9\nreal,ben,heldout,9\nsimulated,cleo,train,9\n"
    (tmp_path / "subjects.csv").write_text(rows)
    assert codebook_people(tmp_path, ["anna", "ben"]) == "own people"
    assert codebook_people(tmp_path, ["ben", "cleo", "dora"]) == "other people"
