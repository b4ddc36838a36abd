"""Charging and clocks: changed while measuring, put back whatever happens."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from standin_phone.local_link import LocalLink

from devices.conditions import Discipline
from devices.state import UNRESTORED, prepared, restore
from model.errors import DeviceUnavailableError

BOTH = Discipline(stop_charging=True, pin_clocks=True)
# Programs of a phone that keeps its state in files: `charging` and `pinned`.
DUMPSYS = """cd {folder}
case "$2" in
  unplug) echo false > charging;;
  reset) echo true > charging;;
esac
echo "  USB powered: $(cat charging)"
"""
CMD = "cd {folder}; echo $3 > pinned\n"
CAT = """case "$*" in
  *scaling_max_freq*) [ "$(/bin/cat {folder}/pinned)" = true ] && echo 1900000 || echo 3200000;;
  *) exec /bin/cat "$@";;
esac
"""


def phone(folder: Path) -> LocalLink:
    (folder / "charging").write_text("true\n")
    (folder / "pinned").write_text("false\n")
    scripts = {"dumpsys": DUMPSYS, "cmd": CMD, "cat": CAT}
    return LocalLink(
        folder, {name: text.replace("{folder}", str(folder)) for name, text in scripts.items()}
    )


def state(folder: Path) -> tuple[str, str]:
    return (folder / "charging").read_text().strip(), (folder / "pinned").read_text().strip()


BEFORE = ("true", "false")
DURING = ("false", "true")


@pytest.fixture(autouse=True)
def no_settling(monkeypatch):
    monkeypatch.setattr("devices.state.SETTLE_S", 0.0)


def test_charging_stops_and_clocks_are_pinned_only_while_measuring(tmp_path):
    with prepared(phone(tmp_path), str(tmp_path / "base"), BOTH) as doubts:
        assert state(tmp_path) == DURING
    assert state(tmp_path) == BEFORE
    assert doubts == ["CLOCKS_PINNED"]
    assert not (tmp_path / "base" / UNRESTORED).exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_state_is_put_back_on_errors_and_on_ctrl_c(tmp_path, error):
    with pytest.raises(error), prepared(phone(tmp_path), str(tmp_path / "base"), BOTH):
        raise error
    assert state(tmp_path) == BEFORE


def test_the_state_is_put_back_on_sigterm(tmp_path):
    program = f"""
import sys, time
sys.path[:0] = {[str(Path.cwd()), str(Path(__file__).parents[1])]!r}
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from devices.state import prepared
import test_state
folder = Path({str(tmp_path)!r})
with prepared(test_state.phone(folder), str(folder / "base"), test_state.BOTH):
    print("ready", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as running:
        assert running.stdout.readline() == b"ready\n"
        assert state(tmp_path) == DURING
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 128 + signal.SIGTERM
    assert state(tmp_path) == BEFORE


def test_handlers_of_signals_are_as_before_afterwards(tmp_path):
    before = signal.getsignal(signal.SIGTERM)
    with prepared(phone(tmp_path), str(tmp_path / "base"), BOTH):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_phone_that_went_away_is_put_right_the_next_time(tmp_path):
    link = phone(tmp_path)
    run = link.run
    base = str(tmp_path / "base")

    def gone(command, timeout_s=30.0):
        raise DeviceUnavailableError("the cable")

    def lose_it():
        with prepared(link, base, BOTH):
            link.run = gone
            link.run("anything")

    with pytest.raises(DeviceUnavailableError, match="the cable"):
        lose_it()
    assert state(tmp_path) == DURING
    link.run = run
    assert restore(link, base)
    assert state(tmp_path) == BEFORE
    assert not restore(link, base)


def test_a_phone_nobody_changed_is_left_alone(tmp_path):
    link = phone(tmp_path)
    with prepared(link, str(tmp_path / "base"), Discipline(stop_charging=False)):
        pass
    assert not restore(link, str(tmp_path / "base"))
    assert not any("dumpsys" in command or "cmd" in command for command in link.ran)


def test_charging_that_goes_on_and_clocks_that_stay_are_doubts(tmp_path):
    link = LocalLink(
        tmp_path,
        {"dumpsys": "echo '  USB powered: true'", "cmd": "exit 0", "cat": "echo 3200000"},
    )
    with prepared(link, str(tmp_path / "base"), BOTH) as doubts:
        assert doubts == ["CHARGING", "CLOCKS_NOT_PINNED"]
