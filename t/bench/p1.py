# SPDX-License-Identifier: MIT
"""P1: exec of the supervisor to the first answer that it is well."""

import subprocess
import time

from front import FRONT, NO_REFERENCE, healthy, reference, wait_door
from kit import Failed, Table, eventually, ratio, spread

RUNS = 20
HOMES = 4       # first boots: a key is made


def commands(it):
    """What asks a peer whether it is there: its status command ends with 0."""
    argv = {"runit": ["sv", "status", f"{it.dir}/scan/m0"],
            "s6": ["s6-svstat", f"{it.dir}/scan/m0"],
            "supervisord": ["supervisorctl", "-c", f"{it.dir}/conf",
                            "status", "m0"]}[it.peer.name]
    return lambda: subprocess.run(
        argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        check=False).returncode == 0


def over_sock(it):
    return lambda: healthy(f"{it.dir}/home/hub.sock")


def over_tcp(it):
    return lambda: healthy(it.port)


def boot(it, ask):
    """ms until it answers; asked once in 200 us at most."""
    begin = time.monotonic_ns()
    it.start()
    eventually(f"{it.peer.name} to answer", ask, step_s=0.0002)
    return (time.monotonic_ns() - begin) / 1e6


def fresh(kit, peer, answers, runs):
    """Each time in a directory of its own."""
    times = []
    for _ in range(runs):
        it = kit.instance(peer, 1)
        try:
            times.append(boot(it, answers(it)))
        finally:
            it.stop()
    return times


def again(kit, peer, ways):
    """{row: times}: homes new to it, then as it left them."""
    got = {f"{peer.name}, first boot": []}
    for _ in range(HOMES):
        it = kit.instance(peer, 1)
        try:
            got[f"{peer.name}, first boot"].append(boot(it, over_tcp(it)))
            wait_door(it)
            for _ in range(RUNS // HOMES):
                for how, ask in ways.items():
                    it.halt()
                    got.setdefault(f"{peer.name}, {how}", []).append(
                        boot(it, ask(it)))
        finally:
            it.stop()
    return got


def measure(kit):
    tcp = f"{FRONT.name}, TCP"
    got = again(kit, FRONT, {"TCP": over_tcp, "hub.sock": over_sock})
    ref = reference()
    if ref:
        got |= again(kit, ref, {"TCP": over_tcp})
    for peer in kit.peers:
        if peer.name == "pc":
            got["pc without, hub.sock"] = fresh(kit, peer, over_sock, RUNS)
        else:
            got[peer.name] = fresh(kit, peer, commands, peer.turns)
    if not any(p.name == "pc" for p in kit.peers):
        raise Failed("pc is not here")
    t = Table("P1: exec of the supervisor to its first answer, one module, ms",
              ["", "median (min-max)", "ratio", "runs"],
              "10 ms over TCP, a fifteenth of the reference")
    for name in sorted(got, key=lambda name: name != tcp):
        t.row(name, spread(got[name]), ratio(got[name], got[tcp]),
              len(got[name]))
        kit.say(f"P1 {name}: {spread(got[name])} ms")
    t.remark("TCP and hub.sock: GET /health says 200, on a home that has its "
             "key; at a first boot that is made, too. The others: their "
             "status command ends with 0, its own start included.")
    if not ref:
        t.remark(NO_REFERENCE)
    return [t]
