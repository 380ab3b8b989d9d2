/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sys/os.h"

#include "base/fmt.h"
#include "base/num.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Of kernel headers that a musl tree does not have. */
#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

struct dent {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t os_now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t os_now_us(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000;
}

int64_t os_unix_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t os_unix_ms(void)
{
	return clock_ns(CLOCK_REALTIME) / 1000000;
}

int os_processors(void)
{
	unsigned char mask[1024];       /* 8,192 of them */
	long size = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
	int n = 0;

	for (long i = 0; i < size; i++)
		for (unsigned bits = mask[i]; bits; bits &= bits - 1)
			n++;
	return n ? n : 1;
}

int os_random(void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = getrandom((char *)p + done, n - done, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		done += (size_t)got;
	}
	return 0;
}

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

ssize_t os_own_path(char *out, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", out, size);

	if (n < 0)
		return -1;
	/* Cut off, or a name within another root. */
	if (n == (ssize_t)size || *out != '/') {
		errno = ENAMETOOLONG;
		return -1;
	}
	out[n] = '\0';
	return n;
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

int os_set_groups(const gid_t *groups, size_t n)
{
	return setgroups(n, groups);
}

/* Between fork and exec, so without stdio. */
int os_set_oom_score(int score)
{
	char text[16], *p = text + sizeof text;
	unsigned left = (unsigned)(score < 0 ? -score : score);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC), err;
	ssize_t n;

	if (fd < 0) {
		errno = errno == ENOENT ? ENOSYS : errno;
		return -1;
	}
	do
		*--p = (char)('0' + left % 10);
	while (left /= 10);
	if (score < 0)
		*--p = '-';
	n = write(fd, p, (size_t)(text + sizeof text - p));
	err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

int os_subreaper(void)
{
	int rc = prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L);

	if (rc < 0 && errno == EINVAL)
		errno = ENOSYS;
	return rc;
}

int os_die_with_parent(int sig)
{
	return prctl(PR_SET_PDEATHSIG, (long)sig, 0L, 0L, 0L);
}

int os_pidfd(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	/* The call knows no EPERM; a filter that does not know it does. */
	if (fd < 0 && errno == EPERM)
		errno = ENOSYS;
	return fd;
}

int os_pidfd_signal(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

static int open_children(void)
{
	char path[64];
	int fd;

	fmt(path, sizeof path, "/proc/self/task/%ld/children",
	    (long)syscall(SYS_gettid));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		errno = ENOSYS;
	return fd;
}

int os_children(pid_t *out, size_t max)
{
	char buf[4096];
	size_t count = 0;
	pid_t pid = 0;
	ssize_t n = 0;
	int fd = open_children();

	if (fd < 0)
		return -1;
	while (count < INT_MAX) {
		n = read(fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (buf[i] - '0');
				continue;
			}
			if (pid && count++ < max)
				out[count - 1] = pid;
			pid = 0;
		}
	}
	close(fd);
	return n < 0 ? -1 : (int)count;
}

void *os_map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, n, MADV_DONTFORK);
	return p;
}

void os_map_trim(void *p, size_t n)
{
	madvise(p, n, MADV_DONTNEED);
}

void os_unmap(void *p, size_t n)
{
	if (p)
		munmap(p, n);
}

/*
 * By the system call: the C library refuses to touch the signals it uses
 * itself, and an ignored one is inherited through execve. The kernel's struct
 * begins with the handler, and has neither flags nor a mask here.
 */
static void set_action(int sig, unsigned long handler)
{
	const unsigned long action[8] = { handler };
	const size_t set_size = 8;

	syscall(SYS_rt_sigaction, sig, action, NULL, set_size);
}

void os_ignore_signal(int sig)
{
	set_action(sig, 1);     /* SIG_IGN */
}

void os_default_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig <= 64; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			set_action(sig, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
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

/* The arguments of clone3(2), as of Linux 5.7. */
struct clone3_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack,
		stack_size, tls, set_tid, set_tid_size, cgroup;
};

pid_t os_fork_into(int cgroup)
{
	struct clone3_args args = { .flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD, .cgroup = (uint64_t)cgroup };

	return (pid_t)syscall(SYS_clone3, &args, sizeof args);
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
