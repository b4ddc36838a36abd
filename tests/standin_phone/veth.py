"""Reaches a stand-in phone over a pair of virtual Ethernet cards in place of loopback.

Only there does TCP have a real link's small send buffers: loopback takes almost a megabyte in one
send(), so that a sender which overlooks a short one is never caught.
"""

import subprocess
from collections.abc import Sequence

ADDRESS = "127.77.0.2:5555"  # of the phone's daemon, for the command

# Both addresses are in 127/8, and nothing leaves the two namespaces.
SETUP = r"""
set -e
inside() { nsenter -t "$PHONE" -U -n --preserve-credentials "$@"; }
inside ip link del p1 2>/dev/null || true
ip link add p0 type veth peer name p1
ip link set p1 netns "$PHONE"
echo 1 > /proc/sys/net/ipv4/conf/p0/route_localnet
ip addr add 127.77.0.1/24 dev p0
ip link set p0 up
inside sh -ec '
  echo 1 > /proc/sys/net/ipv4/conf/p1/route_localnet
  ip addr del 127.0.0.1/8 dev lo 2>/dev/null && ip addr add 127.0.0.1/32 dev lo || true
  ip addr add 127.77.0.2/24 dev p1
  ip link set p1 up'
until [ "$(cat /sys/class/net/p0/carrier)" = 1 ]; do sleep 0.05; done
exec "$@"
"""


def run_over_veth(
    phone_pid: int, command: Sequence[str], timeout_s: float = 300.0
) -> subprocess.CompletedProcess[str]:
    """Run a command in a network of its own, in which there is the phone and nothing else."""
    return subprocess.run(
        ["unshare", "--net", "--mount", "bash", "-c", MOUNT_SYS + SETUP, "veth", *command],
        env={"PHONE": str(phone_pid), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


MOUNT_SYS = "mount -t sysfs sysfs /sys\n"  # so that /sys/class/net is that of the new network
