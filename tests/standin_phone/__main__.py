"""Runs a stand-in phone until Ctrl-C: `cd tests; python -m standin_phone [ABI] [--port N]`."""

import argparse
import signal
import threading

from standin_phone.phone import Phone
from standin_phone.root import DEBIAN_ARCHITECTURE


def main() -> None:
    """Start the phone that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("abi", nargs="?", default="arm64-v8a", choices=DEBIAN_ARCHITECTURE)
    parser.add_argument("--port", type=int, default=5600)
    parser.add_argument("--cpu", default="", help="cortex-a53, cortex-a76 or max")
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with Phone(options.abi, port=options.port, cpu=options.cpu) as phone:
        print(f"a {options.abi} phone answers at {phone.address}; Ctrl-C stops it", flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
