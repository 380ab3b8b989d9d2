/* SPDX-License-Identifier: MIT */
/* Clocks, processes, signals, memory; what is about descriptors stands in
 * os_linux_fd.c. */
#define _GNU_SOURCE
#include "sys/os.h"

#include "base/fmt.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of kernel headers that a musl tree does not have. */
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif

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
