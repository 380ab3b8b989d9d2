/* SPDX-License-Identifier: MIT */
/*
 * Privileges, capabilities and landlock. The structures and numbers of the
 * kernel are written out here: a musl tree has no <linux/...> headers.
 */
#define _GNU_SOURCE
#include "sys/jail_impl.h"

#include "base/fmt.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int lock_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Capabilities: capset(2), capabilities(7) */

#define CAP_SETPCAP 8
#define CAP_VERSION 0x20080522  /* _LINUX_CAPABILITY_VERSION_3 */
/* NOROOT, NO_SETUID_FIXUP, NO_CAP_AMBIENT_RAISE, each with its lock: to be
 * root then gives nothing. KEEP_CAPS is locked as off. */
#define NO_ROOT     0xef

struct cap_header {
	uint32_t version;
	int32_t pid;
};

struct cap_data {
	uint32_t effective, permitted, inheritable;
};

static bool may_shrink_bounds(void)
{
	struct cap_header h = { .version = CAP_VERSION };
	struct cap_data d[2];

	return !syscall(SYS_capget, &h, d) &&
	       d[0].effective >> CAP_SETPCAP & 1;
}

static int shrink_bounds(void)
{
	int has;

	/* Until the kernel knows no more. */
	for (int cap = 0;
	     (has = prctl(PR_CAPBSET_READ, cap, 0, 0, 0)) >= 0; cap++)
		if (has && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -1;
	return prctl(PR_SET_SECUREBITS, NO_ROOT, 0, 0, 0);
}

int lock_caps(void)
{
	struct cap_header h = { .version = CAP_VERSION };
	struct cap_data none[2] = { { 0, 0, 0 }, { 0, 0, 0 } };
	int rc = 0;

	/* Kernels without ambient capabilities (before 4.3) have none. */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (may_shrink_bounds())
		rc = shrink_bounds();
	if (syscall(SYS_capset, &h, none) < 0)
		return -1;
	return rc;
}

/* Landlock: landlock(7) and the calls it names */

#define LL_CREATE    444
#define LL_ADD_RULE  445
#define LL_RESTRICT  446
#define LL_VERSION   1          /* flag of LL_CREATE: which ABI */
#define LL_BENEATH   1          /* a rule for a directory */

#define LL_READ_FILE 0x4ULL
#define LL_READ_DIR  0x8ULL
#define LL_BIND      0x1ULL     /* TCP */
#define LL_CONNECT   0x2ULL
#define LL_SCOPES    0x3ULL     /* abstract sockets, signals */

struct ll_ruleset {
	uint64_t files, net, scopes;
};

struct ll_beneath {
	uint64_t allowed;
	int32_t dir;
} __attribute__((packed));

/* What each version brought for files: all bits up to here. */
static uint64_t files_of(long abi)
{
	static const uint64_t top[] = {
		0,
		0x1fff,         /* 1: execute, read, write, make, remove */
		0x3fff,         /* 2: move between directories */
		0x7fff,         /* 3: truncate */
		0x7fff,         /* 4: */
		0xffff,         /* 5: ioctl of devices */
	};

	return top[abi < (long)LEN(top) ? abi : (long)LEN(top) - 1];
}

static int allow_read(int rules, int dir)
{
	struct ll_beneath b = {
		.allowed = LL_READ_FILE | LL_READ_DIR,
		.dir = dir,
	};

	return (int)syscall(LL_ADD_RULE, rules, LL_BENEATH, &b, 0);
}

/* See JAIL_SANITIZED. */
static void allow_runtime(int rules)
{
	int fd = open("/proc", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return;
	allow_read(rules, fd);
	close(fd);
}

int lock_files(int home, char *scope, size_t size)
{
	struct ll_ruleset want = { 0, 0, 0 };
	long abi = syscall(LL_CREATE, NULL, 0, LL_VERSION);
	size_t known = sizeof want.files;
	int rules, rc = 0, err;

	if (abi < 1)
		return -1;
	want.files = files_of(abi);
	if (home < 0)
		want.files &= ~(LL_READ_FILE | LL_READ_DIR);
	if (abi >= 4) {
		want.net = home < 0 ? LL_BIND : LL_BIND | LL_CONNECT;
		known += sizeof want.net;
	}
	if (abi >= 6) {
		want.scopes = LL_SCOPES;
		known += sizeof want.scopes;
	}
	rules = (int)syscall(LL_CREATE, &want, known, 0);
	if (rules < 0)
		return -1;
	if (home >= 0)
		rc = allow_read(rules, home);
	if (JAIL_SANITIZED)
		allow_runtime(rules);
	if (rc == 0)
		rc = (int)syscall(LL_RESTRICT, rules, 0);
	err = errno;
	close(rules);
	errno = err;
	fmt(scope, size, "%s%s%s", "files", abi >= 4 ? ", TCP" : "",
	    abi >= 6 ? ", signals" : "");
	return rc;
}
