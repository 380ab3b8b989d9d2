/* SPDX-License-Identifier: MIT */
/*
 * Which system calls are left: seccomp(2), as a program for the classic BPF
 * machine that is made from the tables below.
 *
 * A worker has a list of what it may not call, so that its C library goes on
 * working; a dialer one of what it may. Calls that come in two kinds are
 * told apart by their arguments: a row of `so` tables says what they must be.
 * A pointer's target cannot be looked at (it may change after the look),
 * which is why sendmsg() is forbidden and sendto() without an address is not.
 */
#define _GNU_SOURCE
#include "sys/jail_impl.h"

#include "base/err.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH 0xc000003e         /* AUDIT_ARCH_X86_64 */
#elif defined(__aarch64__)
#define ARCH 0xc00000b7         /* AUDIT_ARCH_AARCH64 */
#else
#define ARCH 0                  /* a machine whose calls nobody has read */
#endif

/* Names that newer machines never had; their tables have all or none. */
#ifdef SYS_open
#define OLD(...) __VA_ARGS__,
#else
#define OLD(...)
#endif

/* Calls from here on have the same number everywhere. None is needed: their
 * callers go back to older ones when they are told ENOSYS, as clone3() and
 * openat2() are; and what kernels learn after this was written is there. */
#define FIRST_NEW 424

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

/* O_RDONLY is 0. O_TMPFILE without the O_DIRECTORY it comes with. */
#define OPEN_WRITES (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | \
		     (O_TMPFILE & ~O_DIRECTORY))

enum test {
	ANY,            /* ends a row */
	IS,             /* the low half: the kernel takes an int of it */
	NONE_OF,        /* no bit of these in the low half */
	NULL_POINTER,
	SELF,           /* our own pid */
};

struct so {
	int call;
	struct {
		unsigned char arg, test;
		uint32_t value;
	} arg[2];
};

/* What both jails may do with descriptors. */
#define SO_COMMON \
	{ SYS_openat, { { 2, NONE_OF, OPEN_WRITES } } }, \
	OLD({ SYS_open, { { 1, NONE_OF, OPEN_WRITES } } }) \
	{ SYS_fcntl, { { 1, IS, F_GETFD } } }, \
	{ SYS_fcntl, { { 1, IS, F_SETFD } } }, \
	{ SYS_fcntl, { { 1, IS, F_GETFL } } }

/* The busiest first: it is looked up each time. */
static const struct so worker_so[] = {
	/* To whom it is connected, and not by way of connecting. */
	{ SYS_sendto, { { 4, NULL_POINTER, 0 },
			{ 3, NONE_OF, MSG_FASTOPEN } } },
	SO_COMMON,
	/* Not F_SETFL, F_SETOWN, F_SETSIG: others share the descriptor, and
	 * a signal could be sent with it. */
	{ SYS_fcntl, { { 1, IS, F_GETLK } } },
	{ SYS_fcntl, { { 1, IS, F_SETLK } } },
	{ SYS_fcntl, { { 1, IS, F_SETLKW } } },
	{ SYS_fcntl, { { 1, IS, F_OFD_GETLK } } },
	{ SYS_fcntl, { { 1, IS, F_OFD_SETLK } } },
	{ SYS_fcntl, { { 1, IS, F_OFD_SETLKW } } },
	{ SYS_fcntl, { { 1, IS, F_DUPFD } } },
	{ SYS_fcntl, { { 1, IS, F_DUPFD_CLOEXEC } } },
	{ SYS_fcntl, { { 1, IS, F_GETPIPE_SZ } } },
	/* Both other ways end a listening socket for all who share it. */
	{ SYS_shutdown, { { 1, IS, SHUT_WR } } },
	{ SYS_setsockopt, { { 1, IS, SOL_SOCKET }, { 2, IS, SO_KEEPALIVE } } },
	{ SYS_setsockopt, { { 1, IS, IPPROTO_TCP }, { 2, IS, TCP_NODELAY } } },
	{ SYS_setsockopt, { { 1, IS, IPPROTO_TCP }, { 2, IS, TCP_KEEPIDLE } } },
	{ SYS_setsockopt, { { 1, IS, IPPROTO_TCP },
			    { 2, IS, TCP_KEEPINTVL } } },
	{ SYS_setsockopt, { { 1, IS, IPPROTO_TCP }, { 2, IS, TCP_KEEPCNT } } },
	/* Not TIOCSTI, which types into the terminal we came from. */
	{ SYS_ioctl, { { 1, IS, FIONREAD } } },
	{ SYS_ioctl, { { 1, IS, TIOCGWINSZ } } },
	{ SYS_ioctl, { { 1, IS, TCGETS } } },
	/* abort(), and a signal that is to end us as it would have. */
	{ SYS_kill, { { 0, SELF, 0 } } },
	{ SYS_tkill, { { 0, SELF, 0 } } },
	{ SYS_tgkill, { { 0, SELF, 0 } } },
	{ SYS_prlimit64, { { 0, IS, 0 } } },
#if !JAIL_SANITIZED
	{ SYS_mmap, { { 2, NONE_OF, PROT_EXEC } } },
	{ SYS_mprotect, { { 2, NONE_OF, PROT_EXEC } } },
#endif
};

