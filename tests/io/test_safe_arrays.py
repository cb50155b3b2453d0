"""The attacks write a file when they succeed; the tests show that it is not there."""

import os
import pickle
import sys
import tracemalloc
import zipfile
from contextlib import suppress

import numpy as np
import pytest
from scipy.sparse import csc_matrix

from dfe_lib.errors import UserError
from dfe_lib.io import array_pickle
from dfe_lib.io.safe_arrays import array_names, open_array, open_arrays, read_array_pickle


@pytest.fixture
def chumpy(monkeypatch) -> type:
    """A class that pickles as chumpy's array does: its module and name, and the array in its state."""
    module = type(sys)("chumpy.ch")
    module.Ch = type("Ch", (), {"__module__": "chumpy.ch"})
    monkeypatch.setitem(sys.modules, "chumpy", type(sys)("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)
    return module.Ch


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol_come_back(tmp_path, protocol, chumpy) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "f8": rng.random((4, 3)), "f4": rng.random((2, 2)).astype("f4"), "u4": np.arange(5, dtype="u4"),
        "big": rng.random(3).astype(">f8"), "fortran": np.asfortranarray(rng.random((3, 4))), "empty": np.zeros((0, 3)),
        "flags": np.array([True, False]),
    }  # fmt: skip
    sparse = csc_matrix(rng.random((3, 6)) * (rng.random((3, 6)) > 0.5))
    boxed = chumpy()
    boxed.x = arrays["f8"]
    content = arrays | {"J": sparse, "ch": boxed, "style": "lbs", "n": 3, "names": {"a": 1, "b": [1]}, "other": [1]}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
    found = read_array_pickle(tmp_path / "a.pkl")
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype and found[name].flags.writeable
    np.testing.assert_allclose(found["J"], sparse.toarray())
    np.testing.assert_array_equal(found["ch"], arrays["f8"])
    assert found["style"] == "lbs" and found["n"] == 3 and "other" not in found
    assert found["names"] == {"a": 1, "b": None}


def test_python_2_files_come_back(tmp_path) -> None:
    """By hand, since Python 3 cannot write them: byte strings, and copy_reg's way to make an object."""
    values = np.arange(3.0)
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR(I1\n(I3\ntcnumpy\ndtype\n(S'f8'\nI0\nI1\n"
        b"tR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\nS" + repr(values.tobytes())[1:].encode() + b"\ntb"
    )
    boxed = b"ccopy_reg\n_reconstructor\n(cchumpy.ch\nCh\nc__builtin__\nobject\nNtR(dS'x'\n" + array + b"sb"
    (tmp_path / "a.pkl").write_bytes(b"(dS'x'\n" + array + b"sS'ch'\n" + boxed + b"s.")
    found = read_array_pickle(tmp_path / "a.pkl")
    np.testing.assert_array_equal(found["x"], values)
    np.testing.assert_array_equal(found["ch"], values)


class Attack:
    def __init__(self, function, *arguments) -> None:
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def attacks(proof) -> dict[str, bytes]:
    touch = f"open({str(proof)!r}, 'w').close()"
    command = f"touch {proof}"
    hidden = pickle.dumps(Attack(os.system, command))
    return {
        "posix.system": pickle.dumps({"v": Attack(os.system, command)}),
        "builtins.exec": pickle.dumps({"v": Attack(exec, touch)}),
        "builtins.eval": pickle.dumps([Attack(eval, touch)], protocol=0),
        "nt.system": b"cnt\nsystem\n(S'" + command.encode() + b"'\ntR.",
        "os.system": b"(S'" + command.encode() + b"'\nios\nsystem\n.",
        "builtins.getattr": b"c__builtin__\ngetattr\n(S'x'\nS'upper'\ntR.",
        "pickle.loads": pickle.dumps(Attack(pickle.loads, hidden)).replace(b"_pickle", b"pickle"),
        "numpy.load": b"cnumpy\nload\n(S'x'\ntR.",
        "dfe_lib.io.safe_arrays.os": b"cdfe_lib.array_pickle\nos\n.",
    }


NAMES = list(attacks("x"))


@pytest.mark.parametrize("name", NAMES)
def test_code_in_a_pickle_is_refused_by_name_and_does_not_run(tmp_path, name) -> None:
    proof = tmp_path / "it_ran"
    path = tmp_path / "model.pkl"
    path.write_bytes(attacks(proof)[name])
    with pytest.raises(UserError) as error:
        read_array_pickle(path)
    assert name.rpartition(".")[2] in str(error.value) or "no readable pickle" in str(error.value)
    assert not proof.exists()


@pytest.mark.parametrize("name", ["posix.system", "builtins.exec", "builtins.eval"])
def test_the_same_attacks_do_run_elsewhere(tmp_path, name) -> None:
    """Or the test above could not fail."""
    proof = tmp_path / "it_ran"
    pickle.loads(attacks(proof)[name])
    assert proof.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"c__builtin__\nobject\nN}S'owned'\nI1\ns\x86b.",  # BUILD sets an attribute of the class
        b"c_codecs\nencode\nN}S'__defaults__'\n(S'rot13'\nts\x86b.",  # or of the function
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\n(I0\ntS'b'\ntR.",
        b"ccopy_reg\n_reconstructor\n(c__builtin__\nobject\nc__builtin__\nobject\nNtR.",
        b"c__builtin__\nbytes\n(I9\ntR.",
        b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.",
        b"S'id'\nQ.",
        b"(dS'a'\n",
        b"",
        b"I1\n.",
        pickle.dumps([1, 2]),
        pickle.dumps({1: 2}),
        pickle.dumps({"a": np.array([{}], dtype=object)}),
        pickle.dumps({"a": np.array(["text"])}),
        pickle.dumps({"a": np.array([1 + 2j])}),
    ],
)
def test_what_is_no_dictionary_of_numbers_is_refused(tmp_path, content) -> None:
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.pkl"):
        read_array_pickle(tmp_path / "a.pkl")
    assert not any(hasattr(kind, "owned") for kind in array_pickle.KNOWN.values())


def test_an_array_may_not_claim_more_than_it_has(tmp_path) -> None:
    honest = pickle.dumps({"a": np.arange(4.0)}, protocol=2)
    lie = honest.replace(b"K\x04\x85", b"K\x40\x85")
    assert lie != honest
    (tmp_path / "a.pkl").write_bytes(lie)
    with pytest.raises(UserError, match="no readable pickle"):
        read_array_pickle(tmp_path / "a.pkl")


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


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (1, (}",  # TokenError
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,), }",  # OverflowError
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (4, 1e9), }",
        b"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (4,), }",
        b"(" * 120,
    ],
)
def test_a_damaged_header_is_one_sentence(tmp_path, header) -> None:
    text = header.ljust(117) + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(32)
    (tmp_path / "a.npy").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("exp.npy", content)
    with pytest.raises(UserError, match=r"a\.npy"):
        open_array(tmp_path / "a.npy")
    if b"descr': [" in header:
        assert not open_arrays(tmp_path / "a.npz")
    else:
        with pytest.raises(UserError, match=r"a\.npz"):
            open_arrays(tmp_path / "a.npz")


