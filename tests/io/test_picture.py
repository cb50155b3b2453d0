import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from dfe_lib.errors import UserError
from dfe_lib.io.picture import read_picture

PEAK = """
import sys
from pathlib import Path
from dfe_lib.errors import UserError
from dfe_lib.io.picture import read_picture
try:
    print(read_picture(Path(sys.argv[1])).shape)
except UserError as error:
    print(error)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
GB_KB = 10**6


def peak(path):
    """What a process of its own says of the picture, and the most memory it has held, in kB."""
    run = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
    assert run.stderr == ""
    said, kb = run.stdout.splitlines()
    return said, int(kb)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [13_000, 100_000])
def test_a_header_that_claims_too_much_is_refused(tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 0)
    pixels = zlib.compress(bytes(1 << 24), 9)
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
    said, kb = peak(path)
    assert "at most 40 million are decoded here: save it smaller." in said and kb < 0.3 * GB_KB


@pytest.mark.parametrize("mode", ["RGBA", "I;16", "P"])
def test_the_largest_that_is_decoded_stays_under_a_gigabyte(tmp_path, mode):
    picture = Image.new(mode, (8000, 5000))
    if mode == "P":
        picture.info["transparency"] = 0
    picture.save(tmp_path / "a.png", compress_level=1)
    said, kb = peak(tmp_path / "a.png")
    assert said == "(5000, 8000, 3)" and kb < GB_KB


def test_a_large_jpeg_is_decoded_at_half_its_size(tmp_path):
    level = np.add.outer(np.arange(10_000) // 80, np.arange(12_000) // 160).astype(np.uint8)
    Image.fromarray(level).save(tmp_path / "a.jpg")
    said, kb = peak(tmp_path / "a.jpg")
    assert said == "(5000, 6000, 3)" and kb < 0.6 * GB_KB
    assert abs(read_picture(tmp_path / "a.jpg")[2500, 3000].astype(int) - level[5000, 6000]).max() < 4


def test_a_large_progressive_jpeg_is_refused(tmp_path):
    """It would be held whole, decoded at half its size or not."""
    Image.new("RGB", (10_000, 10_000)).save(tmp_path / "a.jpg", progressive=True)
    with pytest.raises(UserError, match="10000 x 10000 pixels, and at most 40 million"):
        read_picture(tmp_path / "a.jpg")


def test_what_is_no_jpeg_or_png_inside_is_refused(tmp_path):
    """Pillow knows formats that start other programs or unpack anything."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(UserError, match="cannot be read as a picture"):
        read_picture(tmp_path / "a.png")


def test_a_long_palette_picture_with_a_clear_colour_is_shrunk(tmp_path):
    picture = Image.new("P", (20_000, 40), 1)
    picture.putpalette([0, 0, 0, 200, 0, 0])
    picture.paste(0, (0, 0, 10_000, 40))
    picture.save(tmp_path / "a.png", transparency=0)
    rgb = read_picture(tmp_path / "a.png")
    assert rgb.shape == (33, 16_384, 3)
    assert rgb[5, 10].tolist() == [255, 255, 255] and rgb[5, -10].tolist() == [200, 0, 0]
