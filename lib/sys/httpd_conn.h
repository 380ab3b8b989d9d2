/* SPDX-License-Identifier: MIT */
#ifndef SYS_HTTPD_CONN_H
#define SYS_HTTPD_CONN_H

/*
 * What httpd.c (slots, accepting), httpd_conn.c (reading, dispatch, end) and
 * httpd_reply.c (writing) share, and nobody else sees.
 *
 *	               accept                     refused: httpd_refuse()
 *	                 |                          |
 *	                 v    whole request         v
 *	  +---------> READING -------------> DUE ---+--> FLUSHING --+
 *	  |              |                    |           ^         |
 *	  |              |                    v           |         |
 *	  |              |                  STREAM -------+         |
 *	  |              |            httpd_end(), _cut_stream()    |
 *	  +--------------|------- keep-alive, all is sent ----------+
 *	                 |                                          v
 *	                 +--> (closed) <--- LINGERING <---------- ENDING
 *
 * A call by the owner only changes the state and asks for a later call; what
 * may free the slot (httpd_settle) runs from the loop.
 */

#include "sys/httpd.h"
#include "wire/date.h"

enum httpd_state {
	HTTPD_FREE,
	HTTPD_READING,
	HTTPD_DUE,              /* the owner is to answer */
	HTTPD_STREAM,
	HTTPD_FLUSHING,         /* answered, not all of it sent */
	HTTPD_ENDING,           /* sent, to be closed */
	HTTPD_LINGERING,        /* ours is shut; reads what still comes */
};

struct httpd_conn {
	struct list node;
	struct httpd *server;
	struct watch watch;
	struct timer timer;
	struct later later;
	int64_t deadline_ms;    /* the timer may stand at an earlier time */
	enum httpd_state state;
	uid_t uid;
	uint64_t peer;          /* whom max_per_peer is about; 0: nobody */
	size_t held;            /* of its server's */

	/* The request being read. */
	struct buf in;          /* what a read did not complete */
	size_t head_len;        /* 0: the head is not complete */
	size_t body_len;        /* of a chunked body: decoded so far */
	size_t length;
	struct chunked chunked;
	enum http_body body;

	/* The request being answered. */
	struct arena arena;
	void *block;            /* the first of its arena */
	void *user;
	void (*on_gone)(struct httpd_conn *, void *user);
	void (*on_drain)(struct httpd_conn *, void *user);
	struct buf out;         /* what the kernel did not take */
	bool is_head, minor, keep_alive;

	bool tcp;
	bool extra;             /* of the slots kept for saying 503 */
	bool used;              /* had a request */
	bool begun;             /* HTTPD_HEAD_MS runs */
	bool inside;            /* the handler is being called */
	bool again;             /* input waits for its next turn */
	bool quiet;             /* not to be read while answering */
	bool blocked;           /* the kernel took no more */
	bool full;              /* on_drain is owed */
	bool broken;            /* nothing more can be sent */
	bool linger;
};

struct httpd_shared {
	struct http_head head;
	struct buf reply;       /* head of an answer; a short one whole */
	void *spare;            /* a block for the next arena */
	int64_t date_s;
	char date[DATE_HTTP_SIZE];
	char in[HTTP_HEAD_MAX + HTTPD_BODY_MAX];
};

#define HTTPD_NEVER INT64_MAX

/* Goes out in one call with its head. To copy 18 KB costs 0.4 us less than a
 * call more, to copy 44 KB as much. */
#define HTTPD_SHORT 32768

/* httpd.c: the slot goes back; its descriptor is closed already. */
void httpd_give_back(struct httpd_conn *);

/* httpd_conn.c */
int  httpd_conn_open(struct httpd_conn *, int fd, struct err *);
void httpd_cut(struct httpd_conn *);
void httpd_deadline(struct httpd_conn *, int ms);
void httpd_mask(struct httpd_conn *);
/* The answer is sent: on to the next request, or the end. */
void httpd_finished(struct httpd_conn *);
/* After its buffers changed: false when all hold too much. */
bool httpd_weigh(struct httpd_conn *);
/* Nothing has come since its last answer, or ever. */
bool httpd_is_idle(const struct httpd_conn *);

/* httpd_reply.c */
void httpd_refuse(struct httpd_conn *, int status, const char *why);
void httpd_continue(struct httpd_conn *);       /* sends 100 */
void httpd_flush(struct httpd_conn *);

#endif
