/* SPDX-License-Identifier: MIT */
/*
 * atpid PID CMD [ARG...] - run CMD as the process PID, and wait for it
 *
 * What takes a number for a process takes CMD for the one that had it before.
 * Needs CAP_CHECKPOINT_RESTORE; ends with 77 where that cannot be had, and
 * with 78 while PID is another's.
 */

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

/* struct clone_args of linux/sched.h, 80 bytes of it */
struct args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal;
	uint64_t stack, stack_size, tls, set_tid, set_tid_size;
};

int main(int argc, char **argv)
{
	pid_t want = argc > 2 ? (pid_t)atol(argv[1]) : 0;
	struct args a = { .exit_signal = SIGCHLD, .set_tid_size = 1,
		.set_tid = (uint64_t)(uintptr_t)&want };
	long pid;
	int st;

	if (want <= 0) {
		fprintf(stderr, "usage: atpid PID CMD [ARG...]\n");
		return 2;
	}
	pid = syscall(SYS_clone3, &a, sizeof a);
	if (pid < 0) {
		perror("atpid: clone3");
		return errno == EEXIST ? 78 : 77;
	}
	if (pid == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	while (waitpid((pid_t)pid, &st, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
}
