"""The atlas of a codebook: one web page with a card for each token and a head to try them on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_matrix

from .action_units import ACTION_UNITS
from .codebook import error_mm
from .errors import UserError
from .figures import face_crop
from .morphable import MorphableModel
from .overviews import has_pictures
from .pages import LIMITS_MM, heat_stops, packed_head, picture_uri, tint, write_page
from .phrases import Movement, main_regions, movements, sentence
from .progress import bar
from .rendering import Camera, HeadRenderer, turn
from .rvqvae import RvqVae
from .sources import read_sources, stills
from .spaces import ExpressionSpace, expression_space, read_space
from .tables import N_LANDMARKS, REAL, SIMULATED, read_arrays
from .templates import similarity_rank, strongest_actions

__all__ = ["Occurrences", "atlas_of_model", "token_occurrences", "write_atlas"]

CAMERA = Camera(distance=0.9, focal_px=1300.0, width=300, height=360)
CARD_PX = (150, 180)
THUMB_PX = (72, 72)
CARD_QUALITY, THUMB_QUALITY = 70, 60
SIDE_DEG = 35.0
VISIBLE_MM = 6.0
"""A movement below this is drawn larger, and the card says by how much (our choice)."""
MOST_DRAWN = 5
N_EXAMPLES = 3
APART_S = 1.0
"""Examples from one clip lie at least so far apart."""
N_FRIENDS = 4
LEAST_TOGETHER = 5
"""Frames that two tokens must share before the page says that they go together."""
KINDS = {REAL: "the frames of the real clips", SIMULATED: "the frames of simulated people"}
SHARED_FRAMES = 2000


@dataclass(frozen=True)
class Occurrences:
    """Where tokens occur, over the frames with a face.

    Arguments:
        kind: (N,) `"real"` or `"simulated"`. table: (N,) which of the tables. frame, face_id, time_s: (N,).
        tokens: (N, M) numbers of the tokens; with separate codebooks, those of stage m begin at m K.
        paths: the tables.
    """

    kind: np.ndarray
    table: Int[np.ndarray, " n"]
    frame: Int[np.ndarray, " n"]
    face_id: Int[np.ndarray, " n"]
    time_s: Float[np.ndarray, " n"]
    tokens: Int[np.ndarray, "n m"]
    paths: tuple[Path, ...]

    def presence(self, count: int) -> csr_matrix:
        """(N, count) matrix of 0 and 1: which tokens each frame has."""
        rows = np.repeat(np.arange(len(self.tokens)), self.tokens.shape[1])
        ones = np.ones(self.tokens.size, np.float32)
        there = csr_matrix((ones, (rows, self.tokens.ravel())), shape=(len(self.tokens), count))
        there.data[:] = 1.0
        return there


def token_occurrences(tables: Iterable[Path], model: RvqVae) -> Occurrences:
    """Reads the frames with a face from tokens tables."""
    paths = tuple(sorted(Path(path) for path in tables))
    parts = [_valid_rows(path, i, model) for i, path in enumerate(paths)]
    empty = {"kind": np.empty(0, "<U9"), "time_s": np.empty(0), "tokens": np.empty((0, model.config.n_stages), int)}
    empty |= {name: np.empty(0, int) for name in ("table", "frame", "face_id")}
    return Occurrences(**{name: np.concatenate([p[name] for p in [empty, *parts]]) for name in empty}, paths=paths)


def write_atlas(
    folder: str | Path,
    model: RvqVae,
    space: ExpressionSpace,
    tokens: Iterable[Path] = (),
    frames: Path | None = None,
    readings: pd.DataFrame | None = None,
) -> Path:
    """Writes `folder/index.html`, which opens from disk and offline; returns its path.

    Arguments:
        folder: made when it is missing.
        model: the trained model.
        space: of its psi; it must have a head.
        tokens: tokens tables, for how often each token occurs, where, and with which.
        frames: folder of the frames tables, for pictures of the clips that they were read from.
        readings: the tokens in units of FACS, as `token_units.token_units` gives them: columns `token`, `reading`,
            `units`, `r2`, `r2_detectors`, `beyond_facs`.

    Raises:
        UserError: There is no head, or the model is of another space.
    """
    head = _head_of(model, space)
    seen = token_occurrences(tokens, model)
    psi = model.templates().numpy().reshape(-1, len(space.names)).astype(float)
    still = model.decode(torch.zeros(1, 0, dtype=torch.long)).numpy()[0].astype(float)
    cards = _facts(model, space, psi)
    examples, thumbs = _examples(model, space, seen, psi, still, frames)
    facets = [_shares(seen, len(psi)), _friends(seen, len(psi)), examples, _views(head, psi, still),
              _readings(readings, len(psi))]  # fmt: skip
    for card, *more in zip(cards, *facets, strict=True):
        for part in more:
            card |= part
    gap = _gap_mm(model, space, seen, psi, still)
    data = {
        "about": _about(model, seen), "summed": _summed(gap), "kinds": KINDS, "limits": LIMITS_MM, "size": CARD_PX,
        "still": still.round(5).tolist(), "units": _unit_names(cards), "tokens": cards, "thumbs": thumbs,
        "head": packed_head(head),
    }  # fmt: skip
    path = Path(folder) / "index.html"
    write_page(path, "atlas", data)
    return path


def atlas_of_model(folder: str | Path, out: str | Path) -> Path:
    """Writes the atlas of a trained model with what its run holds beside it: expressions, tokens, frames.

    Arguments:
        folder: of the model. out: folder of the page.

    Raises:
        UserError: There is no model, or no head for its coefficients.
    """
    model, run = RvqVae.from_pretrained(folder), Path(folder).resolve().parent
    fitted = any((run / "expressions").glob("*.parquet"))
    space = read_space(run / "expressions") if fitted else expression_space(model.config.coefficients)
    return write_atlas(out, model, space, sorted((run / "tokens").glob("*.parquet")), run / "frames")


def _head_of(model: RvqVae, space: ExpressionSpace) -> MorphableModel:
    if space.head is None:
        raise UserError("an atlas shows tokens on a head, and these codes came without one: name its FLAME file.")
    if tuple(space.names) != tuple(model.config.coefficients):
        raise UserError("the model's coefficients are not those of the head: train it on this run's expressions.")
    return space.head


def _valid_rows(path: Path, number: int, model: RvqVae) -> dict[str, np.ndarray]:
    table = read_arrays(path, ["frame", "face_id", "time_s", "valid", "tokens", "data"])
    valid = table["valid"].astype(bool)
    first = np.zeros(1, int) if model.config.shared_codebook else np.arange(model.config.n_stages)
    rows = {name: table[name][valid] for name in ("frame", "face_id", "time_s")}
    rows["tokens"] = table["tokens"][valid].astype(int) + first * model.config.codebook_size
    return rows | {"kind": table["data"][valid].astype(str), "table": np.full(valid.sum(), number)}


def _facts(model: RvqVae, space: ExpressionSpace, psi: Float[np.ndarray, "k e"]) -> list[dict[str, Any]]:
    """What can be said of each token from its template alone."""
    head = space.head
    assert head is not None
    actions = strongest_actions(psi, space.names, space.metric, 6)
    found = movements(head, psi) if head.landmarks is not None else [[] for _ in psi]
    most = np.linalg.norm(head.displacement_mm(psi), axis=-1).max(1)
    rms = error_mm(psi, np.zeros_like(psi), space.metric)
    regions, rank = main_regions(head, psi), similarity_rank(psi, space.metric)
    return [
        {
            "id": k, "label": _label(model, k), "name": sentence(found[k]) if found[k] else actions[k],
            "more": _rest(found[k]), "regions": _places(regions[k], found[k]), "actions": actions[k],
            "mm": round(float(most[k]), 2), "rms": round(float(rms[k]), 3), "rank": int(rank[k]), "psi": psi[k].round(5).tolist(),
        }
        for k in range(len(psi))
    ]  # fmt: skip


def _label(model: RvqVae, token: int) -> str:
    stage, code = divmod(token, model.config.codebook_size)
    return str(token) if model.config.shared_codebook else f"{stage}.{code}"


def _rest(found: Sequence[Movement]) -> list[str]:
    """Movements of the parts that the card's title leaves out."""
    titled = list(dict.fromkeys(each.subject for each in found))[:2]
    return [str(each) for each in found if each.subject not in titled][:4]


