# SPDX-License-Identifier: MIT
"""P4: memory of the supervisor, without its modules."""

import time

from kit import TINY, Table, number

SETTLE_S = 1.5
FILL = [TINY, "lines", "5000"]          # more than a ring holds


def kib(kit, peer, n, **kw):
    with kit.running(peer, n, **kw) as it:
        if kw:
            it.wait_notes(2 * n)        # all has been written
        time.sleep(SETTLE_S)
        return it.pss_kib(), len(it.pids())


def measure(kit):
    t = Table("P4: memory of the supervisor (PSS), KiB",
              ["", "no module", "100 modules", "ratio", "processes",
               "100 with output", "ratio"],
              "keeper alone 512; keeper and front 3,072 with no module, "
              "10,240 with 100 modules and full rings")
    base = None
    for peer in kit.peers:
        idle, _ = kib(kit, peer, 0)
        quiet, processes = kib(kit, peer, 100)
        loud = kib(kit, peer, 100, argv=FILL)[0] if peer.keeps_output else 0
        base = base or (quiet, loud)
        t.row(peer.name, number(idle), number(quiet),
              f"x {number(quiet / base[0])}", processes,
              number(loud) if loud else "-",
              f"x {number(loud / base[1])}" if loud else "-")
        kit.say(f"P4 {peer.name}: {idle}, {quiet}, {loud} KiB")
    t.remark("One run. pc without a front door; with output, every module "
             "wrote 5,000 lines, which fills its ring. runit and s6 run "
             "without loggers here, and keep no output themselves; "
             "supervisord writes it to files.")
    return [t]
