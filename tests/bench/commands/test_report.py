import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace

import pytest
from click.testing import CliRunner

from bench import pipeline
from bench.cli import bench
from bench.results import save_run


def invoke(results, *arguments):
    return CliRunner().invoke(bench, ["--results", str(results), "report", *map(str, arguments)])


@pytest.fixture
def results(plan, device, tmp_path):
    """A folder of results with three runs of the same cases."""
    run = pipeline.run(plan, device, tmp_path, lambda step: None)
    for number in (2, 3):
        header = replace(run.header, run=f"{number:04d}_later", started_at=f"20{30 + number}-01-01")
        folder = tmp_path / run.header.device.name
        save_run(folder / f"{header.run}.json", replace(run, header=header))
    return tmp_path


def test_a_page_is_written_to_a_file(results, tmp_path):
    out = tmp_path / "page.html"
    done = invoke(results, "-o", out)
    assert (done.exit_code, done.output.strip()) == (0, str(out))
    assert 'data-chart="history"' not in out.read_text()


def test_history_is_a_chart_of_all_runs_of_the_device(results, tmp_path):
    out = tmp_path / "page.html"
    assert invoke(results, "--history", "-o", out).exit_code == 0
    assert 'data-chart="history"' in out.read_text()
    assert "0002_later" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--history", "--format", "csv"], "need --format html"),
        (["--serve", "--format", "markdown"], "need --format html"),
        (["--serve", "-o", "page.html"], "leave out"),
    ],
)
def test_what_does_not_go_together_is_an_error(results, arguments, said):
    done = invoke(results, *arguments)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output


def test_a_port_that_is_taken_is_an_error(results):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = invoke(results, "--serve", "--port", port)
    assert done.exit_code == 2
    assert f"port {port} cannot be served at" in done.output


@pytest.mark.slow
def test_serving_ends_well_with_ctrl_c(results):
    # Jobs in the background ignore Ctrl-C, and their children inherit that.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from bench.cli import bench; bench()"
    )
    command = [sys.executable, "-c", program, "--results", str(results), "report", "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        address = re.search(r"http://127\.0\.0\.1:\d+/", server.stdout.readline().decode())[0]
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert b"MobileSpeech benchmark" in answer.read()
        server.send_signal(signal.SIGINT)
        deadline = time.monotonic() + 30
        while server.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if server.poll() is None:
            server.kill()
        assert server.returncode == 0
        assert b"Traceback" not in server.stderr.read()
