import numpy as np
import pytest
from codebooks import known_model
from frame_sets import faces

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.comparison import coverage
from dfe_lib.comparison.coverage import (
    contrast_frames,
    coverage_of_tables,
    coverage_table,
    display_coverage,
    find_code,
)
from dfe_lib.comparison.frame_codes import FrameCode
from dfe_lib.errors import UserError
from dfe_lib.io.tables import REAL, expressions_schema, table_writer
from dfe_lib.quantisation.tokens import decoded, tokenise, tokens_of

METRIC = np.diag(np.linspace(1, 3, 52))
RNG = np.random.default_rng(0)
FACES = faces(list("abcdef"), each=30, psi=RNG.uniform(0, 1, (180, 52)))


def code(name, level, bits, share):
    """A code that gives back the same share of every coefficient."""
    return FrameCode(name, level, bits, np.zeros((180, 1), int), share * FACES.psi, np.eye(52)[:2])


CODES = [
    code("dfe", "tokens", 8.0, 0.5),
    code("dfe", "tokens", 16.0, 0.9),
    code("openface17", "continuous", np.nan, 1.0),
    code("openface17", "binary", 17.0, 0.0),
]


def test_what_is_explained_is_one_less_the_energy_left() -> None:
    table = coverage_table(CODES, FACES, {"all": METRIC, "part": np.diag([1.0] + 51 * [0.0])}, "simulated")
    assert table[table.region == "all"].explained.tolist() == pytest.approx([0.75, 0.99, 1.0, 0.0])
    assert table[table.region == "part"].explained.tolist() == pytest.approx([0.75, 0.99, 1.0, 0.0])
    assert table.behind_reference[:4].tolist() == pytest.approx([0.24, 0.0, -0.01, 0.99])


def test_the_interval_is_over_people_and_holds_the_value() -> None:
    noisy = FACES.psi * np.repeat(RNG.uniform(0.2, 1.0, 6), 30)[:, None]
    codes = [FrameCode("dfe", "tokens", 8.0, np.zeros((180, 1), int), noisy, np.eye(52)[:2])]
    row = coverage_table(codes, FACES, {"all": METRIC}, "simulated").iloc[0]
    assert row.ci_low < row.explained < row.ci_high and row.people == 6
    assert row.behind_ci_low == row.behind_ci_high == 0
    alone = coverage_table([codes[0][np.arange(30)]], FACES[np.arange(30)], {"all": METRIC}, "real").iloc[0]
    assert np.isnan(alone.ci_low) and np.isfinite(alone.explained)


def test_displays_are_sorted_by_what_tokens_gain() -> None:
    shown = FACES[np.arange(180)]
    shown.display[:60], shown.display[60:120] = "jaw_thrust", "smile"
    share = np.where(shown.display == "smile", 1.0, 0.0)[:, None]
    theirs = FrameCode("openface17", "binary", 17.0, np.zeros((180, 1), int), share * shown.psi, np.eye(52)[:2])
    table = display_coverage({"dfe": CODES[1], "openface17": theirs}, shown, METRIC)
    assert table.display.tolist() == ["jaw_thrust", "smile"] and table.beyond_facs.tolist() == [True, False]
    assert table.gain.tolist() == pytest.approx([0.99, -0.01]) and table.frames.tolist() == [60, 60]
    shown.display[:] = ""


def test_frames_that_one_tells_and_the_other_misses() -> None:
    share = np.where(np.arange(180) < 90, 1.0, 0.0)[:, None]
    theirs = FrameCode("openface17", "binary", 17.0, np.zeros((180, 1), int), share * FACES.psi, np.eye(52)[:2])
    table = contrast_frames(CODES[0], theirs, FACES, METRIC, "simulated", count=4)
    ours = table[table.explained_by == "dfe tokens"]
    assert (ours.row >= 90).all() and (table[table.explained_by != "dfe tokens"].row < 90).all()
    assert (ours.dfe_tokens_mm < ours.openface17_binary_mm).all()
    assert (
        not ours[["clip_id", "time_s"]].assign(second=ours.time_s.astype(int)).duplicated(["clip_id", "second"]).any()
    )


def test_the_longest_code_within_the_bits_is_found() -> None:
    assert find_code(CODES, "dfe", "tokens").bits == 16 and find_code(CODES, "dfe", "tokens", 12).bits == 8
    assert find_code(CODES, "openface17", "continuous").level == "continuous"


def clip(path, subject, psi):
    with table_writer(path, expressions_schema(ACTIONS)) as table:
        table.write({
            "clip_id": path.stem, "subject_id": subject, "face_id": 0, "frame": np.arange(len(psi)),
            "time_s": np.arange(len(psi)) / 25, "data": REAL, "psi": psi, "residual_mm": 0.5,
            "valid": np.arange(len(psi)) % 5 != 0,
        })  # fmt: skip
    return path


def test_tables_read_in_parts_give_what_their_frames_give_together(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(coverage, "ROWS", 7)
    model, pairs = known_model(), []
    people = list("abc")
    psi = RNG.uniform(0, 1, (90, 52)).astype(np.float32)
    for i, person in enumerate(people):
        path = clip(tmp_path / f"{person}.parquet", person, psi[30 * i : 30 * i + 30])
        tokenise(model, path, tmp_path / "tokens" / path.name, METRIC, hold_mm=0.0)
        pairs.append((path, tmp_path / "tokens" / path.name))
    table = coverage_of_tables(pairs, model, {"all": METRIC})
    kept = np.arange(90) % 30 % 5 != 0
    seen = faces(people, each=30, psi=psi)[kept]
    tokens = tokens_of(model, psi[kept], np.ones(int(kept.sum()), bool))
    whole = FrameCode("dfe", "tokens", 8.0, tokens, decoded(model, tokens), np.eye(52)[:2])
    expected = coverage_table([whole], seen, {"all": METRIC}, "real")
    for column in ("explained", "ci_low", "ci_high", "rms_mm", "people", "frames"):
        assert table[column][0] == pytest.approx(expected[column][0], rel=1e-6)
    with pytest.raises(UserError, match="other frames"):
        coverage_of_tables([(clip(tmp_path / "z.parquet", "z", psi[:40]), pairs[0][1])], model, {"all": METRIC})
    with pytest.raises(UserError, match="no frame"):
        coverage_of_tables([], model, {"all": METRIC})
