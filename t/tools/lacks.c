/* SPDX-License-Identifier: MIT */
/*
 * lacks WHAT... -- CMD... - run CMD as on a system that lacks something.
 *
 *	sock_diag       no netlink sockets
 *	pidfd           no pidfd_open, no pidfd_send_signal
 *	proc            nothing in /proc (needs root)
 *
 * By a seccomp filter, and an empty file system over /proc in a mount
 * namespace of its own; both are inherited.
 */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <linux/filter.h> and <linux/seccomp.h>, which musl does not bring. */
struct insn {
	uint16_t code;
	uint8_t yes, no;
	uint32_t k;
};
struct prog {
	uint16_t n;
	struct insn *p;
};
enum { LOAD = 0x20, IF_EQUAL = 0x15, RETURN = 0x06, NR = 0, ARG0 = 16 };
#define ALLOW 0x7fff0000U
#define FAIL_WITH(err) (0x00050000U | (uint32_t)(err))
enum { FILTER_MODE = 2, NEW_MOUNTS = 0x00020000 };

static struct insn code[64];
static uint16_t len;

static void add(uint16_t op, uint8_t yes, uint8_t no, uint32_t k)
{
	code[len++] = (struct insn){ op, yes, no, k };
}

static void deny(long nr, int err)
{
	add(LOAD, 0, 0, NR);
	add(IF_EQUAL, 0, 1, (uint32_t)nr);
	add(RETURN, 0, 0, FAIL_WITH(err));
}

static void deny_socket(int family, int err)
{
	add(LOAD, 0, 0, NR);
	add(IF_EQUAL, 0, 3, SYS_socket);
	add(LOAD, 0, 0, ARG0);
	add(IF_EQUAL, 0, 1, (uint32_t)family);
	add(RETURN, 0, 0, FAIL_WITH(err));
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "lacks: %s: %s\n", what, strerror(errno));
	exit(99);
}

static void hide_proc(void)
{
	if (syscall(SYS_unshare, NEW_MOUNTS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/proc", "tmpfs", 0, NULL) < 0)
		die("/proc");
}

int main(int argc, char **argv)
{
	struct prog prog = { 0, code };

	for (argv++; argc-- > 1 && strcmp(*argv, "--"); argv++) {
		if (!strcmp(*argv, "sock_diag"))
			deny_socket(AF_NETLINK, EAFNOSUPPORT);
		else if (!strcmp(*argv, "pidfd")) {
			deny(SYS_pidfd_open, ENOSYS);
			deny(SYS_pidfd_send_signal, ENOSYS);
		} else if (!strcmp(*argv, "proc"))
			hide_proc();
		else {
			fprintf(stderr, "lacks: what is %s?\n", *argv);
			return 2;
		}
	}
	if (argc < 1 || !argv[1]) {
		fprintf(stderr, "lacks WHAT... -- CMD...\n");
		return 2;
	}
	add(RETURN, 0, 0, ALLOW);
	prog.n = len;
	if (len > 1 && (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) < 0 ||
			prctl(PR_SET_SECCOMP, (long)FILTER_MODE, &prog) < 0))
		die("seccomp");
	execvp(argv[1], argv + 1);
	die(argv[1]);
}
