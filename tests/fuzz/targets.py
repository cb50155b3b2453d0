"""Small sound inputs of every kind, made on the fly, and how each is read: its values, and what is said of them."""

import json
import pickle
import random
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import pandas as pd
from mutations import BINARY, BYTES, JSON, PARQUET, TEXT, ZIP, Mutation
from PIL import Image
from recorded_files import E_DAIC, face_68, openface_rows, write_live_link, write_table

from dfe_lib.action_units import LIBREFACE_INTENSITY, PYFEAT
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.io.clip_table import read_clip_table, read_subjects, read_table
from dfe_lib.io.export import export_csv
from dfe_lib.io.media import open_media
from dfe_lib.io.parameters import Parameter, check_parameters, read_parameters
from dfe_lib.io.safe_arrays import read_array_pickle
from dfe_lib.io.tables import (
    coefficient_names,
    expressions_schema,
    frames_schema,
    main_face,
    read_arrays,
    read_dataframe,
    read_metadata,
    table_writer,
    tokens_schema,
)
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig
from dfe_lib.tracking.formats.recording import ReadSettings, write_recording
from dfe_lib.tracking.formats.registry import recognise
from dfe_lib.tracking.inspection import inspect_file
from dfe_lib.tracking.sources import find_sources, read_sources

Found = tuple[Mapping[str, object], str]
"""Values by name, and in words what was dropped, repaired or assumed."""


