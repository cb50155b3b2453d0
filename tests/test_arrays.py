import numpy as np
import pytest

from dfe_lib.arrays import open_array, open_arrays
from dfe_lib.errors import UserError


def test_arrays_come_back_and_objects_stay_closed(tmp_path) -> None:
    values = np.arange(6.0).reshape(2, 3)
    np.save(tmp_path / "a.npy", values)
    np.testing.assert_array_equal(open_array(tmp_path / "a.npy"), values)
    np.savez(tmp_path / "a.npz", good=values, text=np.array(["a"]), boxed=np.array([{"a": 1}], dtype=object))
    assert list(open_arrays(tmp_path / "a.npz")) == ["good"]
    np.save(tmp_path / "b.npy", np.array([{"a": 1}], dtype=object))
    with pytest.raises(UserError, match="pickled objects, which are not opened"):
        open_array(tmp_path / "b.npy")


@pytest.mark.parametrize("content", [b"", b"not an array", b"\x93NUMPY\x01\x00"])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_damaged_files_are_named(tmp_path, name, content) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=name):
        (open_array if name.endswith("npy") else open_arrays)(tmp_path / name)


def test_a_file_that_was_cut_off_is_refused(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((100, 50)))
    np.savez(tmp_path / "a.npz", a=np.zeros((100, 50)))
    for name, opened in (("a.npy", open_array), ("a.npz", open_arrays)):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:-3000])
        with pytest.raises(UserError, match=name):
            opened(path)
