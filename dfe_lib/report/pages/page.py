"""Web pages that open from disk, offline: one HTML file with its style, script, head mesh and data inside."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib import colormaps
from PIL import Image

from ...io.tables import write_text
from ...morphable.model import MM_PER_M, MorphableModel
from ...morphable.painting import IRISES, Palette, paint
from ...morphable.rendering import subdivision

__all__ = [
    "GREY",
    "base64_of",
    "heat_stops",
    "pack",
    "pack_bytes",
    "packed_head",
    "picture_uri",
    "safe_json",
    "tint",
    "write_page",
]

ASSETS = Path(__file__).parent / "web"
HEAT = colormaps["YlOrRd"]
HEAT_STOPS = 16
STILL_MM = 0.005
"""A vertex that a coefficient moves by less is left out of its basis vector."""
FAR = 99.0
"""Distance, in radii of the iris, of whatever is no eye."""
NO_PAINT = 0.8
SHARED: dict[str, tuple[str, ...]] = {
    "viewer": ("head.js", "painter.js", "overlay.js", "rows.js", "timeline.js"),
    "pair": (),
}
"""Scripts that a page has before its own; the others have the head's."""

GREY = Palette(
    skin=(0.82, 0.80, 0.78), lips=(0.72, 0.63, 0.61), brows=(0.42, 0.39, 0.37), hair=(0.70, 0.68, 0.66),
    iris=(0.34, 0.38, 0.42), sclera=(0.96, 0.96, 0.95), lashes=(0.36, 0.33, 0.32), mouth=(0.34, 0.27, 0.27),
    tongue=(0.72, 0.56, 0.55), brow_mm=3.2, lash_mm=1.0, blush=0.0,
)  # fmt: skip
"""A face that reads as one, and leaves the colours to the displacement."""


def write_page(path: Path, name: str, data: dict[str, Any]) -> None:
    """Writes one page: `pages/<name>.html` with the styles, the scripts and the data in it.

    Arguments:
        path: HTML file to write; it appears when it is whole.
        name: `"atlas"`, `"viewer"` or `"pair"`.
        data: what the page's script reads, as JSON.
    """
    page = _asset(f"{name}.html")
    parts = {
        "style": _asset("page.css") + _asset(f"{name}.css"),
        "script": "".join(_asset(script) for script in (*SHARED.get(name, ("head.js", "painter.js")), f"{name}.js")),
        "data": safe_json(data),
    }
    for key, text in parts.items():
        page = page.replace(f"/*{key}*/", text)
    write_text(path, page)


def safe_json(data: Any) -> str:
    """JSON for a `script` element, which "</" would end; "<!--<script>" would keep its end from being seen.

    >>> safe_json({"name": "</script>"})
    '{"name":"\\\\u003c/script>"}'
    """
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def packed_head(head: MorphableModel) -> dict[str, Any]:
    """The head for `head.js`: template, triangles, what each coefficient moves, and paint.

    Lengths are millimetres in 16 bits; of a coefficient's basis vector only the vertices that move are kept.

    Arguments:
        head: up to 65,536 vertices.
    """
    moved = head.expression.astype(float) * MM_PER_M
    return {
        "names": list(head.names),
        "template": pack(head.template.astype(float) * MM_PER_M),
        "faces": base64_of(head.faces.astype("<u2")),
        "basis": [_packed_basis(vector) for vector in moved],
        "tint": base64_of((tint(head, 1) * 255).round().astype(np.uint8)),
        "iris": pack(_iris_offsets(head)),
        "irisColour": list(GREY.iris),
        "heat": heat_stops(),
    }


def pack(values: Float[np.ndarray, "*shape"]) -> dict[str, Any]:
    """Numbers as 16-bit integers and the size of one step: value = step * integer.

    >>> pack(np.array([0.0, -1.0]))["step"] * 32767
    1.0
    """
    step = float(np.abs(values).max(initial=0.0)) / 32767 or 1.0
    return {"step": step, "bytes": base64_of(np.round(values / step).astype("<i2"))}


def pack_bytes(values: Float[np.ndarray, "*shape"]) -> dict[str, Any]:
    """Numbers in one byte each, for what is only looked at: value = low + step * byte, within half a step.

    >>> pack_bytes(np.array([0.0, 1.0]))
    {'low': 0.0, 'step': 0.00392156862745098, 'bytes': 'AP8='}
    """
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    step = (high - low) / 255 or 1.0
    return {"low": low, "step": step, "bytes": base64_of(np.round((values - low) / step).astype(np.uint8))}


def tint(head: MorphableModel, subdivisions: int) -> Float[np.ndarray, "w 3"]:
    """Colours of the subdivided head in grey paint; plain grey where the head has no landmarks to paint by."""
    refine, _ = subdivision(head.faces, len(head.template), subdivisions)
    if head.landmarks is None:
        return np.full((refine.shape[0], 3), NO_PAINT)
    return np.clip(paint(head, head.landmarks, refine, GREY), 0.0, 1.0)


def heat_stops() -> list[list[float]]:
    """Colours of the displacement scale, evenly spaced from 0 to its end."""
    return HEAT(np.linspace(0, 1, HEAT_STOPS))[:, :3].round(3).tolist()


def picture_uri(picture: UInt8[np.ndarray, "h w c"], size: tuple[int, int], quality: int) -> str:
    """A picture, made smaller to (width, height), as a WebP `data:` address."""
    buffer = io.BytesIO()
    Image.fromarray(picture).resize(size, Image.Resampling.BOX).save(buffer, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def base64_of(values: np.ndarray) -> str:
    """The bytes of an array, row by row, as text."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _packed_basis(vector: Float[np.ndarray, "v 3"]) -> dict[str, Any]:
    moves = np.flatnonzero(np.linalg.norm(vector, axis=1) > STILL_MM)
    return {"vertices": base64_of(moves.astype("<u2")), **pack(vector[moves])}


def _iris_offsets(head: MorphableModel) -> Float[np.ndarray, "v 2"]:
    """Each eye vertex's place around its iris, in radii: linear over the mesh, so a shader draws an exact disc."""
    offsets = np.full((len(head.template), 2), FAR)
    if head.landmarks is None or "left_eye" not in head.regions:
        return offsets
    points, marks = head.template.astype(float), head.landmarks(head.template).astype(float)
    for name, (centre, *ring) in zip(("right_eye", "left_eye"), IRISES, strict=True):
        radius = np.linalg.norm(marks[ring, :2] - marks[centre, :2], axis=1).mean()
        front = head.region(name) & (points[:, 2] > marks[centre, 2] - 0.014)
        offsets[front] = (points[front, :2] - marks[centre, :2]) / radius
    return offsets
