"""Synthetic speech with exact durations: Kokoro reads the plan, shard by shard, resumable.

Each worker process takes every n-th shard that is not there yet and writes it whole, so whatever
kills the build loses at most the shards that were being made.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from model.data.alignment import align, write_script
from model.data.corpus import (
    Samples,
    Utterance,
    digest,
    finished_shards,
    read_items,
    to_int16,
    write_shard,
)
from model.data.kokoro import LICENCE, SOURCE, Kokoro, kokoro_files
from model.data.plan import Request, read_plan, write_plan
from model.data.speakers import speaker_named, style_vectors
from model.errors import HarnessError, InputError
from model.folders import cache_folder

SHARD_SIZE = 32
_POLL_S = 5.0


def synthetic_folder() -> Path:
    """Return the folder of the synthetic corpus."""
    return cache_folder() / "corpus"


def build_synthetic(
    hours: float,
    *,
    workers: int = 2,
    progress: Callable[[str], None] = lambda line: None,
) -> None:
    """Make the first `hours` of the plan, as far as they are not there yet.

    Args:
        hours: About how much; the plan holds some ten hours.
        workers: Processes, each with one thread and 0.7 GB of memory.
        progress: Called with a line now and then.

    Raises:
        HarnessError: A package is missing, or a worker failed.
    """
    folder = synthetic_folder()
    plan_path = folder / "plan.jsonl"
    if not plan_path.is_file():
        write_plan(plan_path, progress=progress)
    kokoro_files()  # put together once, before the workers want it
    wanted = shards_for(hours, read_plan(plan_path))
    todo = sorted(set(range(wanted)) - finished_shards(folder))
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_work, args=(folder, todo[index::workers], os.getpid()))
        for index in range(min(workers, len(todo)))
    ]
    for process in processes:
        process.start()
    try:
        _watch(processes, folder, wanted, len(todo), progress)
    finally:
        for process in processes:
            process.terminate()
            process.join()


def shards_for(hours: float, plan: Sequence[Request]) -> int:
    """Return how many shards of the plan make about so many hours; the same everywhere."""
    seconds = 0.0
    for number, request in enumerate(plan):
        if seconds >= hours * 3600.0:
            return -(-number // SHARD_SIZE)
        seconds += request.estimated_s
    return -(-len(plan) // SHARD_SIZE)


def make_utterance(engine: Kokoro, request: Request) -> tuple[Utterance, Samples]:
    """Return one utterance of the plan.

    Raises:
        InputError: Kokoro returned something that the phonemes do not fit.
    """
    script = write_script(request.phonemes, request.word_starts)
    style = style_vectors(speaker_named(request.speaker))
    spoken, frames = engine.speak(script.symbols, style, request.speed)
    trimmed, durations = align(spoken, frames, script)
    samples = to_int16(trimmed)
    return Utterance(
        name=request.name,
        speaker=request.speaker,
        lang=request.lang,
        split=request.split,
        text=request.text,
        source=SOURCE,
        licence=LICENCE,
        n_samples=samples.size,
        sha256=digest(samples),
        phonemes=request.phonemes,
        durations=durations,
    ), samples


def make_shards(
    engine: Kokoro,
    plan: Sequence[Request],
    folder: Path,
    shards: Iterable[int],
    *,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Make these shards one after the other, and stop as soon as nobody wants them any more."""
    for shard in shards:
        made = []
        for request in plan[shard * SHARD_SIZE : (shard + 1) * SHARD_SIZE]:
            if not is_wanted():
                return
            try:
                made.append(make_utterance(engine, request))
            except InputError:
                continue  # a sentence that Kokoro garbles is not worth the corpus
        write_shard(folder, shard, made)


def _work(folder: Path, shards: Sequence[int], parent: int) -> None:
    # A session of its own: an interrupt from the keyboard reaches the parent alone, which ends the
    # workers, and a scheduler that shares by session counts each worker as a job.
    os.setsid()
    plan = read_plan(folder / "plan.jsonl")
    make_shards(Kokoro(), plan, folder, shards, is_wanted=lambda: os.getppid() == parent)


def _watch(
    processes: Sequence[multiprocessing.process.BaseProcess],
    folder: Path,
    wanted: int,
    todo: int,
    progress: Callable[[str], None],
) -> None:
    """Report until all workers are done.

    Raises:
        HarnessError: One ended with an error, which it printed itself.
    """
    began, before = time.monotonic(), -1
    while any(process.is_alive() for process in processes):
        left = len(set(range(wanted)) - finished_shards(folder))
        if left != before:
            before = left
            elapsed_s, done = time.monotonic() - began, todo - left
            rest = f", {elapsed_s / done * left / 60:.0f} min left" if done else ""
            made_h = sum(item.seconds for item in read_items(folder)) / 3600
            progress(f"synthetic: {wanted - left} of {wanted} shards, {made_h:.2f} h{rest}")
        if any(process.exitcode for process in processes):
            raise HarnessError("a synthesis worker failed; what is finished is kept.")
        time.sleep(_POLL_S)
    if any(process.exitcode for process in processes):
        raise HarnessError("a synthesis worker failed; what is finished is kept.")
