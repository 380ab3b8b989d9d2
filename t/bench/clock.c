/* SPDX-License-Identifier: MIT */
/*
 * clock COUNT CMD [ARG...] - how long a command takes, its start included
 *
 * Runs CMD COUNT times, one after the other, its output to /dev/null, and
 * prints the time of each from before it was made until it was reaped, in ns.
 * Ends with 1 at the first that ends with anything but 0.
 */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t fa;
	int count = argc > 2 ? atoi(argv[1]) : 0, status, why;

	if (count < 1) {
		fputs("usage: clock COUNT CMD [ARG...]\n", stderr);
		return 2;
	}
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDOUT_FILENO, "/dev/null",
					 O_WRONLY, 0);
	for (int i = 0; i < count; i++) {
		long long from = now_ns();
		pid_t pid;

		why = posix_spawnp(&pid, argv[2], &fa, NULL, argv + 2, environ);
		if (why) {
			fprintf(stderr, "clock: %s: %s\n", argv[2],
				strerror(why));
			return 1;
		}
		if (waitpid(pid, &status, 0) != pid || status) {
			fprintf(stderr, "clock: %s ended with status %d\n",
				argv[2], WIFEXITED(status) ?
				WEXITSTATUS(status) : 128 + WTERMSIG(status));
			return 1;
		}
		printf("%lld\n", now_ns() - from);
	}
	return 0;
}
