/* SPDX-License-Identifier: MIT */
#include "sys/net.h"

#include "sys/os.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char top[4096];

static bool proper(int fd)
{
	return (fcntl(fd, F_GETFD) & FD_CLOEXEC) &&
	       (fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static short wait_for(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, -1) == 1 ? p.revents : 0;
}

static bool no_delay(int fd)
{
	int on = 0;
	socklen_t len = sizeof on;

	return !getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len) && on;
}

/* A byte through a connection, both ways of looking at it. */
static bool talks(int a, int b)
{
	char c = 0;

	return write(a, "t", 1) == 1 && (wait_for(b, POLLIN) & POLLIN) &&
	       read(b, &c, 1) == 1 && c == 't';
}

static void tcp(const char *addr)
{
	struct err e = { 0 };
	uint16_t port = 0, same;
	int l, c, got;

	l = net_listen_tcp(addr, &port, &e);
	if (l < 0 && e.sys == EADDRNOTAVAIL) {
		tap_diag("%s is not here", addr);
		return;
	}
	ok(l >= 0 && proper(l) && port, "%s: listens, port %u: %s", addr,
	   (unsigned)port, e.msg);
	same = port;
	ok(net_listen_tcp(addr, &same, &e) < 0 && e.code == ERR_EXISTS &&
	   same == port, "%s: in use: %s", addr, e.msg);
	c = net_connect_tcp(addr, port, &e);
	ok(c >= 0 && proper(c), "%s: connects", addr);
	ok((wait_for(c, POLLOUT) & POLLOUT) && !net_error(c),
	   "%s: and is through", addr);
	wait_for(l, POLLIN);
	got = os_accept(l);
	ok(talks(c, got) && talks(got, c), "%s: both ways", addr);
	ok(no_delay(c) && no_delay(got), "%s: without delay", addr);
	close(got);
	close(c);
	close(l);
	c = net_connect_tcp(addr, port, &e);
	if (c < 0) {
		ok(e.code == ERR_UNREACHABLE, "%s: refused: %s", addr, e.msg);
	} else {
		wait_for(c, POLLOUT);
		ok(net_error(c) == ECONNREFUSED, "%s: refused", addr);
		close(c);
	}
	l = net_listen_tcp(addr, &port, &e);
	ok(l >= 0 && port == same, "%s: listens there again at once", addr);
	close(l);
}

static void tcp_edges(void)
{
	struct err e = { 0 };
	uint16_t port = 0;
	int four, six;

	ok(net_listen_tcp("localhost", &port, &e) < 0 &&
	   e.code == ERR_INVALID, "names are not for us: %s", e.msg);
	ok(net_connect_tcp("127.0.0.1.", 80, &e) < 0 &&
	   e.code == ERR_INVALID, "nor half a number: %s", e.msg);
	ok(net_listen_tcp("192.0.2.1", &port, &e) < 0 &&
	   e.sys == EADDRNOTAVAIL, "an address of others: %s", e.msg);
	four = net_listen_tcp("127.0.0.1", &port, &e);
	six = net_listen_tcp("::", &port, &e);
	if (six < 0 && e.sys == EAFNOSUPPORT)
		tap_diag("no IPv6");
	else
		ok(four >= 0 && six >= 0, "IPv6 leaves IPv4 alone: %s", e.msg);
	close(four);
	close(six);
	ok(net_error(-1) == EBADF, "no error of a closed one");
}

/* A directory whose path is `len` bytes or more. */
static int deep_directory(size_t len)
{
	char part[201];
	size_t have = strlen(top);
	int at = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC), next;

	memset(part, 'd', sizeof part - 1);
	part[sizeof part - 1] = '\0';
	while (at >= 0 && have < len) {
		if (mkdirat(at, part, 0700) < 0 && errno != EEXIST)
			return -1;
		next = openat(at, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
		have += sizeof part;
	}
	return at;
}

