"""Files in and out: everything that touches the disk, and nothing that knows what a face is.

In come videos, pictures, tables of clips, delimited text and arrays from outside, all of them untrusted; out go frames
as RGB with times in seconds, and Parquet, CSV and JSON files that appear whole or not at all.
"""

from .assets import asset, fetch, find_piece, is_sound
from .clip_table import MediaFile, held_back, read_clip_table
from .export import export_csv, export_elan
from .media import open_media
from .media_files import find_media
from .paths import PROJECT, user_path
from .pieces import PIECES
from .run import Study
from .tables import N_LANDMARKS, read_arrays, read_dataframe, remove_others, write_csv

__all__ = [
    "N_LANDMARKS",
    "PIECES",
    "PROJECT",
    "MediaFile",
    "Study",
    "asset",
    "export_csv",
    "export_elan",
    "fetch",
    "find_media",
    "find_piece",
    "held_back",
    "is_sound",
    "open_media",
    "read_arrays",
    "read_clip_table",
    "read_dataframe",
    "remove_others",
    "user_path",
    "write_csv",
]
