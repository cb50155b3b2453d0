"""What the machine itself must bring before anything is installed; runs on a bare Python, without this package.

    python3 -I dfe_lib/study/system.py          # what the study needs
    python3 -I dfe_lib/study/system.py tests    # what the tests need too: a browser

Found by hiding the graphics libraries of a Debian 12 one by one: mediapipe links EGL and GLES, the OpenCV it
imports links GL, xcb and GLib, and VTK opens EGL, X11 and Mesa's software driver when it renders.
"""

import ctypes
import importlib.util
import shutil
import sys

__all__ = ["BROWSERS", "LIBRARIES", "PYTHONS", "browser", "complaints", "main", "missing_packages"]

PYTHONS = ((3, 11), (3, 12), (3, 13))
"""Those that `requires-python` allows."""

BROWSERS: tuple[str, ...] = ("chromium", "chromium-browser", "google-chrome")
"""Names that Chromium goes by; the first that is there opens the atlas and the clip player in the tests."""

LIBRARIES: dict[str, str] = {
    "libEGL.so.1": "libegl1",
    "libEGL_mesa.so.0": "libegl-mesa0",
    "libGL.so.1": "libgl1",
    "libGLESv2.so.2": "libgles2",
    "libX11.so.6": "libx11-6",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxcb.so.1": "libxcb1",
}
"""Shared library that must load, and the Debian or Ubuntu package that brings it."""


def missing_packages(libraries: dict[str, str] = LIBRARIES) -> list[str]:
    """Packages of the libraries that do not load, sorted.

    >>> missing_packages({"libc.so.6": "libc6", "libabsent.so.1": "libabsent1"})
    ['libabsent1']
    """
    return sorted({package for library, package in libraries.items() if not _loads(library)})


def browser(names: tuple[str, ...] = BROWSERS) -> str | None:
    """Path of a Chromium, None without one.

    >>> browser(("absent-browser",)) is None
    True
    """
    return next((path for path in map(shutil.which, names) if path), None)


def complaints(
    version: tuple[int, int] = sys.version_info[:2],
    libraries: dict[str, str] = LIBRARIES,
    venv: bool | None = None,
    browsers: tuple[str, ...] = (),
) -> list[str]:
    """One sentence for each thing that is missing, empty when all is there.

    Arguments:
        venv: can this Python make one? browsers: names of which one must be there; none need be when empty.

    >>> print(*complaints((3, 9), {}, venv=True))
    Python 3.9 is not supported: install Python 3.11, 3.12 or 3.13 and name it, as in `make study PYTHON=python3.11`.
    """
    found = []
    if version not in PYTHONS:
        found.append(
            f"Python {version[0]}.{version[1]} is not supported: install Python 3.11, 3.12 or 3.13 and name it, "
            "as in `make study PYTHON=python3.11`."
        )
    packages = missing_packages(libraries) if sys.platform == "linux" else []
    has_venv = importlib.util.find_spec("ensurepip") is not None if venv is None else venv
    packages += [] if has_venv else [f"python{version[0]}.{version[1]}-venv"]
    packages += ["chromium"] if browsers and browser(browsers) is None else []
    if packages:
        found.append("System packages are missing: run `apt-get install -y " + " ".join(packages) + "` as root.")
    return found


def main(arguments: list[str]) -> int:
    found = complaints(browsers=BROWSERS if "tests" in arguments else ())
    for sentence in found:
        print(sentence, file=sys.stderr)
    return 1 if found else 0


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
