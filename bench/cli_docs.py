"""The command line's reference, from the commands themselves: `python -m bench.cli_docs`.

A test keeps `docs/cli.md` equal to what this prints.
"""

from collections.abc import Iterator

import click

from bench.cli import bench

WIDTH = 88


def pages(command: click.Command, path: str) -> Iterator[str]:
    """Write the help of a command, and of its commands, as markdown sections."""
    context = click.Context(command, info_name=path, max_content_width=WIDTH, terminal_width=WIDTH)
    yield f"## `{path}`\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from pages(command.commands[name], f"{path} {name}")


def reference() -> str:
    """Write the whole reference."""
    intro = "# Command line\n\nMade by `python -m bench.cli_docs > docs/cli.md`.\n"
    return "\n".join([intro, *pages(bench, "bench")])


if __name__ == "__main__":
    print(reference(), end="")
