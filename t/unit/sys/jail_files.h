/* SPDX-License-Identifier: MIT */
#ifndef T_UNIT_SYS_JAIL_FILES_H
#define T_UNIT_SYS_JAIL_FILES_H

/* Attempts on files, and to run something. */
#include "jail_tries.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

static int by_fd(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return made(open(path, flags));
}

static int write_outside(struct cell *c)
{
	return made(open(c->outside, O_WRONLY));
}

static int write_inside(struct cell *c)
{
	return made(openat(c->home, "text", O_RDWR));
}

static int write_database(struct cell *c)
{
	return made(openat(c->home, "data", O_RDWR));
}

static int write_append(struct cell *c)
{
	return made(openat(c->home, "text", O_WRONLY | O_APPEND));
}

static int write_openat2(struct cell *c)
{
	uint64_t how[3] = { O_WRONLY, 0, 0 };

	return made((int)syscall(437, c->home, "text", how, sizeof how));
}

static int write_openat2_reading(struct cell *c)
{
	uint64_t how[3] = { O_RDONLY, 0, 0 };

	return made((int)syscall(437, c->home, "text", how, sizeof how));
}

static int write_by_fd(struct cell *c)
{
	return by_fd(c->text, O_RDWR);
}

static int write_by_o_path(struct cell *c)
{
	int fd = openat(c->home, "text", O_PATH | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = by_fd(fd, O_WRONLY);
	close(fd);
	return rc;
}

static int write_own_memory(struct cell *c)
{
	(void)c;
	return made(open("/proc/self/mem", O_RDWR));
}

static int truncate_open(struct cell *c)
{
	return made(openat(c->home, "text", O_RDONLY | O_TRUNC));
}

static int truncate_path(struct cell *c)
{
	return truncate(c->outside, 0);
}

static int create(struct cell *c)
{
	return made(openat(c->home, "new", O_WRONLY | O_CREAT, 0600));
}

static int create_reading(struct cell *c)
{
	return made(openat(c->home, "new", O_RDONLY | O_CREAT, 0600));
}

static int create_nameless(struct cell *c)
{
	return made(openat(c->home, ".", O_TMPFILE | O_RDWR, 0600));
}

static int make_directory(struct cell *c)
{
	return mkdirat(c->home, "new", 0700);
}

static int make_fifo(struct cell *c)
{
	return mkfifoat(c->home, "new", 0600);
}

static int make_symlink(struct cell *c)
{
	return symlinkat("/", c->home, "new");
}

static int make_link(struct cell *c)
{
	return linkat(c->home, "text", c->home, "new", 0);
}

static int make_link_of_fd(struct cell *c)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", c->text);
	return linkat(AT_FDCWD, path, c->home, "new", AT_SYMLINK_FOLLOW);
}

static int rename_it(struct cell *c)
{
	return renameat(c->home, "text", c->home, "new");
}

static int rename_exchange(struct cell *c)
{
	return (int)syscall(SYS_renameat2, c->home, "text", c->home, "data", 2);
}

static int remove_it(struct cell *c)
{
	return unlinkat(c->home, "text", 0);
}

static int remove_directory(struct cell *c)
{
	return unlinkat(c->home, "empty", AT_REMOVEDIR);
}

static int mode_of_path(struct cell *c)
{
	return fchmodat(c->home, "text", 0666, 0);
}

static int mode_of_fd(struct cell *c)
{
	return fchmod(c->data, 0666);
}

static int owner_of_fd(struct cell *c)
{
	return fchown(c->data, getuid(), getgid());
}

static int times_of_fd(struct cell *c)
{
	return futimens(c->data, NULL);
}

static int attribute(struct cell *c)
{
	return fsetxattr(c->data, "user.x", "1", 1, 0);
}

static int flags_of_fd(struct cell *c)
{
	int flags;      /* FS_IOC_GETFLAGS, then to set the same */

	if (ioctl(c->data, 0x80086601, &flags) < 0)
		return -1;
	return ioctl(c->data, 0x40086602, &flags);
}

static int memory_file(struct cell *c)
{
	(void)c;
	return made((int)syscall(SYS_memfd_create, "x", 0));
}

static int mount_it(struct cell *c)
{
	(void)c;
	return mount("none", "/tmp", "tmpfs", 0, NULL);
}

static int new_root(struct cell *c)
{
	(void)c;
	return chroot("/");
}

static int read_outside(struct cell *c)
{
	return made(open(c->outside, O_RDONLY));
}

static int read_password(struct cell *c)
{
	(void)c;
	return made(open("/etc/passwd", O_RDONLY));
}

static int read_up(struct cell *c)
{
	return made(openat(c->home, "../outside", O_RDONLY));
}

static int list_root(struct cell *c)
{
	(void)c;
	return made(open("/", O_RDONLY | O_DIRECTORY));
}

static int read_other(struct cell *c)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/environ", (int)c->victim);
	return made(open(path, O_RDONLY));
}

