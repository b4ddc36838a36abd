"""The named doubts: when a measurement should not be believed, and what to do about it."""

from enum import StrEnum


class Doubt(StrEnum):
    """A reason not to believe a row; the value is its remedy."""

    UNTRAINED = "weights are random: times are real, the speech is noise"
    FEW_REPEATS = "under 5 repeats: no interval is meaningful; raise --repeats"
    UNSTEADY = "repeats differ by over 10 %: close other programs, raise --repeats or --cooldown"
    FIRST_RUN_SLOW = "the first kept synthesis was over 20 % slower: raise --warmup"
    OTHER_LOAD = "other processes kept the machine's cores busy: wait until they are done"
    FRAMES_DIFFER = "the speech is not as long as fp32's: compare RTF, not milliseconds"
    EMULATED = "an emulated device: times say nothing of a phone"
    THROTTLED = "the device grew hot: let it cool, raise --cooldown"
