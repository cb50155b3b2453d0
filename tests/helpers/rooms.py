"""The drawing of the rooms in CONTRIBUTING.md, made from the imports of the package."""

import grimp

PACKAGE = "dfe_lib"
WORDS = ("lazy", "errors", "blendshapes", "action_units", "facs", "least_squares", "blocks")
"""The vocabulary, which every room uses and no arrow shows."""


def room_arrows() -> set[tuple[str, str]]:
    """(A, B) for each room B that imports from room A: data go from A to B."""
    graph = grimp.build_graph(PACKAGE, cache_dir=None)
    arrows = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            one, other = (name.split(".")[1] if "." in name else "" for name in (imported, module))
            if one and other and one != other and not {one, other} & {*WORDS}:
                arrows.add((one, other))
    return arrows


def drawing() -> str:
    """The rooms as a Mermaid flowchart, without the arrows that follow from others."""
    arrows = room_arrows()
    shown = sorted(arrow for arrow in arrows if not _follows(arrow, arrows - {arrow}))
    return "\n".join(["```mermaid", "flowchart TD", *(f"    {one} --> {other}" for one, other in shown), "```"])


def _follows(arrow: tuple[str, str], arrows: set[tuple[str, str]]) -> bool:
    """Is there another way from the one to the other?"""
    start, end = arrow
    seen, waiting = set(), [start]
    while waiting:
        room = waiting.pop()
        if room == end:
            return True
        seen.add(room)
        waiting += [other for one, other in arrows if one == room and other not in seen]
    return False
