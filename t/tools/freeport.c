/* SPDX-License-Identifier: MIT */
/*
 * freeport [-f FIRST] [N] - print N TCP ports that nobody listens on.
 *
 * With -f the first N free ones from FIRST on, else what the kernel gives.
 * All N are held until the last is found, so they are distinct.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A listening socket, so that a port that somebody else listens on is
 * refused even where addresses may be shared. *port: in, and out. */
static int take(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	/* All addresses: a server on any of them would be in the way. */
	a.sin_addr.s_addr = htonl(INADDR_ANY);
	a.sin_port = htons((uint16_t)*port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(fd, 1) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
		close(fd);
		return -1;
	}
	*port = ntohs(a.sin_port);
	return fd;
}

int main(int argc, char **argv)
{
	int opt, first = 0, n = 1, port;

	while ((opt = getopt(argc, argv, "f:")) != -1) {
		if (opt != 'f') {
			fprintf(stderr, "usage: freeport [-f FIRST] [N]\n");
			return 2;
		}
		first = atoi(optarg);
	}
	if (optind < argc)
		n = atoi(argv[optind]);
	while (n > 0) {
		port = first;
		if (take(&port) >= 0) {
			printf("%d\n", port);
			n--;
		} else if (!first) {
			perror("freeport");
			return 1;
		}
		if (first && ++first > 65535) {
			fprintf(stderr, "freeport: no more ports\n");
			return 1;
		}
	}
	return 0;
}
