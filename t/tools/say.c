/* SPDX-License-Identifier: MIT */
/*
 * say SOCKET|PORT - send standard input to a Unix socket, or to a TCP port
 * of 127.0.0.1, and print what comes back.
 *
 * For requests that no HTTP client would send. The socket is reached by its
 * short name from its directory, so its path may be longer than sun_path.
 * Ends when the peer closes, or 1 after ten seconds without a byte.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SILENCE_MS 10000

static int reach_port(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)atoi(port));
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
		return -1;
	return fd;
}

static int reach(char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char *slash = strrchr(path, '/'), *name = path;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (slash) {
		*slash = '\0';
		name = slash + 1;
		if (chdir(slash == path ? "/" : path) < 0)
			return -1;
	}
	if (fd < 0 || strlen(name) >= sizeof a.sun_path)
		return -1;
	memcpy(a.sun_path, name, strlen(name));
	return connect(fd, (struct sockaddr *)&a, sizeof a) < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
	char buf[65536];
	ssize_t n;
	int fd;
	struct pollfd p = { .events = POLLIN };

	if (argc != 2) {
		fprintf(stderr, "usage: say SOCKET|PORT <request\n");
		return 2;
	}
	if (argv[1][strspn(argv[1], "0123456789")])
		fd = reach(argv[1]);
	else
		fd = reach_port(argv[1]);
	if (fd < 0) {
		perror("say");
		return 2;
	}
	/* The peer may answer and close before it has all of it. */
	while ((n = read(0, buf, sizeof buf)) > 0)
		if (send(fd, buf, (size_t)n, MSG_NOSIGNAL) < 0)
			break;
	p.fd = fd;
	while (poll(&p, 1, SILENCE_MS) > 0) {
		n = read(fd, buf, sizeof buf);
		if (n <= 0)
			return 0;
		fwrite(buf, 1, (size_t)n, stdout);
	}
	fprintf(stderr, "say: the peer neither answers nor closes\n");
	return 1;
}
