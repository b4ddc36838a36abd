"""From `--device` to a run: one device, or the members of a lab."""

from collections.abc import Callable
from dataclasses import replace

from bench.config import Config
from bench.lab import run_lab
from bench.pipeline import Plan, run, why_no_commit
from bench.progress import Show
from bench.results import Run
from bench.stores.store import Place
from devices.kinds import find_profile, open_device
from devices.lab import open_lab
from devices.lab_config import PREFIX
from lowering.backend import Proof
from lowering.backends import BACKENDS
from lowering.qnn.backend import SOCS
from model.errors import ConfigError


def launch(
    plan: Plan,
    config: Config,
    results: Place,
    show: Show,
    notify: Callable[[str], None],
    *,
    resume: str | None = None,
    runner: str = "",
) -> Run:
    """Measure a plan on the device, or the devices, that it names.

    Args:
        plan: What to measure.
        config: Of the lab: its own devices, and its members.
        results: Where runs are kept.
        show: Is told of progress.
        notify: Called with a sentence when somebody has to do something about a device, or when
            something is missing in the run.
        resume: As `bench.pipeline.run` takes it.
        runner: A build of ExecuTorch's own runner to use in place of ours.

    Raises:
        HarnessError: A name is unknown, or a device is not there.
    """
    if plan.device_name.startswith(PREFIX):
        if runner:
            raise ConfigError("name a member's runner in bench.toml [devices.MEMBER]")
        if plan.sentences:
            raise ConfigError("speech is scored on one device at a time: name one by --device")
        with open_lab(config.lab, plan.device_name, config.devices) as members:
            excluded = {name: excluded_on(name, config) for name in members}
            plan = replace(plan, checked_here=True)
            made = run_lab(plan, excluded, members, results, show, resume=resume)
        tell_commit(made, notify)
        return made
    profile = find_profile(plan.device_name, config.devices)
    profile = replace(profile, runner=runner or profile.runner)
    if profile.runner and plan.sentences:
        raise ConfigError(
            f"{profile.runner} says nothing that could be scored: leave --quality out"
        )
    device = open_device(profile, notify)
    elsewhere = profile.kind not in ("host", "htp-simulator") and not profile.runner
    plan = replace(fitted(plan, config, runner), checked_here=elsewhere)
    made = run(plan, device, results, show, resume=resume)
    tell_commit(made, notify)
    return made


def tell_commit(made: Run, notify: Callable[[str], None]) -> None:
    """Say so where a run does not name the commit of this checkout."""
    if why := why_no_commit(made.header):
        notify(why)


def fitted(plan: Plan, config: Config, runner: str = "") -> Plan:
    """Leave out of a plan what does not apply to its device; compile for the device's processor."""
    if plan.device_name.startswith(PREFIX):
        return plan
    excluded = excluded_on(plan.device_name, config, runner)
    number = find_profile(plan.device_name, config.devices).snapdragon()
    if number and number not in SOCS:
        excluded = {**excluded, "qnn": f"ExecuTorch compiles for {', '.join(SOCS)}, not {number}"}
    elif number:
        given = dict(plan.backend_options.get("qnn", ()))
        options = {**plan.backend_options, "qnn": tuple(sorted({"soc": number, **given}.items()))}
        plan = replace(plan, backend_options=options)
    return replace(plan, excluded=excluded)


def excluded_on(device: str, config: Config, runner: str = "") -> dict[str, str]:
    """Name the backends that do not apply to a device, with the reason.

    Args:
        device: As `--device` takes it.
        config: Of the lab.
        runner: The user's own build of the runner; empty for the profile's, or the bundled one.
    """
    profile = find_profile(device, config.devices)
    profile = replace(profile, runner=runner or profile.runner)
    reasons = {name: profile.why_not(name) for name in BACKENDS}
    if profile.kind == "host":
        reasons = {name: why or not_executed(name) for name, why in reasons.items()}
    return {name: why for name, why in reasons.items() if why}


def not_executed(backend: str) -> str:
    """Say why ExecuTorch's Python runtime does not run a backend's programs; empty if it does."""
    proof = BACKENDS[backend]().proof()
    return "" if proof is Proof.EXECUTED else f"nothing here executes it: {proof.value}"
