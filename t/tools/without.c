/* SPDX-License-Identifier: MIT */
/*
 * without NAME[,NAME...] CMD [ARG...] - run CMD as on a kernel that lacks what
 * is named. A seccomp filter makes the calls fail as they would there, in CMD
 * and all that descends from it. Names are in the table below; and "proc", an
 * empty file system over /proc in a mount namespace of their own (needs root).
 */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif

#define ANY 0xffffffff          /* whatever the first argument is */

static const struct {
	const char *name;
	long nr;
	uint32_t arg;
	int sys;
} calls[] = {
	{ "pidfd", SYS_pidfd_open, ANY, ENOSYS },
	{ "pidfd", SYS_pidfd_send_signal, ANY, ENOSYS },
	{ "close_range", SYS_close_range, ANY, ENOSYS },
	{ "subreaper", SYS_prctl, PR_SET_CHILD_SUBREAPER, EINVAL },
	{ "pdeathsig", SYS_prctl, PR_SET_PDEATHSIG, EINVAL },
	{ "sock_diag", SYS_socket, 16 /* AF_NETLINK */, EAFNOSUPPORT },
	{ "inotify", SYS_inotify_init1, ANY, ENOSYS },
	{ "tee", SYS_tee, ANY, ENOSYS },
	{ "splice", SYS_splice, ANY, ENOSYS },
	{ "memfd", SYS_memfd_create, ANY, ENOSYS },
	{ "openat2", SYS_openat2, ANY, ENOSYS },
	{ "renameat2", SYS_renameat2, ANY, ENOSYS },
	{ "signalfd", SYS_signalfd4, ANY, ENOSYS },
	{ "timerfd", SYS_timerfd_create, ANY, ENOSYS },
	{ "prlimit", SYS_prlimit64, ANY, EPERM },
};

/* struct sock_filter and sock_fprog of linux/filter.h, and its codes */
struct filter { uint16_t code; uint8_t yes, no; uint32_t k; };
struct program { unsigned short n; struct filter *f; };
enum { LOAD = 0x20, IF_EQUAL = 0x15, RETURN = 0x06 };
enum { AT_NR = 0, AT_ARG0 = 16, MODE_FILTER = 2, NEW_MOUNTS = 0x00020000 };
#define ALLOW 0x7fff0000u
#define FAIL  0x00050000u       /* and errno in the low half */

static struct filter prog[128];
static unsigned short used;

static void put(int code, uint32_t k, int yes, int no)
{
	prog[used++] = (struct filter){ .code = (uint16_t)code, .k = k,
		.yes = (uint8_t)yes, .no = (uint8_t)no };
}

static void deny(size_t i)
{
	put(LOAD, AT_NR, 0, 0);
	put(IF_EQUAL, (uint32_t)calls[i].nr, 0, calls[i].arg == ANY ? 1 : 3);
	if (calls[i].arg != ANY) {
		put(LOAD, AT_ARG0, 0, 0);
		put(IF_EQUAL, calls[i].arg, 0, 1);
	}
	put(RETURN, FAIL | (uint32_t)calls[i].sys, 0, 0);
}

static int deny_named(const char *name, size_t len)
{
	const size_t n = sizeof calls / sizeof *calls;
	size_t i;
	int found = 0;

	for (i = 0; i < n; i++)
		if (strlen(calls[i].name) == len &&
		    !strncmp(calls[i].name, name, len)) {
			deny(i);
			found = 1;
		}
	return found;
}

static int hide_proc(void)
{
	if (syscall(SYS_unshare, NEW_MOUNTS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/proc", "tmpfs", 0, NULL) < 0) {
		perror("without: /proc");
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct program p = { .f = prog };
	const char *at;
	size_t len;

	if (argc < 3) {
		fprintf(stderr, "usage: without NAME[,NAME...] CMD [ARG...]\n");
		return 2;
	}
	for (at = argv[1]; *at; at += len + (at[len] == ',')) {
		len = strcspn(at, ",");
		if (len == 4 && !strncmp(at, "proc", len)) {
			if (hide_proc() < 0)
				return 77;
		} else if (!deny_named(at, len)) {
			fprintf(stderr, "without: no %s\n", at);
			return 2;
		}
	}
	put(RETURN, ALLOW, 0, 0);
	p.n = used;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, MODE_FILTER, &p, 0, 0) < 0) {
		perror("without: seccomp");
		return 77;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
