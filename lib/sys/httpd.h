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
 * a stream is open; after it the pointer is dead. It comes from the loop or
 * from httpd_release(), never from within another call of this unit. After
 * httpd_reply(), httpd_end() and httpd_cut_stream() the pointer is not the
 * caller's any more.
 *
 *	static void on_request(struct httpd_conn *c, struct httpd_req *r)
 *	{
 *		httpd_json(c, 200, STR("{}"));
 *	}
 *
 * Malformed input is answered 400, 413, 414, 417, 431, 501 or 505 with a JSON
 * error body and the connection is closed, read on for a moment so that the
 * answer arrives; so is a request for which there is no memory, with 503. A
 * peer that sends no whole request in HTTPD_HEAD_MS, or takes no byte of its
 * answer for HTTPD_STALL_MS, is cut. When no slot is free the oldest idle
 * connection gives way to the newcomer; when none is idle he gets 503. The
 * same holds for the connections of one peer when max_per_peer is set: an
 * address beyond this machine (of IPv6: one /64), or an AF_UNIX process.
 *
 * A client that half-closes gets its answer all the same, but over TCP, where
 * one that has closed looks the same, no stream and no answer that takes longer
 * than HTTPD_LEFT_MS. One that vanished without a word is found by keep-alive
 * probes.
 *
 * An idle connection holds no memory but its slot: requests are read into,
 * and heads of answers made in, memory that all connections share. What the
 * others hold, parts of requests and answers not yet taken, is HTTPD_HELD_MAX
 * in all; who needs more is refused, or cut.
 *
 * Nothing is sent but by send(): it goes on within a sys/jail.
 */

#include "base/arena.h"
#include "base/buf.h"
#include "sys/loop.h"
#include "wire/http.h"

#define HTTPD_BODY_MAX  65536           /* module operations carry little */
#define HTTPD_HEAD_MS   10000
#define HTTPD_IDLE_MS   255000          /* longer than any edge pools */
#define HTTPD_STALL_MS  30000
#define HTTPD_LEFT_MS   10000           /* for an answer, once half closed */
#define HTTPD_LINGER_MS 1000            /* reads on after a refusal */
#define HTTPD_OUT_MAX   (8 * 1024 * 1024)       /* 1,000 modules as JSON: 1 */
#define HTTPD_ARENA_MAX (1024 * 1024)   /* what one request may allocate */
#define HTTPD_STREAM_MAX 65536  /* queued for a stream before "full" */
#define HTTPD_HELD_MAX  (64 * 1024 * 1024)      /* of all connections */
#define HTTPD_PROBE_S   15      /* silent so long: is anybody there */
#define HTTPD_PROBES    4       /* unanswered: nobody */

struct httpd_conn;
struct httpd_shared;

/*
 * Valid until on_request returns, but for the arena: who answers later takes
 * a copy of what it needs there.
 */
struct httpd_req {
	const struct http_head *head;
	/* As sent; of an absolute target the part after the authority, which
	 * head->host then holds, and which no Host contradicts (RFC 9112
	 * 3.2.2). Else '/...', or "*" with OPTIONS. */
	struct str path, query, body;
	struct arena *arena;            /* until the answer is complete */
	uid_t uid;                      /* AF_UNIX: the peer's; else -1 */
};

struct httpd {
	struct loop *loop;
	void *ctx;                      /* the owner's */
	void (*on_request)(struct httpd_conn *, struct httpd_req *);
	/* Whether to serve this peer; NULL serves all. AF_UNIX only. */
	bool (*may)(struct httpd *, uid_t uid, pid_t pid);
	const char *server;             /* value of Server: pc/VERSION */
	/* Once, when the last connection has ended after httpd_drain(). */
	void (*on_idle)(struct httpd *);
	size_t max_per_peer;            /* an address that is not loopback, or
					 * an AF_UNIX process; 0: no matter */
	/* Tests set others. */
	int head_ms, idle_ms, stall_ms, left_ms, linger_ms;
	size_t max_held;

	size_t max_conns, held;
	struct httpd_conn *conns;       /* allocated by httpd_init */
	struct list free, busy;
	struct list listeners;
	struct httpd_shared *shared;
	struct arena arena;             /* of all that httpd_init() allocates */
	size_t touched, serving;        /* slots ever used; in use */
	struct later idle;
	bool draining;
};

/* The owner then sets ctx, on_request, may and max_per_peer. */
int  httpd_init(struct httpd *, struct loop *, size_t max_conns, struct err *);
/* Takes a listening descriptor and serves it; it is the server's, or closed
 * when that fails. */
int  httpd_listen(struct httpd *, int fd, struct err *);
/* Accepts no more, closes what is idle; every other connection ends with its
 * answer. Streams go on: their owners end them. */
void httpd_drain(struct httpd *);
/* Cuts what is open. Not from within a handler of the same server. */
void httpd_release(struct httpd *);

struct httpd *httpd_of(struct httpd_conn *);
/* Who max_per_peer is about: of AF_UNIX a process; 0: nobody. */
uint64_t httpd_peer(const struct httpd_conn *);
/* Whether it is open, and of that peer; 0: of any. */
bool httpd_is_of(const struct httpd_conn *, uint64_t peer);

/* The owner's per-request state, and how it hears of the end. */
void httpd_watch_gone(struct httpd_conn *, void *user,
		      void (*on_gone)(struct httpd_conn *, void *user));
void *httpd_user(struct httpd_conn *);

/*
 * The answer, whole. Extra fields are complete "Name: value\r\n" lines, for
 * whose values the caller vouches; type may be NULL. Date, Content-Length and
 * Connection are added; the body stays away from HEAD, 204 and 304. One over
 * HTTPD_OUT_MAX becomes 500.
 */
void httpd_reply(struct httpd_conn *, int status, const char *type,
		 struct str extra, struct str body);
void httpd_json(struct httpd_conn *, int status, struct str body);

/*
 * A stream: chunked for 1.1, until close for 1.0. httpd_write() queues and
 * returns false when more than HTTPD_STREAM_MAX waits: stop until on_drain.
 * (What was passed is queued all the same, up to HTTPD_OUT_MAX; beyond that
 * the connection is cut.) httpd_end() completes it. Writes of one turn of the
 * loop go out together at its end. Streams are sent with no-store.
 *
 * httpd_cut_stream() ends one of which the rest is missing: what was written
 * is sent, then the connection closed without the last chunk. A client of 1.0
 * cannot see the difference: there a close is the end of every stream.
 */
void httpd_stream(struct httpd_conn *, int status, const char *type,
		  void (*on_drain)(struct httpd_conn *, void *user));
bool httpd_write(struct httpd_conn *, struct str);
bool httpd_full(const struct httpd_conn *);
void httpd_end(struct httpd_conn *);
void httpd_cut_stream(struct httpd_conn *);

#endif
