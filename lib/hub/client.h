/* SPDX-License-Identifier: MIT */
#ifndef HUB_CLIENT_H
#define HUB_CLIENT_H

/*
 * How a command talks to the hub it means (hub/reach): one HTTP request at a
 * time (client_call), or several streams side by side (client_stream). It
 * turns a loop of its own until the answer is there.
 */

#include "hub/limits.h"
#include "hub/reach.h"
#include "sys/httpc.h"
#include "wire/json.h"
#include "wire/sse.h"

struct client {
	struct reach *reach;
	struct loop loop;
	struct arena arena;     /* of the last answer */
};

/* What a hub with 1,000 modules says of them. */
#define ANSWER_MAX (16 * 1024 * 1024)

struct answer {
	int status;
	const struct json *body;        /* NULL: it was not JSON */
};

/* The reach is the caller's, and must outlive it. */
int  client_init(struct client *, struct reach *, struct err *);
void client_release(struct client *);

/*
 * A request under way: client_begin() starts it, on_done hears of its end from
 * the loop and may look at err (when failed), status and body, and begin
 * others. The struct must stay put until then; its body is released after
 * on_done. Several may be under way in one client.
 */
struct client_request {
	struct httpc http;
	struct client *client;
	struct buf body;
	int status;
	bool done, failed;
	struct err err;
	void (*on_done)(struct client_request *);       /* or NULL */
	void *ctx;
};

int  client_begin(struct client *, struct client_request *, const char *method,
		  const char *target, int timeout_ms, struct err *);

/*
 * Nobody there is ERR_UNREACHABLE, with what to do in the message.
 * An answer of any status is success; it is valid until the next call.
 * The wait is bounded by timeout_ms (0: not at all).
 */
int client_call(struct client *, const char *method, const char *target,
		int timeout_ms, struct answer *, struct err *);

/* As client_call, but a status other than 2xx is an error (reach_refused). */
int client_ask(struct client *, const char *method, const char *target,
	       int timeout_ms, struct answer *, struct err *);

/* The same for an answer that is not JSON: its text is put behind out. */
int  client_text(struct client *, const char *target, int timeout_ms,
		 struct buf *out, struct err *);

/*
 * One open stream of lines, or of server-sent events: those where on_event is
 * set, in place of on_line. on_line gets each without its newline; on_end
 * comes once, e NULL when the hub ended it. The struct must stay put.
 */
struct client_stream {
	struct client *client;
	struct httpc http;
	struct buf tail;
	int status;
	struct sse sse;
	void (*on_line)(struct client_stream *, struct str line);
	void (*on_event)(struct client_stream *, const struct sse *);
	void (*on_end)(struct client_stream *, const struct err *);
	void *ctx;
};

int  client_stream(struct client *, struct client_stream *, const char *target,
		   struct err *);
/* Turns the loop until stop is set. */
int  client_run(struct client *, const bool *stop, struct err *);

#endif
