import numpy as np
import pandas as pd
import pytest

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cli import main
from dfe_lib.errors import UserError
from dfe_lib.io.export import export_csv
from dfe_lib.io.exported import exported_kind, read_exported
from dfe_lib.io.tables import REAL, expressions_schema, read_arrays, table_writer, tokens_schema
from dfe_lib.quantisation.encoder import DiscreteFacialEncoder

N = 700


def key(valid: np.ndarray) -> dict[str, object]:
    frame = np.arange(N)
    ids = {"clip_id": np.where(frame < 300, "=a", "b"), "subject_id": "-x"}
    return ids | {"face_id": np.where(valid, 0, -1), "frame": frame, "time_s": frame / 25, "data": REAL, "valid": valid}


@pytest.fixture(params=["expressions", "tokens"])
def table(request, tmp_path):
    valid = np.arange(N) % 7 != 3
    rng = np.random.default_rng(0)
    rows = {"psi": rng.random((N, 52), np.float32), "residual_mm": np.where(valid, 1.0, np.nan)}
    schema = expressions_schema(ACTIONS)
    if request.param == "tokens":
        rows = {"tokens": rng.integers(0, 256, (N, 4)), "error_mm": np.where(valid, 0.5, np.nan)}
        schema = tokens_schema(4)
    with table_writer(tmp_path / "t.parquet", schema) as out:
        out.write(key(valid) | rows)
    return request.param, tmp_path / "t.parquet"


def test_a_table_comes_back_from_its_csv(table, tmp_path) -> None:
    kind, path = table
    export_csv(path, tmp_path / "t.csv")
    assert exported_kind(tmp_path / "t.csv") == kind == read_exported(tmp_path / "t.csv", tmp_path / "again.parquet")
    before, after = read_arrays(path), read_arrays(tmp_path / "again.parquet")
    assert before.keys() == after.keys()
    for name, values in before.items():
        if values.dtype == object:
            assert values.tolist() == after[name].tolist()
        else:
            np.testing.assert_allclose(after[name], values, rtol=1e-6)


def test_ids_are_no_formulas(table, tmp_path) -> None:
    export_csv(table[1], tmp_path / "t.csv")
    found = pd.read_csv(tmp_path / "t.csv")
    assert set(found.clip_id) == {"'=a", "b"} and set(found.subject_id) == {"'-x"}


def test_inspect_knows_it_by_clips_and_frames(table, tmp_path, capsys) -> None:
    export_csv(table[1], tmp_path / "t.csv")
    assert main(["inspect", str(tmp_path / "t.csv")]) == 0
    assert f"frames: {N}, usable 600, 25 frames a second" in capsys.readouterr().out


def test_the_csv_of_psi_is_transformed(tmp_path) -> None:
    psi = np.random.default_rng(0).random((5, 52), np.float32) * 0.4
    encoder = DiscreteFacialEncoder.from_pretrained()
    known = encoder.transform(psi)
    for names in ([f"psi_{name}" for name in ACTIONS], [name[0].upper() + name[1:] for name in ACTIONS]):
        frame = pd.DataFrame(psi, columns=names).sample(frac=1, axis=1, random_state=0)
        assert (encoder.transform(frame.assign(frame=1)) == known).all()
    with pytest.raises(UserError, match="2 columns"):
        encoder.transform(pd.DataFrame(psi, columns=ACTIONS).assign(JawOpen=0.0))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("frame,psi_jawOpen\n0,0.5\n", "time_s"),
        ("time_s,psi_jawOpen\n", "no row"),
        ("time_s,psi_jawOpen\n0,a lot\n", "cannot be read as numbers"),
        ("time_s,psi_jawOpen\n,0.1\n", "without a time"),
        ("time_s,frame,psi_jawOpen\n0,1.5,0.1\n", "no whole number"),
        ("time_s,token_1\n0,-3\n", "no whole number"),
        ("time_s,token_2\n0,3\n", "neither psi_ nor token_"),
    ],
)
def test_what_is_no_table_is_one_sentence(tmp_path, text, told) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UserError, match=told):
        read_exported(tmp_path / "t.csv", tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
