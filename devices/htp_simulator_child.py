"""One repeat on the HTP simulator: `python -m devices.htp_simulator_child`, a process of its own.

What `devices.host_child` does, with Qualcomm's libraries in the process, and with inputs padded to
the lengths that the program was compiled for.
"""

from functools import cache, partial
from pathlib import Path

from devices.exchange import read_request
from devices.host_child import answer, measure_speech, parse, timed_load
from lowering.artifact import read_artifact
from lowering.qnn.sdk import load_sdk
from lowering.static import padded_call
from model.codec.providers import load_codec
from model.errors import StageFailedError
from model.generate import Call
from model.loading import load_model
from model.methods import methods


def padding(pte: Path) -> "partial[Call]":
    """Make what lets a program be called with any length that fits it.

    Raises:
        StageFailedError: It was compiled for another backend.
    """
    manifest = read_artifact(pte.parent).manifest
    if manifest.backend != "qnn":
        raise StageFailedError(f"the HTP simulator runs qnn, not {manifest.backend}")
    model, _ = load_model(manifest.model)  # for the axes of its methods; weights are in the .pte
    table = methods(model, load_codec(manifest.codec).decoder)
    return partial(padded_call, table=table, lengths=manifest.lengths)


def main() -> None:
    """Run one repeat as the arguments say."""
    given, schedule = parse()
    with answer():
        load_sdk()
        job = read_request(given.request, given.model)
        # Loaded once only: of two programs of one file, QNN's runtime ends both with the first.
        measure_speech(job, schedule, given.out, padding(given.model), cache(timed_load))


if __name__ == "__main__":
    main()
