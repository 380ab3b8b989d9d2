#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2034,SC2154
# pc-status --watch: what a terminal shows, and that it is left as it was.
. "${0%/*}/lib.sh"
command -v python3 >/dev/null || skip_all 'no python3'

serv_module good
serv_module idle
ok 'hub comes up'                 hub_start
eventually mod_has good '.listening == "yes"'

# A terminal, in little: the program runs on a pty, its screen is a file.
# Commands come on stdin, each is answered by a line.
cat >screen.py <<'END'
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

rows, cols = 24, 100
master, slave = pty.openpty()
def resize():
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
resize()
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in 0, 1, 2:
        os.dup2(slave, fd)
    os.execvp(sys.argv[1], sys.argv[1:])
raw, screen, at, alt, seen = b"", {}, [0, 0], False, False
total = 0

def feed(data):
    global raw, alt, seen
    raw += data
    while raw:
        m = re.match(rb"\x1b\[([?0-9;]*)([A-Za-z])", raw)
        if m:
            raw = raw[m.end():]
            arg, verb = m.group(1).decode(), m.group(2).decode()
            if verb == "H":
                p = [int(x) for x in arg.split(";") if x] or [1, 1]
                at[:] = [p[0] - 1, p[1] - 1]
            elif verb == "J":
                screen.clear()
            elif verb == "K":
                line = screen.get(at[0], "")
                screen[at[0]] = line[:at[1]]
            elif arg == "?1049":
                alt = verb == "h"
                screen.clear()
                seen = seen or alt
            continue
        if raw[:1] == b"\x1b":
            if len(raw) < 12:
                return
            raise SystemExit("odd sequence %r" % raw[:20])
        n = 1
        while n < len(raw) and raw[n] & 0xc0 == 0x80:
            n += 1
        try:
            c = raw[:n].decode()
        except UnicodeDecodeError:
            return
        raw = raw[n:]
        if c == "\n":
            at[:] = [at[0] + 1, at[1]]
        elif c == "\r":
            at[1] = 0
        else:
            line = screen.get(at[0], "").ljust(at[1])
            screen[at[0]] = line[:at[1]] + c + line[at[1] + 1:]
            at[1] += 1

def pump(ms):
    global total
    if select.select([master], [], [], ms / 1000)[0]:
        try:
            data = os.read(master, 65536)
        except OSError:
            return False
        total += len(data)
        feed(data)
    return True

def text():
    return "\n".join(screen.get(i, "") for i in range(rows))

def state():
    return "T" if open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()[0] == "T" else "R"

for line in sys.stdin:
    verb, _, arg = line.rstrip("\n").partition(" ")
    if verb == "shows":
        while not re.search(arg, text(), re.M):
            pump(1000)
        print("ok", flush=True)
    elif verb == "key":
        os.write(master, arg.encode().decode("unicode_escape").encode())
        print("ok", flush=True)
    elif verb == "kill":
        os.kill(pid, getattr(signal, arg))
        print("ok", flush=True)
    elif verb == "stopped":
        while state() != "T":
            pump(20)
        while select.select([master], [], [], 0)[0]:
            pump(0)
        print("same" if termios.tcgetattr(slave) == before else "other", alt, flush=True)
    elif verb == "raw":
        print("other" if termios.tcgetattr(slave) != before else "same", alt, flush=True)
    elif verb == "size":
        rows, cols = [int(x) for x in arg.split()]
        screen.clear()
        resize()
        os.kill(pid, signal.SIGWINCH)
        print("ok", flush=True)
    elif verb == "widest":
        print(max(len(x) for x in screen.values()), max(screen) + 1, flush=True)
    elif verb == "bytes":
        print(total, flush=True)
    elif verb == "end":
        status = None
        while status is None:
            p, st = os.waitpid(pid, os.WNOHANG)
            status = os.waitstatus_to_exitcode(st) if p else None
            pump(20)
        while select.select([master], [], [], 0)[0]:
            if not pump(0):
                break
        print(status, "same" if termios.tcgetattr(slave) == before
              else "other", alt, seen, flush=True)
        break
