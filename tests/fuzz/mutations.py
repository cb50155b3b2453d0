"""What happens to files: bits flip, bytes go, lines move, programs write other numbers, encodings and line ends."""

import io
import json
import random
import re
import zipfile
from collections.abc import Callable

TOKENS = [
    b'"', b",", b";", b"\t", b"\r", b"\n", b"\0", b"nan", b"inf", b"1e39", b"-1.#IND", b"\xff", b"\xfc", b"-", b"../",
    b" ", b"'", b"0", b"99999999999", b"1e-400", b"\xef\xbb\xbf", b"{", b"[", b":", b"&a", b"*a", b"!!", b"True",
]  # fmt: skip
NUMBERS = [
    b"0", b"-1", b"1e39", b"1e308", b"-1e308", b"9223372036854775808", b"nan", b"inf", b"", b"0,5", b"1.5.2", b"0x10",
    b"1e", b"4294967296", b"-0", b"1e-320", b"100", b"7", b"0.25", b"None", b"-nan(ind)",
]  # fmt: skip
VALUES = [0, -1, 1, 2**15, 2**31, 2**40, 2**63, 10**30, 1e308, -0.5, None, "x", "", [], {}, True, [[[]]], "\ud800"]
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")

Mutation = Callable[[random.Random, bytes], bytes]


def flip(draw: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.choice([1, 1, 1, 2, 8])):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def other_byte(draw: random.Random, data: bytes) -> bytes:
    at = draw.randrange(len(data))
    return data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]


def cut_off(draw: random.Random, data: bytes) -> bytes:
    return data[: draw.randrange(len(data))]


def cut_out(draw: random.Random, data: bytes) -> bytes:
    at = draw.randrange(len(data))
    return data[:at] + data[at + draw.choice([1, 2, 5, 50, 500]) :]


def twice(draw: random.Random, data: bytes) -> bytes:
    at, length = draw.randrange(len(data)), draw.choice([1, 5, 50, 500])
    return data[: at + length] + data[at:]


def token(draw: random.Random, data: bytes) -> bytes:
    at = draw.randrange(len(data) + 1)
    return data[:at] + draw.choice(TOKENS) + data[at:]


def noise(draw: random.Random, data: bytes) -> bytes:
    at = draw.randrange(len(data))
    length = draw.choice([1, 4, 16])
    return data[:at] + draw.randbytes(length) + data[at + length :]


BYTES: list[Mutation] = [flip, flip, other_byte, cut_off, cut_out, twice, token, noise]


def other_number(draw: random.Random, data: bytes) -> bytes:
    found = list(NUMBER.finditer(data))
    if not found:
        return data
    where = draw.choice(found)
    return data[: where.start()] + draw.choice(NUMBERS) + data[where.end() :]


def other_lines(draw: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    i, j = draw.randrange(len(lines)), draw.randrange(len(lines))
    what = draw.randrange(4)
    if what == 0:
        lines[i], lines[j] = lines[j], lines[i]
    elif what == 1:
        lines.insert(j, lines[i])
    elif what == 2:
        del lines[i]
    else:
        lines[i] = lines[i] + draw.choice([b",", b",1", b" ", b'"'])
    return b"\n".join(lines)


def other_encoding(draw: random.Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    way = draw.choice(["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "utf-32", "latin-1"])
    return text.replace("a", "ü", 1).encode(way, "replace")


def other_line_ends(draw: random.Random, data: bytes) -> bytes:
    return data.replace(b"\n", draw.choice([b"\r", b"\r\n", b"\n\n", b"\n\r"]))


def other_separator(draw: random.Random, data: bytes) -> bytes:
    way = draw.choice([(b",", b";"), (b",", b"\t"), (b".", b","), (b", ", b","), (b",", b", "), (b",", b"|")])
    changed = data.replace(*way)
    return b"sep=;\n" + changed if draw.random() < 0.2 else changed


TEXT: list[Mutation] = [*BYTES, other_number, other_number, other_lines, other_lines, other_encoding, other_line_ends,
                        other_separator]  # fmt: skip


def other_value(draw: random.Random, data: bytes) -> bytes:
    """JSON with one value changed, taken out, or put in."""
    content = json.loads(data)
    name = draw.choice(list(content))
    what = draw.randrange(6)
    if what == 0:
        del content[name]
    elif what == 1:
        content["another"] = 1
    else:
        content[name] = draw.choice(VALUES)
    return json.dumps(content).encode()


JSON: list[Mutation] = [*BYTES, *[other_value] * 6]


def inside_zip(draw: random.Random, data: bytes) -> bytes:
    """A .npz whose zip is whole, with one member damaged."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        hit = draw.choice(names)
        for name in names:
            content = old.read(name)
            new.writestr(name, draw.choice(BYTES)(draw, content) if name == hit else content)
    return out.getvalue()


ZIP: list[Mutation] = [*BYTES, *[inside_zip] * 6]


def header(draw: random.Random, data: bytes) -> bytes:
    """Damage in the first bytes, where a binary file says what it is."""
    return draw.choice(BYTES)(draw, data[:160]) + data[160:]


def footer(draw: random.Random, data: bytes) -> bytes:
    """Damage in the last kilobytes, where Parquet says what it is."""
    return data[:-3000] + draw.choice(BYTES)(draw, data[-3000:])


BINARY: list[Mutation] = [*BYTES, *[header] * 4]
PARQUET: list[Mutation] = [*BYTES, *[footer] * 3]
