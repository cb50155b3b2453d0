from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pympi import Elan

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cli import main
from dfe_lib.errors import UserError
from dfe_lib.io.export import export_csv, export_elan, token_runs
from dfe_lib.io.tables import REAL, SIMULATED, expressions_schema, table_writer, tokens_schema

N = 700


def key(n=N, faces=0):
    return {"clip_id": "a", "subject_id": "anna", "face_id": faces, "frame": np.arange(n), "time_s": np.arange(n) / 25}


@pytest.fixture
def tokens(tmp_path):
    """A tokens table longer than a row group, with a gap in it."""
    rng = np.random.default_rng(0)
    values = np.repeat(rng.integers(0, 32, (N // 10, 4)), 10, axis=0)
    valid = np.ones(N, bool)
    valid[100:120] = False
    valid[333:335] = False
    with table_writer(tmp_path / "a.parquet", tokens_schema(4)) as table:
        columns = key(faces=np.where(valid, 0, -1)) | {"data": REAL, "valid": valid, "tokens": values}
        table.write(columns | {"error_mm": np.where(valid, 0.5, np.nan)})
    return tmp_path / "a.parquet", values, valid


def test_tokens_as_csv_are_one_row_a_frame(tokens) -> None:
    path, values, valid = tokens
    assert export_csv(path, path.with_suffix(".csv")) == N
    table = pd.read_csv(path.with_suffix(".csv"))
    assert len(table) == N and not any("." in name for name in table)
    written = table[[f"token_{stage}" for stage in (1, 2, 3, 4)]]
    np.testing.assert_array_equal(written[valid].to_numpy(), values[valid])
    assert written[~valid].isna().all().all() and table.error_mm[~valid].isna().all()
    text = path.with_suffix(".csv").read_text()
    assert "\r" not in text and text.splitlines()[101].endswith(",False,,,,,")
    assert not [line for line in text.splitlines()[1:3] if ".0," in line.split("True")[1]], "tokens are whole numbers"


def test_expressions_as_csv_name_their_coefficients(tmp_path) -> None:
    psi = np.random.default_rng(0).random((N, 52), dtype=np.float32)
    with table_writer(tmp_path / "e.parquet", expressions_schema(ACTIONS)) as table:
        table.write(key() | {"data": SIMULATED, "psi": psi, "residual_mm": 1.0, "valid": True})
    export_csv(tmp_path / "e.parquet", tmp_path / "e.csv")
    found = pd.read_csv(tmp_path / "e.csv")
    assert set(found.data) == {SIMULATED}
    np.testing.assert_allclose(found[[f"psi_{name}" for name in ACTIONS]], psi, rtol=1e-6)


def test_many_short_tables_make_the_file_of_one_long_table(tmp_path) -> None:
    schema = tokens_schema(2).append(pa.field("covered", pa.int8()))
    rng = np.random.default_rng(0)
    rows = key() | {"tokens": rng.integers(0, 32, (N, 2)), "valid": np.arange(N) % 9 > 0, "error_mm": rng.random(N)}
    rows["covered"] = np.where(rows["valid"] & (np.arange(N) > 300), np.arange(N) % 2, np.nan)
    rows |= {name: np.full(N, name) for name in ("clip_id", "subject_id", "data")} | {"face_id": np.zeros(N, int)}
    ends = [0, N], [*range(0, N, 9), N]
    for name, limits in zip("ab", ends, strict=True):
        parts = []
        for start, stop in pairwise(limits):
            parts.append(tmp_path / f"{name}{start}.parquet")
            with table_writer(parts[-1], schema) as table:
                table.write({column: values[start:stop] for column, values in rows.items()})
        assert export_csv(parts, tmp_path / f"{name}.csv", ["subject_id"]) == N
    text = (tmp_path / "b.csv").read_text()
    assert text == (tmp_path / "a.csv").read_text() and text.startswith("clip_id,face_id,")
    assert {line.rsplit(",", 1)[1] for line in text.splitlines()[1:]} == {"", "0", "1"}, "whole numbers stay whole"


def test_elan_has_a_tier_a_stage_and_an_annotation_a_run(tokens) -> None:
    path, values, valid = tokens
    video = path.with_name("film.mp4")
    video.touch()
    count = export_elan(path, path.with_suffix(".eaf"), video)
    document = Elan.Eaf(str(path.with_suffix(".eaf")))
    assert sorted(document.get_tier_names()) == [f"token_{stage + 1}" for stage in range(4)]
    assert count == sum(len(document.get_annotation_data_for_tier(tier)) for tier in document.get_tier_names())
    times = np.arange(N) * 40
    for stage in range(4):
        covered = np.full(N, -1)
        for start, end, token, *_ in document.get_annotation_data_for_tier(f"token_{stage + 1}"):
            here = (times >= start) & (times < end)
            assert (covered[here] == -1).all(), "annotations do not overlap"
            covered[here] = int(token)
        np.testing.assert_array_equal(covered, np.where(valid, values[:, stage], -1))
    assert document.media_descriptors[0]["RELATIVE_MEDIA_URL"] == "./film.mp4"


def test_measurements_are_rounded_to_what_they_are_worth(tmp_path) -> None:
    with table_writer(tmp_path / "a.parquet", tokens_schema(1)) as table:
        columns = key(3) | {"data": REAL, "valid": True, "tokens": np.zeros((3, 1), int)}
        table.write(columns | {"time_s": np.arange(3) / 30, "error_mm": np.full(3, 0.17159197)})
    export_csv(tmp_path / "a.parquet", tmp_path / "a.csv")
    assert [line.split(",")[4:] for line in (tmp_path / "a.csv").read_text().splitlines()[2:]] == [
        ["0.033333", "real", "True", "0", "0.172"],
        ["0.066667", "real", "True", "0", "0.172"],
    ]


def test_the_same_tokens_give_the_same_bytes(tokens) -> None:
    path, _, _ = tokens
    for name in ("x.eaf", "y.eaf"):
        export_elan(path, path.with_name(name))
    assert path.with_name("x.eaf").read_bytes() == path.with_name("y.eaf").read_bytes()


def test_several_people_have_tiers_of_their_own(tmp_path) -> None:
    faces = np.arange(10) % 2
    with table_writer(tmp_path / "a.parquet", tokens_schema(1)) as table:
        columns = key(10, faces) | {"data": REAL, "valid": True, "tokens": faces[:, None] + 5, "error_mm": 0.0}
        table.write(columns | {"frame": np.arange(10) // 2, "time_s": np.arange(10) // 2 / 25})
    assert export_elan(tmp_path / "a.parquet", tmp_path / "a.eaf") == 2
    document = Elan.Eaf(str(tmp_path / "a.eaf"))
    found = {tier: document.get_annotation_data_for_tier(tier) for tier in document.get_tier_names()}
    assert {tier: data[0][:3] for tier, data in found.items()} == {
        "token_1 person 0": (0, 200, "5"),
        "token_1 person 1": (0, 200, "6"),
    }


@settings(max_examples=80, deadline=None)
@given(
    tokens=st.lists(st.integers(0, 2), min_size=1, max_size=40),
    seed=st.integers(0, 99),
    holes=st.sets(st.integers(0, 39)),
)
def test_runs_give_back_every_frame_once(tokens, seed, holes) -> None:
    tokens = np.array(tokens)
    valid = np.array([i not in holes for i in range(len(tokens))])
    time_s = np.cumsum(np.random.default_rng(seed).uniform(0.9, 1.1, len(tokens)) / 25)
    runs = token_runs(tokens, time_s, valid)
    for i, moment in enumerate(time_s):
        inside = runs[(runs.onset_s <= moment) & (runs.offset_s > moment)]
        assert inside.token.tolist() == ([tokens[i]] if valid[i] else [])
    assert (runs.offset_s > runs.onset_s).all()


def test_skipped_frames_end_a_run() -> None:
    time_s = np.array([0, 0.04, 0.08, 10.0, 10.04])
    runs = token_runs(np.full(5, 7), time_s, np.ones(5, bool), np.array([0, 1, 2, 250, 251]))
    np.testing.assert_allclose(runs[["onset_s", "offset_s"]], [[0, 0.12], [10, 10.08]])


def test_tables_of_another_kind_and_names_of_another_ending_are_refused(tokens, tmp_path, capsys) -> None:
    path, _, _ = tokens
    with table_writer(tmp_path / "e.parquet", expressions_schema(ACTIONS)) as table:
        table.write(key(2) | {"data": REAL, "psi": np.zeros((2, 52)), "residual_mm": 1.0, "valid": True})
    with pytest.raises(UserError, match="ELAN tiers are made from tokens"):
        export_elan(tmp_path / "e.parquet", tmp_path / "e.eaf")
    assert main(["export", str(path), "-o", str(tmp_path / "a.txt")]) == 1
    assert "must end in .csv or .eaf" in capsys.readouterr().err
    assert main(["export", str(path), "-o", str(tmp_path / "a.csv")]) == 0
    assert f"{N} rows" in capsys.readouterr().out


def test_a_video_that_is_not_there_is_not_linked(tokens, tmp_path) -> None:
    with pytest.raises(UserError, match=r"film\.mp4 does not exist"):
        export_elan(tokens[0], tmp_path / "out.eaf", tmp_path / "film.mp4")


def test_annotations_carry_the_words_of_their_tokens(tokens) -> None:
    path, values, _ = tokens
    words = [[f"does {place} {token}" for token in range(32)] for place in range(4)]
    export_elan(path, path.with_suffix(".eaf"), words=words)
    document = Elan.Eaf(str(path.with_suffix(".eaf")))
    for place in range(4):
        first = min(document.get_annotation_data_for_tier(f"token_{place + 1}"))
        assert first[2] == f"{values[0, place]}: does {place} {values[0, place]}"
    with pytest.raises(UserError, match="tokens that this model does not"):
        export_elan(path, path.with_suffix(".eaf"), words=[["one"]])


def test_the_command_writes_the_words_of_the_study(tokens) -> None:
    path, _, _ = tokens
    assert main(["export", str(path), "-o", str(path.with_suffix(".eaf"))]) == 0
    tier = Elan.Eaf(str(path.with_suffix(".eaf"))).get_annotation_data_for_tier("token_1")
    assert any(" mm" in text for _, _, text, *_ in tier)