static const int starts_programs[] = {
	OLD(SYS_fork, SYS_vfork)
	SYS_execve, SYS_execveat,
#if !JAIL_SANITIZED
	SYS_clone,
#endif
};

/* What comes over the network comes on sockets that are there, or that the
 * dialer hands over. */
static const int reaches_others[] = {
	SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen,
	SYS_sendmsg, SYS_sendmmsg,
	SYS_mq_open, SYS_mq_unlink, SYS_mq_notify,
	SYS_shmget, SYS_shmat, SYS_shmctl, SYS_semget, SYS_semctl, SYS_semop,
	SYS_semtimedop, SYS_msgget, SYS_msgctl, SYS_msgsnd, SYS_msgrcv,
};

/* Not ftruncate() and fallocate(): a database grows and shrinks. */
static const int changes_files[] = {
	OLD(SYS_creat, SYS_rename, SYS_unlink, SYS_link, SYS_symlink,
	    SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_chmod, SYS_chown, SYS_lchown,
	    SYS_utime, SYS_utimes, SYS_futimesat, SYS_uselib)
	SYS_renameat, SYS_renameat2, SYS_unlinkat, SYS_linkat, SYS_symlinkat,
	SYS_mkdirat, SYS_mknodat, SYS_truncate, SYS_fchmod, SYS_fchmodat,
	SYS_fchown, SYS_fchownat, SYS_utimensat,
	SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
	SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr,
	SYS_memfd_create, SYS_open_by_handle_at, SYS_name_to_handle_at,
	SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_quotactl,
	SYS_swapon, SYS_swapoff, SYS_acct, SYS_fanotify_init,
	SYS_fanotify_mark,
};

/* Signals, memory, registers, priorities: ends, stops or steers others. */
static const int touches_processes[] = {
	SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
	SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
	SYS_migrate_pages, SYS_move_pages,
	SYS_setpriority, SYS_sched_setaffinity, SYS_sched_setparam,
	SYS_sched_setscheduler, SYS_sched_setattr, SYS_ioprio_set,
	SYS_setpgid, SYS_setsid, SYS_get_robust_list,
#if !JAIL_SANITIZED
	SYS_ptrace,
#endif
};

static const int changes_who_we_are[] = {
	SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid,
	SYS_setresgid, SYS_setfsuid, SYS_setfsgid, SYS_setgroups,
	SYS_unshare, SYS_setns, SYS_personality, SYS_capset,
#if !JAIL_SANITIZED
	SYS_prctl,
#endif
};

