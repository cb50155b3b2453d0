import subprocess
import sys

import pytest

import dfe_lib


@pytest.mark.parametrize("name", dfe_lib.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(dfe_lib, name).__name__ == name


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(AttributeError, match=r"no 'Rvq'; it has .*RvqVae"):
        _ = dfe_lib.Rvq


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, dfe_lib; print({'torch', 'mediapipe', 'pandas', 'pyvista'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
