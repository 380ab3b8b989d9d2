#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2013,SC2016,SC2034,SC2046,SC2086,SC2154
# The same small scenario on kernels and hosts that lack something.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
. "${0%/*}/lib.sh"

# A module, and one that leaves its group and its parent.
serv_module a --lines 3
a=$free
tree_module t --depth 2 --width 2 --rest setsid,orphan
t=$free

script() {      # NAME LINES: what becomes the hub
	printf '#!/bin/sh\n%s\nexec "$@"\n' "$2" >"$1"
	chmod 755 "$1"
	hub_env=$T/$1
}

scenario() {    # WHAT
	rm -f a.mark
	: >hub.log
	ok "without $1: hub comes up" hub_start
	ok '  all is ready'       exits 0 pc-status --wait=60
	ok '  listening is seen'  mod_has a '.facts.listening == "yes"'
	ok '  logs'               eventually has_line a 'line 3'
	ok '  all of the tree'    trees_are t 7
	old=$(trees t | cut -d ' ' -f 1)
	ok '  restart'            exits 0 pc-restart --wait=60 a t
	ok '  none of the old'    gone $old
	ok '  crash'              tell "$a" /exit/3
	ok '  and run again'      waitfor lines 3 a.mark
	ok '  is counted'         eventually mod_has a '.state.lastExitCode == 3'
	ok '  stop'               exits 0 pc-stop t
	ok '  is gone'            no_trees t
	ok '  the port is free'   port_free "$t"
	ok '  start'              exits 0 pc-start --wait=60 t
	ok '  status'             exits 0 pc-status
	ok '  stops'              stops
	ok '  nothing is left'    no_trees
	ok '  nor of a'           gone $(mark_pids a.mark)
	ok '  never two'          no_doubles
	rm -rf trees/*
}
# A sanitizer looks for leaks in /proc, and reads there how not to.
stops() { hub_stop || grep -q 'LeakSanitizer has encountered' hub.log; }
has_line() {
	pc-logs "$1" 2>/dev/null | grep -qF "$2"
}
trees_are() {
	eventually count_is "$@"
}
count_is() { [ "$(trees "$1" | wc -l)" -eq "$2" ]; }

if without tee true; then
	for what in pidfd close_range subreaper sock_diag inotify \
		tee,splice signalfd,timerfd memfd,openat2,renameat2 prlimit; do
		if [ "$what" = prlimit ] &&
		   grep -q __asan_init "$(command -v pc-serve)"; then
			skip "without $what" 'a sanitizer needs it'
			continue
		fi
		hub_env="without $what"
		scenario "$what"
	done
	hub_env="without pidfd,close_range,subreaper,sock_diag,inotify,tee"
	scenario 'any of them'
else
	skip 'kernels that lack calls' 'no seccomp filter to be had here'
fi

# 20 of its own, two a module, 12 for a start, and one for who asks.
script few 'ulimit -n 40'
scenario 'descriptors, 40'

script bare 'exec env -i PATH="$PATH" "$@"'
scenario 'an environment'

if unshare --mount true 2>/dev/null; then
	script netless 'mount -t tmpfs none /sys || exit 1'
	hub_env="unshare --mount --propagation private $hub_env"
	scenario '/sys'
	script etcless 'mount -t tmpfs none /etc || exit 1'
	hub_env="unshare --mount --propagation private $hub_env"
	scenario '/etc'
	# What has left its group cannot be seen by anybody then.
	tree_module t --depth 2 --width 2 --rest wash
	t=$free
	script procless 'mount -t tmpfs none /proc || exit 1'
	hub_env="unshare --mount --propagation private $hub_env"
	scenario '/proc'
else
	skip 'hosts that lack files' 'unshare --mount does not work here'
fi
done_testing
