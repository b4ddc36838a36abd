"""Backends that ExecuTorch lowers to, by name. A new backend goes here."""

from collections.abc import Callable
from typing import Any

from lowering.backend import Backend
from lowering.coreml import CoreML
from lowering.portable import Portable
from lowering.qnn.backend import QNN
from lowering.vulkan import Vulkan
from lowering.xnnpack import XNNPACK
from model.registry import Registry

BACKENDS: Registry[type[Backend]] = Registry("backend")

BACKENDS.register("portable")(Portable)
BACKENDS.register("xnnpack")(XNNPACK)
BACKENDS.register("coreml")(CoreML)
BACKENDS.register("qnn")(QNN)
BACKENDS.register("vulkan")(Vulkan)


def make_backend(name: str, options: tuple[tuple[str, Any], ...] = ()) -> Backend:
    """Make a backend with compile options; those not named have their defaults."""
    make: Callable[..., Backend] = BACKENDS[name]
    return make(**dict(options))
