# SPDX-License-Identifier: MIT
"""The supervisors, one table: PEERS, at the end.

A layout gets a directory and (name, port, argv) for each module. The start
command stays in the foreground. A module notes its own pid, so nobody is asked
for it, and any instance is ended by SIGKILL from the top down.
"""

import dataclasses
import json
import os
import shlex
import shutil
import typing

from kit import TINY


def put(path, text, mode=0o644):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


# --- pc

def pc_layout(top, mods):
    rows = []
    for name, port, argv in mods:
        place = f"{top}/mod/{name}"
        os.makedirs(f"{place}/.parachute")
        facts = {"name": name, "port": port, "paths": [f"/{name}"],
                 "health": "/health"}
        put(f"{place}/.parachute/module.json",
            json.dumps({**facts, "manifestName": name, "startCmd": argv}))
        rows.append({**facts, "version": "1.0.0", "installDir": place})
    os.mkdir(f"{top}/home", 0o700)
    put(f"{top}/home/services.json", json.dumps({"services": rows}))


# --- runit and s6: a directory a service, with an executable "run"

def scan_layout(top, mods):
    os.mkdir(f"{top}/scan")
    for name, _, argv in mods:
        place = f"{top}/scan/{name}"
        os.mkdir(place)
        # The module itself, where it needs no arguments: no shell to wait for.
        if argv == [TINY]:
            os.symlink(TINY, f"{place}/run")
        else:
            put(f"{place}/run", f"#!/bin/sh\nexec {shlex.join(argv)}\n", 0o755)


# --- supervisord

SUPERVISORD = """[supervisord]
nodaemon=true
logfile={top}/supervisord.log
pidfile={top}/supervisord.pid
childlogdir={top}
user={uid}
[unix_http_server]
file={top}/sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{top}/sock
"""


def supervisord_layout(top, mods):
    text = [SUPERVISORD.format(top=top, uid=os.getuid())]
    for name, _, argv in mods:
        os.makedirs(f"{top}/mod/{name}")
        text.append(f"[program:{name}]\ncommand={shlex.join(argv)}\n"
                    f"directory={top}/mod/{name}\nautorestart=true\n")
    put(f"{top}/conf", "".join(text))


# --- the table

@dataclasses.dataclass
class Peer:
    name: str
    layout: typing.Callable         # (top, [(name, port, argv)])
    start: typing.Callable          # (top) -> argv, in the foreground
    status: list                    # [(label, (top, name) -> argv)]
    programs: list                  # its parts, for their sizes
    package: str = ""               # Debian's name, for the version
    most: int = 1000                # modules it is asked to keep
    turns: int = 5                  # at most, where each starts afresh
    side_by_side: int = 20          # instances at once
    status_runs: int = 50
    kills: int = 100                # of 100 modules
    kill_pause_s: float = 0.03      # between two kills
    quiet: bool = False             # its stdout goes to /dev/null
    keeps_output: bool = False      # of its modules, without a helper
    door: bool = False              # is given a TCP port, PORT

    def present(self):
        return all(shutil.which(p) for p in self.programs)


PEERS = [
    Peer(
        name="pc", layout=pc_layout, quiet=True, keeps_output=True,
        start=lambda top: ["pc-serve", "--home", f"{top}/home", "--no-front"],
        status=[
            ("pc-status, 100 modules", lambda top, name:
                ["pc-status", "--home", f"{top}/home"]),
            ("pc-status, one module", lambda top, name:
                ["pc-status", "--home", f"{top}/home", name]),
            ("pc-logs, one module", lambda top, name:
                ["pc-logs", "--home", f"{top}/home", name]),
            ("pc-status --version", lambda top, name:
                ["pc-status", "--version"]),
        ],
        programs=["pc", "pc-serve", "pc-status", "pc-start", "pc-stop",
                  "pc-restart", "pc-logs", "pc-logd", "pc-front", "pc-auth"]),
    Peer(
        name="runit", package="runit", layout=scan_layout, turns=3,
        start=lambda top: ["runsvdir", f"{top}/scan"],
        status=[
            ("sv status, 100 modules", lambda top, name:
                ["sv", "status", *sorted(
                    e.path for e in os.scandir(f"{top}/scan"))]),
            ("sv status, one module", lambda top, name:
                ["sv", "status", f"{top}/scan/{name}"]),
        ],
        programs=["runsvdir", "runsv", "sv", "svlogd"]),
    Peer(
        name="s6", package="s6", layout=scan_layout,
        start=lambda top: ["s6-svscan", "-c", "1100", f"{top}/scan"],
        status=[
            ("s6-svstat, one module", lambda top, name:
                ["s6-svstat", f"{top}/scan/{name}"]),
        ],
        programs=["s6-svscan", "s6-supervise", "s6-svstat", "s6-svc",
                  "s6-log"]),
    Peer(
        name="supervisord", package="supervisor",
        layout=supervisord_layout, keeps_output=True, most=100, turns=3,
        side_by_side=5, status_runs=10,
        # The next death would wake it before its own tick.
        kills=10, kill_pause_s=1.2,
        start=lambda top: ["supervisord", "-c", f"{top}/conf"],
        status=[
            ("supervisorctl status, 100 modules", lambda top, name:
                ["supervisorctl", "-c", f"{top}/conf", "status"]),
            ("supervisorctl status, one module", lambda top, name:
                ["supervisorctl", "-c", f"{top}/conf", "status", name]),
        ],
        programs=["supervisord", "supervisorctl"]),
]
