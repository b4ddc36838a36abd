"""What quantizing each part alone does, as lines of a table."""

from collections.abc import Sequence

from quantization.distance import Noise, distance, snr_db
from quantization.sensitivity import Damage
from reports.units import MISSING

WORDS = 2  # columns before the numbers


def titles(schemes: Sequence[str]) -> list[str]:
    """Name the columns."""
    return ["part", "worst at", *(f"{s} dB" for s in schemes), "parameters", "multiply-adds"]


def lines(damages: Sequence[Damage], schemes: Sequence[str]) -> list[list[str]]:
    """Write one line per part: signal-to-noise ratio per scheme, and what the part weighs."""
    return [
        [
            damage.part,
            worst_end(max(damage.noise.values(), key=distance)),
            *(ratio(damage.noise.get(scheme)) for scheme in schemes),
            f"{damage.params_share:.1%}",
            f"{damage.macs_share:.1%}",
        ]
        for damage in damages
    ]


def worst_end(noise: Noise) -> str:
    """Name the end that is moved the most."""
    return max(noise, key=lambda end: noise[end]).value


def ratio(noise: Noise | None) -> str:
    """Write the signal-to-noise ratio over all ends; a dash where nothing is quantized."""
    return MISSING if noise is None else f"{snr_db(sum(noise.values())):.1f}"
