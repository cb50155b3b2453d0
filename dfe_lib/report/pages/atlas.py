"""The atlas of a codebook: one web page with a card for each display and a head to try them on."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int

from ...action_units import ACTION_UNITS
from ...blendshapes import REGIONS
from ...comparison.templates import similarity_rank, strongest_actions
from ...comparison.token_readings import token_shares, token_units
from ...errors import UserError
from ...io.tables import REAL, SIMULATED
from ...morphable.anny import shown_tongue
from ...morphable.model import MM_PER_M, MorphableModel
from ...morphable.phrases import Movement, main_regions, movements, sentence
from ...morphable.space import ExpressionSpace, expression_space, read_space
from ...quantisation.lexicon import Lexicon, level_name, lexicon_of, word_templates
from ...quantisation.metrics import error_mm
from ...quantisation.rvqvae import RvqVae
from ...tracking.sources import read_sources
from ..pictures import has_pictures
from ..scales import LIMITS_MM
from .occurrences import (
    Occurrences,
    display_companions,
    display_runs,
    example_faces,
    example_rows,
    token_occurrences,
)
from .page import base64_of, pack, packed_head, picture_uri, write_page
from .portraits import portraits
from .search import asked_displays, meanings, region_metric

__all__ = ["atlas_of_model", "write_atlas"]

CARD_PX, CARD_QUALITY = (150, 180), 70
THUMB_PX, THUMB_QUALITY = (72, 72), 60
KINDS = {REAL: "the frames of the real clips", SIMULATED: "the frames of simulated people"}
SUMMED_FRAMES = 2000
"""Frames on which the sum of the tokens is compared with what the model decodes."""


def write_atlas(
    folder: str | Path,
    model: RvqVae,
    space: ExpressionSpace,
    tokens: Iterable[Path] = (),
    frames: Path | None = None,
    readings: pd.DataFrame | None = None,
    pages: Mapping[str, str] | None = None,
) -> Path:
    """Writes `folder/index.html`, which opens from disk and offline; returns its path.

    Arguments:
        folder: made when it is missing.
        model: the trained model.
        space: of its psi; it must have a head.
        tokens: tokens tables, for how often each display occurs, where, and with which.
        frames: folder of the frames tables, for pictures of the clips that they were read from.
        readings: the displays in units of FACS, as `token_readings.token_units` gives them: `display`, `reading`,
            `units`, `r2`, `r2_detectors`, `beyond_facs`; and `frequency_simulated` where the tables hold none.
        pages: the viewer's page of each clip that has one, below `folder`: times become links to them.

    Raises:
        UserError: There is no head, or the model is of another space.
    """
    head = _head_of(model, space)
    seen, lexicon, still = token_occurrences(tokens, model), lexicon_of(model), model.still()
    psi = shown_tongue(head, model.display_templates())
    examples, thumbs = _examples(model, space, seen, psi, still, frames)
    facets = [_facts(model, space, psi), _levels(model, head, lexicon, seen), _shares(seen, readings, len(psi)),
              _companions(seen, len(psi)), _runs(seen, len(psi)), examples, _views(head, psi, still),
              _readings(readings, len(psi)), _membership(lexicon)]  # fmt: skip
    cards = [{key: value for part in parts for key, value in part.items()} for parts in zip(*facets, strict=True)]
    gap = _gap_mm(model, space, seen, still)
    data = {
        "about": _about(model, seen), "summed": _summed(gap), "kinds": KINDS, "limits": LIMITS_MM, "size": CARD_PX,
        "still": still.round(5).tolist(), "units": _unit_names(cards), "displays": cards, "thumbs": thumbs,
        "groups": _group_names(model, space, lexicon), "head": packed_head(head),
        "asked": asked_displays(psi, region_metric(head, model)) if space.mirrors else {},
        "meant": meanings() if space.mirrors else {}, "pages": dict(pages or {}), "areas": _areas(head),
    }  # fmt: skip
    path = Path(folder) / "index.html"
    write_page(path, "atlas", data)
    return path


def atlas_of_model(
    folder: str | Path,
    out: str | Path,
    tokens: Sequence[Path] | None = None,
    frames: Path | None = None,
    pages: Mapping[str, str] | None = None,
) -> Path:
    """Writes the atlas of a trained model.

    Arguments:
        folder: of the model. out: folder of the page.
        tokens, frames: tables to count and to show; those beside the model, of its run, when None.
        pages: see :func:`write_atlas`.

    Raises:
        UserError: There is no model, or no head for its coefficients.
    """
    model, run = RvqVae.from_pretrained(folder), Path(folder).resolve().parent
    fitted = any((run / "expressions").glob("*.parquet"))
    space = read_space(run / "expressions") if fitted else expression_space(model.config.coefficients)
    psi = model.display_templates()
    readings = token_units(psi, space.head) if space.mirrors and space.head is not None else None
    tables = sorted((run / "tokens").glob("*.parquet")) if tokens is None else tokens
    return write_atlas(out, model, space, tables, frames or run / "frames", readings, pages)


def _head_of(model: RvqVae, space: ExpressionSpace) -> MorphableModel:
    if space.head is None:
        raise UserError("an atlas shows tokens on a head, and these codes came without one: name its FLAME file.")
    if tuple(space.names) != tuple(model.config.coefficients):
        raise UserError("the model's coefficients are not those of the head: train it on this run's expressions.")
    return space.head


def _facts(model: RvqVae, space: ExpressionSpace, psi: Float[np.ndarray, "k e"]) -> list[dict[str, Any]]:
    """What can be said of each display from its template alone."""
    head = space.head
    assert head is not None
    actions = strongest_actions(psi, space.names, space.metric, 6)
    found = movements(head, psi) if head.landmarks is not None else [[] for _ in psi]
    names = strongest_actions(psi, space.names, space.metric) if head.landmarks is None else [*map(sentence, found)]
    most = np.linalg.norm(head.displacement_mm(psi), axis=-1).max(1)
    rms = error_mm(psi, np.zeros_like(psi), space.metric)
    regions, rank = main_regions(head, psi), similarity_rank(psi, space.metric)
    return [
        {
            "id": k, "label": _label(model, k), "name": names[k],
            "does": _does(found[k], regions[k]),
            "more": _rest(found[k]), "regions": _places(regions[k], found[k]), "actions": actions[k],
            "mm": round(float(most[k]), 2), "rms": round(float(rms[k]), 3), "rank": int(rank[k]),
            "psi": psi[k].round(5).tolist(),
        }
        for k in range(len(psi))
    ]  # fmt: skip


def _does(found: Sequence[Movement], regions: Sequence[str]) -> list[str]:
    """Region and direction of what moves most; the region alone where nothing has a name."""
    return [found[0].place, found[0].kind] if found else [regions[0] if regions else "elsewhere", ""]


def _label(model: RvqVae, display: int) -> str:
    stage, number = divmod(display, model.config.codebook_size // model.config.levels)
    return str(display) if model.config.shared_codebook else f"{stage}.{number}"


def _levels(model: RvqVae, head: MorphableModel, lexicon: Lexicon, seen: Occurrences) -> list[dict[str, Any]]:
    """Each display's strengths: name, token, share of the top level, mm that it moves at most, share of the frames."""
    changes = shown_tongue(head, model.templates())
    most = np.linalg.norm(head.displacement_mm(changes), axis=-1).max(1)
    shares = token_shares(seen.tokens, len(changes))
    rows: list[dict[str, Any]] = [{"levels": []} for _ in range(lexicon.size("displays"))]
    for code in np.flatnonzero(lexicon.strength).tolist() if lexicon.levels > 1 else ():
        rows[lexicon.display[code]]["levels"].append({
            "name": level_name(code % lexicon.levels, lexicon.levels), "token": code % model.config.codebook_size,
            "strength": round(float(lexicon.strength[code]), 3), "mm": round(float(most[code]), 2),
            "share": round(float(shares[code]), 6) if len(seen.tokens) else None,
        })  # fmt: skip
    return rows