/* Code that was not there at the start. */
static const int makes_code[] = {
	SYS_pkey_mprotect, SYS_remap_file_pages,
	OLD(SYS_modify_ldt)
};

/* Of the whole host, or where kernels have had their faults. */
static const int concerns_the_host[] = {
	OLD(SYS_iopl, SYS_ioperm, SYS_sysfs, SYS_ustat)
	SYS_reboot, SYS_kexec_load, SYS_kexec_file_load,
	SYS_init_module, SYS_finit_module, SYS_delete_module,
	SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex,
	SYS_sethostname, SYS_setdomainname, SYS_syslog, SYS_vhangup,
	SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_seccomp,
	SYS_add_key, SYS_request_key, SYS_keyctl,
	SYS_io_setup, SYS_io_submit, SYS_lookup_dcookie, SYS_nfsservctl,
	SYS_mbind, SYS_set_mempolicy, SYS_sync,
};

#define GROUP(g) { g, LEN(g) }
static const struct {
	const int *calls;
	size_t n;
} worker_never[] = {
	GROUP(starts_programs), GROUP(reaches_others), GROUP(changes_files),
	GROUP(touches_processes), GROUP(changes_who_we_are), GROUP(makes_code),
	GROUP(concerns_the_host),
};

/* New ones that a C library calls without a second way. */
static const int worker_new[] = {
	436,            /* close_range */
	439,            /* faccessat2 */
	441,            /* epoll_pwait2 */
};

static const struct so dialer_so[] = {
	{ SYS_socket, { { 0, IS, AF_UNIX }, { 1, IS, SOCK_STREAM } } },
	{ SYS_socket, { { 0, IS, AF_INET }, { 1, IS, SOCK_STREAM } } },
	{ SYS_socket, { { 0, IS, AF_INET6 }, { 1, IS, SOCK_STREAM } } },
	{ SYS_setsockopt, { { 1, IS, IPPROTO_TCP }, { 2, IS, TCP_NODELAY } } },
	{ SYS_getsockopt, { { 1, IS, SOL_SOCKET }, { 2, IS, SO_ERROR } } },
	SO_COMMON,
	{ SYS_fcntl, { { 1, IS, F_SETFL } } },
};

/* fstat() is one of three calls. */
static const int dialer_may[] = {
	SYS_recvfrom, SYS_sendmsg, SYS_connect, SYS_close,
	SYS_fstat, SYS_newfstatat, SYS_statx, SYS_ppoll, OLD(SYS_poll)
	SYS_restart_syscall, SYS_exit_group, SYS_exit,
#if JAIL_SANITIZED
	SYS_sigaltstack, SYS_gettid, SYS_mmap, SYS_munmap, SYS_write,
#endif
};

/* Instructions, as the kernel's headers would make them */

enum {
	LOAD   = 0x20,          /* BPF_LD | BPF_W | BPF_ABS */
	EQUAL  = 0x15,          /* BPF_JMP | BPF_JEQ | BPF_K */
	REACH  = 0x35,          /* BPF_JMP | BPF_JGE | BPF_K */
	BITS   = 0x45,          /* BPF_JMP | BPF_JSET | BPF_K */
	RETURN = 0x06,          /* BPF_RET | BPF_K */
};

#define RET_ALLOW 0x7fff0000u
#define RET_ERRNO 0x00050000u
#define AT_CALL   0             /* in struct seccomp_data */
#define AT_ARCH   4
#define AT_ARG(i) (16 + 8 * (unsigned)(i))

struct insn {
	uint16_t code;
	uint8_t yes, no;        /* how many to leave out */
	uint32_t k;
};

struct filter {
	struct insn insn[1024];
	size_t n;
	uint32_t pid;
};

static void put(struct filter *f, uint16_t code, uint32_t k, size_t yes,
		size_t no)
{
	if (f->n == LEN(f->insn) || yes > 255 || no > 255)
		BUG("a filter that is too long");
	f->insn[f->n++] = (struct insn){ code, (uint8_t)yes, (uint8_t)no, k };
}

