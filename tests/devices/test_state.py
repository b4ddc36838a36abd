"""The charger and the clocks: changed while measuring, put back whatever happens."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from standin_phone.scripted import scripted_phone

from devices.android import completed
from devices.battery import read_battery
from devices.conditions import Conditions, Discipline, read_conditions
from devices.state import UNRESTORED, mark, pin_clocks, prepared, restore
from model.errors import DeviceUnavailableError

BOTH = Discipline(hide_charger=True, pin_clocks=True)
phone = scripted_phone


def state(folder: Path) -> tuple[bool, bool]:
    """Return whether the battery service is frozen, and whether clocks are pinned."""
    pinned = folder / "pinned"
    return (folder / "stopped").exists(), pinned.exists() and pinned.read_text() == "true\n"


BEFORE = (False, False)
DURING = (True, True)


@pytest.fixture(autouse=True)
def short_settling(monkeypatch):
    monkeypatch.setattr("devices.state.SETTLE_S", 0.2)


def test_the_charger_is_hidden_and_clocks_are_pinned_only_while_measuring(tmp_path):
    with prepared(phone(tmp_path), str(tmp_path / "base"), BOTH) as warnings:
        assert state(tmp_path) == DURING
    assert state(tmp_path) == BEFORE
    assert warnings == ["CHARGER_HIDDEN", "CLOCKS_PINNED"]
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


def test_by_default_nothing_on_the_phone_is_changed(tmp_path):
    link = phone(tmp_path)
    with prepared(link, str(tmp_path / "base"), Discipline()):
        pass
    assert not restore(link, str(tmp_path / "base"))
    assert not any("dumpsys" in command or "cmd" in command for command in link.ran)


def test_clocks_that_stay_are_a_warning(tmp_path):
    link = phone(tmp_path)
    (tmp_path / "unpinnable").touch()
    with prepared(link, str(tmp_path / "base"), BOTH) as warnings:
        assert warnings == ["CHARGER_HIDDEN", "CLOCKS_NOT_PINNED"]


def test_a_battery_service_that_another_program_froze_stays_as_it_is(tmp_path):
    link = phone(tmp_path)
    link.run("dumpsys battery set level 50")
    with prepared(link, str(tmp_path / "base"), Discipline(hide_charger=True), frozen=True):
        pass
    assert read_battery(link).updates_stopped


def test_clocks_have_settled_before_the_next_repeat_reads_them(tmp_path, monkeypatch):
    monkeypatch.setattr("devices.state.SETTLE_S", 1.0)
    link = phone(tmp_path, lag_s=0.4)
    with prepared(link, str(tmp_path / "base"), BOTH) as warnings:
        assert warnings == ["CHARGER_HIDDEN", "CLOCKS_PINNED"]
    assert read_conditions(link).max_clocks_khz == (3200000,)
    assert pin_clocks(link)


def test_a_mark_of_an_older_version_that_says_nothing_means_everything(tmp_path):
    link, base = phone(tmp_path), str(tmp_path / "base")
    link.run(
        f"mkdir {base}; touch {mark(base)}; dumpsys battery unplug; echo true >{tmp_path}/pinned"
    )
    assert state(tmp_path) == DURING
    assert restore(link, base)
    assert state(tmp_path) == BEFORE


def test_what_was_frozen_is_filled_in_once_it_is_live(tmp_path):
    link = phone(tmp_path)
    link.run("dumpsys battery unplug")
    frozen = read_conditions(link)
    assert (frozen.battery_c, frozen.powered) == (None, None)
    link.run("dumpsys battery reset")
    found = completed(frozen, read_conditions(link))
    assert (found.battery_c, found.battery_source) == (30.1, "dumpsys battery")
    assert found.powered is True


def test_what_a_live_source_told_meanwhile_is_kept():
    told = Conditions(battery_c=41.0, battery_source="power_supply", powered=False)
    later = Conditions(battery_c=30.0, battery_source="dumpsys battery", powered=True)
    assert completed(told, later) == told
