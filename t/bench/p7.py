# SPDX-License-Identifier: MIT
"""P7: output of modules: how much is taken in, and at what cost to others."""

import contextlib
import os
import shutil
import socket
import statistics
import struct
import subprocess
import time

from kit import TINY, Table, eventually, field, number, percentile, ratio, \
    spread

LINES = 8_000_000       # a second or two
FILE_LINES = 600_000    # 37 MB
FLOOD = "2000000000"    # more than is written while we look
RUNS = 3
REQUESTS = 2000
LONG = 64 << 20


def rate(notes, lines):
    """Lines a second between the two notes of a module."""
    return lines * 1e9 / (notes[1][0] - notes[0][0])


def into(kit, peer, lines):
    with kit.running(peer, 1, argv=[TINY, "lines", str(lines)]) as it:
        return rate(it.wait_notes(2)[1], lines)


def into_ring(kit, peer, lines):
    """The same where there is no log writer: it would set the pace."""
    alone = os.path.join(kit.dir, "alone")
    os.makedirs(alone, exist_ok=True)
    shutil.copy(shutil.which("pc-serve"), alone)
    path = os.environ["PATH"]
    os.environ["PATH"] = f"{alone}:{path}"
    try:
        return into(kit, peer, lines)
    finally:
        os.environ["PATH"] = path


def into_file(kit, peer, lines):
    """To the last byte in pc's log files, heads of 40 bytes included."""
    want = lines * (40 + 22)
    with kit.running(peer, 1, argv=[TINY, "lines", str(lines)]) as it:
        place = f"{it.dir}/home/m0/logs"

        def written():
            with contextlib.suppress(OSError):
                return sum(e.stat().st_size for e in os.scandir(place)
                           if not e.name.endswith(".idx")) >= want
            return False

        begin = it.wait_notes(1)[1][0][0]
        eventually("pc-logd to write", written, step_s=0.001)
        return lines * 1e9 / (time.monotonic_ns() - begin)


