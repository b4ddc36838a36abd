"""`bench compare`: two runs in, a verdict and an exit code out; or all schemes of one run."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.output import OutputFile, write_output

if TYPE_CHECKING:
    from bench.comparing.terms import Terms
    from bench.comparing.verdicts import Comparison
    from bench.results import Header, Row, Run

REGRESSED, INCONCLUSIVE, INCOMPARABLE = 3, 5, 6


def terms_of_comparison(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how to compare, and what to print of it."""
    options = [
        click.option(
            "--fail-if", "limits", multiple=True, metavar="METRIC:CHANGE",
            help="Only this metric decides, and tolerates this change: rtf:5%. Repeatable.",
        ),
        click.option("--metric", "metrics", multiple=True, help="Compare only this; repeatable."),
        click.option(
            "--detect",
            default="5%",
            show_default=True,
            help="Effect size for the sample-size advice.",
        ),
        click.option("--format", "format_name", default="table", show_default=True, help="Format."),
        click.option("-o", "--out", type=OutputFile(), help="File; - is stdout, the default."),
        click.option("--strict", is_flag=True, help="Exit with 5 where it is inconclusive."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


class Compare(click.Group):
    """Takes two runs for the command `runs`, so that its name need not be typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the name before what is neither a command nor a call for help."""
        known = {*self.commands, *ctx.help_option_names}
        return super().parse_args(ctx, args if not args or args[0] in known else ["runs", *args])


@click.group(cls=Compare)
def compare() -> None:
    """Compare two runs (`bench compare BASE CANDIDATE`), or all schemes of one."""


@compare.command()
@click.argument("name", metavar="RUN", default="latest")
@click.option(
    "--format", "format_name", type=click.Choice(["table", "markdown", "json"]), default="table",
    show_default=True, help="How to print them.",
)  # fmt: skip
@click.pass_context
def schemes(ctx: click.Context, name: str, format_name: str) -> None:
    """Put all pairs of scheme and backend of RUN into one table, fastest first.

    Speed, memory, size, distance from fp32, coverage, and speech quality where it was scored; a
    mark for those on the Pareto front, and for the others one sentence on what keeps them off.
    """
    from bench.stores.store import find_kept
    from reports.schemes import TABLES

    click.echo(TABLES[format_name](find_kept(name, ctx.obj["results"]).run), nl=False)


@compare.command()
@click.argument("base")
@click.argument("candidate", required=False)
@click.option(
    "--schemes", metavar="BASE,CANDIDATE",
    help="Compare two schemes: of both runs, or within one where only BASE is given.",
)  # fmt: skip
@click.option("--allow", "allowed", multiple=True, help="A condition that may differ; repeatable.")
@click.option(
    "--calibration", type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Noise floor of the device; default calibration.toml in its folder of results.",
)  # fmt: skip
@terms_of_comparison
@click.pass_context
def runs(ctx: click.Context, /, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Compare CANDIDATE with BASE: regressed, improved, same, or what it would take to know.

    Exits with 3 where anything regressed, with 6 where the runs cannot be compared or are the same
    run, with 5 where nothing is known and --strict is given, and with 0 otherwise.
    """
    from bench.comparing.calibration import NAME
    from bench.comparing.columns import columns_of
    from bench.comparing.compare import compare_columns, same_run
    from bench.results import no_garbage
    from bench.stores.store import find_kept
    from reports.compared import COMPARED

    COMPARED[flags["format_name"]]  # an unknown name is an error that suggests the nearest
    terms = make_terms(flags)
    base, candidate = flags["base"], flags["candidate"]
    if candidate is None and flags["schemes"] is None:
        raise click.UsageError("give CANDIDATE, or --schemes to compare two schemes of one run")
    pair = pair_of_schemes(flags["schemes"])
    with no_garbage():
        sides, digests = [], []
        for name, scheme in zip((base, candidate or base), pair, strict=True):
            kept = find_kept(name, ctx.obj["results"])  # one by one: large runs take memory
            header, rows = of_scheme(kept.run, scheme) if scheme else kept.parts()
            sides.append(columns_of(header, rows))
            digests.append((hashlib.sha256(kept.content).digest(), scheme))
            calibration = flags["calibration"] or kept.folder / NAME
            del kept, rows
        if any(pair):
            terms = replace(terms, across=frozenset({"scheme"}))
        if digests[0] == digests[1]:
            finish(ctx, same_run(sides[0].header), flags)
        terms = with_floors(terms, calibration, [side.header for side in sides])
        finish(ctx, compare_columns(sides[0], sides[1], terms), flags)


def finish(ctx: click.Context, comparison: "Comparison", flags: Mapping[str, Any]) -> None:
    """Print a comparison, or write it to a file, and end with its exit code."""
    from reports.compared import COMPARED

    text = COMPARED[flags["format_name"]](comparison)
    write_output(flags["out"], text)
    ctx.exit(exit_code(comparison, strict=flags["strict"]))


def make_terms(flags: Mapping[str, Any]) -> "Terms":
    """Read the flags that say on which terms to compare; names are checked here."""
    from bench.comparing.comparable import check_allowed
    from bench.comparing.power import Rule
    from bench.comparing.terms import Terms, parse_change, parse_limit
    from bench.metrics import METRICS
    from model.errors import ConfigError

    allowed = flags.get("allowed", ())
    check_allowed(allowed)
    limits = dict(parse_limit(limit) for limit in flags["limits"])
    for name in (*flags["metrics"], *limits):
        if METRICS[name].better == "neither":  # an unknown name suggests the nearest
            raise ConfigError(f"{name} only informs: neither more nor less of it is better")
    rule = Rule(wanted=parse_change(flags["detect"]))
    return Terms(frozenset(allowed), limits, flags["metrics"], rule=rule)


def pair_of_schemes(text: str | None) -> tuple[str, str]:
    """Read 'fp32,8da8w'; nothing as two empty names.

    Raises:
        ConfigError: No two schemes are named.
    """
    from model.errors import ConfigError

    if text is None:
        return "", ""
    names = text.split(",")
    if len(names) != 2 or not all(names):
        raise ConfigError(f"--schemes takes two, as fp32,8da8w, not {text!r:.80}")
    return names[0], names[1]


def of_scheme(run: "Run", name: str) -> "tuple[Header, Iterable[Row]]":
    """Keep the rows of one scheme; schemes of one run were measured in turns.

    Raises:
        ConfigError: It was not measured.
    """
    from model.errors import ConfigError

    rows = tuple(row for row in run.rows if row.case.scheme == name)
    if not rows:
        known = ", ".join(dict.fromkeys(row.case.scheme for row in run.rows))
        raise ConfigError(f"{run.header.run} has no scheme {name!r:.80}. It has: {known}.")
    session = run.header.session or run.header.run
    header = replace(run.header, run=f"{name} of {run.header.run}", session=session)
    return header, rows


def with_floors(terms: "Terms", path: Path, headers: "Sequence[Header]") -> "Terms":
    """Take the noise floor of the device into account, where it was calibrated."""
    from bench.comparing.calibration import read_calibration

    calibration = read_calibration(path)
    if calibration is None:
        return terms
    if not all(calibration.holds_for(header) for header in headers):
        click.echo(f"{path} is of another device or system: it is left out.", err=True)
        return terms
    return replace(terms, floors=calibration.floors())


def exit_code(comparison: "Comparison", *, strict: bool) -> int:
    """Return what a script should know."""
    from bench.comparing.verdicts import Verdict

    codes = {
        Verdict.REGRESSED: REGRESSED,
        Verdict.INCOMPARABLE: INCOMPARABLE,
        Verdict.INCONCLUSIVE: INCONCLUSIVE if strict else 0,
    }
    return codes.get(comparison.verdict, 0)
