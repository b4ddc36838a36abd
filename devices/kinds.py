"""Every kind of device. A new kind goes here, with its import."""

from collections.abc import Callable

from devices.base import Device
from devices.host import Host
from model.registry import Registry

KINDS: Registry[Callable[[], Device]] = Registry("kind of device")

KINDS.register("host")(Host)
