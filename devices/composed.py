"""A user's own runner in place of ours: ExecuTorch's `executor_runner` or `qnn_executor_runner`.

Those call one method, with inputs of ones at the largest shape that it takes, and tell how long
that took. A synthesis is composed of such times: the longest speech that the model can say, without
sampling and without speech to listen to. Backends that need an NDK build (QNN, Vulkan, MediaTek)
can be measured so.

Source of flags and log lines: executorch, examples/portable/executor_runner and
examples/qualcomm/executor_runner.
"""

import contextlib
import json
import math
import re
import secrets
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from devices.base import Job, ProcessFacts, Task
from devices.conditions import COMPOSED, watching
from devices.exchange import FORMAT
from devices.killed import why_killed
from devices.remote import CANNOT_START, TRACE_LIMIT_BYTES, Launch
from devices.runner_call import NOT_STARTED, crashed
from devices.schedule import Schedule
from devices.shell import KILLED, SIGNALLED, CommandFailedError, Link, ShellResult, printable
from devices.signature import ones_of, signatures_of
from devices.store import Store
from model.config import N_CODEBOOK
from model.errors import ConfigError, DeviceError, DeviceUnavailableError

QNN = "qnn"  # in the name of a runner that takes qnn_executor_runner's flags
POLL_S = 0.02  # how often the peak of its memory is looked at, in a run that is not timed
WATCHED_MS = 1000.0
MOST_CALLS = 10_000
LARGEST = 1e9  # no log line of ours tells more milliseconds or bytes per second

