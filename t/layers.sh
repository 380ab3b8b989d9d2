#!/bin/sh
# What includes what, read off the include lines: base < wire < sys < hub <
# keep, log, auth; auth < front; a folder includes itself and what stands
# before it, and of keep, log and front none another.
#
#	t/layers.sh [FILE...]           one line per fault; 1 when there is one
set -u

# shellcheck disable=SC2046  # our names have no blanks
[ $# -gt 0 ] || set -- $(find lib bin -name '*.[ch]' | sort)

awk '
BEGIN {
	n = split("base wire sys hub keep", order, " ")
	for (i = 1; i <= n; i++)
		rank[order[i]] = i
	rank["log"] = rank["auth"] = rank["front"] = n
	beside["front"] = "auth"
	# What stands on top is for the programs named here alone.
	only["keep"] = " pc-serve.c "
	only["log"] = " pc-logd.c pc-logs.c "
	only["auth"] = " pc-front.c pc-auth.c "
	only["front"] = " pc-front.c "
	# Third-party headers are for these files alone.
	sees["sqlite3.h"] = " sys/db.c "
	sees["bearssl.h"] = " sys/tls.c auth/jwt.c auth/keys.c "
}

function fault(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	bad = 1
}

FNR == 1 {
	parts = split(FILENAME, path, "/")
	mine = path[parts - 1]
	top = mine == "bin" ? n : rank[mine]
	if (!top)
		fault("the folder " mine " is in no layer")
}

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
	name = $0
	sub(/^[^<"]*[<"]/, "", name)
	sub(/[>"].*/, "", name)
	quoted = $0 ~ /include[ \t]*"/
	folder = name
	sub(/\/.*/, "", folder)

	if (name in sees && !quoted) {
		if (!index(sees[name], " " mine "/" path[parts] " "))
			fault(name ": it is for" sees[name] "alone")
	} else if (name ~ /(^|\/)(sqlite3|bearssl)[^\/]*\.h$/)
		fault(name ": no file may include it so")
	else if (name ~ /\.c$/)
		fault(name ": a source file is not included")
	else if (quoted && name !~ /^[a-z]+\/[a-z0-9_]+\.h$/)
		fault(name ": an include line names folder and header")
	else if (quoted && !(folder in rank))
		fault(name ": the folder " folder " is in no layer")
	else if (!quoted && folder in rank && folder != "sys")
		fault(name ": a header of ours is quoted")
	else if (quoted && (rank[folder] > top || (mine != "bin" &&
		 folder != mine && beside[mine] != folder &&
		 rank[folder] == top)))
		fault(mine " must not include " folder " (" name ")")
	else if (quoted && mine == "bin" && folder in only &&
		 !index(only[folder], " " path[parts] " "))
		fault(name ": the layer " folder " is for" only[folder] "alone")
}

END { exit bad }
' "$@"
