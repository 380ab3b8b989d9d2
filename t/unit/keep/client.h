/* SPDX-License-Identifier: MIT */
#ifndef T_CLIENT_H
#define T_CLIENT_H

/*
 * Clients of the rig's socket, in its loop.
 *
 *	struct client *c = ask("POST", "/api/modules/a/stop");
 *	until(c->eof);
 *	ok(answered(c, 200, "\"stopped\":true"), "stopped");
 *	hang_up(c);
 *
 * They speak HTTP/1.0, so that the answer ends with the connection.
 */

#include "rig.h"

#define GOT_MAX (8 << 20)

static const char *ask_fields = "";     /* of the next requests */

struct client {
	struct watch watch;
	char *got;
	size_t n;
	bool eof;
};

static inline void on_answer(struct loop *l, struct watch *w, unsigned events)
{
	struct client *c = CONTAINER(w, struct client, watch);
	ssize_t n = read(w->fd, c->got + c->n, GOT_MAX - 1 - c->n);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		c->n += (size_t)n;
		c->got[c->n] = '\0';
		return;
	}
	c->eof = true;
	n = w->fd;
	loop_forget(l, w);
	close((int)n);
}

static inline void listen_to(struct client *c, int fd)
{
	if (loop_watch(&rig.loop, &c->watch, fd, LOOP_READ, NULL) < 0)
		scratch_bail("no watch");
}

/* Asks, and does not read the answer before listen_to(). */
static inline struct client *ask_deaf(const char *method, const char *target,
				      int *fd)
{
	struct client *c = calloc(1, sizeof *c);
	char text[600];
	struct err e;
	int n;

	*fd = net_connect_unix(rig.home.fd, HOME_SOCK, &e);
	if (!c || *fd < 0)
		scratch_bail("no connection");
	c->watch = (struct watch)WATCH_INIT(on_answer);
	c->got = malloc(GOT_MAX);
	if (!c->got)
		scratch_bail("no memory");
	c->got[0] = '\0';
	n = snprintf(text, sizeof text, "%s %s HTTP/1.0\r\n%s\r\n", method,
		     target, ask_fields);
	if (send(*fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		scratch_bail("not sent");
	settle();
	return c;
}

static inline struct client *ask(const char *method, const char *target)
{
	int fd;
	struct client *c = ask_deaf(method, target, &fd);

	listen_to(c, fd);
	settle();
	return c;
}

static inline bool answered(const struct client *c, int status,
			    const char *words)
{
	char line[32];

	snprintf(line, sizeof line, " %d ", status);
	if (c->n > 12 && !strncmp(c->got + 8, line, strlen(line)) &&
	    strstr(c->got, words))
		return true;
	tap_diag("have: %.*s", (int)(c->n < 600 ? c->n : 600), c->got);
	return false;
}

/* Behind the head. */
static inline const char *body(const struct client *c)
{
	const char *at = strstr(c->got, "\r\n\r\n");

	return at ? at + 4 : "";
}

static inline void hang_up(struct client *c)
{
	int fd = c->watch.fd;

	loop_forget(&rig.loop, &c->watch);
	if (fd >= 0)
		close(fd);
	free(c->got);
	free(c);
	settle();
}

#endif
