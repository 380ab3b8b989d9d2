# SPDX-License-Identifier: MIT
"""P1: exec of the supervisor to the first answer that it is well."""

import contextlib
import socket
import subprocess
import time

from kit import Failed, Table, eventually, ratio, spread

RUNS = 20
REFERENCE = "109-189"       # goals: measured elsewhere, over its TCP port


def healthy(path):
    """Whether GET /health on a socket answers 200."""
    with socket.socket(socket.AF_UNIX) as s, contextlib.suppress(OSError):
        s.settimeout(5)
        s.connect(path)
        s.sendall(b"GET /health HTTP/1.1\r\nHost: hub\r\n"
                  b"Connection: close\r\n\r\n")
        return s.recv(64).startswith(b"HTTP/1.1 200")
    return False


def answers(it):
    """What asks a peer whether it is there; once in 200 us at most."""
    if it.peer.name == "pc":
        path = f"{it.dir}/home/hub.sock"
        return lambda: healthy(path)
    argv = {"runit": ["sv", "status", f"{it.dir}/scan/m0"],
            "s6": ["s6-svstat", f"{it.dir}/scan/m0"],
            "supervisord": ["supervisorctl", "-c", f"{it.dir}/conf",
                            "status", "m0"]}[it.peer.name]
    return lambda: subprocess.run(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=False).returncode == 0


def one(kit, peer, modules):
    it = kit.instance(peer, modules)
    try:
        ask = answers(it)
        begin = time.monotonic_ns()
        it.start()
        eventually(f"{peer.name} to answer", ask, step_s=0.0002)
        return (time.monotonic_ns() - begin) / 1e6
    finally:
        it.stop()


def measure(kit):
    got = {}
    for peer in kit.peers:
        for _ in range(RUNS if peer.name == "pc" else peer.turns):
            got.setdefault(peer.name, []).append(one(kit, peer, 1))
        kit.say(f"P1 {peer.name}: {spread(got[peer.name])} ms")
    if "pc" not in got:
        raise Failed("pc is not here")
    t = Table("P1: exec of the supervisor to its first answer, one module, ms",
              ["", "median (min-max)", "ratio", "runs"],
              "10 ms, a fifteenth of the reference")
    for peer in kit.peers:
        ms = got[peer.name]
        t.row(peer.name, spread(ms), ratio(ms, got["pc"]), len(ms))
    t.remark("pc: GET /health on hub.sock says 200. The others: their status "
             "command ends with 0, its own start included. The reference hub "
             f"takes {REFERENCE} ms to the same answer on its TCP port, a "
             "figure of another day that is quoted, not measured here.")
    return [t]
