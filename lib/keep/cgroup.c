/* SPDX-License-Identifier: MIT */
#include "keep/cgroup.h"

#include "base/fmt.h"
#include "sys/fd.h"
#include "sys/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_NAMESPACE 0xEFFFFFFBu     /* inode of the host's own */

static char text[65536];        /* of files that are read whole, at start */

static size_t read_whole(int dirfd, const char *path, char *out, size_t size)
{
	int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got = 1;

	while (fd >= 0 && got > 0 && n < size - 1) {
		got = read(fd, out + n, size - 1 - n);
		if (got > 0)
			n += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	out[n] = '\0';
	return n;
}

/* "0::/path" of /proc/self/cgroup. */
static bool own_path(char *out, size_t size)
{
	struct str rest = { text, read_whole(AT_FDCWD, "/proc/self/cgroup",
					     text, sizeof text) };
	struct str line;

	while (rest.n) {
		str_cut(rest, '\n', &line, &rest);
		if (str_starts(line, STR("0::/")))
			return str_to_c(str_skip(line, 3), out, size);
	}
	return false;
}

static bool is_cgroup2(struct str line)
{
	struct str word = STR_NULL;

	while (line.n && !str_is(word, "-"))
		str_cut(line, ' ', &word, &line);
	str_cut(line, ' ', &word, &line);
	return str_is(word, "cgroup2");
}

/* Where the hierarchy is mounted, and which part of it that is: fields 5 and
 * 4 of a line of proc_pid_mountinfo(5). */
static bool find_mount(char *root, char *point, size_t size)
{
	struct str rest = { text, read_whole(AT_FDCWD, "/proc/self/mountinfo",
					     text, sizeof text) };
	struct str line, word = STR_NULL;

	while (rest.n) {
		str_cut(rest, '\n', &line, &rest);
		if (!is_cgroup2(line))
			continue;
		for (int field = 1; field <= 4; field++)
			str_cut(line, ' ', &word, &line);
		str_cut(line, ' ', &line, &rest);
		return str_to_c(word, root, size) &&
		       str_to_c(line, point, size);
	}
	return false;
}

static bool is_delegated(int fd)
{
	static const char *const names[] = { "trusted.delegate",
					     "user.delegate" };
	char value[8];

	for (size_t i = 0; i < LEN(names); i++)
		if (os_xattr(fd, names[i], value, sizeof value) == 1 &&
		    value[0] == '1')
			return true;
	return false;
}

static bool is_our_namespace(const char *path)
{
	struct stat st;

	return strcmp(path, "/") == 0 &&
	       stat("/proc/self/ns/cgroup", &st) == 0 &&
	       st.st_ino != FIRST_NAMESPACE;
}

void cgroup_init(struct cgroup *c, const struct owner *owner)
{
	char root[256], point[256], dir[768];
	const char *below;
	size_t n;
	int fd;

	*c = (struct cgroup){ .fd = -1, .owner = owner };
	if (!own_path(c->path, sizeof c->path) ||
	    !find_mount(root, point, sizeof root))
		return;
	n = strcmp(root, "/") == 0 ? 0 : strlen(root);
	below = strncmp(c->path, root, n) == 0 ? c->path + n : NULL;
	if (!below)
		return;
	fmt(dir, sizeof dir, "%s%s", point, below);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !is_delegated(fd) && !is_our_namespace(c->path)) {
		close(fd);
		fd = -1;
	}
	c->fd = fd_own(fd, FD_DIR, 0);
}

static void name_of(const struct cgroup *c, unsigned id, char *out,
		    size_t size)
{
	fmt(out, size, OWNER_GROUP "%s.%u", c->owner->token, id);
}

/*
 * A new one for each run: of a group that was killed once, kernels may kill
 * all that is born into it later. One that does not go has somebody in it.
 */
int cgroup_make(struct cgroup *c, unsigned id)
{
	char name[80];
	int fd;

	if (c->fd < 0)
		return -1;
	name_of(c, id, name, sizeof name);
	unlinkat(c->fd, name, AT_REMOVEDIR);
	if (mkdirat(c->fd, name, 0755) < 0) {
		if (errno == EROFS || errno == EACCES || errno == EPERM)
			fd_close(&c->fd);       /* it is not ours after all */
		return -1;
	}
	fd = openat(c->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		    O_CLOEXEC);
	return fd_own(fd, FD_DIR, id);
}

bool cgroup_path(const struct cgroup *c, unsigned id, char *out, size_t size)
{
	char name[80];
	struct stat st;

	name_of(c, id, name, sizeof name);
	if (c->fd < 0 || fstatat(c->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	fmt(out, size, "%s/%s", strcmp(c->path, "/") == 0 ? "" : c->path,
	    name);
	return true;
}

int cgroup_populated(const struct cgroup *c, unsigned id)
{
	char name[100], events[256];
	size_t n;

	if (c->fd < 0)
		return -1;
	name_of(c, id, name, sizeof name - 20);
	n = strlen(name);
	fmt(name + n, sizeof name - n, "/cgroup.events");
	if (!read_whole(c->fd, name, events, sizeof events))
		return -1;
	for (struct str rest = str_of(events), line; rest.n;) {
		str_cut(rest, '\n', &line, &rest);
		if (str_starts(line, STR("populated ")))
			return str_is(line, "populated 1");
	}
	return -1;
}

static int kill_group(const struct cgroup *c, const char *name)
{
	char path[300];
	ssize_t n;
	int fd;

	fmt(path, sizeof path, "%s/cgroup.kill", name);
	fd = openat(c->fd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	n = write(fd, "1", 1);
	close(fd);
	return n == 1 ? 0 : -1;
}

int cgroup_kill(const struct cgroup *c, unsigned id)
{
	char name[80];

	if (c->fd < 0)
		return -1;
	name_of(c, id, name, sizeof name);
	return kill_group(c, name);
}

void cgroup_remove(struct cgroup *c, unsigned id)
{
	char name[80];

	if (c->fd < 0)
		return;
	name_of(c, id, name, sizeof name);
	unlinkat(c->fd, name, AT_REMOVEDIR);
}

/* Calls fn for each group that carries our token. */
static void each_of_ours(struct cgroup *c,
			 void (*fn)(struct cgroup *, const char *name))
{
	int fd = c->fd < 0 ? -1 : openat(c->fd, ".", O_RDONLY | O_DIRECTORY |
					 O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char prefix[64];
	const struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	fmt(prefix, sizeof prefix, OWNER_GROUP "%s.", c->owner->token);
	while ((e = readdir(d)) != NULL)
		if (str_starts(str_of(e->d_name), str_of(prefix)))
			fn(c, e->d_name);
	closedir(d);
}

static void kill_one(struct cgroup *c, const char *name)
{
	kill_group(c, name);
}

static void remove_one(struct cgroup *c, const char *name)
{
	unlinkat(c->fd, name, AT_REMOVEDIR);
}

void cgroup_kill_old(struct cgroup *c)
{
	each_of_ours(c, kill_one);
}

void cgroup_release(struct cgroup *c)
{
	each_of_ours(c, remove_one);
	fd_close(&c->fd);
}
