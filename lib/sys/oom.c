/* SPDX-License-Identifier: MIT */
#include "sys/oom.h"

#include "base/fmt.h"
#include "sys/fd.h"

#include <fcntl.h>
#include <unistd.h>

#define MOUNTS_MAX 65536        /* of a host with very many */

/* The path of our cgroup: "0::/path", or "4:memory:/path". */
static bool find_cgroup(struct str text, bool v1, struct str *path)
{
	struct str line, id, names, name;

	while (text.n) {
		str_cut(text, '\n', &line, &text);
		if (!str_cut(line, ':', &id, &names) ||
		    !str_cut(names, ':', &names, path))
			continue;
		if (!v1 && !names.n)
			return true;
		while (v1 && names.n) {
			str_cut(names, ',', &name, &names);
			if (str_is(name, "memory"))
				return true;
		}
	}
	return false;
}

static bool has_word(struct str list, const char *word)
{
	struct str one;

	while (list.n) {
		str_cut(list, ',', &one, &list);
		if (str_is(one, word))
			return true;
	}
	return false;
}

/* proc(5): ID PARENT MAJ:MIN ROOT POINT OPTIONS ... - TYPE SOURCE SUPER */
static bool find_mount(struct str text, bool v1, struct str *root,
		       struct str *point)
{
	struct str line, field, type, super;

	while (text.n) {
		str_cut(text, '\n', &line, &text);
		for (int i = 0; i < 3; i++)
			str_cut(line, ' ', &field, &line);
		str_cut(line, ' ', root, &line);
		str_cut(line, ' ', point, &line);
		do
			str_cut(line, ' ', &field, &line);
		while (line.n && !str_is(field, "-"));
		str_cut(line, ' ', &type, &line);
		str_cut(line, ' ', &field, &super);
		if (v1 ? str_is(type, "cgroup") && has_word(super, "memory") :
		    str_is(type, "cgroup2"))
			return true;
	}
	return false;
}

bool oom_path(struct str cgroup, struct str mounts, bool v1, char *out,
	      size_t size)
{
	struct str path, root, point;
	int n;

	if (!find_cgroup(cgroup, v1, &path) ||
	    !find_mount(mounts, v1, &root, &point))
		return false;
	/* What is mounted may be a part of the tree, with us in it. */
	root = str_is(root, "/") ? STR_NULL : root;
	if (!str_starts(path, root))
		return false;
	path = str_skip(path, root.n);
	n = fmt(out, size, "%.*s%.*s/%s", STR_ARG(point),
		STR_ARG(str_is(path, "/") ? STR_NULL : path),
		v1 ? "memory.oom_control" : "memory.events");
	return n > 0 && (size_t)n < size;
}

bool oom_count(struct str text, uint64_t *out)
{
	struct str line, key, value;

	while (text.n) {
		str_cut(text, '\n', &line, &text);
		if (str_cut(line, ' ', &key, &value) &&
		    str_is(key, "oom_kill"))
			return str_to_u64(value, UINT64_MAX, out);
	}
	return false;
}

static struct str slurp(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return STR_NULL;
	while ((got = read(fd, text + n, size - n)) > 0)
		n += (size_t)got;
	close(fd);
	return (struct str){ text, n };
}

static bool count(const struct oom *o, uint64_t *out)
{
	char text[512];
	ssize_t n = pread(o->fd, text, sizeof text, 0);

	return n > 0 && oom_count((struct str){ text, (size_t)n }, out);
}

void oom_open(struct oom *o)
{
	static char cgroups[4096], mounts[MOUNTS_MAX];
	struct str mine, all;
	char path[4096];

	o->fd = -1;
	mine = slurp("/proc/self/cgroup", cgroups, sizeof cgroups);
	all = slurp("/proc/self/mountinfo", mounts, sizeof mounts);
	for (int v1 = 0; v1 < 2 && o->fd < 0; v1++) {
		if (!oom_path(mine, all, v1, path, sizeof path))
			continue;
		o->fd = fd_own(open(path, O_RDONLY | O_CLOEXEC), FD_OOM, 0);
		if (o->fd >= 0 && !count(o, &o->counted))
			fd_close(&o->fd);
	}
}

void oom_close(struct oom *o)
{
	fd_close(&o->fd);
}

void oom_forget(struct oom *o)
{
	if (o->fd >= 0)
		count(o, &o->counted);
}

bool oom_take(struct oom *o)
{
	uint64_t now;

	if (o->fd < 0 || !count(o, &now) || now <= o->counted)
		return false;
	o->counted++;
	return true;
}
