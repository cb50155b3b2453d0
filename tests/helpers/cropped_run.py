"""A clip with a moving square, and its frames table."""

from pathlib import Path

import av
import numpy as np

from dfe_lib.io.clip_table import MediaFile
from dfe_lib.io.tables import frames_schema, table_writer
from dfe_lib.tracking.sources import write_sources

N = 20


def cropped_run(tmp_path: Path) -> Path:
    """A grey square of 40 pixels whose level tells the frame, moving right by 3 pixels a frame; nobody in frame 4."""
    video = tmp_path / "a.mkv"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("ffv1", rate=10, width=160, height=96, pix_fmt="bgr0")
        for i in range(N):
            picture = np.zeros((96, 160, 3), np.uint8)
            picture[30:70, 20 + 3 * i : 60 + 3 * i] = 100 + 5 * i
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    corners = np.tile([[20, 30], [59, 69]], (34, 1)).ravel().astype(float)
    marks = np.stack([corners + np.tile([3 * i, 0], 68) for i in range(N)])
    frame, nothing = np.arange(N), np.zeros(N)
    with table_writer(tmp_path / "frames" / "a.parquet", frames_schema("OpenFace 2", {"landmarks": 136})) as table:
        table.write({"clip_id": "a", "subject_id": "a", "face_id": np.where(frame == 4, -1, 0), "frame": frame,
                     "time_s": frame / 10, "detected": frame != 4, "confidence": nothing, "interocular_px": nothing,
                     "out_of_frame": nothing, "width": 160, "height": 96, "landmarks": marks})  # fmt: skip
    write_sources([MediaFile(video, "a", "a")], tmp_path / "frames")
    return tmp_path
