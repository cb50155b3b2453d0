"""Adapter of Seamless Interaction (Meta, 2025): dyads who talk, with the personality that they report (BFI-2)."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from ...errors import UserError
from ..tasks import BIG_FIVE
from .folders import VIDEO, Found, matching_files, one_file, read_labels, split_of, without_shared_people

__all__ = ["read_seamless_folder"]

FILE = r"(V\d+)_(S\d+)_(I\d+)_(P\d+)([A-Za-z]?)"
"""Vendor, session, interaction and participant of a file; a letter may stand behind the participant."""
STYLES = ("improvised", "naturalistic")
PERSON = r"(participant|person|subject)?_?(id|code|number|no)|participant|pid"
"""What the column of people may be called."""
TRAITS = {
    "openness": r"open",
    "conscientiousness": r"conscientious",
    "extraversion": r"extra?version|extro",
    "agreeableness": r"agreeable",
    "neuroticism": r"neurotic|negative_?emotion",
}
"""Words by which the five domains of the BFI-2 are found."""
ITEMS = 12
"""Of each domain of the BFI-2, answered from 1 to 5 (Soto and John 2017)."""


def read_seamless_folder(folder: Path) -> Found:
    """Clips `<split>/.../V<vendor>_S<session>_I<interaction>_P<participant>` (.mp4, else .npz) and `participants.csv`.

    The video stands for a clip where it is there, else its features. The Big Five become shares of their range.

    Raises:
        UserError: No clip, or a table of participants whose columns cannot be identified.
    """
    files = matching_files(folder, rf"{FILE}(?:{VIDEO}|\.npz)", "clip such as V00_S0644_I00000129_P0799.mp4")
    rows = [_clip(match, path, folder) for match, path in files.items()]
    table = pd.DataFrame(rows).sort_values(["clip_id", "order"]).drop_duplicates("clip_id").drop(columns="order")
    notes = [
        "two people talk in turns: who talks when is in the .json files",
        "one in ten interactions has wrong time stamps, and some people have two ids or share one, by its authors",
    ]
    path = one_file(folder, r"participants\.csv", "participants.csv")
    if path is None:
        notes.append("participants.csv is not there: no personality")
    else:
        number = table["subject_id"].str.extract(r"(\d+)")[0].astype(int)
        table = table.assign(number=number).merge(_personality(path, notes), on="number", how="left")
        table = table.drop(columns="number")
    return Found(_without_shared_sessions(without_shared_people(table, notes), notes).reset_index(drop=True), notes)


def _clip(match: re.Match, path: Path, folder: Path) -> dict[str, object]:
    words = [part.lower() for part in path.relative_to(folder).parts]
    return {
        "clip_id": path.stem,
        "path": str(path.absolute()),
        "subject_id": match[4].upper(),
        "session": f"{match[1]}_{match[2]}".upper(),
        "task": next((style for style in STYLES if style in words), ""),
        "split": split_of(path, folder),
        "talking": 1,
        "order": int(path.suffix.lower() == ".npz"),
    }


def _without_shared_sessions(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """The split made sound for dyads: both people of a session are on one side of it."""
    by_session = without_shared_people(table.assign(subject_id=table["session"]), [])
    lost = (by_session["split"] != table["split"]).to_numpy()
    if lost.any():
        notes.append(
            f"the official split shares sessions: {int(lost.sum())} clips in earlier splits are left out of it"
        )
    return table.assign(split=by_session["split"].to_numpy())


def _personality(path: Path, notes: list[str]) -> pd.DataFrame:
    """Labels of each person, found by what their columns are called."""
    names = list(read_labels(path).columns)
    who = _one(names, PERSON, "people", path, whole=True)
    columns = {trait: _one(names, words, trait, path) for trait, words in TRAITS.items()}
    table = read_labels(path, (who,))
    people = table[who].fillna("").astype(str).str.upper().str.extract(r"(\d+)")[0]
    if people.isna().all():
        raise UserError(f"{path} has no number of a participant in its column {who}: name the column participant_id.")
    found = pd.DataFrame({"number": people.astype(float)} | {trait: table[name] for trait, name in columns.items()})
    found = found.dropna(subset=["number"]).drop_duplicates("number")
    low, high = _range(found[list(BIG_FIVE)], path)
    taken = ", ".join(f"{trait} from {name}" for trait, name in columns.items())
    notes.append(
        f"the Big Five are what people say of themselves (BFI-2), {low:g} to {high:g} brought to 0 to 1: {taken}"
    )
    found[list(BIG_FIVE)] = (found[list(BIG_FIVE)] - low) / (high - low)
    return found.astype({"number": int})


def _one(names: list[str], words: str, what: str, path: Path, whole: bool = False) -> str:
    """The column that is called by some words. Raises UserError where none is, or several are."""
    fits = re.fullmatch if whole else re.search
    found = [name for name in names if fits(words, str(name).strip().lower().replace(" ", "_"))]
    if len(found) > 1:  # facets and items stand beside their domain, under longer names
        shortest = sorted(found, key=len)
        found = shortest[:1] if len(shortest[0]) < len(shortest[1]) else found
    if len(found) != 1:
        named = f"several of {what} ({', '.join(found[:4])})" if found else f"none of {what}"
        raise UserError(f"{path} has {named} among its columns ({', '.join(map(str, names[:15]))}): rename one {what}.")
    return found[0]


def _range(values: pd.DataFrame, path: Path) -> tuple[float, float]:
    """Lowest and highest possible score: of mean answers, of their sum, or of shares."""
    numbers = values.apply(pd.to_numeric, errors="coerce").to_numpy(float)
    low, high = np.nanmin(numbers), np.nanmax(numbers)
    for least, most in ((1.0, 5.0), (0.0, 1.0), (ITEMS * 1.0, ITEMS * 5.0)):
        if least <= low and high <= most:
            return least, most
    raise UserError(f"{path} has scores from {low:g} to {high:g}: give means of answers from 1 to 5.")
