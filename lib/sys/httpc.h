/* SPDX-License-Identifier: MIT */
#ifndef SYS_HTTPC_H
#define SYS_HTTPC_H

/*
 * One HTTP/1.1 request on the loop, over a connected or connecting socket.
 *
 * The struct is the caller's and must stay put until on_done, which is called
 * exactly once, and never after httpc_cancel().
 * The descriptor becomes the request's and is closed at its end. The deadline
 * covers everything until the head (and for whole answers the body) is in;
 * deadline_ms 0 means none. Interim 1xx answers are skipped.
 *
 * Callbacks come from the loop, never from httpc_start(); any of them may
 * cancel, and then free the struct or start it anew. A peer that answers and
 * closes before it has read the request is heard. The request says
 * "Connection: close".
 */

#include "base/buf.h"
#include "sys/loop.h"
#include "wire/http.h"

struct httpc;

struct httpc_ops {
	/* The head of the final answer; strs valid during the call. */
	void (*on_head)(struct httpc *, const struct http_head *);
	void (*on_body)(struct httpc *, struct str data);
	/* e is NULL when the answer is complete; ERR_UNREACHABLE when the
	 * peer went away before or within it, ERR_TIMEOUT, ERR_INVALID. */
	void (*on_done)(struct httpc *, const struct err *e);
};

struct httpc {
	struct loop *loop;
	const struct httpc_ops *ops;
	void *ctx;              /* the caller's */
	struct watch watch;
	struct timer timer;
	struct buf out, in;
	struct str method;
	struct http_head head;
	struct chunked chunked;
	uint64_t left;
	int state;
	int sys;                /* errno that ended the sending, or 0 */
	bool *cancelled;        /* while a callback runs: where to note it */
	bool stream;            /* set by the caller in on_head: no deadline
				 * for the body */
	int fd;
};

struct httpc_req {
	const char *method, *target, *host;
	const char *accept;     /* Accept, or NULL */
	const char *authorization;      /* Authorization, or NULL: a secret,
					 * wiped as soon as it is sent */
	const char *type;       /* Content-Type, when there is a body */
	struct str body;
	int deadline_ms;
};

/*
 * The fd is taken in any case. -1: a part that is no HTTP (ERR_INVALID), or
 * no memory; on_done is not called then. Nothing in the httpc_req is needed
 * afterwards.
 */
int  httpc_start(struct httpc *, struct loop *, int fd,
		 const struct httpc_req *, const struct httpc_ops *, void *ctx,
		 struct err *);
void httpc_cancel(struct httpc *);      /* no call comes after it */

#endif
