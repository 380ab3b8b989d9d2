#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC1091,SC2016,SC2154
# Every program: its help, its manual page and its completions say the same.
root=$(cd "${0%/*}/.." && pwd)
. "${0%/*}/lib.sh"

bin=${PC_BUILD:-$(cd "$(dirname "$(command -v pc-serve)")/.." && pwd)}/bin
version=$(sed -n 's/^VERSION = //p' "$root/Makefile")
tab=$(printf '\t')

by_line() { tr ' ' '\n' | sed '/^$/d' | sort; }

in_help() {
	"$1" --help | sed -n 's/^  \(-.\), \(--[a-z-]*\).*/\1 \2/p
		s/^      \(--[a-z-]*\).*/\1/p' | by_line
}
in_page() {
	sed -n 's/ Ns.*//; s/^\.It Fl //p' "$1" | tr -d ',' |
		sed 's/Fl //g; s/ *Ar .*//' | tr ' ' '\n' | sed '/^$/d; s/^/-/' | by_line
}
in_bash() {
	"$1" --completion=bash | sed -n "s/.*words='\\(-[^']*\\)'.*/\\1/p" |
		by_line
}
in_zsh() {
	"$1" --completion=zsh |
		sed -n "s/^$tab$tab'(\\(-.\\) \\(--[a-z-]*\\))'.*/\\1 \\2/p
			s/^$tab$tab'\\(--[a-z-]*\\).*/\\1/p" | by_line
}
in_fish() {
	"$1" --completion fish |
		sed -n 's/^complete -c [^ ]* -s \(.\) -l \([a-z-]*\) .*/-\1 --\2/p
			s/^complete -c [^ ]* -l \([a-z-]*\) .*/--\1/p' | by_line
}

# What bash itself makes of it.
completes() {   # PROGRAM WORD
	bash -c 'source <("$1" --completion=bash)
		COMP_WORDS=("$1" "$2") COMP_CWORD=1
		"_$1" && printf "%s\n" "${COMPREPLY[@]}"' - "$1" "$2" | sort
}

parses() {      # SHELL PROGRAM
	"$2" --completion "$1" >script && "$1" -n script
}

narrow() { ! grep -n '.\{81\}' "$1"; }

: >letters
for path in "$bin"/pc*; do
	prog=${path##*/}
	case $prog in *.*) continue ;; esac     # an object file
	page=$(find "$root/doc" -name "$prog.[1-8]")

	ok "$prog --help"               exits 0 "$prog" --help
	ok '  on standard output alone' test ! -s err
	ok '  in 80 columns'            narrow out
	ok '  names the page'           grep -q "man $prog\$" out
	sed -n 's/^  \(-.\), \(--[a-z-]*\).*/\1 \2/p' out >>letters
	cp out long
	ok '  -h is the same'           exits 0 "$prog" -h
	ok '  to the byte'              cmp out long
	ok "$prog --version"            exits 0 "$prog" --version
	is "$(cat out)" "$prog $version" '  name and version'

	ok "$prog: an unknown option"   exits 2 "$prog" --no-such-option=1
	ok '  is named'                 complains "$prog" --no-such-option \
		"$prog --help"
	ok '  and prints nothing else'  test ! -s out
	ok '  a letter too'             exits 2 "$prog" -Q
	ok '  is named'                 complains "$prog" ' -Q' --help
	ok 'help to a full disk'        not sh -c "$prog --help >/dev/full"

	ok "$prog has a page"           test -s "$page"
	help=$(in_help "$prog")
	is "$(in_page "$page")" "$help" '  with the options of --help'
	for section in 'EXIT STATUS' FILES EXAMPLES DIAGNOSTICS; do
		ok "  with $section"    grep -qx ".Sh $section" "$page"
	done
	ok "$prog is in the README"     grep -q "^    $prog  " "$root/README"

	is "$(in_bash "$prog")" "$help" "$prog: bash knows the options"
	is "$(in_zsh "$prog")" "$help"  '  so does zsh'
	is "$(in_fish "$prog")" "$help" '  so does fish'
	is "$(completes "$prog" --)" "$(echo "$help" | grep '^--')" \
		'  bash completes them'
	ok '  the script parses'        parses bash "$prog"
	for shell in zsh fish; do
		if command -v "$shell" >/dev/null; then
			ok "  for $shell too" parses "$shell" "$prog"
		else
			skip "  for $shell too" "no $shell"
		fi
	done
	ok '  no script for another'    exits 2 "$prog" --completion=csh
	ok '  which is named'           complains "$prog" csh
done

# The same letter is the same option everywhere.
is "$(sort -u letters | cut -d ' ' -f 1 | uniq -d)" '' \
	'no letter means two things'

serv_module alpha
serv_module beta
for prog in pc-start pc-stop pc-restart pc-logs pc-status; do
	is "$(completes "$prog" '' | xargs)" 'alpha beta' \
		"$prog: modules are completed, without a hub"
	is "$(completes "$prog" b)" beta '  from their first letters'
done
done_testing