def _places(regions: list[str], found: Sequence[Movement]) -> list[str]:
    """The skin's regions, and what moves inside it."""
    inside = {"gaze": "eyes", "tongue": "tongue"}
    return list(dict.fromkeys([*regions, *(inside[each.part] for each in found if each.part in inside)]))


def _shares(seen: Occurrences, count: int) -> list[dict[str, Any]]:
    kinds = [kind for kind in KINDS if (seen.kind == kind).any()]
    there = seen.presence(count)
    shares = {kind: np.asarray(there[seen.kind == kind].mean(0)).ravel() for kind in kinds}
    return [{"share": {kind: round(float(shares[kind][k]), 6) for kind in kinds}} for k in range(count)]


def _friends(seen: Occurrences, count: int) -> list[dict[str, Any]]:
    """For each token, those that share frames with it most beyond chance: p(a, b) / p(a) p(b)."""
    there = seen.presence(count)
    together = (there.T @ there).toarray().astype(float)
    alone = np.maximum(together.diagonal(), 1.0)
    lift = together * len(seen.tokens) / np.outer(alone, alone)
    lift[(together < LEAST_TOGETHER) | np.eye(count, dtype=bool)] = 0.0
    order = np.argsort(-lift, axis=1, kind="stable")[:, :N_FRIENDS]
    return [
        {"friends": [[int(b), round(float(lift[a, b]), 2)] for b in row if lift[a, b] > 1.2]}
        for a, row in enumerate(order)
    ]


