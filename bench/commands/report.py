"""`bench report`: a run as a page, or in any other format."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.output import OutputFile, write_output
from model.errors import ConfigError

if TYPE_CHECKING:
    from bench.comparing.history import History
    from bench.results import Run
    from bench.stores.store import Place

# What a page shows the history of.
METRICS_SHOWN = ("rtf", "first_audio_ms", "peak_rss_bytes")


@click.command()
@click.argument("name", metavar="RUN", default="latest")
@click.option("--format", "format_name", default="html", show_default=True, help="Report format.")
@click.option("-o", "--out", type=OutputFile(), help="File; - is stdout, the default.")
@click.option("--history", is_flag=True, help="Show how numbers went over the device's runs; HTML.")
@click.option("--serve", is_flag=True, help="Serve the page to this machine until Ctrl-C; HTML.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="To serve at; 0 for any free one."
)
@click.pass_context
def report(ctx: click.Context, /, name: str, format_name: str, **flags: Any) -> None:  # noqa: ANN401 - options by name
    """Render a run as a page, or in any other of `bench list formats`."""
    from bench.stores.store import find_kept
    from reports.formats import FORMATS

    render = FORMATS[format_name]
    history, serve, out = flags["history"], flags["serve"], flags["out"]
    if (history or serve) and format_name != "html":
        raise ConfigError(f"--history and --serve need --format html, not {format_name}")
    if serve and out:
        raise ConfigError("--serve writes no file: leave out either it or --out")
    kept = find_kept(name, ctx.obj["results"])
    past = history_of(kept.run, ctx.obj["results"]) if history else None
    if serve:
        serve_page(kept.run, kept.folder, past, flags["port"])
        return
    if past:
        from reports.html import write

        content: str | bytes = write(kept.run, kept.folder, past)
    else:
        content = render(kept.run, kept.folder)
    write_output(out, content)


def history_of(run: "Run", results: "Place") -> "History":
    """Read how the numbers of a run's cases went over all runs of its device."""
    from bench.comparing.history import Wanted, read_history
    from bench.stores.store import open_store

    with open_store(results).archive() as archive:
        wanted = Wanted((), METRICS_SHOWN, run.header.device.name, bool(run.header.made_by))
        found = read_history(archive, wanted)
    own = {(case.scheme, case.backend, case.utterance, case.model) for case in run.header.cases}
    lines = [(one, one.line) for one in found.series]
    series = [one for one, of in lines if (of.scheme, of.backend, of.utterance, of.model) in own]
    return replace(found, series=series)


def serve_page(run: "Run", folder: Path, past: "History | None", port: int) -> None:
    """Serve a page until Ctrl-C."""
    from reports.serve import LOOPBACK, make_server, page_of

    try:
        server = make_server(page_of(run, folder, past), port)
    except OSError as error:
        raise ConfigError(f"port {port} cannot be served at: {error.strerror}") from error
    with server:
        click.echo(f"http://{LOOPBACK}:{server.server_address[1]}/  (Ctrl-C to stop)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
