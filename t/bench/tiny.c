/* SPDX-License-Identifier: MIT */
/*
 * tiny - the module that every supervisor is measured with
 *
 *	tiny                    listen on PORT, where one is given; pause
 *	tiny exec CMD [ARG...]  become CMD
 *	tiny lines COUNT        write COUNT short lines to stdout, pause
 *	tiny bytes COUNT        write COUNT bytes without a newline, pause
 *
 * Each of them first notes its start, and lines and bytes their end too: one
 * record of NOTE bytes at the end of the file $BENCH_NOTES, with the monotonic
 * time in ns, the pid and the name of the current directory.
 */

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NOTE 48         /* kit.py knows it too */
#define BLOCK 65536

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void note(void)
{
	const char *path = getenv("BENCH_NOTES");
	char line[NOTE + 1], dir[4096], *name;
	struct timespec t;
	int fd;

	if (!path)
		return;
	clock_gettime(CLOCK_MONOTONIC, &t);
	if (!getcwd(dir, sizeof dir))
		fail("getcwd");
	name = strrchr(dir, '/') + 1;
	snprintf(line, sizeof line, "%020lld %010d %-15.15s\n",
		 (long long)t.tv_sec * 1000000000 + t.tv_nsec, (int)getpid(),
		 name);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line, NOTE) != NOTE)
		fail(path);
	close(fd);
}

static void listen_on(int port)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    bind(fd, (const struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(fd, 16) < 0)
		fail("listen");
}

static void write_all(const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, p, n);

		if (done < 0)
			fail("stdout");
		p += done;
		n -= (size_t)done;
	}
}

/* In blocks, as a program with a buffered stdout does. */
static void write_lines(long count)
{
	static char block[BLOCK];
	size_t n = 0;

	for (long i = 0; i < count; i++) {
		if (n + 32 > sizeof block) {
			write_all(block, n);
			n = 0;
		}
		memcpy(block + n, "a line of text, short\n", 22);
		n += 22;
	}
	write_all(block, n);
}

static void write_bytes(long count)
{
	static char block[BLOCK];

	memset(block, 'x', sizeof block);
	for (; count > 0; count -= BLOCK)
		write_all(block, count < BLOCK ? (size_t)count : BLOCK);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 2 ? argv[1] : "", *port = getenv("PORT");

	note();
	if (!strcmp(verb, "exec")) {
		execvp(argv[2], argv + 2);
		fail(argv[2]);
	}
	if (port)
		listen_on(atoi(port));
	if (!strcmp(verb, "lines"))
		write_lines(atol(argv[2]));
	if (!strcmp(verb, "bytes"))
		write_bytes(atol(argv[2]));
	if (*verb)
		note();
	for (;;)
		pause();
}
