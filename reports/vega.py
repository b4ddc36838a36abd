"""The library that draws the page's charts, as JavaScript that a page carries in itself."""

from importlib.metadata import version
from pathlib import Path

from lowering.cache import cache_root
from model.entries import publish, usable

PACKAGE = "vl-convert-python"
FILE = "vega.js"


def library() -> str:
    """Return Vega, Vega-Lite and Vega-Embed as one script that sets `window.vegaEmbed`.

    Bundling takes seconds, so the script is kept in the cache under the package's version.
    """
    folder = cache_root() / "vega" / version(PACKAGE)
    if not usable(folder):
        publish(folder, bundle)
    return (folder / FILE).read_text("utf-8")


def bundle(folder: Path) -> None:
    """Write the script, made of the package's own copies: nothing is fetched."""
    from vl_convert import javascript_bundle

    (folder / FILE).write_text(javascript_bundle("window.vegaEmbed = vegaEmbed;"), "utf-8")