static void unix_socket(int dir, const char *what, const char *name)
{
	struct err e = { 0 };
	int l, c, got, wd;
	struct stat st, was, now;
	uid_t uid;
	pid_t pid;

	wd = stat(".", &was);
	umask(0);
	l = net_listen_unix(dir, name, &e);
	ok(l >= 0 && proper(l), "%s: listens: %s", what, e.msg);
	ok(!fstatat(dir, name, &st, 0) && S_ISSOCK(st.st_mode) &&
	   (st.st_mode & 07777) == 0600, "%s: a socket of mode 0600", what);
	ok(umask(022) == 0, "%s: the umask is as it was", what);
	c = net_connect_unix(dir, name, &e);
	ok(c >= 0 && proper(c), "%s: connects: %s", what, e.msg);
	wait_for(l, POLLIN);
	got = os_accept(l);
	ok(talks(c, got) && talks(got, c), "%s: both ways", what);
	ok(!os_peer(got, &uid, &pid) && pid == getpid(), "%s: knows whom",
	   what);
	close(l);
	close(c);
	close(got);
	ok(net_connect_unix(dir, name, &e) < 0 && e.code == ERR_UNREACHABLE,
	   "%s: nobody listens: %s", what, e.msg);
	l = net_listen_unix(dir, name, &e);
	ok(l >= 0, "%s: takes the place of an old socket: %s", what, e.msg);
	close(l);
	unlinkat(dir, name, 0);
	ok(net_connect_unix(dir, name, &e) < 0 && e.code == ERR_UNREACHABLE,
	   "%s: no socket: %s", what, e.msg);
	ok(!wd && !stat(".", &now) && was.st_ino == now.st_ino &&
	   was.st_dev == now.st_dev, "%s: we are where we were", what);
}

static void unix_edges(int dir)
{
	struct err e = { 0 };
	char name[200];
	int fd = openat(dir, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	close(fd);
	ok(net_listen_unix(dir, "file", &e) < 0 && e.code == ERR_EXISTS,
	   "a file is not removed: %s", e.msg);
	ok(!faccessat(dir, "file", F_OK, 0), "it is still there");
	ok(net_connect_unix(dir, "file", &e) < 0 &&
	   e.code == ERR_UNREACHABLE, "nor connected to: %s", e.msg);
	ok(net_listen_unix(dir, "a/b", &e) < 0, "no path: %s", e.msg);
	ok(net_listen_unix(dir, "", &e) < 0, "no name: %s", e.msg);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	ok(net_listen_unix(dir, name, &e) < 0 && e.sys == ENAMETOOLONG,
	   "longer than sun_path: %s", e.msg);
	ok(!chdir(top), "in the directory");
	unix_socket(AT_FDCWD, "here", "hub.sock");
}

/* A listener whose queue is full does not hold us. */
static void full_queue(int dir)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "q" };
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c[8];
	struct err e = { 0 };
	bool full = false;

	if (bind(l, (struct sockaddr *)&un, sizeof un) || listen(l, 1))
		tap_diag("bind: %s", strerror(errno));
	for (size_t i = 0; i < LEN(c); i++) {
		c[i] = net_connect_unix(dir, "q", &e);
		full |= c[i] < 0 && e.code == ERR_UNREACHABLE;
	}
	ok(full, "a full queue: %s", e.msg);
	for (size_t i = 0; i < LEN(c); i++)
		if (c[i] >= 0)
			close(c[i]);
	close(l);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char name[108], cmd[4200];
	int dir;

	alarm(60);
	snprintf(top, sizeof top, "%s/net.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(top))
		tap_skip_all("no temporary directory");
	tcp("127.0.0.1");
	tcp("0.0.0.0");
	tcp("::1");
	tcp_edges();
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unix_socket(dir, "short name", "hub.sock");
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	unix_socket(dir, "long name", name);
	unix_edges(dir);
	full_queue(dir);
	close(dir);
	dir = deep_directory(4500);
	ok(dir >= 0, "a directory 4,500 bytes deep");
	unix_socket(dir, "deep", "hub.sock");
	unix_socket(dir, "deep, long name", name);
	close(dir);
	snprintf(cmd, sizeof cmd, "cd / && rm -rf '%s'", top);
	if (system(cmd))
		tap_diag("%s is left", top);
	return tap_done();
}
