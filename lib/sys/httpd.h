/* SPDX-License-Identifier: MIT */
#ifndef SYS_HTTPD_H
#define SYS_HTTPD_H

/*
 * An HTTP/1.1 server on the loop, over AF_UNIX and TCP.
 *
 * The server owns its connections. A request is handed over whole, head and
 * body (bounded), one at a time per connection: pipelined ones wait. The
 * handler answers at once with httpd_reply(), or keeps the connection's
 * pointer and answers later, or opens a stream. on_gone is called once when a
 * connection ends (peer gone, error, server released) while a reply is due or
 * a stream is open; after it the pointer is dead.
 *
 *	static void on_request(struct httpd_conn *c, struct httpd_req *r)
 *	{
 *		httpd_json(c, 200, STR("{}"));
 *	}
 *
 * Malformed input is answered 400, 413, 417, 431, 501 or 505 with a JSON
 * error body and the connection is closed, read on for a moment so that the
 * answer arrives. A peer that sends no whole request in HTTPD_HEAD_MS, or
 * takes no byte of its answer for HTTPD_STALL_MS, is cut. When no slot is
 * free the newcomer gets 503 and is closed; nobody else notices.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "sys/loop.h"
#include "wire/http.h"

#define HTTPD_BODY_MAX  65536           /* module operations carry little */
#define HTTPD_HEAD_MS   10000
#define HTTPD_IDLE_MS   255000          /* longer than any edge pools */
#define HTTPD_STALL_MS  30000
#define HTTPD_OUT_MAX   (8 * 1024 * 1024)       /* 1,000 modules as JSON: 1 */
#define HTTPD_STREAM_MAX 65536  /* queued for a stream before "full" */

struct httpd_conn;

struct httpd_req {
	const struct http_head *head;
	struct str path, query, body;   /* path and query as sent */
	struct arena *arena;            /* until the answer is complete */
	uid_t uid;                      /* AF_UNIX: the peer's; else -1 */
};

struct httpd {
	struct loop *loop;
	void *ctx;                      /* the owner's */
	void (*on_request)(struct httpd_conn *, struct httpd_req *);
	/* Whether to serve this peer; NULL serves all. AF_UNIX only. */
	bool (*may)(struct httpd *, uid_t uid, pid_t pid);
	const char *server;             /* value of Server, or NULL */

	size_t max_conns;
	struct httpd_conn *conns;       /* allocated by httpd_init */
	struct list free, busy;
	struct list listeners;
};

int  httpd_init(struct httpd *, struct loop *, size_t max_conns, struct err *);
/* Takes a listening descriptor and serves it; it stays the server's. */
int  httpd_listen(struct httpd *, int fd, struct err *);
void httpd_release(struct httpd *);     /* cuts what is open */

struct httpd *httpd_of(struct httpd_conn *);

/* The owner's per-request state, and how it hears of the end. */
void httpd_watch_gone(struct httpd_conn *, void *user,
		      void (*on_gone)(struct httpd_conn *, void *user));
void *httpd_user(struct httpd_conn *);

/* The answer, whole. Extra fields are complete "Name: value\r\n" lines. */
void httpd_reply(struct httpd_conn *, int status, const char *type,
		 struct str extra, struct str body);
void httpd_json(struct httpd_conn *, int status, struct str body);

/*
 * A stream: chunked for 1.1, until close for 1.0. httpd_write() queues and
 * returns false when more than HTTPD_STREAM_MAX waits: stop until on_drain.
 * (What was passed is queued all the same.) httpd_end() completes it.
 */
void httpd_stream(struct httpd_conn *, int status, const char *type,
		  void (*on_drain)(struct httpd_conn *, void *user));
bool httpd_write(struct httpd_conn *, struct str);
bool httpd_full(const struct httpd_conn *);
void httpd_end(struct httpd_conn *);

#endif