static void answer(struct filter *f, uint32_t ret)
{
	put(f, RETURN, ret, 0, 0);
}

/* The call is loaded, here and after each of the next two. */
static void decide(struct filter *f, int call, uint32_t ret)
{
	put(f, EQUAL, (uint32_t)call, 0, 1);
	answer(f, ret);
}

/* How many instructions a test is. */
static size_t length(enum test test)
{
	return test == ANY ? 0 : test == NULL_POINTER ? 4 : 2;
}

/* Goes on when it holds, else leaves out `rest` after it. */
static void check(struct filter *f, unsigned arg, enum test test,
		  uint32_t value, size_t rest)
{
	put(f, LOAD, AT_ARG(arg), 0, 0);
	switch (test) {
	case NONE_OF:
		put(f, BITS, value, rest, 0);
		break;
	case NULL_POINTER:
		put(f, EQUAL, 0, 0, rest + 2);
		put(f, LOAD, AT_ARG(arg) + 4, 0, 0);
		put(f, EQUAL, 0, 0, rest);
		break;
	default:
		put(f, EQUAL, test == SELF ? f->pid : value, 0, rest);
		break;
	}
}

static void allow_so(struct filter *f, const struct so *so)
{
	size_t second = length(so->arg[1].test);
	size_t all = length(so->arg[0].test) + second + 1;

	put(f, EQUAL, (uint32_t)so->call, 0, all + 1);
	check(f, so->arg[0].arg, so->arg[0].test, so->arg[0].value,
	      second + 1);
	if (second)
		check(f, so->arg[1].arg, so->arg[1].test, so->arg[1].value, 1);
	answer(f, RET_ALLOW);
	put(f, LOAD, AT_CALL, 0, 0);
}

static void begin(struct filter *f)
{
	f->n = 0;
	f->pid = (uint32_t)getpid();
	put(f, LOAD, AT_ARCH, 0, 0);
	put(f, EQUAL, ARCH, 1, 0);
	answer(f, RET_ERRNO | EPERM);
	put(f, LOAD, AT_CALL, 0, 0);
}

/* What is not as it must be, is not. */
static void allow_only_so(struct filter *f, const struct so *so, size_t n)
{
	for (size_t i = 0; i < n; i++)
		allow_so(f, &so[i]);
	for (size_t i = 0; i < n; i++)
		if (!i || so[i].call != so[i - 1].call)
			decide(f, so[i].call, RET_ERRNO | EPERM);
}

static int install(const struct filter *f)
{
	struct {
		unsigned short n;
		const struct insn *insn;
	} prog = { (unsigned short)f->n, f->insn };

	if (!ARCH) {
		errno = ENOSYS;
		return -1;
	}
	return prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, &prog, 0, 0);
}

int lock_worker_calls(void)
{
	struct filter f;

	begin(&f);
	put(&f, REACH, FIRST_NEW, 0, 2 * LEN(worker_new) + 1);
	for (size_t i = 0; i < LEN(worker_new); i++)
		decide(&f, worker_new[i], RET_ALLOW);
	answer(&f, RET_ERRNO | ENOSYS);
	allow_only_so(&f, worker_so, LEN(worker_so));
	for (size_t g = 0; g < LEN(worker_never); g++)
		for (size_t i = 0; i < worker_never[g].n; i++)
			decide(&f, worker_never[g].calls[i],
			       RET_ERRNO | EPERM);
	answer(&f, RET_ALLOW);
	return install(&f);
}

int lock_dialer_calls(void)
{
	struct filter f;

	begin(&f);
	allow_only_so(&f, dialer_so, LEN(dialer_so));
	for (size_t i = 0; i < LEN(dialer_may); i++)
		decide(&f, dialer_may[i], RET_ALLOW);
	answer(&f, RET_ERRNO | EPERM);
	return install(&f);
}