def _membership(lexicon: Lexicon) -> list[dict[str, Any]]:
    return [{"group": int(group)} for group in lexicon.group[:: lexicon.levels]]


def _group_names(model: RvqVae, space: ExpressionSpace, lexicon: Lexicon) -> list[str]:
    """What the displays of each group do on average, without millimetres."""
    assert space.head is not None
    middle = word_templates(model, [f"group_{group}" for group in range(lexicon.size("groups"))])
    if space.head.landmarks is None:
        return strongest_actions(middle, space.names, space.metric, 2)
    return [sentence(found, lengths=False) for found in movements(space.head, middle)]


def _rest(found: Sequence[Movement]) -> list[str]:
    """Movements of the parts that the card's title leaves out."""
    titled = list(dict.fromkeys(each.subject for each in found))[:2]
    return [str(each) for each in found if each.subject not in titled][:4]


def _places(regions: list[str], found: Sequence[Movement]) -> list[str]:
    """The skin's regions, and what moves inside it."""
    inside = {"gaze": "eyes", "tongue": "tongue"}
    return list(dict.fromkeys([*regions, *(inside[each.part] for each in found if each.part in inside)]))


def _shares(seen: Occurrences, readings: pd.DataFrame | None, count: int) -> list[dict[str, Any]]:
    """How often each display occurs, by the tokens tables, and where there are none of a kind by the readings."""
    shares: dict[str, np.ndarray] = {}
    for kind in KINDS:
        if (seen.kind == kind).any():
            shares[kind] = token_shares(seen.displays[seen.kind == kind], count)
        elif readings is not None and f"frequency_{kind}" in readings:
            shares[kind] = readings.set_index("display")[f"frequency_{kind}"].reindex(range(count)).to_numpy()
    return [{"share": {kind: round(float(share[k]), 6) for kind, share in shares.items()}} for k in range(count)]


