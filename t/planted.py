#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""planted.py - where do secrets turn up?

	planted.py watch NEEDLES HOME   until it is told to end: in the command
				line of any process, or in a file of HOME that
				others may read? "watching", then one line a
				find
	planted.py find NEEDLES PATH... in these files, and those below them?
	planted.py modes TRACE          were the secret files made for us alone?
				TRACE is what strace -f wrote

NEEDLES is a directory; each line of each file in it is a secret. What was
found is named by its file and line there, never printed.
"""

import os
import re
import signal
import sys
import time

SECRET = re.compile(r"(hub\.db|operator\.token)")


class Needles:
    """Read again when a file comes."""

    def __init__(self, place):
        self.place, self.files, self.all = place, {}, []

    def get(self):
        for name in os.listdir(self.place):
            if name in self.files:
                continue
            with open(os.path.join(self.place, name), "rb") as f:
                lines = f.read().splitlines()
            short = [n for n in lines if 0 < len(n) < 8]
            if short:
                sys.exit("planted.py: %s: too short to look for" % name)
            self.files[name] = True
            self.all += [(n, "%s:%d" % (name, i + 1))
                         for i, n in enumerate(lines)
                         if n and not n.startswith(b"-----")]
        return self.all

    def within(self, data):
        return [where for needle, where in self.get() if needle in data]


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return b""


def loose(home, seen):
    for top, _, names in os.walk(home):
        for name in names:
            path = os.path.join(top, name)
            if not SECRET.match(name):
                continue
            try:
                mode = os.lstat(path).st_mode
            except OSError:
                continue
            if mode & 0o077 and (path, mode) not in seen:
                seen.add((path, mode))
                print("%s was %04o" % (path, mode & 0o7777), flush=True)


def watch(place, home):
    needles, seen, over = Needles(place), set(), []
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    print("watching", flush=True)
    rounds = 0
    while not over:
        for pid in filter(str.isdigit, os.listdir("/proc")):
            line = read("/proc/%s/cmdline" % pid)
            for where in needles.within(line) if line else ():
                if (line, where) not in seen:
                    seen.add((line, where))
                    print("%s is an argument of %s" % (
                        where, line.split(b"\0")[0].decode()), flush=True)
        loose(home, seen)
        rounds += 1
        time.sleep(0.001)
    print("looked %d times" % rounds, flush=True)


def find(place, paths):
    needles, found, files = Needles(place), 0, 0
    for path in paths:
        for top, _, names in os.walk(path) if os.path.isdir(path) else (
                (os.path.dirname(path), (), (os.path.basename(path),)),):
            for name in names:
                full = os.path.join(top, name)
                if not os.path.isfile(full):
                    continue
                files += 1
                for where in needles.within(read(full)):
                    found += 1
                    print("%s is in %s" % (where, full))
    print("%d files" % files)
    sys.exit(1 if found or not files else 0)


OPEN = re.compile(r'^(\d+) +(?:openat\([^,]+, |open\(|creat\()"([^"]*)", ?'
                  r'([A-Z_|0-9a-z]*)(?:, (0[0-7]*))?\) += (\d+)')
UMASK = re.compile(r"^(\d+) +umask\((0?[0-7]*)\)")
FORK = re.compile(r"^(\d+) +(?:clone3?|v?fork)\(.*\) += (\d+)")
GONE = re.compile(r'^\d+ +(?:unlink|rename)\w*\((?:[^,"]+, )?"([^"]*)"'
                  r'(?:, (?:[^,"]+, )?"([^"]*)")?.* = 0')


def modes(trace, before):
    """A file is secret from its creation on: a later chmod is too late."""
    masks, there, made, wrong = {}, set(before), 0, 0
    for line in open(trace, errors="replace"):
        m = UMASK.match(line)
        if m:
            masks[m.group(1)] = int(m.group(2), 8)
        m = FORK.match(line)
        if m:
            masks[m.group(2)] = masks.get(m.group(1), 0)
        m = GONE.match(line)
        if m:
            there.discard(os.path.basename(m.group(1)))
            if m.group(2):
                there.add(os.path.basename(m.group(2)))
        m = OPEN.match(line)
        if not m or not SECRET.match(os.path.basename(m.group(2))):
            continue
        name = os.path.basename(m.group(2))
        if "O_CREAT" in m.group(3) and name not in there:
            mode = int(m.group(4), 8) & ~masks.get(m.group(1), 0)
            made += 1
            if mode & 0o077:
                wrong += 1
                print("%s was made %04o: %s" % (name, mode, line.strip()))
        there.add(name)
    print("%d made" % made)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    {"watch": lambda a: watch(*a), "find": lambda a: find(a[0], a[1:]),
     "modes": lambda a: modes(a[0], a[1:])}[sys.argv[1]](sys.argv[2:])