def _examples(
    model: RvqVae, space: ExpressionSpace, seen: Occurrences, psi: np.ndarray, still: np.ndarray, frames: Path | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Real frames in which each token does most of what the face does, and their pictures."""
    sources = read_sources(frames) if frames else {}
    # the frames may have been read on another machine
    pictured = [has_pictures(sources, path.stem) and sources[path.stem].exists() for path in seen.paths]
    rows = np.flatnonzero(np.array(pictured, bool)[seen.table]) if len(seen.table) else np.empty(0, int)
    moved = _decoded(model, seen.tokens[rows]) - still
    chosen = [_chosen(rows, moved, seen, k, psi[k] @ space.metric) for k in range(len(psi))]
    wanted = sorted({row for picks in chosen for row in picks})
    place = {row: i for i, row in enumerate(wanted)}
    thumbs = _thumbs(seen, wanted, sources, frames) if frames else []
    named = [
        {"examples": [[place[r], seen.paths[seen.table[r]].stem, round(float(seen.time_s[r]), 2)] for r in picks]}
        for picks in chosen
    ]
    return named, thumbs


def _chosen(
    rows: Int[np.ndarray, " r"], moved: Float[np.ndarray, "r e"], seen: Occurrences, token: int, towards: np.ndarray
) -> list[int]:
    here = np.flatnonzero((seen.tokens[rows] == token).any(1))
    size = np.linalg.norm(moved[here], axis=1) + 1e-6
    picks: list[int] = []
    for row in rows[here[np.argsort(-(moved[here] @ towards) / size, kind="stable")]]:
        near = [
            r for r in picks if seen.table[r] == seen.table[row] and abs(seen.time_s[r] - seen.time_s[row]) < APART_S
        ]
        if not near:
            picks.append(int(row))
        if len(picks) == N_EXAMPLES:
            break
    return picks


def _thumbs(seen: Occurrences, wanted: Sequence[int], sources: Mapping[str, Path], frames: Path) -> list[str]:
    cut: dict[int, str] = {}
    for number in sorted({int(seen.table[row]) for row in wanted}):
        clip = seen.paths[number].stem
        rows = [row for row in wanted if seen.table[row] == number]
        found = stills(sources[clip], seen.frame[rows].tolist())
        table = read_arrays(frames / f"{clip}.parquet", ["frame", "face_id", "landmarks"])
        for row in rows:
            at = np.flatnonzero((table["frame"] == seen.frame[row]) & (table["face_id"] == seen.face_id[row]))[0]
            crop = face_crop(found[int(seen.frame[row])], table["landmarks"][at].reshape(N_LANDMARKS, 3))
            cut[row] = picture_uri(crop, THUMB_PX, THUMB_QUALITY)
    return [cut[row] for row in wanted]


def _views(head: MorphableModel, psi: np.ndarray, still: np.ndarray) -> list[dict[str, Any]]:
    """Each token from the front and from the side that it moves more, coloured by the displacement in mm."""
    base, middle = tint(head, 1), head.template[head.region("face")].mean(0) * [0, 1, 0]
    skin = ~_eyes(head)[:, None]
    cards = []
    with HeadRenderer(head.faces, len(head.template), CAMERA, subdivisions=1, smooth=False) as renderer:
        for row in bar(psi, desc="cards", unit="token"):
            moved = head.displacement_mm(row)
            length = np.linalg.norm(moved, axis=1)
            limit = next((each for each in LIMITS_MM if each >= 0.85 * length.max()), LIMITS_MM[-1])
            drawn = int(np.clip(np.ceil(VISIBLE_MM / max(length.max(), 1e-6)), 1, MOST_DRAWN))
            colours = _heated(base, np.linalg.norm(renderer.refine @ (moved * skin), axis=1) / limit)
            vertices = head.vertices(still + drawn * row).astype(float) - middle
            lefter = (length * head.template[:, 0]).sum() >= 0
            sides = (turn(0, 3), turn(-SIDE_DEG if lefter else SIDE_DEG, 3))
            pictures = [renderer.cut_out(vertices, colours, side) for side in sides]
            views = [picture_uri(picture, CARD_PX, CARD_QUALITY) for picture in pictures]
            cards.append({"views": views, "limit": limit, "drawn": drawn})
    return cards


def _eyes(head: MorphableModel) -> Bool[np.ndarray, " v"]:
    """Eyeballs, which keep their own colours: where they look is easier to see than how far they move."""
    return np.any([head.regions.get(name, np.zeros(len(head.template), bool)) for name in ("left_eye", "right_eye")], 0)


def _heated(base: Float[np.ndarray, "w 3"], share: Float[np.ndarray, " w"]) -> Float[np.ndarray, "w 3"]:
    """Paint under heat: brows and lips stay visible as darker heat."""
    stops = np.array(heat_stops())
    at = np.clip(share, 0, 1) * (len(stops) - 1)
    hot = np.stack([np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)], 1)
    lightness = np.clip(base @ [0.3, 0.5, 0.2] / 0.8, 0, 1)[:, None]
    fade = np.clip(share / 0.1, 0, 1)[:, None]
    return fade * hot * (0.15 + 0.85 * lightness) + (1 - fade) * base


def _readings(table: pd.DataFrame | None, count: int) -> list[dict[str, Any]]:
    told: dict[int, dict[str, Any]] = {}
    for row in () if table is None else table.itertuples():
        shares = f"{100 * row.r2:.0f} % of the movement; "
        shares += f"all units of the usual detectors {100 * row.r2_detectors:.0f} %"
        told[int(row.token)] = {
            "text": f"{row.reading}: {shares}" if row.reading else f"no unit fits: {shares}",
            # one side of a unit is found under the unit
            "units": sorted({_unsided(code) for code in str(row.units).split()}),
            "share": round(float(row.r2_detectors), 3), "beyond": bool(row.beyond_facs),
        }  # fmt: skip
    return [{"reading": told.get(k)} for k in range(count)]


def _unsided(code: str) -> str:
    whole = code.rstrip("LRTB")
    return whole if whole in ACTION_UNITS else code


def _unit_names(cards: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    used = {unit for card in cards if card["reading"] for unit in card["reading"]["units"]}
    return {unit: ACTION_UNITS[unit].name for unit in sorted(used)}


def _decoded(model: RvqVae, tokens: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
    first = 0 if model.config.shared_codebook else np.arange(tokens.shape[1]) * model.config.codebook_size
    return model.decode(torch.as_tensor(tokens - first)).numpy().astype(float)


def _gap_mm(model: RvqVae, space: ExpressionSpace, seen: Occurrences, psi: np.ndarray, still: np.ndarray) -> float:
    """How far the sum of a frame's templates is from what the model decodes, mm on average; 0 when additive."""
    rows = np.linspace(0, len(seen.tokens) - 1, min(SHARED_FRAMES, len(seen.tokens))).astype(int)
    if not len(rows):
        return 0.0
    tokens = seen.tokens[rows]
    return float(error_mm(_decoded(model, tokens), still + psi[tokens].sum(1), space.metric).mean())


def _summed(gap: float) -> str:
    if gap < 0.01:
        return "Tokens add up: a frame's face is the still face and the movements of its tokens."
    return (
        f"Movements are added up here. This model decodes the tokens of a frame together, "
        f"and lands {gap:.1f} mm from the sum on average."
    )


def _about(model: RvqVae, seen: Occurrences) -> str:
    config = model.config
    books = "one codebook" if config.shared_codebook else f"{config.n_stages} codebooks"
    told = f"{config.codebook_size} tokens in {books}, {config.n_stages} a frame."
    for kind, what in ((REAL, "frames of real clips"), (SIMULATED, "frames of simulated people")):
        if number := int((seen.kind == kind).sum()):
            told += f" Counted over {number:,} {what}."
    return told
