import os
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


@pytest.mark.parametrize(("asked", "found"), [("", "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_sleep_while_they_wait_unless_the_user_asks_for_something_else(asked: str, found: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": asked} if asked else {}
    code = "import dfe_lib, os; print(os.environ['OMP_WAIT_POLICY'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == found
