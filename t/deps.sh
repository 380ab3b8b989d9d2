#!/bin/sh
# Installs what a step needs and the machine lacks. Debian, as root; anybody
# else is told the line to run. Silent when nothing is missing.
#
#	t/deps.sh GROUP...      static build vendor run check asan lint bench
#	                        survivors
#
# vendor is what fetches third-party sources into $BUILD/vendor, if they have
# yet to be fetched.
# DEPS=no skips it. A program that is there, from wherever, is left alone, and
# so is every package that is installed. Servers that get installed are kept
# from starting, now and at the next boot.
set -eu

[ "${DEPS-}" != no ] || exit 0
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# program, package
group() {
	case $1 in
	static) echo 'musl-gcc musl-tools' ;;
	build)  echo 'gcc gcc
		ar binutils
		nm binutils
		readelf binutils
		strip binutils
		cmp diffutils
		find findutils' ;;
	vendor) clients ;;
	run)    demo ;;
	check)  echo 'nginx nginx
		redis-server redis-server
		python3 python3
		node nodejs
		curl curl
		openssl openssl
		strace strace
		npm npm
		prove perl
		ps procps
		jq jq' ;;
	asan)   echo 'gcc gcc' ;;
	lint)   echo 'gcc gcc
		cppcheck cppcheck
		clang-tidy clang-tidy
		shellcheck shellcheck
		mandoc mandoc' ;;
	bench)  echo 'runsv runit
		s6-svscan s6
		supervisord supervisor
		nginx nginx
		wrk wrk
		strace strace
		curl curl
		jq jq
		ps procps' ;;
	survivors) echo 'systemd-nspawn systemd-container
		systemctl systemd' ;;
	*)      echo "t/deps.sh: no such group: $1" >&2
		exit 2 ;;
	esac
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# One server is enough to have something to keep up.
demo() {
	for server in nginx redis-server python3 node; do
		! have "$server" || return 0
	done
	echo 'nginx nginx
		redis-server redis-server'
}

clients() {
	"${0%/*}/../vendor/fetch" --needs "${BUILD:-build}/vendor" |
		while read -r client; do
			case $client in
			npm)    echo 'npm npm' ;;
			xz)     echo 'xz xz-utils' ;;
			esac
		done
}

# glibc's headers have no program to look for.
headers() {
	case " $* " in
	*' asan '* | *' lint '*)
		! have gcc ||
		! echo '#include <stdio.h>' | gcc -E - >/dev/null 2>&1 ||
			return 0
		echo libc6-dev ;;
	esac
}

# Nor has a library of Python's; the one that packages are for may be another
# than the first in PATH.
libraries() {
	case " $* " in
	*' check '*)
		for p in python3 /usr/bin/python3; do
			! "$p" -c 'import prometheus_client' 2>/dev/null ||
				return 0
		done
		echo python3-prometheus-client ;;
	esac
}

# A client that goes over TLS wants to know whom to trust.
authorities() {
	case " $* " in
	*' vendor '*)
		[ -s /etc/ssl/certs/ca-certificates.crt ] ||
			! clients | grep -q npm || echo ca-certificates ;;
	esac
}

missing() {
	for g in "$@"; do
		group "$g"
	done | while read -r program package; do
		have "$program" || echo "$package"
	done
	headers "$@"
	libraries "$@"
	authorities "$@"
}

packages=$(missing "$@" | sort -u | tr '\n' ' ')
packages=${packages% }
[ -n "$packages" ] || exit 0

install="apt-get install -y --no-install-recommends $packages"
echo "Missing packages: $packages"
if ! have apt-get; then
	echo 'This is no Debian: install the like of them, or say DEPS=no.' >&2
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo 'Only root can install them. As root, run:' >&2
	echo "  apt-get update && $install" >&2
	exit 1
fi

# Services obey policy-rc.d (101: do not start); the host's own comes back.
policy=/usr/sbin/policy-rc.d
kept=
log=$(mktemp)
restore() {
	rm -f "$policy" "$log"
	[ -z "$kept" ] || mv "$kept" "$policy"
}
if [ -e "$policy" ] || [ -L "$policy" ]; then
	kept=$policy.before-pc.$$
	mv "$policy" "$kept"
fi
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP PIPE
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
echo 'Installing them ...'
# A broken list of somebody else's is no reason to stop here.
apt-get -q update >"$log" 2>&1 || echo 'apt-get update failed; going on' >&2
# shellcheck disable=SC2086  # a list of package names
if ! apt-get -q -y -o DPkg::Lock::Timeout=120 --no-install-recommends \
		--no-upgrade --no-remove install $packages >>"$log" 2>&1; then
	cat "$log" >&2
	echo 'apt-get could not install them (see above)' >&2
	exit 1
fi

# A server that came with this must not start at the next boot either.
for package in $packages; do
	case $package in
	nginx | redis-server) service=$package ;;
	supervisor) service=supervisor ;;
	*) continue ;;
	esac
	if have systemctl; then
		systemctl disable "$service" >/dev/null 2>&1 || :
	elif have update-rc.d; then
		update-rc.d "$service" disable >/dev/null 2>&1 || :
	fi
	echo "$service is installed and will not start by itself."
done

left=$(missing "$@" | sort -u | tr '\n' ' ')
if [ -n "$left" ]; then
	echo "Still missing: $left" >&2
	exit 1
fi
