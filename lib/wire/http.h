/* SPDX-License-Identifier: MIT */
#ifndef WIRE_HTTP_H
#define WIRE_HTTP_H

/*
 * HTTP/1.1 message heads and chunked bodies (RFC 9110, RFC 9112).
 *
 * The parsers own nothing and allocate nothing: results point into the input.
 * They return the bytes consumed (> 0), HTTP_MORE when the input is a correct
 * beginning, HTTP_BAD when it can never become a message, HTTP_LONG when a
 * bound was passed. The answer does not depend on how the input was cut.
 *
 * What RFC 9112 lets a server refuse is refused: bare LF or CR, NUL, obs-fold,
 * white space before a colon, an empty or non-token field name, two
 * Content-Length fields (even equal) or a list in one, Content-Length with
 * Transfer-Encoding, a Transfer-Encoding other than one "chunked", a
 * Transfer-Encoding in HTTP/1.0, a request of 1.1 without exactly one Host,
 * a version other than 1.0 and 1.1. Two parties that read such a message
 * differently are how requests are smuggled.
 */

#include "base/buf.h"
#include "base/err.h"

#define HTTP_HEAD_MAX   16384   /* as most servers; a browser needs half */
#define HTTP_FIELDS_MAX 100

enum { HTTP_MORE = -2, HTTP_BAD = -1, HTTP_LONG = -3 };

struct http_field {
	struct str name, value;         /* value without outer white space */
};

enum http_body {
	HTTP_BODY_NONE,
	HTTP_BODY_LENGTH,
	HTTP_BODY_CHUNKED,
	HTTP_BODY_CLOSE,                /* response: until the peer closes */
};

struct http_head {
	/* request */
	struct str method, target;      /* target as sent: path?query */
	struct str host;
	/* response; of a refused request: what to answer it with */
	int status;
	struct str reason;
	/* both */
	int minor;                      /* HTTP/1.minor */
	bool keep_alive;                /* by version and Connection */
	bool expect_continue;
	bool upgrade;                   /* Connection names upgrade */
	enum http_body body;
	uint64_t length;                /* of HTTP_BODY_LENGTH */
	size_t nfields;
	struct http_field fields[HTTP_FIELDS_MAX];
};

/*
 * *why (when not NULL) gets a static text for HTTP_BAD and HTTP_LONG, and
 * status says how to refuse: 400, 414, 431, 501 (a transfer coding) or 505.
 * One empty line before the request line is skipped (RFC 9112 2.2); fields
 * not parsed are not cleared.
 */
int http_request(struct http_head *, struct str in, const char **why);

/*
 * method is the request's, which decides about a body (RFC 9112 6.3): none
 * after HEAD, 1xx, 204, 304 or a 2xx to CONNECT.
 */
int http_response(struct http_head *, struct str in, struct str method,
		  const char **why);

/* First field of that name (case-insensitive), or an empty str. */
struct str http_field(const struct http_head *, const char *name);

/* Whether the comma list in the named fields has the token (any case). */
bool http_has_token(const struct http_head *, const char *name,
		    const char *token);

bool http_is_token(struct str);         /* RFC 9110 5.6.2, not empty */
bool http_is_host(struct str);          /* 7.2: host [":" port]; may be empty */
const char *http_reason(int status);    /* "Not Found"; "" when unknown */

/*
 * Chunked decoding, as a push parser that may be fed any cut of the bytes.
 * One call consumes up to the next piece of data or the end:
 *
 *	while ((n = chunked_feed(&c, in, &data)) > 0) {
 *		use(data);              (may be empty)
 *		in = str_skip(in, n);
 *		if (chunked_done(&c))
 *			break;
 *	}
 *
 * returns bytes consumed, 0 when `in` is empty or all done, or HTTP_BAD /
 * HTTP_LONG for good. Chunk extensions are skipped (256 bytes a chunk at
 * most), trailers are checked as fields and dropped (HTTP_HEAD_MAX in all).
 */
struct chunked {
	int state;
	bool done;
	unsigned digits, extra;
	uint64_t left;
	size_t trailer;
};

void chunked_init(struct chunked *);
int  chunked_feed(struct chunked *, struct str in, struct str *data);
bool chunked_done(const struct chunked *);
/* How much data is still to come of the chunk that has begun. */
uint64_t chunked_left(const struct chunked *);

/* Writing. Field values with CR, LF or NUL make the buf fail. */
void http_put_field(struct buf *, const char *name, struct str value);
void http_put_chunk(struct buf *, struct str data);     /* nothing if empty */
void http_put_last_chunk(struct buf *);

#endif
