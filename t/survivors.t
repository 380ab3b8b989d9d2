#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2154
# The same trees under pc and under whichever of its peers are here.
PC_TEST_DEADLINE=${PC_TEST_DEADLINE:-300}
here=$(cd "${0%/*}" && pwd)
. "${0%/*}/lib.sh"
rounds 5 100                    # trees
set -- pc
for peer in runit:runsvdir s6:s6-svscan supervisord:supervisord; do
	! command -v "${peer#*:}" >/dev/null || set -- "$@" "${peer%:*}"
done
CC=${CC:-$(command -v musl-gcc || command -v gcc || command -v cc)} ||
	skip_all 'no C compiler'
export CC
ok 'nothing of pc lives on'       exits 0 env TMPDIR="$T" \
	"$here/bench/survivors" --trees "$rounds" --seed "$seed" "$@"
sed 's/^/# /' out
for peer; do
	ok "$peer was asked"      grep -q "^  $peer " out
done
done_testing
