# SPDX-License-Identifier: MIT
"""P3: a module is killed with SIGKILL; when does its successor run?"""

import os
import signal
import time

from kit import Table, number, percentile, ratio, spread

UP_S = 1.3      # runit and s6 treat one that dies sooner as a failed start


def kill_all(its, peer):
    """Kills modules, each once, one by one; times to their successors, ms."""
    victims, killed = [], {}
    for it in its:
        _, notes = it.wait_notes(it.n)
        victims += [(it, pid, name) for _, pid, name in notes]
    time.sleep(UP_S)
    for it, pid, name in victims[:peer.kills]:
        killed[it, name] = pid, time.monotonic_ns()
        os.kill(pid, signal.SIGKILL)
        time.sleep(peer.kill_pause_s)
    took = []
    for it in its:
        _, notes = it.wait_notes(it.n + min(it.n, peer.kills))
        took += [(ns - killed[it, name][1]) / 1e6 for ns, pid, name in notes
                 if (it, name) in killed and pid != killed[it, name][0]]
    return took


def many_with_one(kit, peer):
    its = []
    try:
        for _ in range(peer.side_by_side):
            it = kit.instance(peer, 1)
            its.append(it)
            it.start()
        return kill_all(its, peer)
    finally:
        for it in its:
            it.stop()


def one_with_many(kit, peer):
    with kit.running(peer, 100) as it:
        return kill_all([it], peer)


def measure(kit):
    tables = []
    for title, fn in (("a supervisor of one module", many_with_one),
                      ("a supervisor of 100 modules", one_with_many)):
        got = {}
        for peer in kit.peers:
            got[peer.name] = fn(kit, peer)
            kit.say(f"P3 {title}: {peer.name} {spread(got[peer.name])} ms")
        t = Table(f"P3: kill -9 to the new process running, {title}, ms",
                  ["", "median (min-max)", "ratio", "p99", "kills"],
                  "median 5 ms, p99 20 ms at 100 modules")
        for peer in kit.peers:
            ms = got[peer.name]
            t.row(peer.name, spread(ms), ratio(ms, got.get("pc")),
                  number(percentile(ms, 99)), len(ms))
        t.remark(f"Each is killed once, when all were up for {UP_S} s: a "
                 "first restart. s6 and supervisord wait a second before "
                 "any.")
        tables.append(t)
    return tables
