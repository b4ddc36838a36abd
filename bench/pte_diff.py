"""Two .pte files side by side: what came, what went, what grew."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.comparing.attribution import changed_facts
from bench.graph import MANIFEST, pte_of
from bench.quiet import hush
from lowering.artifact import read_artifact
from lowering.program import MethodParts, Program, read_program


@dataclass(frozen=True)
class PteDiff:
    """What tells two .pte files apart.

    Attributes:
        base: The one compared with: its path.
        candidate: The other.
        pte_bytes: Sizes of both.
        methods: Of both, per method; None on the side that has it not.
        facts: What changed, one sentence each.
    """

    base: str
    candidate: str
    pte_bytes: tuple[int, int]
    methods: Mapping[str, tuple[MethodParts | None, MethodParts | None]]
    facts: tuple[str, ...]


def diff_files(base: Path, candidate: Path) -> PteDiff:
    """Compare two .pte files, or folders with one each; what only manifests know if both have one.

    Raises:
        StageFailedError: One cannot be read.
    """
    hush()
    sides = read_program(pte_of(base)), read_program(pte_of(candidate))
    names = {**sides[0].methods, **sides[1].methods}
    told = (
        {name: vars(one) for name, one in read_artifact(path).manifest.methods.items()}
        if all((side / MANIFEST).is_file() for side in (base, candidate))
        else {}
        for path in (base, candidate)
    )
    facts = [facts_of(side, known) for side, known in zip(sides, told, strict=True)]
    return PteDiff(
        str(base),
        str(candidate),
        (sides[0].pte_bytes, sides[1].pte_bytes),
        {name: (sides[0].methods.get(name), sides[1].methods.get(name)) for name in names},
        (*changed_facts(*facts), *changed_answers(sides[0].told, sides[1].told)),
    )


def changed_answers(base: Mapping[str, str], candidate: Mapping[str, str]) -> Iterator[str]:
    """Say what constant methods answer otherwise, one sentence each."""
    for name in {**base, **candidate}:
        was, became = base.get(name, "nothing"), candidate.get(name, "nothing")
        if was != became:
            yield f"{name}: {was} -> {became}"


def facts_of(program: Program, told: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Arrange the facts of each method as `changed_facts` takes them."""
    return {
        name: {
            **told.get(name, {}),
            **vars(parts),
            "delegates": sum(parts.delegates.values()),
            "delegated_to": ", ".join(sorted(parts.delegates)) or "nothing",
        }
        for name, parts in program.methods.items()
    }
