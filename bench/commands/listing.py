"""What is registered, by kind, each entry with one line."""

from collections.abc import Callable

from bench.metrics import METRICS
from bench.stores.store import Place, open_store
from bench.warnings import REMEDIES
from devices.kinds import KINDS
from lowering.backends import BACKENDS
from model.config import CONFIGS
from model.utterance import built_in_prompts, built_in_utterances
from quantization.schemes import SCHEMES


def first_line(documented: object) -> str:
    """Return the first line of an object's docstring; `python -OO` leaves none."""
    return (documented.__doc__ or "").strip().partition("\n")[0]


def backend_line(name: str) -> str:
    """Describe a backend, and say why it cannot be used here if so."""
    backend = BACKENDS[name]()
    reason = backend.unavailable()
    return f"{backend.summary}{f' (not here: {reason})' if reason else ''}"


def listing(kind: str, results: Place) -> dict[str, str]:
    """List the entries of one kind, as `bench list` names them."""
    from reports.formats import FORMATS

    listings: dict[str, Callable[[], dict[str, str]]] = {
        "schemes": lambda: {name: SCHEMES[name]().summary for name in SCHEMES},
        "backends": lambda: {name: backend_line(name) for name in BACKENDS},
        "devices": lambda: {name: first_line(KINDS[name]) for name in KINDS},
        "metrics": lambda: {name: f"{m.summary} ({m.unit})" for name, m in METRICS.items()},
        "models": lambda: {name: f"{c.width} x {c.n_layer}" for name, c in CONFIGS.items()},
        "utterances": lambda: {name: u.text for name, u in built_in_utterances().items()},
        "prompts": lambda: {name: p.speaker for name, p in built_in_prompts().items()},
        "formats": lambda: {name: first_line(FORMATS[name]) for name in FORMATS},
        "warnings": lambda: dict(REMEDIES),
        "runs": lambda: {
            name: "" if finished else "unfinished" for name, finished in open_store(results).names()
        },
    }
    return listings[kind]()
