# SPDX-License-Identifier: MIT
"""P5: what a supervisor does while nothing happens and nobody looks."""

import time

from front import FRONT, wait_door
from kit import Table, field, number, proc

MODULES = 10
SETTLE_S = 12           # the first deadlines of connections pass (10 s)
WATCH_S = 10


def activity(pids):
    """Times it went to sleep, and ms on a processor, of all together."""
    sleeps = sum(field(p, "status", "voluntary_ctxt_switches") for p in pids)
    return sleeps, sum(int(proc(p, "schedstat").split()[0]) for p in pids)


def measure(kit):
    its = []
    try:
        for peer in [FRONT, *kit.peers]:
            it = kit.instance(peer, MODULES)
            its.append(it)
            it.start()
        for it in its:
            it.wait_notes(MODULES)
        wait_door(its[0])
        time.sleep(SETTLE_S)
        pids = {it: it.pids() for it in its}
        before = {it: activity(pids[it]) for it in its}
        time.sleep(WATCH_S)
        after = {it: activity(pids[it]) for it in its}
    finally:
        for it in its:
            it.stop()
    t = Table(f"P5: {WATCH_S} s idle with {MODULES} modules, nobody looking",
              ["", "wake-ups", "processor, ms", "processes"], "0 wake-ups")
    for it in its:
        woken = after[it][0] - before[it][0]
        ms = (after[it][1] - before[it][1]) / 1e6
        t.row(it.peer.name, woken, number(ms), len(pids[it]))
        kit.say(f"P5 {it.peer.name}: {woken} wake-ups, {ms:.2f} ms")
    t.remark("Voluntary context switches and processor time of all processes "
             f"of the supervisor, all of them side by side, {SETTLE_S} s after "
             "their start.")
    return [t]