def test_what_would_unpack_to_gigabytes_is_not_unpacked(tmp_path) -> None:
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("exp.npy", "w", force_zip64=True) as member,
    ):
        member.write(np.lib.format.magic(1, 0))
        np.lib.format.write_array_header_1_0(member, {"descr": "<f4", "fortran_order": False, "shape": (1 << 20, 150)})
        for _ in range(600):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20 and array_names(path) == {"exp"}
    tracemalloc.start()
    with pytest.raises(UserError, match="would unpack to 600 MB"):
        open_arrays(path)
    assert open_arrays(path, ["jaw"]) == {}
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_only_what_is_wanted_is_unpacked(tmp_path) -> None:
    np.savez(tmp_path / "a.npz", exp=np.zeros(3), pictures=np.zeros(10))
    assert list(open_arrays(tmp_path / "a.npz", ["exp", "jaw"])) == ["exp"]


@pytest.mark.parametrize(
    "content",
    [
        b"}r\xff\xff\xff\xffX\x01\x00\x00\x00aK\x01s.",  # a memo of 4 billion entries
        b"}r\xff\xff\xff\x03X\x01\x00\x00\x00aK\x01s.",  # of 67 million, which a gigabyte of memory would hold
        b"(dS'a'\n" + b"(d" * 500 + b"s" * 499 + b"s.",
        (
            b"\x80\x02}X\x01\x00\x00\x00acscipy.sparse.csc\ncsc_matrix\n)\x81}(X\x06\x00\x00\x00_shapeJ\xff\xff\xff\x7fJ\xff"
            b"\xff\xff\x7f\x86X\x04\x00\x00\x00dataK\x01X\x07\x00\x00\x00indicesK\x01X\x06\x00\x00\x00indptrK\x01ubs."
        ),
    ],
)
def test_a_small_pickle_takes_little_memory(tmp_path, content) -> None:
    (tmp_path / "a.pkl").write_bytes(content)
    tracemalloc.start()  # the highest that it was: what is left afterwards says nothing
    with suppress(UserError):
        assert read_array_pickle(tmp_path / "a.pkl").keys() <= {"a"}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6


def test_dictionaries_that_hold_one_another_many_times_over_do_not_hang(tmp_path) -> None:
    inner: dict = {"x": 1.0}
    for _ in range(40):
        inner = {"a": inner, "b": inner}
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(inner))
    assert set(read_array_pickle(tmp_path / "a.pkl")) == {"a", "b"}


@pytest.mark.parametrize("content", [
    b"\x80\x04\x8c\x05a\nb\nc\x8c\x03x\ny\x93.", b"\x80\x04\x8c\x03abc\x58\x88\x13\x00\x00" + b"x" * 5000 + b"\x93.",
    pickle.dumps({"a": np.zeros(2)}, protocol=2).replace(b"\x02\x00\x00\x00f8", b"\x02\x00\x00\x00\n\n"),
])  # fmt: skip
def test_a_name_in_a_pickle_does_not_break_the_sentence(tmp_path, content) -> None:
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(UserError) as error:
        read_array_pickle(tmp_path / "a.pkl")
    assert "\n" not in str(error.value) and len(str(error.value)) < 500