END
term_start() {  # TERM COMMAND...
	_t=$1
	shift
	rm -f to from && mkfifo to from
	env TERM="$_t" python3 screen.py "$@" <to >from 2>>other.log &
	term=$!
	others="$others $term"
	exec 4>to 5<from
}
say() { echo "$*" >&4 && read -r answer <&5; }
shows() { say "shows $1" && [ "$answer" = ok ]; }
term_end() { say end; exec 4>&- 5<&-; wait "$term"; }

# --- the picture

term_start xterm pc-status --watch
ok 'the table'                    shows '^good .* active .* yes'
ok '  of all'                     shows '^hub .* active'
say raw
is "$answer" 'other True'         'keys unechoed, alternate screen'
say bytes
before=$answer
pc-stop idle >out 2>err
ok 'a change shows'               shows '^idle .* inactive'
say bytes
ok '  only what changed is written' test $((answer - before)) -lt 400
ok '  the rest stands'            shows '^good .* active .* yes'
pc-start --wait idle >out 2>err
ok 'and back'                     shows '^idle .* active .* yes'

# --- its size

say 'size 5 20'
ok 'a smaller one'                shows '\([0-9]* more lines\)'
say widest
ok '  nothing beyond its edge'    test "${answer% *}" -le 20
ok '  nor below'                  test "${answer#* }" -le 5
say 'size 24 100'
ok 'a larger one'                 shows '^hub .* active'

# --- away and back

say 'kill SIGTSTP'
say stopped
is "$answer" 'same False'         'SIGTSTP gives the terminal back'
say 'kill SIGCONT'
ok 'SIGCONT: here again'          shows '^good .* active .* yes'
say raw
is "$answer" 'other True'         '  as before'

# --- the hub goes, and comes

hub_kill
ok 'a hub that is gone is shown'  shows 'the hub is down'
ok 'hub comes up'                 hub_start
ok 'and found again'              shows '^hub .* active'
eventually mod_has good '.listening == "yes"'
ok '  with its modules'           shows '^good .* active .* yes'

# --- the end

say 'key x'
ok 'another key does nothing'     shows '^good .* active'
say 'key q'
term_end
is "$answer" '0 same False True'  'q: 0, the terminal as it was'
for sig in SIGINT SIGTERM SIGHUP; do
	term_start xterm-256color pc-status --watch good
	ok "$sig"                 shows '^good .* active .* yes'
	say "kill $sig"
	term_end
	is "$answer" '0 same False True' '  0, the terminal as it was'
done
term_start xterm pc-status --watch
shows '^good' >/dev/null
say 'key \x03'
term_end
is "$answer" '0 same False True'  'Ctrl-C, too'
term_start vt100 pc-status --watch --usage
ok 'no alternate screen'          shows '^SERVICE .* MEM$'
say 'key q'
term_end
is "$answer" '0 same False False' '  none is used'
term_start dumb pc-status --watch
ok 'a terminal that cannot be steered' shows '^good .* active'
say 'kill SIGINT'
term_end
is "$answer" '0 same False False' '  is not'

# --- no terminal

pc-status --watch >plain.out 2>plain.err </dev/null &
plain=$!
others="$others $plain"
eventually grep -q '^good .* active' plain.out
pc-stop idle >out 2>err
eventually grep -q '^idle .* inactive' plain.out
ok 'no terminal: one below the other' test "$(grep -c ^SERVICE plain.out)" -ge 2
ok '  plain'                      not grep -q "$(printf '\033')" plain.out
kill -TERM "$plain"
wait "$plain"
is $? 0                           '  SIGTERM is 0'
ok '  nothing on stderr'          test ! -s plain.err
ok 'hub goes down'                hub_stop
done_testing
