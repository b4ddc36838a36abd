"""Which runner a device is measured with: ours, or one that its owner has built."""

from collections.abc import Callable
from pathlib import Path

from devices.bundle import Bundle
from devices.composed import ComposedRunner
from devices.profiles import Profile
from devices.remote import RemoteRunner, Runner
from devices.shell import Link
from devices.store import Store


def runner_for(
    profile: Profile, link: Link, store: Store, bundle_for: Callable[[], Bundle]
) -> Runner:
    """Choose the runner that a profile asks for.

    Raises:
        ConfigError: Its own is no file.
    """
    if profile.runner:
        return ComposedRunner(link, store, Path(profile.runner))
    return RemoteRunner(link, store, bundle_for)