ITERATION = re.compile(r"Iteration \d+ of \d+: ([\d.]+) ms")
AVERAGE = re.compile(r"\d+ inference took [\d.]+ ms, avg ([\d.]+) ms")
LOADED = re.compile(r"Model loaded in ([\d.]+) ms")
PLANNED = re.compile(r"Setting up (?:CPU )?planned buffer \d+, size (\d+)")
THREADS = re.compile(r"Resetting threadpool with num threads = (\d+)")
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")
PROCESS = re.compile(r"^pid (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class MethodTimes:
    """What one method's process told.

    Attributes:
        ms: Milliseconds of each call.
        load_ms: Of loading the program and the method; None where the runner does not tell.
        planned_bytes: Activation memory that the method plans.
        threads: Of the runtime; None where the runner does not tell.
    """

    ms: tuple[float, ...]
    load_ms: float | None
    planned_bytes: int
    threads: int | None


def stage_of(method: str) -> str:
    """Name the stage of a synthesis that a method belongs to."""
    return {"codec_decoder": "codec"}.get(method, "head" if method.startswith("head_") else method)


def calls_of(job: Job) -> Mapping[str, int]:
    """Count how often each method is called for one sentence of the greatest length."""
    plan = job.request.options.plan
    heads = {
        f"head_{channel}": sum(channel in step.channels for step in plan)
        for channel in range(N_CODEBOOK)
    }
    return {
        "prompt_encoder": 1,
        "text_encoder": 1,
        "duration_predictor": 1,
        "smd": len(plan),
        **heads,
        "codec_decoder": math.ceil(job.limits.max_frames / job.limits.chunk_frames),
    }


def files_of(runner: Path) -> Mapping[str, Path]:
    """Name a runner's files: itself, and the shared libraries beside it.

    Raises:
        ConfigError: There is no such runner.
    """
    if not runner.is_file():
        raise ConfigError(f"no runner at {runner}")
    return {**{path.name: path for path in runner.parent.glob("*.so")}, runner.name: runner}


class ComposedRunner:
    """Runs a user's own runner on a device, method by method; a `devices.remote.Runner`.

    Args:
        link: Reaches the device.
        store: Its folder of ours.
        path: The runner; shared libraries beside it go with it.
    """

    def __init__(self, link: Link, store: Store, path: Path) -> None:
        self._files = files_of(path)
        self._link = link
        self._store = store
        self._path = path
        self._qnn = QNN in path.name

    def run(self, job: Task[ProcessFacts], schedule: Schedule, launch: Launch, target: Path) -> str:
        """Time, or trace, every method; leave a report as our runner does. See `Runner.run`."""
        if not isinstance(job, Job):
            raise DeviceError(f"{self._path.name} composes speech of methods and nothing else")
        program = self._store.put(self._files)
        model = PurePosixPath(self._store.put({"model.pte": job.pte}), "model.pte")
        out = PurePosixPath(self._store.make_folder(f"run-{secrets.token_hex(4)}"))
        process = Process(self._link, self._store, program, out, launch)
        calls = calls_of(job)
        try:
            commands = self._commands(job, schedule, str(model), str(out), target)
            if launch.profile:
                for method, command in commands.items():
                    process.run([*command, "--etdump_path", str(out / f"{method}.etdump")])
                limits = {f"{method}.etdump": TRACE_LIMIT_BYTES for method in calls}
                self._store.fetch(str(out), limits, target)
                return process.notes
            logs = {method: process.run(command) for method, command in commands.items()}
            times = {m: read_log(log, schedule, self._qnn) for m, log in logs.items()}
            # Of two equal flags, the last one counts.
            flag = "--iteration" if self._qnn else "--num_executions"
            peaks = [
                process.peak_rss_bytes([*commands[method], flag, str(often_enough(found.ms))])
                for method, found in times.items()
            ]
            write_composed(target, job, schedule, times, max(peaks))
            return process.notes
        finally:
            with contextlib.suppress(DeviceError, DeviceUnavailableError):
                self._link.run(f"rm -rf -- {shlex.quote(str(out))}")

    def _commands(
        self, job: Job, schedule: Schedule, model: str, out: str, target: Path
    ) -> Mapping[str, Sequence[str]]:
        """Write down the command line of each method."""
        start, calls = [f"./{self._path.name}", "--model_path", model], calls_of(job)
        if self._qnn:
            return self._qnn_commands(start, job, schedule, out, target)
        often = str(schedule.warmup + schedule.iterations)
        flags = ["--num_executions", often, "--cpu_threads", str(schedule.threads or -1)]
        flags += ["--print_output", "none"]
        return {method: [*start, "--method_name", method, *flags] for method in calls}

    def _qnn_commands(
        self, start: Sequence[str], job: Job, schedule: Schedule, out: str, target: Path
    ) -> Mapping[str, Sequence[str]]:
        """Write them down for a runner that counts methods and wants inputs as files."""
        found, calls = signatures_of(job.pte), calls_of(job)
        missing = sorted(set(calls) - {signature.method for signature in found})
        if missing:
            raise DeviceError(f"the .pte has no method {missing[0]}")
        flags = ["--output_folder_path", out, "--iteration", str(schedule.iterations)]
        flags += ["--warm_up", str(schedule.warmup)]
        commands = {}
        for number, signature in enumerate(found):
            if signature.method in calls:
                names = ones_of(signature, target)
                folder = self._store.put({name: target / name for name in names})
                listing = target / f"{signature.method}.list"
                listing.write_text(" ".join(f"{folder}/{name}" for name in names) + "\n")
                listed = self._store.put({"inputs.list": listing})
                chosen = ["--method_index", str(number)]
                chosen += ["--input_list_path", f"{listed}/inputs.list"]
                commands[signature.method] = [*start, *chosen, *flags]
        return commands


class Process:
    """Starts the runner for one method after the other.

    Args:
        link: Reaches the device.
        store: Its folder of ours.
        program: Folder of the runner on the device.
        out: Folder for what it leaves.
        launch: How to start it.

    Attributes:
        notes: What was noted of the thermal status so far.
    """

    def __init__(
        self, link: Link, store: Store, program: str, out: PurePosixPath, launch: Launch
    ) -> None:
        self.notes = ""
        self._link = link
        self._store = store
        self._program = program
        self._out = out
        self._launch = launch

    def run(self, command: Sequence[str]) -> str:
        """Run a command to its end and return its log.

        Raises:
            DeviceError: It failed.
        """
        notes = shlex.quote(str(self._out / "thermal.txt"))
        result = self._link.run(
            f"{self._there()} {watching(str(self._out / 'thermal.txt'))}"
            f" echo pid $$; exec {self._line(command)} 2>&1",
            self._launch.limit_s,
        )
        self.notes += self._link.run(f"cat {notes}").stdout
        log = result.stdout + self._logcat(result.stdout)
        check_executor(self._link, result, log)
        return log

    def peak_rss_bytes(self, command: Sequence[str]) -> int:
        """Run a command once more, untimed, and return the peak of its resident memory."""
        result = self._link.run(
            f"{self._there()} {self._line(command)} >/dev/null 2>&1 & job=$!;"
            " while grep -E VmHWM /proc/$job/status 2>/dev/null;"
            f" do sleep {POLL_S}; done | tail -n 1; wait $job",
            self._launch.limit_s,
        )
        peaks = [int(kib) for kib in PEAK.findall(result.stdout)]
        if not peaks:
            raise DeviceError(f"{self._link.address}: the runner's memory cannot be read")
        return max(peaks) * 1024

    def _there(self) -> str:
        """Change to the runner's folder, in which its libraries are."""
        return (
            f"cd {shlex.quote(self._program)} || exit;"
            " export LD_LIBRARY_PATH=. ADSP_LIBRARY_PATH=.;"
        )

    def _line(self, command: Sequence[str]) -> str:
        mask = f"taskset {self._launch.affinity:x} " if self._launch.affinity else ""
        return mask + shlex.join(command)

    def _logcat(self, said: str) -> str:
        """Fetch what the runner wrote to Android's log, where it wrote nothing to its output."""
        found = PROCESS.search(said)
        if ITERATION.search(said) or AVERAGE.search(said) or not found:
            return ""
        return self._link.run(f"logcat -d -s ExecuTorch:I --pid={found.group(1)}").stdout


def check_executor(link: Link, result: ShellResult, log: str) -> None:
    """Make sure that a runner has finished, or say in words how it ended.

    Raises:
        CommandFailedError: It has not.
    """
    if result.code == 0:
        return
    lines = [line for line in log.strip().splitlines() if not PROCESS.match(line)]
    said = printable((lines or ["nothing"])[-1], 300)
    if result.code == KILLED:
        pid = PROCESS.search(log)
        how = why_killed(link, int(pid.group(1)[:9]) if pid else None)
    elif result.code in CANNOT_START:
        how = f"is not started by the system ({NOT_STARTED})"
    elif result.code > SIGNALLED:
        how = crashed(result.code - SIGNALLED)
    else:
        how = f"ended with status {result.code}"
    raise CommandFailedError(link.address, result, f"the runner {how}; its last words: {said}")


def read_log(log: str, schedule: Schedule, qnn: bool) -> MethodTimes:
    """Read the times that a runner's log tells.

    Raises:
        DeviceError: They are not there.
    """
    found = tuple(min(float(ms), LARGEST) for ms in ITERATION.findall(log))
    times = found[schedule.warmup :]
    wanted = schedule.iterations
    if qnn:
        times, wanted = tuple(float(ms) for ms in AVERAGE.findall(log)[:1]), 1
    if len(times) != wanted:
        raise DeviceError(
            f"the runner told {len(times)} of {wanted} times: build it with"
            " EXECUTORCH_ENABLE_LOGGING and, for Android, EXECUTORCH_PAL_DEFAULT=posix"
        )
    loaded = LOADED.search(log)
    threads = THREADS.search(log)
    return MethodTimes(
        times,
        min(float(loaded.group(1)), LARGEST) if loaded else None,
        sum(int(size[:15]) for size in PLANNED.findall(log)),
        int(threads.group(1)[:4]) if threads else None,
    )


def often_enough(times_ms: Sequence[float]) -> int:
    """Return how many calls keep a process alive for long enough to look at its memory."""
    return min(MOST_CALLS, math.ceil(WATCHED_MS / max(min(times_ms), WATCHED_MS / MOST_CALLS)))


def write_composed(
    target: Path,
    job: Job,
    schedule: Schedule,
    times: Mapping[str, MethodTimes],
    peak_rss_bytes: int,
) -> None:
    """Write the report of a repeat that is composed of its methods' times."""
    calls = calls_of(job)
    trials = []
    for number in range(min(len(method.ms) for method in times.values())):
        stage_ms: dict[str, float] = {}
        for method, found in times.items():
            stage = stage_of(method)
            stage_ms[stage] = stage_ms.get(stage, 0.0) + calls[method] * found.ms[number]
        chunk_ms = times["codec_decoder"].ms[number]
        wall_ms = sum(stage_ms.values())
        trials.append(
            {
                "wall_ms": wall_ms,
                "first_audio_ms": wall_ms - stage_ms["codec"] + chunk_ms,
                "stage_ms": stage_ms,
                "set_input_ms": None,
            }
        )
    load_ms = [found.load_ms for found in times.values() if found.load_ms is not None]
    told = [found.threads for found in times.values() if found.threads is not None]
    report = {
        "format": FORMAT,
        "load_ms": sum(load_ms),
        "warm_load_ms": sum(load_ms),
        "base_rss_bytes": 0,
        "load_peak_rss_bytes": peak_rss_bytes,
        "peak_rss_bytes": peak_rss_bytes,
        "planned_bytes": sum(found.planned_bytes for found in times.values()),
        "threads": max(told, default=schedule.threads),
        "affinity": "",
        "backends": [],
        "warmup_ms": [],
        "trials": trials,
        "composed_frames": job.limits.max_frames,
        "warnings": [COMPOSED],
    }
    (target / "report.json").write_text(json.dumps(report))
    for name in ("codes.bin", "waveform.bin"):
        (target / name).write_bytes(b"")