def into_pipe(kit, argv, lines):
    """The same into a program that reads it from a pipe."""
    path = os.path.join(kit.dir, "pipe.notes")
    writer = subprocess.Popen(
        [TINY, "lines", str(lines)], stdout=subprocess.PIPE,
        env={**os.environ, "BENCH_NOTES": path})
    reader = subprocess.Popen(argv, stdin=writer.stdout,
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        eventually(f"{argv[0]} to read", lambda: os.path.exists(path) and
                   os.stat(path).st_size >= 96)
        with open(path, encoding="ascii") as f:
            notes = [[int(line.split()[0])] for line in f]
        return rate(notes, lines)
    finally:
        for p in (writer, reader):
            p.kill()
            p.wait()
        writer.stdout.close()
        with contextlib.suppress(OSError):
            os.unlink(path)


def logger(kit, name):
    place = os.path.join(kit.dir, name)
    shutil.rmtree(place, ignore_errors=True)
    os.mkdir(place)
    return {"svlogd": ["svlogd", place],
            "s6-log": ["s6-log", "n4", "s10000000", place]}[name]


def frames(kit, lines):
    """A file of what the keeper hands to pc-logd (lib/hub/logpipe.h)."""
    path = os.path.join(kit.dir, f"frames.{lines}")
    if not os.path.exists(path):
        text = b"a line of 22 bytes ..."
        head = struct.Struct("<IIBBBB4xQQQQ")
        at = time.time_ns()
        with open(path, "wb") as f:
            for seq in range(1, lines + 1):
                f.write(head.pack(0x50434c31, len(text), 5, 1, 0, 0, 1, seq,
                                  0, at + seq // 1000) + b"vault" + text)
    return path


def into_logd(kit, lines):
    """Lines a second of pc-logd alone, from a pipe, until all are written."""
    home = os.path.join(kit.dir, "logd-home")
    shutil.rmtree(home, ignore_errors=True)
    os.mkdir(home)
    path = frames(kit, lines)
    cat = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
    begin = time.monotonic()
    subprocess.run(["pc-logd", "--home", home], stdin=cat.stdout,
                   stdout=subprocess.DEVNULL, check=True)
    took = time.monotonic() - begin
    cat.stdout.close()
    cat.wait()
    return lines / took


def intake(kit):
    cases = [("pc, ring in memory", LINES,
              lambda n: into_ring(kit, kit.peers[0], n)),
             ("pc, ring and file", LINES,
              lambda n: into(kit, kit.peers[0], n)),
             ("pc-logd alone, to a file", LINES // 4,
              lambda n: into_logd(kit, n)),
             ("limit: cat >/dev/null", LINES,
              lambda n: into_pipe(kit, ["cat"], n))]
    # No more than its files keep; what is rotated away cannot be counted.
    cases.append(("pc, to its files", FILE_LINES,
                  lambda n: into_file(kit, kit.peers[0], n)))
    for peer in kit.peers:
        if peer.name == "supervisord":
            cases.append(("supervisord, to a file", LINES // 4,
                          lambda n, p=peer: into(kit, p, n)))
    for name in ("svlogd", "s6-log"):
        if shutil.which(name):
            cases.append((f"{name}, to a file", LINES // 4, lambda n, c=name:
                          into_pipe(kit, logger(kit, c), n)))
    got = {}
    for _ in range(RUNS):
        for label, lines, fn in cases:
            got.setdefault(label, []).append(fn(lines) / 1e6)
    t = Table("P7: short lines taken in, millions a second",
              ["", "median (min-max)", "ratio"],
              "4 million to the ring, 1 million to a file")
    for label, values in got.items():
        t.row(label, spread(values), ratio(values, got[cases[0][0]]))
        kit.say(f"P7 {label}: {spread(values)} M lines/s")
    t.remark("One module writes lines of 22 bytes, 64 KiB a write, as fast as "
             "they are taken; pc's own standard output is /dev/null. cat and "
             "supervisord pass bytes on without looking for lines. pc-logd "
             "alone is given records through a pipe by cat, and timed until "
             "it has written the last.")
    return t


def health(it):
    """Times of GET /health on one connection to hub.sock, ms."""
    took = []
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(f"{it.dir}/home/hub.sock")
        for _ in range(REQUESTS):
            begin = time.monotonic_ns()
            s.sendall(b"GET /health HTTP/1.1\r\nHost: hub\r\n\r\n")
            answer = s.recv(65536)
            took.append((time.monotonic_ns() - begin) / 1e6)
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(0.0005)
    return took


def latency(kit):
    t = Table("P7: GET /health on hub.sock while a module floods, ms",
              ["", "p50", "p99", "max"], "p99 moves by less than 2 ms")
    p99 = []
    for label, argv in (("idle", [TINY, "lines", "1"]),
                        ("one module floods", [TINY, "lines", FLOOD])):
        with kit.running(kit.peers[0], 1, argv=argv) as it:
            eventually("hub.sock",
                       lambda: os.path.exists(f"{it.dir}/home/hub.sock"))
            time.sleep(1)
            ms = health(it)
        p99.append(percentile(ms, 99))
        t.row(label, number(statistics.median(ms)), number(p99[-1]),
              number(max(ms)))
        kit.say(f"P7 /health, {label}: p50 {statistics.median(ms):.3f} "
                f"p99 {p99[-1]:.3f} ms")
    t.remark(f"{REQUESTS} requests each, one after the other on one "
             "connection; the flood keeps one core busy writing and one "
             f"reading. p99 moved by {p99[1] - p99[0]:.2f} ms.")
    return t


def long_line(kit):
    t = Table("P7: peak memory while a module writes 64 MiB without a "
              "newline, KiB", ["", "before", "peak", "more"],
              "a bounded buffer")
    for peer in kit.peers:
        if not peer.keeps_output:
            continue
        with kit.running(peer, 1) as it:
            time.sleep(1)
            before = field(it.root, "status", "VmHWM")
        with kit.running(peer, 1, argv=[TINY, "bytes", str(LONG)]) as it:
            it.wait_notes(2)
            peak = field(it.root, "status", "VmHWM")
        t.row(peer.name, number(before), number(peak), number(peak - before))
    t.remark("VmHWM of the supervisor with one module.")
    return t


def measure(kit):
    return [intake(kit), latency(kit), long_line(kit)]
