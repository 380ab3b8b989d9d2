/* SPDX-License-Identifier: MIT */
#ifndef T_UNIT_SYS_JAIL_OTHERS_H
#define T_UNIT_SYS_JAIL_OTHERS_H

/* Attempts on other processes, on privileges, and on the host. */
#include "jail_tries.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int signal_victim(struct cell *c)
{
	return kill(c->victim, SIGCONT);
}

static int signal_parent(struct cell *c)
{
	return kill(c->parent, SIGCONT);
}

static int signal_everybody(struct cell *c)
{
	(void)c;
	return kill(-1, 0);
}

static int signal_thread(struct cell *c)
{
	return (int)syscall(SYS_tkill, c->victim, SIGCONT);
}

static int signal_group(struct cell *c)
{
	return (int)syscall(SYS_tgkill, c->victim, c->victim, SIGCONT);
}

static int signal_queue(struct cell *c)
{
	return sigqueue(c->victim, SIGCONT, (union sigval){ 0 });
}

static int signal_by_pidfd(struct cell *c)
{
	int fd = (int)syscall(434, c->victim, 0);

	if (fd < 0)
		return -1;
	return (int)syscall(424, fd, SIGCONT, NULL, 0);
}

static int signal_by_owner(struct cell *c)
{
	return fcntl(c->pair[0], F_SETOWN, c->victim);
}

static int signal_by_ioctl(struct cell *c)
{
	int pid = c->victim;

	return ioctl(c->pair[0], 0x8901 /* FIOSETOWN */, &pid);
}

static int signal_number(struct cell *c)
{
	return fcntl(c->pair[0], 10 /* F_SETSIG */, SIGUSR1);
}

static int type_into_terminal(struct cell *c)
{
	(void)c;
	return ioctl(0, 0x5412 /* TIOCSTI */, "x");
}

static int trace(struct cell *c)
{
	return (int)ptrace(0x4206 /* SEIZE */, c->victim, NULL, NULL);
}

static int trace_parent(struct cell *c)
{
	return (int)ptrace(0x4206 /* SEIZE */, c->parent, NULL, NULL);
}

static int read_memory(struct cell *c)
{
	static char here[16];
	struct iovec mine = { here, sizeof here }, its = { here, sizeof here };

	return syscall(SYS_process_vm_readv, c->victim, &mine, 1, &its, 1,
		       0) < 0 ? -1 : 0;
}

static int write_memory(struct cell *c)
{
	static char here[16];
	struct iovec mine = { here, sizeof here }, its = { here, sizeof here };

	return syscall(SYS_process_vm_writev, c->victim, &mine, 1, &its, 1,
		       0) < 0 ? -1 : 0;
}

static int limit_victim(struct cell *c)
{
	struct { uint64_t soft, hard; } lim;

	return (int)syscall(SYS_prlimit64, c->victim, RLIMIT_CORE, NULL, &lim);
}

static int slow_victim(struct cell *c)
{
	return setpriority(PRIO_PROCESS, (id_t)c->victim, 5);
}

static int pin_victim(struct cell *c)
{
	unsigned long mask[16] = { 1 };

	return (int)syscall(SYS_sched_setaffinity, c->victim, sizeof mask,
			    mask);
}

static int take_descriptor(struct cell *c)
{
	int fd = (int)syscall(434, c->victim, 0);

	return fd < 0 ? -1 : made((int)syscall(438, fd, 0, 0));
}

static int leave_session(struct cell *c)
{
	(void)c;
	return setsid() < 0 ? -1 : 0;
}

static int outlive_parent(struct cell *c)
{
	(void)c;
	return prctl(PR_SET_PDEATHSIG, 0);
}

static int shared_memory(struct cell *c)
{
	int id = (int)syscall(SYS_shmget, 0, 4096, 0600);

	(void)c;
	return id < 0 ? -1 : (int)syscall(SYS_shmctl, id, 0, NULL);
}

/* The host */

static int become_other(struct cell *c)
{
	(void)c;
	return setuid(65533);
}

static int become_root(struct cell *c)
{
	(void)c;
	return setuid(0);
}

static int new_namespace(struct cell *c)
{
	(void)c;
	return (int)syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */);
}

static int old_namespace(struct cell *c)
{
	int fd = open("/proc/self/ns/uts", O_RDONLY);

	(void)c;
	if (fd < 0)
		return -1;
	return (int)syscall(SYS_setns, fd, 0);
}

