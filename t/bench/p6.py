# SPDX-License-Identifier: MIT
"""P6: the commands that show things, their own start included."""

import time

from kit import TINY, Table, number, percentile, ratio, spread

SETTLE_S = 1.5          # until supervisord calls its modules running


def measure(kit):
    t = Table("P6: wall time of a command, 100 modules running, ms",
              ["", "median (min-max)", "ratio", "p99", "runs"],
              "pc-status and pc-logs: median 1 ms")
    base = None
    for peer in kit.peers:
        with kit.running(peer, 100, first=[TINY, "lines", "1000"]) as it:
            time.sleep(SETTLE_S)
            for label, command in peer.status:
                argv = command(it.dir, "m0")
                kit.clock(2, argv)      # the first finds the caches cold
                ms = kit.clock(peer.status_runs, argv)
                base = base or ms
                t.row(label, spread(ms), ratio(ms, base),
                      number(percentile(ms, 99)), len(ms))
                kit.say(f"P6 {label}: {spread(ms)} ms")
    t.remark("Ratios are to the first row. pc-logs prints the default of 200 "
             "lines from a full ring; --version is the floor, a program that "
             "starts and says one line.")
    return [t]
