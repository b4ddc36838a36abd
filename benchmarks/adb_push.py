"""How fast files reach a phone: this project's ADB beside the stock library, on two sorts of link.

The phone is a stand-in (a real adbd on this machine), so that the rates are those of the protocol
and of this computer, not of a phone. Needs root: `python benchmarks/adb_push.py [MIB] [REPEATS]`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
REMOTE = "/data/local/tmp/pushed"


def push_ours(address: str, path: Path) -> float:
    from devices.adb import AdbLink

    link = AdbLink(address)
    begin = time.perf_counter()
    link.push(path, REMOTE)
    return time.perf_counter() - begin


def push_stock(address: str, path: Path) -> float:
    from adb_shell.adb_device import AdbDeviceTcp

    host, _, port = address.partition(":")
    device = AdbDeviceTcp(host, int(port), default_transport_timeout_s=5.0)
    begin = time.perf_counter()
    device.connect()
    device.push(str(path), REMOTE, read_timeout_s=5.0)
    device.close()
    return time.perf_counter() - begin


def child(which: str, address: str, path: Path) -> None:
    try:
        took_s = {"ours": push_ours, "stock": push_stock}[which](address, path)
        print(json.dumps({"mib_per_s": path.stat().st_size / took_s / 2**20}))
    except Exception as error:  # whatever the stock library raises is the finding
        print(json.dumps({"failed": type(error).__name__}))


def push_bundle_twice(address: str) -> Iterator[int]:
    """Bring the runner to the phone as a run does, once and once more from another program."""
    from devices.adb import AdbLink
    from devices.android import BASE
    from devices.bundle import build_bundle
    from devices.store import Store

    files = {path.name: path for path in build_bundle("x86_64").folder.iterdir()}
    for _ in range(2):
        store = Store(AdbLink(address), BASE)
        store.put(files)
        yield store.pushed_bytes


def main(mib: int, repeats: int) -> None:
    from standin_phone.phone import Phone
    from standin_phone.veth import ADDRESS, run_over_veth

    with tempfile.NamedTemporaryFile() as file, Phone("x86_64") as phone:
        file.write(os.urandom(mib << 20))
        file.flush()

        def push(link: str, which: str) -> dict[str, object]:
            address = ADDRESS if link == "veth" else phone.address
            command = [sys.executable, __file__, "--child", which, address, file.name]
            if link == "veth":
                done = run_over_veth(phone.pid, command)
            else:
                done = subprocess.run(command, capture_output=True, text=True, check=True)
            result: dict[str, object] = json.loads(done.stdout)
            return result

        rows = [(link, which) for link in ("loopback", "veth") for which in ("stock", "ours")]
        results: dict[tuple[str, str], list[dict[str, object]]] = {row: [] for row in rows}
        for pushed_bytes in push_bundle_twice(phone.address):
            print(f"pushed {pushed_bytes / 1e6:.1f} MB of the runner's bundle")
        for _ in range(repeats):  # interleaved, so that other work on the machine hits all alike
            for row in rows:
                results[row].append(push(*row))
    print(f"push of {mib} MiB, MiB/s: best and median of {repeats}")
    for (link, which), found in results.items():
        rates = sorted(float(str(r["mib_per_s"])) for r in found if "mib_per_s" in r)
        if rates:
            print(f"  {link:9} {which:6} {rates[-1]:5.0f} {rates[len(rates) // 2]:5.0f}")
        else:
            print(f"  {link:9} {which:6} fails: {found[0]['failed']}")
    ours, stock = (
        median(float(str(r["mib_per_s"])) for r in results[row] if "mib_per_s" in r)
        for row in (("veth", "ours"), ("loopback", "stock"))
    )
    print(f"ours over veth / stock over loopback, medians: {ours / stock:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
    else:
        main(*map(int, (sys.argv[1:] + ["200", "3"][len(sys.argv) - 1 :])))
