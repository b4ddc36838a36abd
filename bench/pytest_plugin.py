"""The pytest plugin: `device_benchmark` measures a module on a device, and pytest-benchmark judges.

Loaded whenever pytest starts in an environment with this project, so it imports little but pytest;
the work is in `bench.device_benchmark`.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devices.schedule import MOST_THREADS

if TYPE_CHECKING:
    from bench.device_benchmark import DeviceBenchmark, OpenDevice

FIXTURE = "device_benchmark"
MOST_CALLS = 10**6  # all of which a device keeps in memory


class DeviceClock:
    """The timer that pytest-benchmark reads: it advances by what a device has measured."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Return the seconds that the device has measured so far."""
        return self.now_s

    def __str__(self) -> str:
        return "device clock"


CLOCK = pytest.StashKey[DeviceClock]()
# Benchmarks of the runs that are compared with: `extra_info` by full name of the test.
BASELINES = pytest.StashKey[list[Mapping[str, Mapping[str, Any]]]]()


class MeasurementWarning(UserWarning):
    """A reason not to believe a number that a device has measured."""


def between(lowest: int, highest: int) -> Callable[[str], int]:
    """Make the type of an option that takes whole numbers."""

    def whole_number(text: str) -> int:
        value = int(text)
        if not lowest <= value <= highest:
            raise argparse.ArgumentTypeError(f"{value} is not in {lowest} to {highest}")
        return value

    return whole_number


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plugin."""
    group = parser.getgroup("bench", "measuring on devices (mobilespeech-bench)")
    group.addoption(
        "--bench-device", metavar="NAME", default="host",
        help="Device to measure on: host, host-native, or a profile's name. Default: %(default)s",
    )  # fmt: skip
    group.addoption(
        "--bench-config", metavar="FILE", type=Path,
        help="bench.toml with a lab's own devices. Default: $BENCH_CONFIG, else ./bench.toml",
    )  # fmt: skip
    for name, lowest, highest, default, what in (
        ("repeats", 1, MOST_CALLS, 5, "Fresh processes per test: the rounds of pytest-benchmark"),
        ("warmup", 0, MOST_CALLS, 5, "Calls discarded at the start of each process"),
        ("iterations", 1, MOST_CALLS, 20, "Calls kept of each process; a round is their median"),
        ("threads", 0, MOST_THREADS, 0, "Threads of the runtime; 0 for one per core"),
    ):
        group.addoption(
            f"--bench-{name}", metavar="NUM", type=between(lowest, highest), default=default,
            help=f"{what}. Default: %(default)s",
        )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a device or a configuration that there is not, before anything runs."""
    config.stash[BASELINES] = []
    if config.getoption("bench_device") != "host" or config.getoption("bench_config"):
        from bench.device_benchmark import find_device
        from model.errors import ConfigError

        try:
            find_device(config)
        except ConfigError as error:
            raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_compare_machine_info(
    config: pytest.Config, compared_benchmark: Mapping[str, Any]
) -> None:
    """Keep the conditions of what this session is compared with."""
    known = {one["fullname"]: one.get("extra_info", {}) for one in compared_benchmark["benchmarks"]}
    config.stash[BASELINES].append(known)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Give each test that measures on a device a clock of its own, as pytest-benchmark's timer."""
    if FIXTURE not in getattr(item, "fixturenames", ()):
        return
    if not item.config.pluginmanager.hasplugin("pytest-benchmark"):
        pytest.fail(f"{FIXTURE} needs pytest-benchmark: pip install pytest-benchmark", False)
    marker = item.get_closest_marker("benchmark")
    options = dict(marker.kwargs) if marker else {}
    if "timer" in options:
        pytest.fail(f"{FIXTURE} has the device's times: leave timer out of the marker", False)
    item.stash[CLOCK] = clock = DeviceClock()
    item.add_marker(pytest.mark.benchmark(**options, timer=clock), append=False)


@contextmanager
def one_line() -> Iterator[None]:
    """Turn the project's errors into one line each; a bug keeps its traceback."""
    from model.errors import HarnessError

    try:
        yield
    except HarnessError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def bench_device(pytestconfig: pytest.Config) -> Iterator["OpenDevice"]:
    """The device that `--bench-device` names, open, and this session's until it ends."""
    from bench.device_benchmark import open_named_device

    with ExitStack() as stack:
        with one_line():
            opened = open_named_device(pytestconfig)
            stack.enter_context(opened.device.claim())
        yield opened


@pytest.fixture
def device_benchmark(
    request: pytest.FixtureRequest,
    benchmark: Any,  # noqa: ANN401 - pytest-benchmark has no types
    bench_device: "OpenDevice",
    tmp_path: Path,
) -> "DeviceBenchmark":
    """Measure a module on the device: `device_benchmark(module, *inputs, scheme=, backend=)`."""
    from bench.device_benchmark import DeviceBenchmark

    return DeviceBenchmark(request, benchmark, request.node.stash[CLOCK], bench_device, tmp_path)
