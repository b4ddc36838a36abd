"""Comparisons made by hand, for tests of what is drawn from them."""

from bench.comparing.verdicts import (
    Attribution,
    Change,
    Comparison,
    Contribution,
    Mismatch,
    OutcomeChange,
    Verdict,
)
from bench.results import Case


def make_case(scheme="fp32", utterance="short"):
    return Case(scheme, "xnnpack", utterance, "tiny")


def make_change(verdict=Verdict.SAME, *, case=None, metric="rtf", effect=0.0, **fields):
    base = fields.pop("base", 0.4)
    known = {
        "gates": True, "reason": "because", "base": base, "candidate": base * (1 + effect),
        "unit": "ratio", "low": effect - 0.02, "high": effect + 0.02, "p_value": 0.01,
        "tolerance": 0.05, "detectable": 0.06, "repeats": (10, 10), **fields,
    }  # fmt: skip
    return Change(case or make_case(), metric, verdict, effect=effect, **known)


def make_attribution(case=None):
    return Attribution(
        case or make_case(),
        (Contribution("smd", "", "", 300.0, 390.0, 0.93),),
        (Contribution("smd", "Fully Connected", "XnnpackBackend", 200.0, 280.0, 0.85),),
        ("smd: 31 -> 33 delegated nodes",),
    )


def make_comparison(verdict=Verdict.REGRESSED, changes=(), **fields):
    return Comparison("0001_base", "0002_cand", verdict, "1 regressed", changes=changes, **fields)


def regressed():
    """One metric regressed, one is inconclusive, one is the same, one case fails."""
    changes = (
        make_change(Verdict.REGRESSED, effect=0.228),
        make_change(Verdict.INCONCLUSIVE, case=make_case("8da8w"), reason="14 repeats"),
        make_change(metric="pte_bytes", unit="bytes", base=4096),
    )
    failed = OutcomeChange(make_case("4w"), "ok", "run failed", Verdict.REGRESSED, "it crashed")
    return make_comparison(
        changes=changes, outcomes=(failed,), attributions=(make_attribution(),),
        missing=(make_case("8w"),), notes=("OTHER_LOAD in 1 case: wait",),
    )  # fmt: skip


def unlike():
    """Two runs of two devices."""
    return make_comparison(
        Verdict.INCOMPARABLE, mismatches=(Mismatch("device", "host", "pixel8", allowed=False),)
    )
