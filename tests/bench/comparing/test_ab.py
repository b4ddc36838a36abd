"""Two programs are measured in turns, kept as two runs of one session, and compared by rounds."""

import contextlib
import hashlib
import subprocess
from dataclasses import replace

import pytest

from bench import pipeline
from bench.comparing.ab import Side, differing_parts, run_in_turns
from bench.comparing.ab_sides import (
    check_pins,
    checkout,
    commit_of,
    compile_flags,
    open_side,
    side_of,
)
from bench.comparing.compare import compare
from bench.comparing.terms import Terms
from bench.comparing.verdicts import Verdict
from bench.results import Outcome
from bench.stores.store import open_store
from lowering.artifact import Artifact, write_manifest
from lowering.cache import ROOT
from model.errors import ConfigError, DeviceUnavailableError, StageFailedError


def nothing(_):
    """Show no progress."""


@pytest.fixture
def sides(plan):
    """fp32 against 8da8w, eight rounds of two utterances."""
    schedule = replace(plan.schedule, repeats=8)
    return tuple(
        Side(replace(plan, schemes=(scheme,), schedule=schedule, tag=scheme))
        for scheme in ("fp32", "8da8w")
    )


class Slower:
    """A device that grows slower all the time, on which one scheme takes a tenth longer."""

    def __init__(self, device, scheme):
        self.device, self.scheme = device, scheme
        self.info, self.profile, self.claim = device.info, device.profile, device.claim

    def measure(self, job, schedule):
        repeat = self.device.measure(job, schedule)
        factor = 1.1 if job.pte.name == self.scheme else 1.0
        trials = tuple(replace(t, wall_ms=t.wall_ms * factor) for t in repeat.trials)
        return replace(repeat, trials=trials)


def test_who_goes_first_changes_from_round_to_round(sides, device, tmp_path):
    run_in_turns(*sides, device, tmp_path, nothing)
    assert device.asked[:8] == ["fp32", "8da8w"] * 2 + ["8da8w", "fp32"] * 2
    assert len(device.asked) == 2 * 2 * 8


def test_the_device_is_claimed_once_for_both_sides(sides, device, tmp_path):
    run_in_turns(*sides, device, tmp_path, nothing)
    assert device.claims == [0, len(device.asked)]


def test_both_runs_are_kept_as_one_session(sides, device, tmp_path):
    runs = run_in_turns(*sides, device, tmp_path, nothing)
    assert runs[0].header.session == runs[1].header.session != ""
    again = run_in_turns(*sides, device, tmp_path, nothing)
    assert again[0].header.session != runs[0].header.session
    kept = open_store(tmp_path).find(f"host/{runs[1].header.run}")
    assert kept.run.header.session == runs[1].header.session


def test_a_slower_scheme_is_found_through_the_device_s_drift(sides, device, tmp_path):
    slower = Slower(device, "8da8w")
    base, candidate = run_in_turns(*sides, slower, tmp_path, nothing)
    across = differing_parts(sides[0].plan, sides[1].plan)
    assert across == {"scheme"}
    found = compare(base, candidate, Terms(across=across, metrics=("rtf",)))
    assert found.interleaved
    assert found.verdict is Verdict.REGRESSED
    assert found.changes[0].effect == pytest.approx(0.10, abs=0.02)


def test_where_one_side_fails_the_other_is_not_measured_on(sides, device, tmp_path):
    device.broken = {"8da8w"}
    base, candidate = run_in_turns(*sides, device, tmp_path, nothing)
    assert {row.outcome for row in candidate.rows} == {Outcome.RUN}
    assert device.asked == ["fp32", "8da8w"] * 2
    found = compare(base, candidate, Terms(across=frozenset({"scheme"})))
    assert found.verdict is Verdict.REGRESSED or base.rows[0].outcome is Outcome.UNFINISHED


def test_a_side_that_was_not_measured_says_which_other_failed(sides, device, tmp_path):
    device.broken = {"fp32"}  # goes first
    base, candidate = run_in_turns(*sides, device, tmp_path, nothing)
    assert {row.outcome for row in candidate.rows} == {Outcome.UNFINISHED}
    assert [row.reason for row in candidate.rows] == [
        f"not measured, since {row.case} failed, which it was to be compared with"
        for row in base.rows
    ]


@pytest.mark.parametrize("error", [DeviceUnavailableError, KeyboardInterrupt])
def test_what_was_measured_in_turns_until_a_fault_is_kept_at_once(sides, device, tmp_path, error):
    def show(step):
        if step.stage == "measure" and step.done == 3:
            device.gone_after = 6
            if error is KeyboardInterrupt:
                raise error

    kept = []
    with pytest.raises(error):
        run_in_turns(*sides, device, tmp_path, show, kept=kept.append)
    assert len(kept) == 2
    store = open_store(tmp_path)
    assert list(store.names()) == [(f"host/{run.header.run}", True) for run in kept]
    assert all(store.find(run.header.run).run == run for run in kept)
    samples = [len(row.metrics["rtf"].samples) for run in kept for row in run.rows if row.metrics]
    lost = error is DeviceUnavailableError  # a row that says so has no numbers
    assert sum(samples) == (5 if lost else 6)


def test_a_fault_before_anything_is_measured_in_turns_leaves_no_run(sides, device, tmp_path):
    device.gone_after = 0
    kept = []
    with pytest.raises(DeviceUnavailableError):
        run_in_turns(*sides, device, tmp_path, nothing, kept=kept.append)
    assert kept == []


