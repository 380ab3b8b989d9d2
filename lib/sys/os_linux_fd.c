/* SPDX-License-Identifier: MIT */
/* Descriptors: pipes, sockets, watches. */
#define _GNU_SOURCE
#include "sys/os.h"

#include "base/fmt.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Of kernel headers that a musl tree does not have. */
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

int os_pipe(int p[2])
{
	return pipe2(p, O_CLOEXEC);
}

int os_pipe_size(int fd, int bytes)
{
	return fcntl(fd, F_SETPIPE_SZ, bytes) < 0 ? -1 : 0;
}

size_t os_pipe_room(int fd)
{
	int size = fcntl(fd, F_GETPIPE_SZ);

	return size < 0 ? 0 : (size_t)size;
}

int os_accept(int fd)
{
	return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int os_set_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	if (flags & O_NONBLOCK)
		return 0;
	return fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void set_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags >= 0)
		fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

struct dent {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

/* Without opendir(): this runs between fork and exec. */
static int cloexec_listed(int from)
{
	_Alignas(struct dent) char buf[4096];
	int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long n;

	if (dir < 0)
		return -1;
	while ((n = syscall(SYS_getdents64, dir, buf, sizeof buf)) > 0) {
		for (long at = 0; at < n;) {
			struct dent *d = (struct dent *)(void *)(buf + at);
			int fd = (int)num_dec(d->name, NULL);

			if (d->name[0] != '.' && fd >= from)
				set_cloexec(fd);
			at += d->len;
		}
	}
	close(dir);
	return n < 0 ? -1 : 0;
}

void os_cloexec_from(int fd)
{
	struct rlimit lim;
	int end = 65536;

	if (!syscall(SYS_close_range, fd, ~0U, CLOSE_RANGE_CLOEXEC))
		return;
	if (!cloexec_listed(fd))
		return;
	/* Neither the call nor /proc: whatever the limit lets us have. */
	if (!getrlimit(RLIMIT_NOFILE, &lim) && lim.rlim_cur < (rlim_t)end)
		end = (int)lim.rlim_cur;
	for (; fd < end; fd++)
		set_cloexec(fd);
}

/*
 * A terminal promises no room for a whole write, so poll() does not help;
 * but opened once more it has flags that are ours alone.
 */
static ssize_t write_tty(int fd, const void *p, size_t n)
{
	char path[32];
	ssize_t done;
	int again, err;

	fmt(path, sizeof path, "/proc/self/fd/%d", fd);
	again = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (again < 0)
		return write(fd, p, n < 256 ? n : 256);
	done = write(again, p, n);
	err = errno;
	close(again);
	errno = err;
	return done;
}

/*
 * The second way. A pipe that polls writable has room for PIPE_BUF bytes,
 * unless another writer took it in between.
 */
static ssize_t write_polled(int fd, mode_t mode, const void *p, size_t n)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	int ready;

	if (S_ISSOCK(mode))
		return send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	ready = poll(&pfd, 1, 0);
	if (ready < 0)
		return -1;
	if (!ready) {
		errno = EAGAIN;
		return -1;
	}
	if (S_ISCHR(mode) && isatty(fd))
		return write_tty(fd, p, n);
	return write(fd, p, n < PIPE_BUF ? n : PIPE_BUF);
}

ssize_t os_write_nowait(int fd, const void *p, size_t n)
{
	struct iovec io = {
		.iov_base = (void *)(uintptr_t)p,
		.iov_len = n,
	};
	struct stat st;
	long done = syscall(SYS_pwritev2, fd, &io, 1L, -1L, -1L, RWF_NOWAIT);
	int why = errno;

	if (done >= 0)
		return done;
	/* EPERM: a filter that does not know the call. */
	if (why != EAGAIN && why != EOPNOTSUPP && why != ENOSYS &&
	    why != EINVAL && why != EPERM)
		return -1;
	if (fstat(fd, &st) < 0)
		return -1;
	if (S_ISREG(st.st_mode))
		return write(fd, p, n);
	if (why == EAGAIN) {
		errno = EAGAIN;
		return -1;
	}
	return write_polled(fd, st.st_mode, p, n);
}

