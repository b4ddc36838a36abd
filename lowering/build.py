"""Make what is not in the cache yet: references first, then artifacts side by side.

Each is made in a child process of its own, so that its memory is its own, a crash of a compiler is
a reason and not the end, and the parent never imports torch. All are forks of one server that has
imported torch and ExecuTorch (`lowering.preload`) and done nothing else: imports take as long as a
fifth of lowering `tiny`, and what they hold is in memory once.
"""

import os
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from lowering.cache import cache_root
from lowering.lower import LoweringSpec, first_line, lower
from lowering.memory import available_bytes
from lowering.reference import ReferenceSpec, make_references
from model.entries import usable, writable
from model.errors import HarnessError, StageFailedError
from model.files import open_log

TIME_LIMIT_S = 1800.0
# Lowering `base` peaks at 1.2 GiB; more side by side than fit would swap or be killed.
BYTES_PER_COMPILE = 2 << 30
PRELOADED = "lowering.preload"


@dataclass(frozen=True)
class Built:
    """One finished lowering.

    Attributes:
        spec: What was lowered.
        reason: Why it failed; empty where it did not.
        wall_s: How long it was tried; 0 where it was in the cache.
    """

    spec: LoweringSpec
    reason: str = ""
    wall_s: float = 0.0


def build_references(specs: Sequence[ReferenceSpec], limit_s: float = TIME_LIMIT_S) -> None:
    """Make the references that are not in the cache.

    Args:
        specs: What to make.
        limit_s: Wall seconds after which it is given up.

    Raises:
        HarnessError: What the making said; text and prompts are the user's.
    """
    missing = [spec for spec in specs if not usable(spec.folder())]
    if not missing:
        return
    with new_pool(1) as pool:
        future = pool.schedule(make_references, args=[missing], timeout=limit_s)
        try:
            future.result()
        except ProcessExpired as error:
            raise StageFailedError(
                f"the fp32 reference could not be made: {died(error)}"
            ) from error
        except FutureTimeoutError as error:
            raise StageFailedError(
                f"the fp32 reference was not made within {limit_s:.0f} s"
            ) from error


def build_artifacts(
    specs: Sequence[LoweringSpec], *, jobs: int = 0, limit_s: float = TIME_LIMIT_S
) -> Iterator[Built]:
    """Lower what is not in the cache, side by side.

    Args:
        specs: What to lower.
        jobs: As many at once; 0 for as many as cores and memory allow.
        limit_s: Wall seconds after which one is given up.
    """
    missing = [spec for spec in specs if not usable(spec.folder())]
    yield from (Built(spec) for spec in specs if spec not in missing)
    if not missing:
        return
    with new_pool(min(len(missing), jobs or workers())) as pool:
        futures = [
            (spec, pool.schedule(timed_lower, args=[spec], timeout=limit_s)) for spec in missing
        ]
        for spec, future in futures:
            try:
                failure, wall_s = future.result()
                yield Built(spec, failure, wall_s)
            except ProcessExpired as error:
                yield Built(spec, f"the compiler's process died: {died(error)}")
            except FutureTimeoutError:
                yield Built(spec, f"the compiler was stopped after {limit_s:.0f} s", limit_s)


def timed_lower(spec: LoweringSpec) -> tuple[str, float]:
    """Lower in a child process; returns why it failed, if it did, and the seconds it took.

    Whatever a compiler raises is a reason, since the sweep goes on; the traceback is in the log.
    """
    start, failure = time.perf_counter(), ""
    try:
        lower(spec)
    except HarnessError as error:
        failure = str(error)
    except Exception as error:
        traceback.print_exc()
        failure = f"{first_line(error)}; its traceback is in {log_of(os.getpid())}"
    return failure, time.perf_counter() - start


def workers() -> int:
    """Compiles that run side by side on the processors and in the memory that this process has."""
    return max(1, min(len(os.sched_getaffinity(0)), available_bytes() // BYTES_PER_COMPILE))


def new_pool(size: int) -> ProcessPool:
    """Make a pool whose processes are forks of the server, one per task.

    Raises:
        CacheError: The cache cannot be written, so that nothing could be kept.
    """
    with writable(cache_root()):
        cache_root().mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=cache_root()).close()
    context = get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    environment = dict(os.environ)  # the server keeps that of its own start
    threads = max(1, len(os.sched_getaffinity(0)) // size)
    return ProcessPool(
        max_workers=size,
        max_tasks=1,
        context=context,
        initializer=begin,
        initargs=[environment, threads],
    )


def begin(environment: Mapping[str, str], threads: int) -> None:
    """Give a child the environment of the process that asked, its threads, and a log of its own.

    Threads of OpenMP wait by spinning: with more of them than processors, all children crawl.
    """
    import torch  # there already: the server has imported it

    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(threads)
    be_quiet()


def be_quiet() -> None:
    """Send what torch and ExecuTorch say while working to a log of this process.

    They print warnings by the dozen, at the level of file descriptors; errors of ours travel as
    exceptions.
    """
    try:
        log = open_log(log_of(os.getpid()))
    except OSError:  # a full disk must not end the work before it could be said
        log = os.open(os.devnull, os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)


def died(error: ProcessExpired) -> str:
    """Say how a process ended and where its last words are."""
    how = f"signal {-error.exitcode}" if error.exitcode < 0 else f"status {error.exitcode}"
    return f"{how}; what it said is in {log_of(error.pid)}"


def log_of(pid: int) -> Path:
    """Name the file that a child's output goes to."""
    return cache_root() / "logs" / f"build-{pid}.log"
