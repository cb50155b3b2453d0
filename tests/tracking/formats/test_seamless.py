import numpy as np
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.tables import read_arrays, read_dataframe
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.registry import recognise
from dfe_lib.tracking.formats.settings import ReadSettings

N = 90


@pytest.fixture
def features() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    valid = np.ones((N, 1), bool)
    valid[10:20] = False
    return {
        "movement:FAUValue": rng.uniform(0, 2, (N, 24)).astype("f4"), "movement:is_valid": valid,
        "movement:expression": rng.normal(size=(N, 128)).astype("f4"), "smplh:body_pose": np.zeros((N, 63), "f4"),
    }  # fmt: skip


def read(path, out):
    report = write_recording(recognise(path).read(path, ReadSettings()), out, "c", "s")
    return read_arrays(out), report


def test_values_and_validity_are_read(tmp_path, features) -> None:
    path = tmp_path / "V00_S0001_I00000129_P0799.npz"
    np.savez(path, **features)
    table, report = read(path, tmp_path / "o.parquet")
    assert recognise(path).name == "Seamless Interaction features"
    seen = features["movement:is_valid"][:, 0]
    np.testing.assert_array_equal(table["detected"], seen)
    np.testing.assert_array_equal(table["au_intensity"][seen], features["movement:FAUValue"][seen])
    np.testing.assert_allclose(table["time_s"], np.arange(N) / 30)
    names = list(read_dataframe(tmp_path / "o.parquet", ["au_intensity"]))
    assert names[0] == "au_intensity.FAU01" and len(names) == 24
    assert "10 frames that the files call invalid" in report.sentence and "do not name" in report.sentence


@pytest.mark.parametrize("prefix", ["", "movement:"])
def test_arrays_in_folders_are_read_alike(tmp_path, features, prefix) -> None:
    for name in ("FAUValue", "is_valid"):
        folder = tmp_path / f"{prefix}{name}"
        folder.mkdir()
        np.save(folder / "V00_S0001_I00000129_P0799.npy", features[f"movement:{name}"])
    table, _ = read(tmp_path / f"{prefix}FAUValue" / "V00_S0001_I00000129_P0799.npy", tmp_path / "o.parquet")
    np.testing.assert_array_equal(table["detected"], features["movement:is_valid"][:, 0])


@pytest.mark.parametrize(("name", "shape"), [("FAUValue", (N, 23)), ("FAUValue", (24,)), ("is_valid", (N - 1, 1))])
def test_another_shape_is_refused(tmp_path, features, name, shape) -> None:
    np.savez(tmp_path / "a.npz", **features | {f"movement:{name}": np.ones(shape)})
    with pytest.raises(UserError, match="download it again"):
        read(tmp_path / "a.npz", tmp_path / "o.parquet")
