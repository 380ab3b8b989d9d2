/* SPDX-License-Identifier: MIT */
#include "hub/home.h"

#include "base/fmt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHORT_MAX 64

static bool is_short(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '.' || c == '_' || c == '-';
}

bool home_short_ok(struct str s)
{
	/* Folders of ours in the home, and the hub's own routes. */
	static const char *const taken[] = {
		"hub", "front", "operations", "channel", "well-known",
		"cloudflared", "logs",
	};

	if (!s.n || s.n > SHORT_MAX || str_span(s, is_short).n != s.n)
		return false;
	if (*s.p == '.' || *s.p == '_' || *s.p == '-')
		return false;
	for (size_t i = 0; i < LEN(taken); i++)
		if (str_is(s, taken[i]))
			return false;
	return true;
}

static const char *from_env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* The wanted home as it was given, before it is made absolute. */
static int choose(char *out, size_t size, const char *option, struct err *e)
{
	const char *given = option && *option ? option
					      : from_env("PARACHUTE_HOME");
	const char *user = from_env("HOME");
	int n;

	if (!given && !user)
		return err_set(e, ERR_USAGE, "no home: neither PARACHUTE_HOME "
			       "nor HOME is set; give --home DIR");
	if (given)
		n = fmt(out, size, "%s", given);
	else
		n = fmt(out, size, "%s/.parachute", user);
	if (n < 0 || (size_t)n >= size)
		return err_set(e, ERR_USAGE, "home: the path is longer than "
			       "%zu bytes; give a shorter one", size - 1);
	return 0;
}

static int absolute(struct home *h, const char *option, struct err *e)
{
	char given[sizeof h->path] = "";
	size_t n = 0, len;

	if (choose(given, sizeof given, option, e) < 0)
		return -1;
	if (given[0] != '/') {
		if (!getcwd(h->path, sizeof h->path))
			return err_sys(e, "home %s: current directory", given);
		n = strlen(h->path);
		if (n > 1)
			h->path[n++] = '/';
	}
	len = strlen(given);
	while (len > 1 && given[len - 1] == '/')
		len--;
	if (n + len >= sizeof h->path)
		return err_set(e, ERR_USAGE, "home: the path is too long from "
			       "here; give a shorter one");
	memcpy(h->path + n, given, len);
	h->path[n + len] = '\0';
	return 0;
}

/* What another process made in the meantime is as good as ours. */
static int make_all(const char *path, struct err *e)
{
	char part[sizeof ((struct home *)0)->path];
	size_t n = strlen(path);

	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST &&
		    errno != EISDIR && access(part, F_OK) < 0)
			return err_sys(e, "home %s: cannot make %s", path,
				       part);
	}
	return 0;
}

static int explain(const char *path, struct err *e)
{
	switch (errno) {
	case ENOENT:
		return err_set(e, ERR_NOT_FOUND, "home %s does not exist; make "
			       "it with pc-serve, or name another with --home",
			       path);
	case ENOTDIR:
		return err_set(e, ERR_INVALID, "home %s is not a directory; "
			       "move it away, or name another with --home",
			       path);
	case EACCES:
		return err_set(e, ERR_DENIED, "home %s may not be entered by "
			       "uid %ld; run as its owner, or name another "
			       "with --home", path, (long)geteuid());
	default:
		return err_sys(e, "home %s: open", path);
	}
}

/*
 * Whoever owns the home decides what runs from it: with a stranger's home we
 * would run a stranger's commands as ourselves. Root looks after anybody's.
 */
static int check(const struct home *h, struct err *e)
{
	uid_t self = geteuid();
	struct stat st;

	if (fstat(h->fd, &st) < 0)
		return err_sys(e, "home %s: stat", h->path);
	if (self != 0 && st.st_uid != self && st.st_uid != 0)
		return err_set(e, ERR_DENIED, "home %s belongs to uid %ld, not "
			       "to uid %ld; run as its owner, or name another "
			       "with --home", h->path, (long)st.st_uid,
			       (long)self);
	if (faccessat(h->fd, ".", X_OK, 0) < 0)
		return explain(h->path, e);
	return 0;
}

int home_open(struct home *h, const char *option, bool make, struct err *e)
{
	*h = (struct home){ .fd = -1 };
	if (absolute(h, option, e) < 0)
		return -1;
	if (make && make_all(h->path, e) < 0)
		return -1;
	h->fd = open(h->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->fd < 0)
		return explain(h->path, e);
	if (check(h, e) < 0) {
		home_close(h);
		return -1;
	}
	return 0;
}

void home_close(struct home *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
}

int home_sock(const struct home *h, const char **name, struct err *e)
{
	const char *path = from_env("PARACHUTE_HUB_SOCK"), *slash;
	char dir[sizeof h->path];
	size_t n;
	int fd;

	*name = HOME_SOCK;
	if (!path) {
		fd = fcntl(h->fd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? err_sys(e, "home %s: dup", h->path) : fd;
	}
	slash = strrchr(path, '/');
	*name = slash ? slash + 1 : path;
	if (!**name || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0)
		return err_set(e, ERR_USAGE, "PARACHUTE_HUB_SOCK %s names no "
			       "file; give the path of a socket", path);
	n = slash ? (size_t)(slash - path) : 0;
	if (n >= sizeof dir)
		return err_set(e, ERR_USAGE, "PARACHUTE_HUB_SOCK: the path is "
			       "too long; give a shorter one");
	memcpy(dir, path, n);
	dir[n] = '\0';
	fd = open(n ? dir : slash ? "/" : ".",
		  O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "PARACHUTE_HUB_SOCK %s: directory", path);
	return fd;
}
