"""Every kind of device, and how a device is opened by name. A new kind goes here."""

from collections.abc import Callable, Mapping

from devices.android import open_android
from devices.base import Device
from devices.discovery import Notify
from devices.host import Host
from devices.host_native import HostNative
from devices.htp_simulator import HtpSimulator
from devices.linux import open_linux
from devices.profiles import Profile, load_profiles
from model.errors import ConfigError
from model.registry import Registry
from model.toml_files import Table

HERE = ("host", "host-native", "htp-simulator")

KINDS: Registry[Callable[[Profile, Notify], Device]] = Registry("kind of device")


@KINDS.register("host")
def host(_: Profile, __: Notify) -> Device:
    """This machine, through ExecuTorch's Python runtime."""
    return Host()


@KINDS.register("host-native")
def host_native(profile: Profile, _: Notify) -> Device:
    """This machine, through the native runner."""
    return HostNative(profile.name)


@KINDS.register("htp-simulator")
def htp_simulator(_: Profile, __: Notify) -> Device:
    """What a Snapdragon's NPU would compute, simulated on this machine: no times."""
    return HtpSimulator()


@KINDS.register("android")
def android(profile: Profile, notify: Notify) -> Device:
    """A phone over ADB, through the native runner."""
    return open_android(profile, notify=notify)


@KINDS.register("linux")
def linux(profile: Profile, _: Notify) -> Device:
    """A board over SSH, through the native runner."""
    return open_linux(profile)


def find_profile(name: str, own: Mapping[str, Table]) -> Profile:
    """Return the profile that `--device` names: this machine, a packaged phone, or a lab's own.

    Raises:
        ConfigError: There is none of that name.
    """
    if name in HERE and name not in own:
        return Profile(name, title=f"this machine ({name})", kind=name)
    return load_profiles(own)[name]


def open_device(profile: Profile, notify: Notify) -> Device:
    """Open the device of a profile.

    Raises:
        DeviceUnavailableError: It is not there, or not authorised.
        ConfigError: A runner of one's own is asked for where none can be used.
    """
    if profile.runner and profile.kind in HERE:
        raise ConfigError("a runner of your own is for phones and boards, not for this machine")
    return KINDS[profile.kind](profile, notify)
