/* SPDX-License-Identifier: MIT */
#ifndef SYS_OS_H
#define SYS_OS_H

/*
 * What the operating system has and POSIX does not name, and every clock.
 *
 * Each system has its own (os_linux*.c); a test that must move time or make a
 * call fail links another. Calls return -1 with errno, as system calls do;
 * where a kernel lacks one, -1 with ENOSYS, and the caller has a second way.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int64_t os_now_ms(void);        /* monotonic; never goes back */
int64_t os_now_us(void);
int64_t os_unix_ns(void);       /* wall clock; may jump */
int64_t os_unix_ms(void);

int os_random(void *, size_t);
int os_processors(void);        /* that we may run on; at least 1 */

/* Descriptors: all close-on-exec; accepted ones also non-blocking. */
int os_pipe(int p[2]);
int os_pipe_size(int fd, int bytes);    /* how much it may hold */
size_t os_pipe_room(int fd);    /* how much it can; 0: it is no pipe */
int os_accept(int fd);
int os_set_nonblock(int fd);
void os_cloexec_from(int fd);   /* this one and all above it */
bool os_has_spare(int n);       /* n more could be opened now */

/*
 * Writes what the descriptor takes at once, without O_NONBLOCK on it: a
 * shared stdout must keep its flags. EAGAIN when it takes nothing now.
 */
ssize_t os_write_nowait(int fd, const void *, size_t);

/*
 * What waits in a pipe, without taking it: up to n bytes into p, by way of
 * spare, an empty pipe of the caller's. 0: nobody can write any more. EAGAIN:
 * nothing now. ENOSYS: fd is no pipe, or the kernel cannot; read() it.
 */
ssize_t os_pipe_peek(int fd, const int spare[2], void *p, size_t n);

/* The process at the other end of a connected AF_UNIX socket. */
int os_peer(int fd, uid_t *, pid_t *);

/*
 * Datagrams that tell who sent them. os_dgram() makes a socket of that name,
 * which is no file: it begins with '@' (unix(7), abstract addresses); NULL is
 * for one that only sends. os_receive() gives the sender's pid as the
 * kernel knows it, 0 where it knows none; descriptors that came with the
 * datagram are closed. More than n means that the rest of it is lost.
 */
int os_dgram(const char *name);
ssize_t os_receive(int fd, void *, size_t, pid_t *, uid_t *);
/* Sends without waiting; name is a path or begins with '@'. */
int os_send_to(int fd, const char *name, const void *, size_t);

/* For a new child: default actions and nothing blocked, the C library's own
 * signals, which it does not let one touch, included. */
void os_default_signals(void);
/* By number, the C library's own included. */
void os_ignore_signal(int sig);

/* The path of the running executable, NUL-terminated; its length. */
ssize_t os_own_path(char *out, size_t size);
/* The calling process: its groups, and how soon it is ended for lack of
 * memory (-1000 to 1000; ENOSYS where that cannot be said). */
int os_set_groups(const gid_t *, size_t n);
int os_set_oom_score(int score);

int os_subreaper(void);         /* orphans below us become our children */
int os_die_with_parent(int sig);        /* for the calling process */
int os_pidfd(pid_t);
int os_pidfd_signal(int pidfd, int sig);

/* As fork(), the child born into a cgroup (a descriptor of its directory).
 * Fails where the kernel cannot (before 5.7), or the group takes none. */
pid_t os_fork_into(int cgroup);

/* An extended attribute of an open file: its length, or -1. */
ssize_t os_xattr(int fd, const char *name, char *out, size_t size);

/*
 * A descriptor that becomes readable when one of the paths is removed, moved
 * or replaced; os_watch_clear() empties it. -1 where there is no such thing.
 */
int os_watch_paths(const char *const *paths, size_t n);
void os_watch_clear(int fd);

/*
 * Our own child processes: up to max pids into out, the number there are as
 * result (may be more than max). ENOSYS where /proc does not list them.
 */
int os_children(pid_t *out, size_t max);

/*
 * Memory that children do not inherit, zeroed, resident only where touched.
 * NULL with errno. os_map_trim() gives pages back, keeping the range.
 */
void *os_map(size_t);
void os_map_trim(void *, size_t);
void os_unmap(void *, size_t);

#endif