def test_a_run_that_was_measured_in_turns_is_not_resumed_as_another(sides, device, tmp_path):
    class Killed(BaseException):
        """What SIGKILL is to Python: nothing handles it."""

    def kill(step):
        raise Killed

    with pytest.raises(Killed):
        run_in_turns(*sides, device, tmp_path, kill)
    with pytest.raises(ConfigError, match="another session of `bench ab`"):
        pipeline.run(sides[1].plan, device, tmp_path, nothing, resume="")


def test_a_folder_with_a_pte_is_a_side(plan, tmp_path):
    folder = tmp_path / "compiled"
    folder.mkdir()
    (folder / "model.pte").write_bytes(b"lowered")
    manifest = make_manifest_of("8da4w", pte_sha256=hashlib.sha256(b"lowered").hexdigest())
    write_manifest(folder / "manifest.json", manifest)
    with open_side(str(folder), plan) as side:
        assert side.plan.schemes == ("8da4w",)
        assert side.artifacts == {("8da4w", "xnnpack"): Artifact(folder / "model.pte", manifest)}


def test_a_folder_with_another_pte_than_its_manifest_s_is_refused(plan, tmp_path):
    (tmp_path / "model.pte").write_bytes(b"of another scheme")
    write_manifest(tmp_path / "manifest.json", make_manifest_of("8da4w"))
    said = r"is not the \.pte of its manifest, 8da4w x xnnpack"
    with pytest.raises(StageFailedError, match=said), open_side(str(tmp_path), plan):
        pass


def make_manifest_of(scheme, **changes):
    from lowering.artifact import Manifest, MethodFacts
    from model.generate import Limits

    facts = MethodFacts(1, 30, {}, 1.0, 1000, 50, 100, 900, 1000, 0, 40.0, 1e-3)
    fields = {
        "model": "tiny", "trained": False, "model_sha256": "", "codec": "own", "codec_sha256": "",
        "scheme": scheme, "backend": "xnnpack", "versions": {}, "pte_sha256": "", "pte_bytes": 4096,
        "limits": Limits(2, 400, 100, 75, 20), "methods": {"smd": facts}, "left_out": (),
        "token_agreement": (0.5,) * 8, "lsd_db": 1.0, "mcd_db": 2.0, "stage_s": {"lower": 3.0},
        "stage_peak_rss_bytes": {"lower": 9}, **changes,
    }  # fmt: skip
    return Manifest(**fields)


def test_a_pte_of_another_model_is_refused(plan, tmp_path):
    artifact = Artifact(tmp_path / "model.pte", make_manifest_of("fp32", model="base"))
    with pytest.raises(ConfigError, match="give --model base"):
        side_of([artifact], plan)


@pytest.mark.parametrize("name", ["no-such-thing", "--help", "", "../../.."])
def test_what_is_nothing_of_ours_is_refused(name, plan):
    with pytest.raises(ConfigError, match="no scheme"), open_side(name, plan):
        pass


def test_a_commit_is_checked_out_elsewhere_and_removed_again():
    commit = commit_of("HEAD")
    if not commit:
        pytest.skip("not a checkout")
    with checkout(commit) as folder:
        assert (folder / "bench").is_dir()
        said = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True
        )
        assert said.stdout.strip() == commit
    assert not folder.exists()
    listed = subprocess.run(
        ["git", "worktree", "list"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert str(folder) not in listed.stdout


@pytest.fixture
def other_pins(tmp_path):
    """A checkout whose code asks for another torch, in an extra."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "cli.py").write_text("raise SystemExit(9)\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["numpy>=1"]\n'
        '[project.optional-dependencies]\nrun = ["torch==0.1", "pesq==0.0.1"]\n'
    )
    return tmp_path


def test_a_checkout_that_asks_for_other_packages_is_refused(other_pins, plan):
    with pytest.raises(ConfigError, match=r"asks for torch==0\.1 \(") as caught:
        open_side(str(other_pins), plan).__enter__()
    assert "bench compile -o FOLDER" in str(caught.value)
    assert "numpy" not in str(caught.value)  # fits, and pesq shapes no .pte
    assert "pesq" not in str(caught.value)


def test_a_commit_that_asks_for_other_packages_is_refused(other_pins, plan, monkeypatch):
    monkeypatch.setattr("bench.comparing.ab_sides.commit_of", lambda name: "c0ffee")
    monkeypatch.setattr(
        "bench.comparing.ab_sides.checkout", lambda commit: contextlib.nullcontext(other_pins)
    )
    with pytest.raises(ConfigError, match="'HEAD~9' asks for torch==0"):
        open_side("HEAD~9", plan).__enter__()


@pytest.mark.parametrize(
    "content",
    [
        "project = [1]",
        "[project]\ndependencies = 3",
        "[project]\ndependencies = [3]",
        '[project]\ndependencies = ["!!!"]',
        "[project]\noptional-dependencies = [1]",
        '[project.optional-dependencies]\nrun = "a b"',
    ],
)
def test_a_checkout_whose_packages_cannot_be_read_is_one_line(other_pins, plan, content):
    (other_pins / "pyproject.toml").write_text(content)
    with pytest.raises(ConfigError, match=r"^.*pyproject\.toml: its dependencies .*$") as caught:
        open_side(str(other_pins), plan).__enter__()
    assert "\n" not in str(caught.value)


def test_this_checkout_asks_for_what_is_installed():
    check_pins(ROOT, "here")


def test_a_checkout_is_told_what_to_lower_by_flags_alone(plan):
    flags = compile_flags(plan)
    assert flags[flags.index("--model") + 1] == "tiny"
    assert [flags[i + 1] for i, flag in enumerate(flags) if flag == "--scheme"] == ["fp32", "8da8w"]
