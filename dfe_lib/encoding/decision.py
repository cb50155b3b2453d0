"""What is decided on a whole clip before its segments are fitted: its rows, who is in them, and each face at rest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from ..errors import UserError
from ..fitting.estimator import FaceNeutral
from ..fitting.measurement import measurement_kind, measurement_of
from ..fitting.person import Person, person_neutrals
from ..io.segments import Segment, table_segments
from ..io.tables import atomic_path, coefficient_names, named_coefficients, write_text
from .rows import RowMaker

__all__ = ["Decision", "decide_table", "read_decision", "write_decision"]

DECISION, NEUTRALS = "decision.json", "neutrals.safetensors"
TENSORS = ("landmarks", "scores", "facing", "features")


@dataclass(frozen=True)
class Decision:
    """What is decided on a clip.

    Arguments:
        kind: See `inputs.input_kind`.
        segments: Rows of frames tables, or of a table of psi or tokens, in order.
        neutrals: Of its people, see `person.person_neutrals`.
        note: What of it could not be read or had to be assumed. advice: What to try where it shows hardly a face.
    """

    kind: str
    segments: tuple[Segment, ...]
    neutrals: Mapping[Person, FaceNeutral | None]
    note: str = ""
    advice: str = ""


def decide_table(
    rows: RowMaker, name: object, kind: str, tables: list[Path], note: str = "", advice: str = ""
) -> Decision:
    """Decides on a clip that lies in these tables, one after the other.

    Arguments:
        name: Of the clip, for messages.

    Raises UserError when its psi is not the model's, or it has none.
    """
    whole = [segment for table in tables for segment in table_segments(table)]
    segments, neutrals = tuple(whole), {}
    if kind == "expressions":
        _check_psi(rows, name, coefficient_names(tables[0]))
    elif kind != "tokens":
        what = measurement_kind(tables[0])
        if what is None:
            raise UserError(f"{name} has action units alone, and tokens need landmarks or coefficients.")
        measurement = measurement_of(what, rows.head)
        _check_psi(rows, name, named_coefficients(measurement.schema(tables[0])))
        neutrals = person_neutrals([segments], measurement) if measurement.needs_neutral else {}
    return Decision(kind, segments, neutrals, note, advice)


def write_decision(work: Path, decision: Decision) -> None:
    """Keeps a decision in a clip's folder: the numbers as safetensors, and then the rest as JSON."""
    known = [(person, found) for person, found in sorted(decision.neutrals.items()) if found is not None]
    tensors = {
        f"{name}.{i}": getattr(found, name).clone()
        for i, (_, found) in enumerate(known)
        for name in TENSORS
        if getattr(found, name) is not None
    }
    with atomic_path(work / NEUTRALS) as partial:
        save_file(tensors, partial)
    noted = {
        "kind": decision.kind,
        "segments": [[str(each.path), each.start, each.stop] for each in decision.segments],
        "people": [[*person, found.source, found.frames] for person, found in known],
        "note": decision.note,
        "advice": decision.advice,
    }
    write_text(work / DECISION, json.dumps(noted) + "\n")


def read_decision(work: Path) -> Decision | None:
    """What :func:`write_decision` wrote; None where nothing is decided yet."""
    if not (work / DECISION).exists():
        return None
    noted = json.loads((work / DECISION).read_text(encoding="utf-8"))
    tensors: dict[str, torch.Tensor] = load_file(work / NEUTRALS)
    neutrals = {
        (clip, face): FaceNeutral(source=source, frames=count, **_tensors_of(tensors, i))
        for i, (clip, face, source, count) in enumerate(noted["people"])
    }
    segments = tuple(Segment(Path(path), start, stop) for path, start, stop in noted["segments"])
    return Decision(noted["kind"], segments, neutrals, noted["note"], noted["advice"])


def _check_psi(rows: RowMaker, name: object, found: tuple[str, ...]) -> None:
    known = rows.model.config.coefficients
    if found != known:
        raise UserError(
            f"{name} has other coefficients than the model was trained on ({len(found)} against {len(known)}): "
            "name a model of the same kind, or train one."
        )


def _tensors_of(tensors: Mapping[str, torch.Tensor], person: int) -> dict[str, Any]:
    """The tensors of one person's neutral by name; features where there are any."""
    names = {name: f"{name}.{person}" for name in TENSORS}
    return {name: tensors[stored] for name, stored in names.items() if stored in tensors}