ssize_t os_pipe_peek(int fd, const int spare[2], void *p, size_t n)
{
	ssize_t got, done = 0, more;

	do
		got = tee(fd, spare[1], n, SPLICE_F_NONBLOCK);
	while (got < 0 && errno == EINTR);
	/* EPERM: a filter that does not know the call. */
	if (got < 0 && (errno == EINVAL || errno == EPERM))
		errno = ENOSYS;
	while (done < got) {
		more = read(spare[0], (char *)p + done, (size_t)(got - done));
		if (more < 0 && errno == EINTR)
			continue;
		if (more <= 0)
			return -1;
		done += more;
	}
	return got;
}

int os_peer(int fd, uid_t *uid, pid_t *pid)
{
	struct ucred c;
	socklen_t len = sizeof c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &len) < 0)
		return -1;
	/* A socket without a peer has no pid. */
	if (c.pid == 0 && c.uid == (uid_t)-1) {
		errno = ENOTCONN;
		return -1;
	}
	*uid = c.uid;
	*pid = c.pid;
	return 0;
}

static socklen_t unix_address(struct sockaddr_un *un, const char *name)
{
	size_t n = strlen(name);

	if (n < 2 || n >= sizeof un->sun_path ||
	    (name[0] != '@' && name[0] != '/')) {
		errno = EINVAL;
		return 0;
	}
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(un->sun_path, name, n);
	if (name[0] == '@')
		un->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
			   (name[0] == '/'));
}

int os_dgram(const char *name)
{
	struct sockaddr_un un;
	socklen_t len = name ? unix_address(&un, name) : 0;
	int fd, on = 1, err;

	if (name && !len)
		return -1;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || !name)
		return fd;
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
	    bind(fd, (const struct sockaddr *)&un, len) == 0)
		return fd;
	err = errno;
	close(fd);
	errno = err;
	return -1;
}

/*
 * The room for what comes beside the bytes takes the sender and no more: the
 * kernel closes the descriptors that do not fit (unix(7)), so none can leak
 * and none is needed to take one.
 */
ssize_t os_receive(int fd, void *p, size_t n, pid_t *pid, uid_t *uid)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} beside;
	struct iovec io = { .iov_base = p, .iov_len = n };
	struct msghdr msg = { .msg_iov = &io, .msg_iovlen = 1,
		.msg_control = &beside, .msg_controllen = sizeof beside };
	ssize_t got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_TRUNC);
	struct cmsghdr *c = got < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	struct ucred who;

	*pid = 0;
	if (c && c->cmsg_level == SOL_SOCKET &&
	    c->cmsg_type == SCM_CREDENTIALS &&
	    c->cmsg_len >= CMSG_LEN(sizeof who)) {
		memcpy(&who, CMSG_DATA(c), sizeof who);
		*pid = who.pid;
		if (uid)
			*uid = who.uid;
	}
	return got;
}

int os_send_to(int fd, const char *name, const void *p, size_t n)
{
	struct sockaddr_un un;
	socklen_t len = unix_address(&un, name);
	ssize_t done;

	if (!len)
		return -1;
	do
		done = sendto(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL,
			      (const struct sockaddr *)&un, len);
	while (done < 0 && errno == EINTR);
	return done < 0 ? -1 : 0;
}

bool os_has_spare(int n)
{
	int fds[16], got = 0;

	if (n > 16)
		n = 16;
	while (got < n && (fds[got] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC,
					    3)) >= 0)
		got++;
	for (int i = 0; i < got; i++)
		close(fds[i]);
	return got == n;
}

ssize_t os_xattr(int fd, const char *name, char *out, size_t size)
{
	return fgetxattr(fd, name, out, size);
}

int os_watch_paths(const char *const *paths, size_t n)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), err;

	for (size_t i = 0; fd >= 0 && i < n; i++)
		if (inotify_add_watch(fd, paths[i], IN_ATTRIB | IN_MOVE_SELF |
				      IN_DELETE_SELF | IN_DONT_FOLLOW) < 0) {
			err = errno;
			close(fd);
			errno = err;
			return -1;
		}
	return fd;
}

void os_watch_clear(int fd)
{
	char bytes[4096];

	while (read(fd, bytes, sizeof bytes) > 0)
		;
}