static int run_path(struct cell *c)
{
	char name[] = "/proc/self/exe", word[] = "ran";
	char *argv[] = { name, word, NULL }, *none[] = { NULL };

	(void)c;
	return execve(name, argv, none);
}

static int run_fd(struct cell *c)
{
	char empty[] = "", word[] = "ran";
	char *argv[] = { empty, word, NULL }, *none[] = { NULL };
	int fd = open("/proc/self/exe", O_PATH);

	(void)c;
	if (fd < 0)
		return -1;
	return (int)syscall(SYS_execveat, fd, empty, argv, none,
			    AT_EMPTY_PATH);
}

/* A call that makes a process: there it ends, here it is waited for. */
static int born(long pid)
{
	if (pid == 0)
		_exit(0);
	if (pid < 0)
		return -1;
	waitpid((pid_t)pid, NULL, 0);
	return 0;
}

static int run_fork(struct cell *c)
{
	(void)c;
	return born(fork());
}

static int run_clone(struct cell *c)
{
	(void)c;
	return born(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int run_clone3(struct cell *c)
{
	uint64_t args[8] = { [4] = SIGCHLD };

	(void)c;
	return born(syscall(435, args, sizeof args));
}

#ifdef SYS_fork
static int run_old_fork(struct cell *c)
{
	(void)c;
	return born(syscall(SYS_fork));
}
#endif

static void *nothing(void *arg)
{
	return arg;
}

static int run_thread(struct cell *c)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, nothing, NULL);

	(void)c;
	if (!err)
		return pthread_join(t, NULL);
	errno = err == EAGAIN ? EPERM : err;    /* what musl makes of it */
	return -1;
}

/* By number: the C library would change what it says. */
static int code_new(struct cell *c)
{
	(void)c;
	return syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1 ? -1 : 0;
}

static int code_later(struct cell *c)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int rc = p == MAP_FAILED ? -1 :
		 mprotect(p, 4096, PROT_READ | PROT_EXEC);

	(void)c;
	return rc;
}

static int code_from_file(struct cell *c)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE,
		       c->data, 0);

	return p == MAP_FAILED ? -1 : munmap(p, 4096);
}

#define F JAIL_FILES
#define C JAIL_CALLS
#define P JAIL_CAPS
static const struct attempt file_attempts[] = {
	{ "write a file elsewhere", write_outside, F | C },
	{ "write a file of the home", write_inside, F | C },
	{ "open the database anew to write", write_database, F | C },
	{ "append", write_append, F | C },
	{ "write by openat2", write_openat2, F | C },
	{ "even read by openat2", write_openat2_reading, C },
	{ "write by /proc/self/fd", write_by_fd, F | C },
	{ "write by O_PATH and /proc", write_by_o_path, F | C },
	{ "write its own memory by /proc", write_own_memory, F | C },
	{ "truncate while opening to read", truncate_open, C },
	{ "truncate by name", truncate_path, F | C },
	{ "create", create, F | C },
	{ "create to read", create_reading, F | C },
	{ "create without a name", create_nameless, F | C | ANYHOW },
	{ "mkdir", make_directory, F | C },
	{ "mkfifo", make_fifo, F | C },
	{ "symlink", make_symlink, F | C },
	{ "link", make_link, F | C },
	{ "link what is open", make_link_of_fd, F | C },
	{ "rename", rename_it, F | C },
	{ "exchange", rename_exchange, F | C | ANYHOW },
	{ "unlink", remove_it, F | C },
	{ "rmdir", remove_directory, F | C },
	{ "chmod", mode_of_path, C },
	{ "fchmod", mode_of_fd, C },
	{ "fchown", owner_of_fd, C },
	{ "set times", times_of_fd, C },
	{ "set an attribute", attribute, C | ANYHOW },
	{ "set flags of a file system", flags_of_fd, C | ANYHOW },
	{ "memfd_create", memory_file, C },
	{ "mount", mount_it, F | C | P | ANYHOW },
	{ "chroot", new_root, C | P | ROOT },
	{ "read a file elsewhere", read_outside, F },
	{ "read /etc/passwd", read_password, F },
	{ "read up and out of the home", read_up, F },
	{ "list the root", list_root, F },
	{ "read another's environment", read_other, F },
	{ "execve", run_path, F | C },
	{ "execveat", run_fd, F | C },
	{ "fork", run_fork, C | RUNTIME },
	{ "clone", run_clone, C | RUNTIME },
	{ "clone3", run_clone3, C | ANYHOW },
#ifdef SYS_fork
	{ "the old fork", run_old_fork, C },
#endif
	{ "start a thread", run_thread, C | RUNTIME },
	{ "map memory to execute", code_new, C | RUNTIME },
	{ "make memory executable", code_later, C | RUNTIME },
	{ "execute what a file holds", code_from_file, C | RUNTIME },
};
#undef F
#undef C
#undef P

#endif
