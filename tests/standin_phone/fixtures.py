"""Fixtures: stand-in phones of several sorts, or the reason why this machine has none."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from standin_phone.phone import Phone
from standin_phone.root import CannotStandInError


def start(abi: str = "x86_64", **options: object) -> Phone:
    """Start a phone, or skip the test with the reason."""
    try:
        return Phone(abi, **options)  # type: ignore[arg-type]
    except CannotStandInError as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for ADB keys and locks of the tests' own; the value is its private key's path."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("devices.adb.ANDROID_KEY", home / "none")
        patch.setattr("devices.adb.OWN_KEY", home / "adbkey")
        patch.setattr("devices.claim.LOCKS", home)
        for name in ("ANDROID_SERIAL", "ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS"):
            patch.delenv(name, raising=False)
        patch.setenv("ANDROID_ADB_SERVER_PORT", "1")  # no adb server there
        yield home / "adbkey"


@pytest.fixture(scope="session")
def phone_amd64(keys: Path) -> Iterator[Phone]:
    """A phone that runs natively: quick, and no Arm."""
    with start("x86_64") as phone:
        yield phone


@pytest.fixture(scope="session")
def phone_arm64(keys: Path) -> Iterator[Phone]:
    """A phone with an emulated Arm processor: slow, and as on a phone to the last bit."""
    with start("arm64-v8a", cpu="max") as phone:
        yield phone


@pytest.fixture
def phone_auth(keys: Path) -> Iterator[Phone]:
    """A phone that knows one key: that of `keys`."""
    from devices.adb import signers

    signers()
    with start("x86_64", public_key=keys.with_suffix(".pub").read_text()) as phone:
        yield phone
