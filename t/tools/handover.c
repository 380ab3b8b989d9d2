/* SPDX-License-Identifier: MIT */
/* handover PORT CMD...: runs CMD with a socket that listens on 127.0.0.1:PORT
 * as descriptor 3, as a keeper hands it to a worker of the front door. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd, on = 1;

	if (argc < 3)
		return 2;
	a.sin_port = htons((uint16_t)atoi(argv[1]));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
				 sizeof on) < 0 ||
	    bind(fd, (struct sockaddr *)(void *)&a, sizeof a) < 0 ||
	    listen(fd, 128) < 0 || (fd != 3 && dup2(fd, 3) < 0)) {
		perror("handover");
		return 1;
	}
	if (fd != 3)
		close(fd);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", "http", 1);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