static int other_personality(struct cell *c)
{
	(void)c;
	return (int)syscall(SYS_personality, 0);
}

static int name_host(struct cell *c)
{
	char name[256];

	(void)c;
	if (gethostname(name, sizeof name) < 0)
		return -1;
	return sethostname(name, strlen(name));
}

static int set_clock(struct cell *c)
{
	(void)c;
	return (int)syscall(SYS_clock_settime, CLOCK_REALTIME, NULL);
}

static int add_key(struct cell *c)
{
	(void)c;
	return (int)syscall(SYS_add_key, "user", "pc-test", "x", 1, -1);
}

static int load_program(struct cell *c)
{
	uint64_t attr[16] = { 0 };

	(void)c;
	return (int)syscall(SYS_bpf, 0, attr, sizeof attr);
}

static int fault_memory(struct cell *c)
{
	(void)c;
	return made((int)syscall(SYS_userfaultfd, 0));
}

static int measure(struct cell *c)
{
	uint64_t attr[16] = { 128ULL << 32 };

	(void)c;
	return made((int)syscall(SYS_perf_event_open, attr, 0, -1, -1, 0));
}

static int restart_host(struct cell *c)
{
	(void)c;
	return (int)syscall(SYS_reboot, 0, 0, 0, 0);    /* no magic */
}

static int call_unknown(struct cell *c)
{
	(void)c;
	return (int)syscall(9999);
}

#ifdef __x86_64__
/* The same number means another call there: 20 is getpid(). */
static int call_32_bit(struct cell *c)
{
	long rc;

	(void)c;
	__asm__ volatile("int $0x80" : "=a"(rc) : "0"(20) : "memory");
	errno = rc < 0 ? (int)-rc : 0;
	return rc < 0 ? -1 : 0;
}

static int call_x32(struct cell *c)
{
	(void)c;
	return (int)syscall(0x40000000 + 39);
}
#endif

#define F JAIL_FILES
#define C JAIL_CALLS
#define P JAIL_CAPS
static const struct attempt other_attempts[] = {
	{ "kill another", signal_victim, C },
	{ "kill its parent", signal_parent, C },
	{ "kill everybody", signal_everybody, C },
	{ "tkill", signal_thread, C },
	{ "tgkill", signal_group, C },
	{ "sigqueue", signal_queue, C },
	{ "pidfd_send_signal", signal_by_pidfd, C | ANYHOW },
	{ "a signal by F_SETOWN", signal_by_owner, C },
	{ "a signal by ioctl", signal_by_ioctl, C },
	{ "a signal by F_SETSIG", signal_number, C },
	{ "type into the terminal", type_into_terminal, C | ANYHOW },
	{ "trace another", trace, F | C | ROOT | RUNTIME },
	{ "trace its parent", trace_parent, F | C | ROOT | RUNTIME },
	{ "read another's memory", read_memory, F | C | ROOT },
	{ "write another's memory", write_memory, F | C | ROOT },
	{ "another's limits", limit_victim, C },
	{ "another's priority", slow_victim, C },
	{ "another's processors", pin_victim, C },
	{ "another's descriptor", take_descriptor, C | ANYHOW },
	{ "leave the session", leave_session, C },
	{ "outlive its parent", outlive_parent, C | RUNTIME },
	{ "shared memory", shared_memory, C },
	{ "become another user", become_other, C | P | ROOT },
	{ "become root", become_root, C | ROOT },
	{ "a namespace of its own", new_namespace, C | ANYHOW },
	{ "an old namespace", old_namespace, F | C | P | ROOT | ANYHOW },
	{ "another personality", other_personality, C },
	{ "name the host", name_host, C | P | ROOT | ANYHOW },
	{ "set the clock", set_clock, C | ANYHOW },
	{ "add a key", add_key, C | ANYHOW },
	{ "load a program into the kernel", load_program, C | ANYHOW },
	{ "userfaultfd", fault_memory, C | ANYHOW },
	{ "perf_event_open", measure, C | ANYHOW },
	{ "restart the host", restart_host, C | P | ANYHOW },
	{ "a call nobody knows", call_unknown, C | ANYHOW },
#ifdef __x86_64__
	{ "a call of 32 bits", call_32_bit, C | ANYHOW },
	{ "a call of x32", call_x32, C | ANYHOW },
#endif
};
#undef F
#undef C
#undef P

#endif
