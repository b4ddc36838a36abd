"""Who killed a process of ours on a phone, as far as the phone's logs can be read.

Sources of the lines: AOSP system/memory/lmkd, lmkd.cpp (`kill_one_process`, `killinfo_log`);
Linux, mm/oom_kill.c (`__oom_kill_process`). A shell reads logcat on every build, the kernel's log
on builds for developers only.
"""

import re

from devices.shell import Link, printable

READ_LOGS = (
    "{ logcat -d -b main,system,events -t 4000; logcat -d -b kernel -t 1000; dmesg; } 2>/dev/null"
    " | grep -E 'lowmemorykiller|killinfo|Killed process'"
)
LMKD = r"lowmemorykiller\s*(?:\(\s*\d+\))?: Kill '[^'\n]*' \(%d\)(?:.*reason: (.{1,200}))?"
KILLINFO = r"killinfo\s*(?:\(\s*\d+\))?: \[%d,"
KERNEL = r"Killed process %d\b"
REMEDY = "close apps, restart the phone, or measure a smaller model"


def why_killed(link: Link, pid: int | None) -> str:
    """Say by whom a process was killed, or that no log tells it.

    Args:
        link: Reaches the phone.
        pid: Of the process; None where it is not known.
    """
    log = link.run(READ_LOGS).stdout if pid is not None else ""
    if pid is not None and (found := re.search(LMKD % pid, log)):
        reason = f" ({printable(found.group(1).strip(), 100)})" if found.group(1) else ""
        return f"was killed by Android's low memory killer{reason}: {REMEDY}"
    if pid is not None and re.search(KILLINFO % pid, log):
        return f"was killed by Android's low memory killer: {REMEDY}"
    if pid is not None and re.search(KERNEL % pid, log):
        return f"was killed by the kernel because memory ran out: {REMEDY}"
    return (
        "was killed (signal 9), and no log that can be read says by whom;"
        f" if memory ran out: {REMEDY}"
    )
