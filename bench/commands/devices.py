"""The commands about devices: what is attached, whether it is fit for a run, cleaning up."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bench.commands.output import STANDARD_OUTPUT, OutputFile, print_safely

if TYPE_CHECKING:
    from devices.doctor import Finding
    from model.toml_files import Table


def tell(sentence: str) -> None:
    """Say something that a person has to do about a device."""
    click.echo(sentence, err=True)


def own_devices(ctx: click.Context) -> "Mapping[str, Table]":
    """Read the lab's own devices from `bench.toml`."""
    from bench.config import load_config

    return load_config(ctx.obj["config"]).devices


@click.command()
@click.option("--profiles", is_flag=True, help="List every profile, attached or not.")
@click.option(
    "--clean", is_flag=True, help="Remove our files from every device; 4 if one keeps them."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def devices(ctx: click.Context, profiles: bool, clean: bool, as_json: bool) -> None:
    """List this machine, the phones that are attached and the lab's boards, with their state."""
    from bench.commands.device_list import attached_devices, cleaned_devices, known_profiles

    own = own_devices(ctx)
    found: list[dict[str, Any]]
    if profiles:
        found = known_profiles(own)
    elif clean:
        found = cleaned_devices(own, tell)
    else:
        found = attached_devices(own, tell)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        for entry in found:
            click.echo(sentence_of(entry))
        if clean and not found:
            click.echo("no phone and no board is there")
    if clean and any(entry["problem"] for entry in found):
        ctx.exit(4)


# How the facts of a device read; what is not in here is its name, or for programs only.
WORDING = {
    "title": "{}",
    "model": "{}",
    "os": "{}",
    "address": "at {}",
    "emulated": "emulated",
    "battery_percent": "battery {} %",
    "battery_c": "{} °C",
    "battery_source": "temperature from {}",
    "thermal_status": "thermal status {}",
    "updates_stopped": "battery service frozen",
    "memory_bytes": "{:.1f} GB memory",
    "free_bytes": "{:.1f} GB free",
    "used_bytes": "{:.2f} GB ours",
    "cleaned": "cleaned",
    "freed_bytes": "{:.2f} GB freed",
    "problem": "{}",
}


def sentence_of(entry: Mapping[str, Any]) -> str:
    """Write one device on one line."""
    facts = []
    for key, words in WORDING.items():
        value = entry.get(key)
        if value is None or value is False or value == "":  # 0 is an answer
            continue
        facts.append(words.format(value / 1e9 if key.endswith("_bytes") else value))
    return f"{entry['name']}: {', '.join(facts)}"


@click.command()
@click.option("--device", required=True, help="A profile's name.")
@click.option("--verify", is_flag=True, help="Also try on the device what a measurement assumes.")
@click.option(
    "-o", "--output", type=OutputFile(), metavar="FILE",
    help="With --verify: write JSON without personal data, to attach to a report; - for stdout.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def doctor(
    ctx: click.Context, device: str, verify: bool, output: Path | None, as_json: bool
) -> None:
    """Check all that a run on a device needs, and say what to do about what is missing."""
    from dataclasses import asdict

    from bench.commands.device_list import examine_device, verify_device

    own = own_devices(ctx)
    if output and not verify:
        raise click.UsageError("-o takes what --verify finds: give both")
    if output == STANDARD_OUTPUT:
        output, as_json = None, True
    if verify:
        findings, shown = verify_device(device, own, tell, output)
        print_safely((json.dumps(shown, indent=1) if as_json else shown_table(findings)) + "\n")
    else:
        findings = []
        for finding in examine_device(device, own, tell):
            findings.append(finding)
            if not as_json:
                remedy = f"; {finding.remedy}" if finding.remedy else ""
                click.echo(f"{finding.state:<8} {finding.check}: {finding.detail}{remedy}")
        if as_json:
            click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    if any(finding.state == "problem" for finding in findings):
        ctx.exit(4)


def shown_table(findings: "Sequence[Finding]") -> str:
    """Write what was found as a table."""
    from bench.commands.device_report import table

    return table(findings)