def _companions(seen: Occurrences, count: int) -> list[dict[str, Any]]:
    return [{"friends": [[k, round(lift, 2)] for k, lift in row]} for row in display_companions(seen, count)]


def _runs(seen: Occurrences, count: int) -> list[dict[str, Any]]:
    """Where each display is seen longest: clip, start, end in seconds."""
    return [
        {"runs": [[seen.paths[table].stem, start, end] for table, start, end in runs]}
        for runs in display_runs(seen, count)
    ]


def _areas(head: MorphableModel) -> dict[str, Any]:
    """Surface of each vertex, and the vertices of each region: what a mean over a region is taken with."""
    here = {name: base64_of(np.flatnonzero(head.region(name)).astype("<u2")) for name in (*REGIONS, "face")
            if name in head.regions}  # fmt: skip
    return {"mm2": pack(head.areas() * MM_PER_M**2), "regions": here}


def _examples(
    model: RvqVae, space: ExpressionSpace, seen: Occurrences, psi: np.ndarray, still: np.ndarray, frames: Path | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """Real frames of each display as (number of the picture, clip, seconds), and the pictures."""
    sources = read_sources(frames) if frames else {}
    # the frames may have been read on another machine
    pictured = [has_pictures(sources, path.stem) and sources[path.stem].exists() for path in seen.paths]
    if not frames or not any(pictured):
        return [{"examples": []} for _ in psi], []
    rows = np.flatnonzero(np.array(pictured)[seen.table])
    moved = _decoded(model, seen.tokens[rows]) - still
    chosen = example_rows(seen, rows, moved, psi, space.metric)
    wanted = sorted({row for picks in chosen for row in picks})
    named = {
        row: [i, seen.paths[seen.table[row]].stem, round(float(seen.time_s[row]), 2)] for i, row in enumerate(wanted)
    }
    thumbs = [picture_uri(face, THUMB_PX, THUMB_QUALITY) for face in example_faces(seen, wanted, sources, frames)]
    return [{"examples": [named[row] for row in picks]} for picks in chosen], thumbs


def _views(head: MorphableModel, psi: np.ndarray, still: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"views": [picture_uri(side, CARD_PX, CARD_QUALITY) for side in (each.front, each.side)], "limit": each.limit,
         "drawn": each.drawn}
        for each in portraits(head, psi, still)
    ]  # fmt: skip


def _readings(table: pd.DataFrame | None, count: int) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for row in () if table is None else table.itertuples():
        shares = f"{100 * row.r2:.0f} % of the movement; "
        shares += f"all units of the usual detectors {100 * row.r2_detectors:.0f} %"
        found[int(row.display)] = {
            "text": f"{row.reading}: {shares}" if row.reading else f"no unit fits: {shares}",
            # one side of a unit is found under the unit
            "units": sorted({_unsided(code) for code in str(row.units).split()}),
            "share": round(float(row.r2_detectors), 3), "beyond": bool(row.beyond_facs),
        }  # fmt: skip
    return [{"reading": found.get(k)} for k in range(count)]


def _unsided(code: str) -> str:
    whole = code.rstrip("LRTB")
    return whole if whole in ACTION_UNITS else code


def _unit_names(cards: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    used = {unit for card in cards if card["reading"] for unit in card["reading"]["units"]}
    return {unit: ACTION_UNITS[unit].name for unit in sorted(used)}


def _decoded(model: RvqVae, words: Int[np.ndarray, "n m"]) -> Float[np.ndarray, "n e"]:
    tokens = words % model.config.codebook_size  # numbered within the stage's own codebook
    return model.decode(torch.as_tensor(tokens)).numpy().astype(float)


def _gap_mm(model: RvqVae, space: ExpressionSpace, seen: Occurrences, still: np.ndarray) -> float:
    """How far the sum of a frame's templates is from what the model decodes, mm on average; 0 when additive."""
    rows = np.linspace(0, len(seen.tokens) - 1, min(SUMMED_FRAMES, len(seen.tokens))).astype(int)
    if not len(rows):
        return 0.0
    tokens = seen.tokens[rows]
    summed = still + model.templates()[tokens].sum(1)
    return float(error_mm(_decoded(model, tokens), summed, space.metric).mean())


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
    said = f"{config.codebook_size} tokens in {books}, {config.n_stages} a frame."
    if config.levels > 1:
        displays = f"{config.codebook_size // config.levels} displays at {config.levels} strengths each"
        said = f"{displays}: {said} Level A is the weakest."
    for kind, what in ((REAL, "frames of real clips"), (SIMULATED, "frames of simulated people")):
        if number := int((seen.kind == kind).sum()):
            said += f" Counted over {number:,} {what}."
    return said
