"""The command line's reference, from the commands themselves: `python -m bench.cli_docs`.

A test keeps `docs/cli.md` equal to what this prints.
"""

from collections.abc import Iterator

import click

from bench.cli import bench

WIDTH = 88


def pages(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    """Write the help of a command, and of its commands, as markdown sections."""
    context = click.Context(
        command,
        parent=parent,
        info_name=name,
        max_content_width=WIDTH,
        terminal_width=WIDTH,
        **command.context_settings,
    )
    yield f"## `{context.command_path}`\n\n```\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            yield from pages(command.commands[child], child, context)


def reference() -> str:
    """Write the whole reference."""
    intro = "# Command line\n\nMade by `python -m bench.cli_docs > docs/cli.md`.\n"
    return "\n".join([intro, *pages(bench, "bench", None)])


if __name__ == "__main__":
    print(reference(), end="")
