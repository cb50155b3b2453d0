"""The command `dfe`; each subcommand imports what it needs, so that `dfe --help` is quick."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UserError, study_packages

if TYPE_CHECKING:
    from .tracking.formats.settings import ReadSettings

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a `UserError` is printed as one sentence.

    Returns:
        0, or 1 after an error.

    >>> main(["assets", "fetch", "nothing"])
    1
    """
    options = _parser().parse_args(arguments)
    try:
        with study_packages():
            return options.command(options)
    except UserError as error:
        print(f"dfe: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        print(f"dfe: {error.filename}: {error.strerror}; check the name and its permissions.", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dfe", description="Discrete Facial Encoding: faces to discrete tokens.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_assets(commands)
    _add_datasets(commands)
    _add_study(commands)
    _add_claims(commands)
    _add_compare(commands)
    _add_encode(commands)
    _add_live(commands)
    _add_view(commands)
    _add_atlas(commands)
    _add_benchmark(commands)
    _add_plan(commands)
    _add_estimator(commands)
    _add_inspect(commands)
    _add_export(commands)
    return parser


def _add_assets(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("assets", help="list, fetch or verify the landmark model and the sample media")
    parser.add_argument("action", nargs="?", choices=("list", "fetch", "verify"), default="list")
    parser.add_argument("names", nargs="*", metavar="NAME", help="pieces to fetch or verify (default: all)")
    parser.set_defaults(command=_assets)


def _add_datasets(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("datasets", help="data sets of the field: how to get them, and a table of their clips")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of a data set (default: list them)")
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="where you put it: it is checked")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="write the table of its clips, DIR/clips.csv")
    parser.set_defaults(command=_datasets)


def _add_study(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("study", help="run the five notebooks; a step that has not changed is skipped")
    parser.add_argument("--profile", default="study", help="folder of params/, and name of the run (default: study)")
    parser.set_defaults(command=_study)


def _add_claims(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("claims", help="check what is said of the study's results against its tables")
    parser.add_argument("run", nargs="?", type=Path, metavar="RUN", help="folder of a run (default: the study's)")
    parser.add_argument("--write", nargs="+", type=Path, default=[], metavar="FILE",
                        help="fill the sentences in, in README.md or a notebook")  # fmt: skip
    parser.set_defaults(command=_claims)


def _add_compare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("compare", help="two runs side by side: tables beside their spread, claims, tokens")
    parser.add_argument("runs", nargs=2, type=Path, metavar="RUN", help="folders of two runs, such as results/study")
    parser.set_defaults(command=_compare)


def _add_encode(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    from .encoding.settings import DEFAULT_GROUPS, GROUPS

    parser = commands.add_parser("encode", help="videos, pictures and tables of faces to a table of tokens")
    parser.add_argument("inputs", nargs="+", metavar="INPUT", help="files, folders, globs: all that `inspect` knows")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT",
                        help="OUT.csv, OUT.parquet, or a folder for a Parquet table each")  # fmt: skip
    parser.add_argument("--faces", choices=("largest", "all"), default="largest", help="default: largest")
    _add_reading(parser)
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="leave out what is before, in seconds")
    parser.add_argument("--end", type=float, metavar="S", help="leave out what is from then on")
    parser.add_argument("--columns", default=",".join(DEFAULT_GROUPS), metavar="GROUP,...",
                        help=f"beside the tokens, of {','.join(GROUPS)} (default: all but the last two)")  # fmt: skip
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that share the clips")
    parser.add_argument("--scheduler", default="", metavar="ADDRESS",
                        help="of a Dask cluster whose workers do it instead, such as tcp://host:8786")  # fmt: skip
    parser.add_argument("--model", type=Path, metavar="DIR", help="a trained model (default: the study's)")
    parser.add_argument("--smoothing", choices=("bilateral", "one_euro", "none"), default="bilateral",
                        help="over time (default: bilateral, as in the study)")  # fmt: skip
    _add_holding(parser)
    parser.add_argument("--expressions", type=Path, metavar="PSI", help="keep the coefficients as well, named as OUT")
    parser.add_argument("--frames", type=Path, metavar="FOLDER",
                        help="keep the landmarks as well, a frames table each, some 5 kB a frame")  # fmt: skip
    parser.set_defaults(command=_encode)


def _add_holding(parser: argparse.ArgumentParser) -> None:
    from .encoding.settings import Settings

    parser.add_argument("--hold-mm", type=float, default=Settings.hold_mm, metavar="MM",
                        help="keep the tokens of the frame before while they are at most so much further off "
                        "(default: %(default)s; 0: each frame alone)")  # fmt: skip


def _add_live(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("live", help="say what a face before the webcam does, while it does it")
    parser.add_argument("source", nargs="?", default="0", metavar="CAMERA", help="its number, or a video (default: 0)")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT.csv", help="write the rows as they come")
    parser.add_argument("--delay", type=float, default=0.0, metavar="S",
                        help="0 to 0.45: look so many seconds ahead, for steadier rows (default: 0)")  # fmt: skip
    _add_holding(parser)
    parser.add_argument("--model", type=Path, metavar="DIR", help="a trained model (default: the study's)")
    parser.set_defaults(command=_live)


def _add_view(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("view", help="a video beside its reconstructed head and tokens: page, film or picture")
    parser.add_argument("media", type=Path, nargs="+", metavar="VIDEO", help="one, or two to see side by side")
    parser.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="of the page (default: VIDEO's name and "
                        "_view, where no film or picture is asked for)")  # fmt: skip
    parser.add_argument("--video", type=Path, metavar="OUT.mp4", help="write a film: picture with mesh, head, strip")
    parser.add_argument("--still", type=Path, metavar="OUT.png", help="write one picture of that film")
    parser.add_argument("--at", type=float, default=0.0, metavar="S", help="its time in seconds (default: 0)")
    parser.add_argument("--renderer", default="vtk", metavar="NAME", help="what draws its heads: vtk (the default), or "
                        "pytorch3d where it is installed")  # fmt: skip
    parser.add_argument("--model", type=Path, metavar="DIR", help="a trained model (default: the study's)")
    parser.set_defaults(command=_view)


def _add_atlas(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "atlas", help="a web page with a card for each token of a model and a head to try them"
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="folder of a trained model, as results/study/model")
    parser.add_argument("-o", "--output", type=Path, default=Path("atlas"), metavar="FOLDER", help="default: atlas")
    parser.add_argument("--clips", type=Path, nargs="+", default=[], metavar="VIDEO",
                        help="show where displays occur in these, with a page of each (default: the run)")  # fmt: skip
    parser.set_defaults(command=_atlas)


def _add_inspect(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("inspect", help="what a file is, what is in it and what the study can do with it")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="files, and folders of them")
    _add_reading(parser)
    parser.set_defaults(command=_inspect)


def _add_reading(parser: argparse.ArgumentParser) -> None:
    """What another program's file may not say itself, see `tracking.formats.settings.reading_settings`."""
    parser.add_argument("--fps", type=float, default=0.0, help="frames a second, where the file does not say")
    parser.add_argument("--width", type=int, default=0, metavar="PX", help="of the picture, for landmarks in shares")
    parser.add_argument("--height", type=int, default=0, metavar="PX", help="of the picture, for landmarks in shares")
    parser.add_argument("--offset", type=float, default=0.0, metavar="S", help="seconds to add to the file's times")


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("export", help="a table of tokens or expressions to CSV, or tokens to ELAN tiers")
    parser.add_argument("table", type=Path, metavar="TABLE.parquet")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.csv|OUT.eaf")
    parser.add_argument("--media", type=Path, metavar="VIDEO", help="the clip's video, for ELAN to open")
    parser.add_argument(
        "--model", type=Path, metavar="DIR", help="of the tokens, for ELAN's words (default: the study's)"
    )
    parser.set_defaults(command=_export)


def _add_plan(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("plan", help="how long and how large: so many hours of video, by what was measured")
    parser.add_argument("hours", nargs="*", type=float, default=[10.0, 1000.0, 10_000.0], metavar="HOURS",
                        help="of video (default: 10 1000 10000)")  # fmt: skip
    parser.add_argument("--workers", type=int, default=0, metavar="N",
                        help="on this machine (default: a laptop, a server, a cluster of 16)")  # fmt: skip
    parser.add_argument("--clips", choices=("interviews", "short clips"), default="interviews",
                        help="how long they are (default: interviews, of 7 to 33 minutes)")  # fmt: skip
    parser.set_defaults(command=_plan)


def _add_estimator(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("estimator", help="train the expression estimator from nothing, on rendered heads")
    parser.set_defaults(command=_estimator)


def _add_benchmark(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("benchmark", help="speed of encode beside FaceLandmarker alone, or small faces found")
    parser.add_argument("media", type=Path, nargs="?", metavar="VIDEO", help="default: a sample clip")
    parser.add_argument("--faces", action="store_true", help="recall by the face's size and yaw (two minutes)")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.set_defaults(command=_benchmark)


def _assets(options: argparse.Namespace) -> int:
    actions = {"list": _list_assets, "fetch": _fetch_assets, "verify": _verify_assets}
    return actions[options.action](options.names)


def _list_assets(names: Sequence[str]) -> int:
    from .io.assets import is_sound

    states = {None: "not fetched", True: "ok", False: "DAMAGED"}
    for piece in _pieces(names):
        unseen = "" if piece.shown else "; no figure shows it"
        print(f"{piece.name}  [{states[is_sound(piece)]}]  {piece.size / 2**20:.1f} MB")
        print(f"    {piece.purpose}\n    from {piece.source}: {piece.member}\n    licence: {piece.licence}{unseen}")
        print(f"    sha256: {piece.sha256}")
    return 0


def _fetch_assets(names: Sequence[str]) -> int:
    from .io.assets import fetch

    for path in fetch(names or None):
        print(f"fetched {path.name}")
    print("all there")
    return 0


def _verify_assets(names: Sequence[str]) -> int:
    from .io.assets import is_sound

    bad = [piece.name for piece in _pieces(names) if not is_sound(piece)]
    if bad:
        raise UserError(f"Missing or damaged: {', '.join(bad)}; delete what is damaged and run `dfe assets fetch`.")
    print("all there, every sha256 as it should be")
    return 0


def _pieces(names: Sequence[str]) -> list:
    from .io.assets import find_piece
    from .io.pieces import PIECES

    return [find_piece(name) for name in names] if names else list(PIECES.values())


def _datasets(options: argparse.Namespace) -> int:
    from .downstream.datasets.catalogue import describe, list_datasets, read_dataset, summary, write_dataset

    if options.folder is None:
        print(describe(options.name) if options.name else list_datasets())
        return 0
    found = read_dataset(options.name, options.folder)
    print(summary(found))
    if options.output:
        path, name = write_dataset(found, options.output), options.name.lower()
        print(f"{path} is written. For a run of it, `make study PROFILE={name}`, copy params/own to params/{name}")
        print(f"and write {path} for data/clips.csv in the files of that folder.")
    return 0


def _study(options: argparse.Namespace) -> int:
    from .bench.forecast import Forecast
    from .study.runner import Runner

    ahead = Forecast(options.profile)
    Runner(options.profile, report=lambda line: print(line, flush=True), ahead=ahead).execute()
    return 0


def _claims(options: argparse.Namespace) -> int:
    from .io.paths import results_dir
    from .study.claims import FAILS, check_claims, read_claims
    from .study.prose import fill

    verdicts = check_claims(options.run or results_dir("study"), read_claims())
    for path in options.write:
        fill(path, {verdict.claim: verdict.sentence for verdict in verdicts})
    print(*verdicts, sep="\n")
    return int(any(verdict.verdict == FAILS for verdict in verdicts))


def _compare(options: argparse.Namespace) -> int:
    from .study.compare import compare_runs

    found = compare_runs(*options.runs)
    print(*found.sentences, "They agree." if found.agrees else "They do not agree.", sep="\n")
    return int(not found.agrees)


def _plan(options: argparse.Namespace) -> int:
    from .bench.plan import plan_table
    from .io.paths import results_dir

    if options.workers < 0 or not all(0 < hours < 1e6 for hours in options.hours):
        raise UserError("hours must be above 0 and below a million, and workers at least 0.")
    table = plan_table(results_dir("bench"), options.hours, options.workers, options.clips)
    print(table.to_string(index=False, float_format="{:.3g}".format))
    return 0


def _estimator(options: argparse.Namespace) -> int:
    from .fitting.estimator_build import build_estimator

    build_estimator()
    return 0


def _benchmark(options: argparse.Namespace) -> int:
    from .io.assets import asset
    from .speed import encode_speed

    if options.faces:
        from .tracking.recall import faces_found

        print("Sample people, most of them seen from the front, pasted into 1920 x 1080:")
        print(faces_found().round(3).to_string(index=False), flush=True)
        from .actors.turned_faces import turned_faces_found

        print("Rendered actors, who are not people, by the yaw of their heads:")
        print(turned_faces_found().round(3).to_string(index=False))
        return 0
    if options.rounds < 1:
        raise UserError(f"--rounds must be 1 or more, not {options.rounds}.")
    table = encode_speed(options.media or asset("WolfgangLanger_Pexels.mp4"), rounds=options.rounds)
    print(table.round(2).to_string(index=False))
    low, median, high = table["ratio"].quantile([0, 0.5, 1])
    print(f"median ratio {median:.2f} of processor time ({low:.2f} to {high:.2f} in {len(table)} rounds)", end="; ")
    print(f"{table['clock_ratio'].median():.2f} by the clock, which other programs disturb")
    return 0


def _encode(options: argparse.Namespace) -> int:
    from .encoding.settings import Settings, check_outputs

    groups = tuple(name.strip() for name in options.columns.split(",") if name.strip())
    noted = {
        name: getattr(options, name) for name in ("faces", "fps", "smoothing", "hold_mm", "width", "height", "offset")
    }
    noted["frames"] = str(options.frames.resolve()) if options.frames else ""
    settings = Settings(start_s=options.start, end_s=options.end, groups=groups, **noted)
    check_outputs(options.inputs, options.output, options.expressions, options.frames)
    from .encoding.batch import NO_FACE, encode_inputs

    done = encode_inputs(
        options.inputs, options.output, settings, options.model, options.expressions, options.workers,
        scheduler=options.scheduler,
    )  # fmt: skip
    print(f"{done}; {options.output}" if done.done else "nothing was encoded")
    for failure in done.failed:
        print(f"dfe: {failure.name}: {failure.reason}", file=sys.stderr)
    if done.done and not done.with_face:
        print(f"dfe: {NO_FACE}.", file=sys.stderr)
    return 0 if done.is_sound else 1


def _live(options: argparse.Namespace) -> int:
    if options.output is not None and options.output.suffix != ".csv":
        raise UserError(f"{options.output} must end in .csv.")
    from .encoding.live import run_live
    from .encoding.tokenizer import Tokenizer

    tokenizer = Tokenizer.from_pretrained(options.model)
    rows = run_live(options.source, tokenizer, options.output, options.delay, options.hold_mm)
    print(f"{rows} rows" + (f" in {options.output}" if options.output else ""))
    return 0


def _view(options: argparse.Namespace) -> int:
    for path, ending in ((options.video, ".mp4"), (options.still, ".png")):
        if path is not None and path.suffix.lower() != ending:
            raise UserError(f"{path} must end in {ending}.")
    drawn = options.video is not None or options.still is not None
    usual = Path(f"{options.media[0].stem}_view")
    if drawn:
        from .morphable.rendering import use_renderer

        use_renderer(options.renderer)
    if len(options.media) == 1:
        return _view_one(options, options.output or (None if drawn else usual))
    if drawn:
        raise UserError("a film or a picture is of one clip: name one.")
    from .encoding.view import view_pair

    print(f"open {view_pair(options.media, options.output or usual, options.model)} in a browser")
    return 0


def _view_one(options: argparse.Namespace, folder: Path | None) -> int:
    from .encoding.view import encoded_clip

    with encoded_clip(options.media[0], options.model) as clip:
        if folder is not None:
            print(f"open {clip.page(folder)} in a browser")
        if options.still is not None:
            print(f"frame {clip.still(options.still, options.at)} in {options.still}")
        if options.video is not None:
            print(f"{clip.film(options.video)} frames in {options.video}")
    return 0


def _atlas(options: argparse.Namespace) -> int:
    if options.clips:
        from .encoding.clip_atlas import atlas_of_clips

        path = atlas_of_clips(options.clips, options.output, options.model)
    else:
        from .report.pages.atlas import atlas_of_model

        path = atlas_of_model(options.model, options.output)
    print(f"open {path} in a browser")
    return 0


def _inspect(options: argparse.Namespace) -> int:
    from .io.assets import sample_or_path
    from .io.clip_table import is_clip_table
    from .tracking.formats.settings import reading_settings
    from .tracking.inspection import inspect_file

    settings, sound = reading_settings(options, faces="all"), True
    for path in map(sample_or_path, options.files):
        if path.is_dir() or is_clip_table(path):
            sound &= _inspect_clips(path, settings)
        else:
            print(f"{path}: {inspect_file(path, settings)}")
    return 0 if sound else 1


def _inspect_clips(place: Path, settings: "ReadSettings") -> bool:
    """Every clip of a folder or of a table of clips, or the folder that is one; whether all of them could be read."""
    from .encoding.inputs import Failure, find_inputs
    from .tracking.inspection import inspect_file

    found = find_inputs([place])
    failures = list(found.failures)
    for clip in found.clips:
        try:
            print(f"{clip.path}: {inspect_file(clip.path, settings)}")
        except UserError as error:
            failures.append(Failure(clip.clip_id, str(error)))
    for each in (*failures, *found.skipped):
        print(f"dfe: {each.name}: {each.reason}", file=sys.stderr)
    return not failures


def _export(options: argparse.Namespace) -> int:
    from .io.export import export_csv, export_elan

    if options.output.suffix == ".eaf":
        words = _token_words(options.model)
        print(f"{export_elan(options.table, options.output, options.media, words)} annotations in {options.output}")
    elif options.output.suffix == ".csv":
        print(f"{export_csv(options.table, options.output)} rows in {options.output}")
    else:
        raise UserError(f"{options.output.name} must end in .csv or .eaf (ELAN).")
    return 0


def _token_words(model: Path | None) -> list[list[str]]:
    from .encoding.codebook import codebook_words
    from .morphable.space import expression_space
    from .quantisation.rvqvae import STUDY_MODEL, RvqVae

    known = RvqVae.from_pretrained(model or STUDY_MODEL)
    return codebook_words(known, expression_space(known.config.coefficients).head)


if __name__ == "__main__":
    sys.exit(main())
