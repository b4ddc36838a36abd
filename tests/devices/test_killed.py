"""Who killed the runner: read from the phone's logs, and never guessed."""

import os

import pytest
from standin_phone.fake_runner import fake_bundle, fake_job
from standin_phone.local_link import LocalLink, ScriptedLink
from standin_phone.scripted import commands, set_up

from devices.killed import why_killed
from devices.remote import Launch, RemoteRunner
from devices.schedule import Schedule
from devices.shell import CommandFailedError
from devices.store import Store

# As system/memory/lmkd/lmkd.cpp, kill_one_process and killinfo_log, and mm/oom_kill.c write them.
LMKD = (
    "11-30 10:00:00.100   512   512 I lowmemorykiller: Kill './runner' (PID), uid 2000,"
    " oom_score_adj 0 to free 912344kB rss, 0kB swap; reason: min watermark is breached"
)
KILLINFO = "11-30 10:00:00.100   512   512 I killinfo: [PID,2000,0,0,912344,5,81234,402111]"
KERNEL = (
    "[ 812.5] Out of memory: Killed process PID (runner) total-vm:1912344kB, anon-rss:912344kB,"
    " UID:2000 pgtables:1496kB oom_score_adj:0"
)
OLD_KERNEL = "[ 812.5] Killed process PID (runner) total-vm:1912344kB, anon-rss:912344kB"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (LMKD, "low memory killer (min watermark is breached)"),
        (KILLINFO, "low memory killer:"),
        (KERNEL, "by the kernel because memory ran out"),
        (OLD_KERNEL, "by the kernel because memory ran out"),
        ("", "no log that can be read says by whom"),
    ],
)
def test_the_log_line_about_the_process_says_who_killed_it(line, words):
    assert words in why_killed(ScriptedLink(f"uid=2000\n{line.replace('PID', '4711')}"), 4711)


@pytest.mark.parametrize("line", [LMKD, KILLINFO, KERNEL])
def test_the_end_of_another_process_is_not_taken_for_ours(line):
    for other in ("47110", "471", "14711"):
        found = why_killed(ScriptedLink(f"uid=2000\n{line.replace('PID', other)}"), 4711)
        assert "no log" in found


@pytest.mark.parametrize("line", [LMKD, KILLINFO, KERNEL])
def test_the_end_of_an_app_that_had_the_same_process_id_before_is_not_taken_for_ours(line):
    of_an_app = line.replace("PID", "4711").replace("2000", "10123")
    assert "no log" in why_killed(ScriptedLink(f"uid=2000\n{of_an_app}"), 4711)


def test_a_runner_that_is_killed_is_looked_up_in_the_log_by_its_process(tmp_path):
    state = str(tmp_path / "state")
    link = LocalLink(tmp_path, commands(state))
    link.run(set_up(state))
    line = LMKD.replace("PID", "$$").replace("2000", str(os.getuid()))
    bundle = fake_bundle(
        tmp_path / "bundle", f'sleep 0.5; echo "{line}" > {state}/log; kill -KILL $$'
    )
    runner = RemoteRunner(link, Store(link, str(tmp_path / "base")), lambda: bundle)
    (tmp_path / "target").mkdir()
    with pytest.raises(CommandFailedError, match="min watermark is breached"):
        runner.run(fake_job(tmp_path), Schedule(), Launch(0, 60), tmp_path / "target")