@dataclass(frozen=True)
class Target:
    """A kind of input.

    Arguments:
        name: of it.
        make: writes it into a folder and returns what is read: a file or a folder.
        read: reads it, given an empty folder for what is written on the way.
        mutations: by the ending of the file that is damaged.
        weight: how often it is drawn, against the others.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path, Path], Found]
    mutations: Mapping[str, list[Mutation]] = field(default_factory=dict)
    weight: int = 2


def mutate(draw: random.Random, target: Target, files: Mapping[Path, bytes]) -> tuple[Path, bytes, str]:
    """One of the files, what becomes of it, and by which mutations."""
    names = []
    path = draw.choice([file for file in files if file.suffix in target.mutations])
    data = files[path]
    for _ in range(draw.choice([1, 1, 1, 1, 2, 3])):
        mutation = draw.choice(target.mutations[path.suffix])
        with suppress(ValueError, LookupError, AttributeError, zipfile.BadZipFile, NotImplementedError, zlib.error):
            data = mutation(draw, data) if data else data  # what is no JSON or zip any more stays as it is
            names.append(mutation.__name__)
    return path, data, " ".join(names)


def _recording(path: Path, work: Path) -> Found:
    settings = ReadSettings(width=640, height=480)
    report = write_recording(recognise(path).read(path, settings), work / "out.parquet", "c", "s")
    return read_arrays(work / "out.parquet"), f"{report.sentence} {report.lacks}"


def _openface(folder: Path) -> Path:
    return write_table(folder / "of.csv", E_DAIC, openface_rows(E_DAIC, 12))


def _openface_points(folder: Path) -> Path:
    names = ["frame", "face_id", "timestamp", "confidence", "success"]
    points = face_68(4).transpose(0, 2, 1).reshape(4, -1)
    rows = np.c_[np.arange(4) + 1, np.zeros(4), np.arange(4) / 30, np.full(4, 0.9), np.ones(4), points]
    return write_table(folder / "of.csv", [*names, *(f"{axis}_{i}" for axis in "xy" for i in range(68))], rows)


def _live_link(folder: Path) -> Path:
    psi = np.random.default_rng(0).random((12, 52)).round(3)
    return write_live_link(folder / "ll.csv", psi, [f"10:00:0{i // 6}:{i % 6 * 10:02d}.000" for i in range(12)])


def _py_feat(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    names = ["frame", "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore", *PYFEAT]
    rows = np.c_[np.arange(10), np.tile([200, 100, 150, 150, 0.99], (10, 1)), rng.random((10, len(PYFEAT))).round(3)]
    return write_table(folder / "pf.csv", names, rows, ",")


def _libreface(folder: Path) -> Path:
    names = ["frame_idx", "frame_time_in_ms", *(f"au_{int(name[2:])}_intensity" for name in LIBREFACE_INTENSITY)]
    values = np.random.default_rng(0).random((10, len(LIBREFACE_INTENSITY))).round(3) * 5
    return write_table(folder / "lf.csv", names, np.c_[np.arange(10), np.arange(10) * 40, values], ",")


def _daic_woz(folder: Path) -> Path:
    key = np.c_[np.arange(8) + 1, np.arange(8) / 30, np.full(8, 0.9), np.ones(8)]
    names = ["frame", "timestamp", "confidence", "success"]
    points = face_68(8).reshape(8, -1)
    write_table(folder / "300_CLNF_features.txt", [*names, *(f"{a}{i}" for i in range(68) for a in "xy")],
                np.c_[key, points])  # fmt: skip
    pose = np.random.default_rng(0).random((8, 6)).round(3)
    write_table(folder / "300_CLNF_pose.txt", [*names, "Tx", "Ty", "Tz", "Rx", "Ry", "Rz"], np.c_[key, pose])
    return folder / "300_CLNF_features.txt"


def _d_vlog(folder: Path) -> Path:
    np.save(folder / "7_visual.npy", face_68(6).reshape(6, -1).astype("f4"))
    return folder / "7_visual.npy"


def _flame(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    np.savez(folder / "codes.npz", exp=rng.normal(size=(6, 50)).astype("f4"), jaw=rng.normal(size=(6, 3)).astype("f4"))
    return folder / "codes.npz"


def _flame_folder(folder: Path) -> Path:
    for i in range(3):
        frame = folder / "clip" / f"{i:06d}"
        frame.mkdir(parents=True)
        np.save(frame / "exp.npy", np.random.default_rng(i).normal(size=50).astype("f4"))
        np.save(frame / "pose.npy", np.zeros(6, "f4"))
    return folder / "clip"


def _pickle(folder: Path) -> Path:
    content = {"v": np.arange(12.0).reshape(4, 3), "f": np.arange(6, dtype="u4"), "style": "lbs", "by": {"a": 1.5}}
    (folder / "model.pkl").write_bytes(pickle.dumps(content, protocol=2))
    return folder / "model.pkl"


def _clips(folder: Path) -> Path:
    rows = "".join(f"clip_{i},person_{i % 3},clip_{i}.mp4,train,{i}.5,{i % 2}\n" for i in range(6))
    (folder / "clips.csv").write_text("clip_id,subject_id,path,split,phq8,talking\n" + rows)
    return folder / "clips.csv"


def _frame(table: pd.DataFrame) -> Found:
    columns = {str(i): table.iloc[:, i].to_numpy() for i in range(table.shape[1])}
    return columns | {"names": np.array(list(table.columns))}, ""


def _pairs(found: Mapping[str, object]) -> Found:
    return {"names": np.array(list(found)), "values": np.array([str(value) for value in found.values()])}, ""


KEY = {"clip_id": "a", "subject_id": "a", "face_id": 0, "frame": np.arange(40), "time_s": np.arange(40) / 25}


def _expressions(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    with table_writer(folder / "a.parquet", expressions_schema(ACTIONS, "anny")) as table:
        table.write(KEY | {"data": "real", "psi": rng.random((40, 52)), "residual_mm": rng.random(40), "valid": True})
    return folder / "a.parquet"


def _frames(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    with table_writer(folder / "a.parquet", frames_schema("a detector", {"landmarks": 136, "rotation": 9})) as table:
        table.write(KEY | {
            "detected": np.arange(40) != 5, "confidence": 0.9, "landmarks": rng.random((40, 136)) * 100,
            "rotation": np.tile(np.eye(3).ravel(), (40, 1)), "interocular_px": 90.0, "out_of_frame": 0.0,
            "width": 640, "height": 480,
        })  # fmt: skip
    return folder / "a.parquet"


def _tokens(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    with table_writer(folder / "a.parquet", tokens_schema(4)) as table:
        table.write(KEY | {"data": "real", "valid": True, "tokens": rng.integers(0, 256, (40, 4)), "error_mm": 0.5})
    return folder / "a.parquet"


def _table(path: Path, work: Path) -> Found:
    kind = read_metadata(path).get("kind", "")
    if kind == "expressions":
        coefficient_names(path)
    main_face(path)
    read_dataframe(path)
    if kind in ("tokens", "expressions"):
        export_csv(path, work / "out.csv")
    notes = inspect_file(path)
    return read_arrays(path), f"{notes}"


def _model(folder: Path) -> Path:
    config = RvqVaeConfig(ACTIONS[:6], 8, 2, 4, width=8, queries=1, decoder_width=8)
    RvqVae(config).save_pretrained(folder / "model")
    return folder / "model"


def _read_model(path: Path, work: Path) -> Found:
    import torch

    model = RvqVae.from_pretrained(path)
    psi = torch.linspace(0, 1, 3 * len(model.config.coefficients)).reshape(3, -1)
    decoded = model.decode(model.encode(psi))
    if not decoded.isfinite().all():
        raise AssertionError("a model that was read decodes to numbers that are not finite")
    return {"psi": decoded.numpy(), "config": repr(model.config)}, ""


DECLARED = {name: Parameter(value, frozenset({type(value)})) for name, value in
            {"run": "a", "seed": 0, "lr": 1.5, "media": [], "deep": {}, "on": True}.items()}  # fmt: skip


def _yaml(folder: Path) -> Path:
    text = "run: study  # ü\nseed: 3\nlr: 1.0e-3\nmedia: [a.mp4, 'b b.mp4']\ndeep:\n  fps: 30\n  x: [1, 2]\non: true\n"
    (folder / "params.yaml").write_text(text.replace("\non:", "\n'on':"), encoding="utf-8")
    return folder / "params.yaml"


def _read_yaml(path: Path, work: Path) -> Found:
    values = read_parameters(path)
    check_parameters(values, DECLARED, path.name)
    return {"values": repr(values)}, ""


def _sources(folder: Path) -> Path:
    (folder / "sources.json").write_text(json.dumps({"a": "/x/a.mp4", "b": "/x/b.mp4"}, indent=1))
    return folder / "sources.json"


def _picture(folder: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 10, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "face.png")
    return folder / "face.png"


def _video(folder: Path) -> Path:
    with av.open(str(folder / "clip.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(6):
            pixels = np.full((48, 64, 3), 20 * i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return folder / "clip.mp4"


def _pixels(path: Path, work: Path) -> Found:
    with open_media(path) as reader:
        frames = [(frame.time_s, frame.rgb.mean()) for frame in reader.frames]
        return {"frames": np.array(frames)}, reader.damage


def _folder(folder: Path) -> Path:
    """A folder of media with other things in it, of which none may stop the rest."""
    media = folder / "media"
    media.mkdir()
    _video(media)
    _flame(media)
    _openface(media)
    (media / "README.txt").write_text("About these\nclips, which are\nours\n")
    np.save(media / "stray.npy", np.zeros(4))
    np.savez(media / "stray.npz", a=np.zeros(4))
    return media


def _found(path: Path, work: Path) -> Found:
    skipped: dict[Path, str] = {}
    return {"clips": [clip.clip_id for clip in find_sources([str(path)], skipped=skipped)]}, f"{sorted(skipped)}"


CSV = {".csv": TEXT}
TARGETS: list[Target] = [
    Target("OpenFace", _openface, _recording, CSV, 4),
    Target("OpenFace landmarks", _openface_points, _recording, CSV),
    Target("Live Link", _live_link, _recording, CSV, 4),
    Target("py-feat", _py_feat, _recording, CSV, 4),
    Target("LibreFace", _libreface, _recording, CSV, 3),
    Target("DAIC-WOZ", _daic_woz, _recording, {".txt": TEXT}),
    Target("D-Vlog", _d_vlog, _recording, {".npy": BINARY}, 4),
    Target("FLAME codes", _flame, _recording, {".npz": ZIP}, 4),
    Target("FLAME codes by frame", _flame_folder, _recording, {".npy": BINARY}, 3),
    Target("pickle of arrays", _pickle, lambda path, work: _pairs(read_array_pickle(path)), {".pkl": BYTES}, 12),
    Target("table of clips", _clips, lambda path, work: _frame(read_clip_table(path)), CSV, 10),
    Target("table of subjects", _clips, lambda path, work: _pairs(read_subjects(path)), CSV, 6),
    Target("table of labels", _clips, lambda path, work: _frame(read_table(path)), CSV, 6),
    Target("frames table", _frames, _table, {".parquet": PARQUET}, 6),
    Target("expressions table", _expressions, _table, {".parquet": PARQUET}, 6),
    Target("tokens table", _tokens, _table, {".parquet": PARQUET}, 6),
    Target("model", _model, _read_model, {".json": JSON, ".safetensors": BINARY}, 10),
    Target("parameters", _yaml, _read_yaml, {".yaml": TEXT}, 12),
    Target("sources", _sources, lambda path, work: _pairs(read_sources(path.parent)), {".json": JSON}, 4),
    Target("picture", _picture, _pixels, {".png": BINARY}, 4),
    Target("video", _video, _pixels, {".mp4": BINARY}, 2),
    Target("folder of media", _folder, _found, {".txt": TEXT, ".npy": BINARY, ".npz": ZIP, ".csv": TEXT}, 3),
]
