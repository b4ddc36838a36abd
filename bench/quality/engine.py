"""Runs scorers: each look once ever, in parallel, with every model loaded once per process.

Observations are kept in the cache under a hash of the audio, the scorer and the versions of its
packages, and are written as they come: a killed run has lost what was under way and nothing else.
"""

import hashlib
import importlib.util
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

from bench.quality.clips import Look, Observation, Unscored
from bench.quality.packages import versions
from bench.quality.scorers import SCORERS, Observe
from lowering.build import be_quiet
from lowering.cache import cache_key, cache_root
from model.data.corpus import digest
from model.errors import ConfigError, HarnessError
from model.files import read_regular, write_whole

CONNECT_S = 10
LARGEST_BYTES = 2**26
LOOKS_PER_TASK = 4  # enough to make its way to a process worthwhile, few enough to lose

Done = Callable[[int, int], None]  # looks that are done, and how many there are
Answer = Observation | Unscored


def observe(looks: Sequence[Look], executor: Executor, done: Done) -> Iterator[Answer]:
    """Have every look's scorer look.

    Args:
        looks: What at; equal ones are looked at once.
        executor: Where scorers run; closing it is the caller's.
        done: Is told of progress.

    Returns:
        One answer per look, in their order.

    Raises:
        HarnessError: The processes died, or a machine among them has other packages.
    """
    paths = [path_of(look) for look in looks]
    answers: dict[Path, Answer] = {}
    missing: dict[Path, Look] = {}
    for path, look in zip(paths, looks, strict=True):
        kept = read(path)
        if kept is None:
            missing[path] = look
        else:
            answers[path] = kept
    total = len(answers) + len(missing)
    done(len(answers), total)
    tasks: dict[Future[list[Answer]], list[Path]] = {}
    try:
        for scorer, of_scorer in by_scorer(missing).items():
            for start in range(0, len(of_scorer), LOOKS_PER_TASK):
                batch = of_scorer[start : start + LOOKS_PER_TASK]
                wanted = versions(SCORERS[scorer].packages)
                future = executor.submit(look_at, [missing[path] for path in batch], wanted)
                tasks[future] = batch
        for future in as_completed(tasks):
            for path, answer in zip(tasks[future], future.result(), strict=True):
                answers[path] = answer
                keep(path, answer)
            done(len(answers), total)
    except BrokenProcessPool as error:
        raise HarnessError("a scoring process died: try again with fewer workers") from error
    finally:
        for future in tasks:
            future.cancel()
    return iter([answers[path] for path in paths])


def by_scorer(looks: dict[Path, Look]) -> dict[str, list[Path]]:
    """Sort looks by their scorer, so that a process loads one after the other."""
    sorted_: defaultdict[str, list[Path]] = defaultdict(list)
    for path, look in looks.items():
        sorted_[look.scorer].append(path)
    return sorted_


def look_at(looks: Sequence[Look], wanted: dict[str, str]) -> list[Answer]:
    """Look at some clips with one scorer, in a process for it.

    Raises:
        HarnessError: The packages here are not those wanted.
    """
    scorer = looks[0].scorer
    have = versions(SCORERS[scorer].packages)
    if have != wanted:
        raise HarnessError(f"a worker scores {scorer} with {have}, and not with {wanted}")
    look = loaded(scorer)
    return [attempt(look, one) for one in looks]


@cache
def loaded(scorer: str) -> Observe:
    """Load a scorer, once per process."""
    return SCORERS[scorer].load()


def attempt(look: Observe, at: Look) -> Answer:
    """Look; what a package makes of a clip that it cannot take is a reason and not the end."""
    try:
        return look(at)
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        return Unscored(f"{at.scorer} failed: {type(error).__name__}: {lines[0]}")


def path_of(look: Look) -> Path:
    """Name the file of a look's observation in the cache."""
    scorer = SCORERS[look.scorer]
    parts = {
        "version": scorer.version,
        "packages": versions(scorer.packages),
        "speech": digest(look.speech),
        "reference": digest(look.reference) if look.reference is not None else "",
        "lang": look.lang,
    }
    return cache_root() / "quality" / look.scorer / f"{cache_key(parts)}.json"


def read(path: Path) -> Observation | None:
    """Read an observation from the cache; none where there is none, or a damaged one."""
    try:
        document = json.loads(read_regular(path, LARGEST_BYTES))
        kept: Observation = document["observation"]
        # Older versions wrote no checksum.
        whole = document.get("sha256") in (None, observation_sha256(kept))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return kept if whole else None


def observation_sha256(observation: Observation) -> str:
    """Hash an observation, to find later whether its file was changed."""
    return hashlib.sha256(json.dumps(observation, sort_keys=True).encode()).hexdigest()


def keep(path: Path, answer: Answer) -> None:
    """Put an observation into the cache, whole or not at all; failures are tried again."""
    if isinstance(answer, Unscored):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps({"observation": answer, "sha256": observation_sha256(answer)}))


def check_workers(where: str) -> None:
    """Make sure that scoring can begin, before anything slow is done.

    Args:
        where: As `scoring_workers` takes it.

    Raises:
        ConfigError: It is neither a number nor an address, or Dask is not installed.
    """
    if "://" in where:
        if importlib.util.find_spec("distributed") is None:
            raise ConfigError(f"{where} needs Dask: pip install 'mobilespeech-bench[lab]'")
    elif not where.isdecimal() or int(where) < 1:
        raise ConfigError(f"{where!r} is neither a number of processes nor an address like tcp://…")


@contextmanager
def scoring_workers(where: str) -> Iterator[Executor]:
    """Open the processes that score.

    Args:
        where: How many processes of this machine, or the address of a Dask scheduler, such as
            `tcp://lab:8786`, whose workers have this project installed with its extra `quality`.

    Raises:
        ConfigError: It is neither, or nothing answers there.
    """
    check_workers(where)
    if "://" in where:
        with dask_workers(where) as executor:
            yield executor
        return
    # Spawned: models and their thread pools do not survive a fork.
    context = get_context("spawn")
    with ProcessPoolExecutor(int(where), mp_context=context, initializer=begin) as executor:
        yield executor


def begin() -> None:
    """Make a process ready to score: quiet, and gone as soon as its parent is.

    Waiting for work, it would outlive a killed parent: it holds both ends of the queue's pipe.
    """
    be_quiet()
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def dask_workers(address: str) -> Iterator[Executor]:
    """Connect to a Dask scheduler.

    Raises:
        ConfigError: Nothing answers there.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT_S)
    except (OSError, TimeoutError, ValueError) as error:
        raise ConfigError(f"no Dask scheduler at {address}: {error}") from error
    with client:
        yield client.get_executor()
