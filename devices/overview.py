"""The phones and boards that can be seen from here, each at a glance."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from devices.android import BASE, Android, is_emulated
from devices.conditions import Conditions, read_conditions
from devices.discovery import Attached, Notify, attached, link_to
from devices.linux import open_linux
from devices.profiles import Profile, matching
from devices.remote_device import RemoteDevice
from devices.shell import printable
from devices.store import Store
from model.errors import HarnessError


@dataclass(frozen=True)
class Overview:
    """One phone or board at a glance.

    Attributes:
        address: Where it is.
        model: As it calls itself.
        profiles: Names of the profiles that it fits, the most particular first.
        emulated: It is no phone: its times mean nothing.
        conditions: Its battery, temperature, clocks and memory, as far as it tells.
        free_bytes: Storage that is left; None where it does not tell.
        used_bytes: Storage that our files take; None where it does not tell.
        problem: Why it cannot be used; empty where it can.
    """

    address: str
    model: str = ""
    profiles: tuple[str, ...] = ()
    emulated: bool = False
    conditions: Conditions = field(default_factory=Conditions)
    free_bytes: int | None = None
    used_bytes: int | None = None
    problem: str = ""


def survey(profiles: Mapping[str, Profile], notify: Notify) -> Sequence[Overview]:
    """Look at every device that can be seen; one that makes trouble is listed with its problem."""
    phones = attached(profiles, notify)
    with ThreadPoolExecutor(max_workers=8) as pool:
        seen = pool.map(lambda phone: glance(phone, profiles, notify), phones)
        return [*seen, *pool.map(glance_at_board, boards(profiles))]


def boards(profiles: Mapping[str, Profile]) -> Sequence[Profile]:
    """Return the lab's boards; unlike phones, they are where their profile says or nowhere."""
    return [profile for profile in profiles.values() if profile.kind == "linux"]


def glance_at_board(profile: Profile) -> Overview:
    """Look at one board."""
    try:
        board = open_linux(profile)
        return Overview(
            profile.address,
            model=board.info().model,
            profiles=(profile.name,),
            conditions=board.conditions(),
            free_bytes=board.store.free_bytes(),
            used_bytes=board.store.used_bytes(),
        )
    except HarnessError as error:
        return Overview(profile.address, profiles=(profile.name,), problem=str(error))


def glance(phone: Attached, profiles: Mapping[str, Profile], notify: Notify) -> Overview:
    """Look at one phone."""
    said = phone.properties
    if phone.problem:
        return Overview(phone.address, problem=printable(phone.problem))
    link = link_to(phone.address, notify)
    store = Store(link, BASE)
    try:
        return Overview(
            phone.address,
            model=printable(said.get("ro.product.model", "unknown"), 100),
            profiles=tuple(profile.name for profile in matching(profiles, said)),
            emulated=is_emulated(said),
            conditions=read_conditions(link),
            free_bytes=store.free_bytes(),
            used_bytes=store.used_bytes(),
        )
    except HarnessError as error:
        return Overview(phone.address, problem=printable(str(error)))


@dataclass(frozen=True)
class Cleaned:
    """What came of removing our files from one phone or board.

    Attributes:
        address: Where it is.
        freed_bytes: Storage that our files took; None where it does not tell.
        problem: Why our files are still there; empty where they are gone.
    """

    address: str
    freed_bytes: int | None = None
    problem: str = ""


def clean(profiles: Mapping[str, Profile], notify: Notify) -> Sequence[Cleaned]:
    """Remove what is ours from every device that can be seen; one that fails stops no other.

    Phones that fit no profile are left out: nothing was ever pushed to them.
    """
    cleaned = []
    for phone in attached(profiles, notify):
        fitting = matching(profiles, phone.properties)
        if phone.problem:
            cleaned.append(Cleaned(phone.address, problem=printable(phone.problem)))
        elif fitting:
            link = link_to(phone.address, notify)
            device = partial(Android, fitting[0], link, phone.properties)
            cleaned.append(clean_one(phone.address, device))
    boards_cleaned = (clean_one(x.address, partial(open_linux, x)) for x in boards(profiles))
    return [*cleaned, *boards_cleaned]


def clean_one(address: str, connect: Callable[[], RemoteDevice]) -> Cleaned:
    """Remove what is ours from one device."""
    try:
        return Cleaned(address, connect().clean())
    except HarnessError as error:
        return Cleaned(address, problem=printable(str(error)))
