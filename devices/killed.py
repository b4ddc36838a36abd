"""Who killed a process of ours on a phone, as far as the phone's logs can be read.

Sources of the lines: AOSP system/memory/lmkd, lmkd.cpp (`kill_one_process`, `killinfo_log`);
Linux, mm/oom_kill.c (`__oom_kill_process`). A shell reads logcat on every build, the kernel's log
on builds for developers only.

AOSP's low memory killer ends only processes that ActivityManager has registered with it
(`cmd_procprio`), and none that a shell started; a vendor's may end others. A line about another
user's process with the same id is of an earlier process, whose id was given out again.
"""

import re

from devices.shell import Link, printable, whole_number

READ_LOGS = (
    "echo uid=$(id -u);"
    " { logcat -d -b main,system,events -t 4000; logcat -d -b kernel -t 1000; dmesg; } 2>/dev/null"
    " | grep -E 'lowmemorykiller|killinfo|Killed process'"
)
# With the process's id and its user's.
LMKD = (
    r"lowmemorykiller\s*(?:\(\s*\d+\))?: Kill '[^'\n]*' \({pid}\), uid {uid},"
    r"(?:.*reason: (.{{1,200}}))?"
)
KILLINFO = r"killinfo\s*(?:\(\s*\d+\))?: \[{pid},{uid},"
KERNEL = r"Killed process {pid} (?!.*\bUID:(?!{uid}\b))"  # older kernels print no user
REMEDY = "close apps, restart the phone, or measure a smaller model"


def why_killed(link: Link, pid: int | None) -> str:
    """Say by whom a process was killed, or that no log tells it.

    Args:
        link: Reaches the phone.
        pid: Of the process; None where it is not known.
    """
    log = link.run(READ_LOGS).stdout if pid is not None else ""
    uid = whole_number(r"^uid=(\d{1,9})$", log)
    killed = {"pid": pid, "uid": uid}
    if found := re.search(LMKD.format(**killed), log):
        reason = f" ({printable(found.group(1).strip(), 100)})" if found.group(1) else ""
        return f"was killed by Android's low memory killer{reason}: {REMEDY}"
    if re.search(KILLINFO.format(**killed), log):
        return f"was killed by Android's low memory killer: {REMEDY}"
    if re.search(KERNEL.format(**killed), log):
        return f"was killed by the kernel because memory ran out: {REMEDY}"
    return (
        "was killed (signal 9), and no log that can be read says by whom;"
        f" if memory ran out: {REMEDY}"
    )
