"""Comparisons as files: what `bench compare --format json` wrote, read back and checked."""

from pathlib import Path

import msgspec

from bench.comparing.verdicts import FORMAT, Comparison
from bench.metrics import METRICS
from model.errors import ConfigError, ResultError, reason_of
from model.files import read_regular

LARGEST_BYTES = 2**28


def read_comparison(path: Path) -> Comparison:
    """Read a comparison.

    Raises:
        ConfigError: There is no such file.
        ResultError: It is damaged or of another format.
    """
    try:
        document = msgspec.json.decode(read_regular(path, LARGEST_BYTES))
        if not isinstance(document, dict) or document.pop("format", None) != FORMAT:
            raise ResultError(
                f"{path} is no comparison of format {FORMAT}: write it with --format json"
            )
        comparison = msgspec.convert(document, Comparison)
    except FileNotFoundError:
        raise ConfigError(f"no file {path}: write it with --format json -o FILE") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(
            f"{path} is not a comparison that can be read: {reason_of(error)}"
        ) from error
    unknown = {change.metric for change in comparison.changes} - set(METRICS)
    if unknown:
        raise ResultError(f"{path} has the unknown metric {min(unknown)!r:.80}: update to read it")
    return comparison
