/* SPDX-License-Identifier: MIT */
#include "sys/net.h"

#include "base/fmt.h"
#include "sys/os.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024    /* a burst, while a new front starts */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static void shut(int fd)
{
	int err = errno;

	close(fd);
	errno = err;
}

static int new_socket(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || os_set_nonblock(fd) < 0) {
		shut(fd);
		return -1;
	}
	return fd;
}

static socklen_t parse(union address *a, const char *text, uint16_t port)
{
	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(port);
		return sizeof a->v4;
	}
	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(port);
		return sizeof a->v6;
	}
	return 0;
}

/* A small answer after a small request must not wait for an ack. */
static void no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int bind_tcp(int fd, union address *a, socklen_t *len)
{
	int on = 1;

	no_delay(fd);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		return -1;
	if (a->any.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
		return -1;
	if (bind(fd, &a->any, *len) < 0 || listen(fd, BACKLOG) < 0)
		return -1;
	return getsockname(fd, &a->any, len);
}

int net_listen_tcp(const char *addr, uint16_t *port, struct err *e)
{
	union address a;
	socklen_t len = parse(&a, addr, *port);
	int fd;

	if (!len)
		return err_set(e, ERR_INVALID, "listen on %s: "
			       "not a numeric address", addr);
	fd = new_socket(a.any.sa_family);
	if (fd < 0)
		return err_sys(e, "listen on %s", addr);
	if (bind_tcp(fd, &a, &len) < 0) {
		err_sys(e, "listen on %s port %u", addr, (unsigned)*port);
		close(fd);
		return -1;
	}
	*port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port :
		      a.v6.sin6_port);
	return fd;
}

/* By the descriptor's name in /proc: no path can be too long. */
static bool name_by_proc(struct sockaddr_un *un, int dirfd, const char *name)
{
	char dir[32];
	struct stat a, b;
	int n;

	fmt(dir, sizeof dir, "/proc/self/fd/%d", dirfd);
	if (stat(dir, &a) < 0 || fstat(dirfd, &b) < 0 ||
	    a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return false;
	n = fmt(un->sun_path, sizeof un->sun_path, "%s/%s", dir, name);
	return n > 0 && (size_t)n < sizeof un->sun_path;
}

/* With one thread there is nobody whose working directory this disturbs. */
static int call_inside(int fd, int dirfd, const struct sockaddr_un *un,
		       int (*call)(int, const struct sockaddr *, socklen_t))
{
	int back = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc, err;

	if (back < 0)
		return -1;
	if (fchdir(dirfd) < 0) {
		shut(back);
		return -1;
	}
	rc = call(fd, (const struct sockaddr *)un, sizeof *un);
	err = errno;
	if (fchdir(back) < 0) {
		shut(back);
		return -1;
	}
	close(back);
	errno = err;
	return rc;
}

/* bind() or connect() at name in dirfd. */
static int call_at(int fd, int dirfd, const char *name,
		   int (*call)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t n = strlen(name);

	if (!n || strchr(name, '/')) {
		errno = EINVAL;
		return -1;
	}
	if (dirfd != AT_FDCWD && name_by_proc(&un, dirfd, name))
		return call(fd, (const struct sockaddr *)&un, sizeof un);
	if (n >= sizeof un.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memset(un.sun_path, 0, sizeof un.sun_path);
	memcpy(un.sun_path, name, n);
	if (dirfd == AT_FDCWD)
		return call(fd, (const struct sockaddr *)&un, sizeof un);
	return call_inside(fd, dirfd, &un, call);
}

static int bind_unix(int fd, const struct sockaddr *a, socklen_t len)
{
	mode_t was = umask(0177);
	int rc = bind(fd, a, len);

	umask(was);
	return rc;
}

int net_listen_unix(int dirfd, const char *name, struct err *e)
{
	struct stat st;
	int fd;

	if (!fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (!S_ISSOCK(st.st_mode))
			return err_set(e, ERR_EXISTS, "listen on %s: there is "
				       "something that is no socket; move it away", name);
		if (unlinkat(dirfd, name, 0) < 0)
			return err_sys(e, "remove old socket %s", name);
	}
	fd = new_socket(AF_UNIX);
	if (fd < 0)
		return err_sys(e, "listen on %s", name);
	if (call_at(fd, dirfd, name, bind_unix) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		err_sys(e, "listen on %s", name);
		close(fd);
		return -1;
	}
	return fd;
}

/* As err_sys, but "nobody there" has many names. */
static int unreachable(struct err *e, const char *where)
{
	int sys = errno;

	err_sys(e, "connect to %s", where);
	if (!e)
		return -1;
	switch (sys) {
	case ENOENT:
	case ENOTDIR:
	case EAGAIN:            /* its queue is full: nobody answers */
	case ECONNRESET:
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case ETIMEDOUT:
	case EADDRNOTAVAIL:
		e->code = ERR_UNREACHABLE;
		break;
	}
	return -1;
}

int net_connect_unix(int dirfd, const char *name, struct err *e)
{
	int fd = new_socket(AF_UNIX);

	if (fd < 0)
		return err_sys(e, "connect to %s", name);
	if (call_at(fd, dirfd, name, connect) < 0) {
		unreachable(e, name);
		close(fd);
		return -1;
	}
	return fd;
}

int net_connect_tcp(const char *addr, uint16_t port, struct err *e)
{
	char where[80];
	union address a;
	socklen_t len = parse(&a, addr, port);
	int fd;

	fmt(where, sizeof where, "%s port %u", addr, (unsigned)port);
	if (!len)
		return err_set(e, ERR_INVALID, "connect to %s: "
			       "not a numeric address", where);
	fd = new_socket(a.any.sa_family);
	if (fd < 0)
		return err_sys(e, "connect to %s", where);
	no_delay(fd);
	if (connect(fd, &a.any, len) < 0 && errno != EINPROGRESS) {
		unreachable(e, where);
		close(fd);
		return -1;
	}
	return fd;
}

int net_error(int fd)
{
	int err = 0;
	socklen_t len = sizeof err;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return errno;
	return err;
}
