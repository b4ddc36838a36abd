"""A PostgreSQL server of our own, as an unprivileged user, on a socket in a temporary folder."""

import contextlib
import getpass
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

NUMBERS = itertools.count()
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))


@contextlib.contextmanager
def server():
    """Start a server; yields the URL of its database."""
    if not PROGRAMS:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    user = "nobody" if os.geteuid() == 0 else getpass.getuser()  # it refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)

    def command(program, *arguments):
        words = [str(PROGRAMS[-1].with_name(program)), *arguments]
        extra = {"user": user} if os.geteuid() == 0 else {}
        subprocess.run(words, check=True, capture_output=True, cwd=folder, **extra)

    data = str(folder / "data")
    settings = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    try:
        command(
            "initdb", "-D", data, "-U", "bench", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"
        )
        command("pg_ctl", "-D", data, "-w", "-o", settings, "-l", str(folder / "log"), "start")
        yield f"postgresql://bench@/postgres?host={folder}"
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            command("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder)


def query(url, statement):
    """Run one statement, and return its rows."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        result = connection.execute(statement)
        return result.fetchall() if result.description else []


def empty_database(url):
    """Make a database of its own on a server; returns its URL."""
    name = f"bench_{next(NUMBERS)}"
    query(url, f"CREATE DATABASE {name}")
    return url.replace("/postgres?", f"/{name}?")


def end_connections(url):
    """Do to all connections what a restart of the server does."""
    query(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
    )
