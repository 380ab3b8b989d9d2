/* SPDX-License-Identifier: MIT */
#ifndef KEEP_API_ASK_H
#define KEEP_API_ASK_H

/* What the handlers of the API share: a request on its way, and its answers.
 * Private to keep/api*.c. */

#include "keep/api.h"

#define API_NO_STORE STR("Cache-Control: no-store\r\n")

struct api_ask {
	struct api *api;
	struct httpd_conn *conn;
	struct httpd_req *req;
	struct str short_name;          /* decoded; of /api/modules/<s>/ */
};

/* Answers with JSON; releases the body. */
void api_reply(const struct api_ask *, int status, struct buf *body);
void api_refuse(const struct api_ask *, int status, const char *code,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* 404: the short name of the path has no module. */
void api_not_supervised(const struct api_ask *);

/* A number of the query: 1, 0 absent, -1 refused already. */
int api_number(const struct api_ask *, const char *name, uint64_t max,
	       uint64_t *out);
/* A wait or a stream keeps its connection: some are left for the others.
 * True: refused already. */
bool api_is_crowded(const struct api_ask *);

/* Handlers that have a file of their own. */
void api_get_logs(const struct api_ask *);
void api_get_events(const struct api_ask *);

#endif
