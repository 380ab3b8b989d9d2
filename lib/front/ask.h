/* SPDX-License-Identifier: MIT */
#ifndef FRONT_ASK_H
#define FRONT_ASK_H

/* A request on its way through the front door, and its answers. What the
 * handlers share; private to lib/front. */

#include "front/front.h"
#include "wire/json.h"

struct front_ask {
	struct front *front;
	struct httpd_conn *conn;
	struct httpd_req *req;
	/* Of the bearer; NULL: an open route. Valid until the handler returns:
	 * who works on later takes a copy. */
	const struct claims *claims;
	struct str short_name;          /* decoded, of /api/modules/<s>/... */
	struct str issuer;              /* of this request (auth.md 2.6): as
					 * configured, else from its Host */
	const char *word;               /* the route's: a verb, a reason, a
					 * place to go to instead */
	struct str rest;                /* of the path, below the route's */
};

#define NO_STORE "Cache-Control: no-store\r\n"

/* Answers with JSON and no-store; releases the body. */
void ask_reply(const struct front_ask *, int status, struct buf *body);
/* {"error", "error_description"}, no-store. */
void ask_refuse(const struct front_ask *, int status, const char *code,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same with more fields of the head: complete lines. */
void ask_refuse_with(const struct front_ask *, int status, struct str fields,
		     const char *code, struct str text);
/* The same of an error, by hub/apierr. */
void ask_fail(const struct front_ask *, const struct err *);
/* The same of an error of hub.db, which is no fault of the request: 503. */
void ask_fail_store(const struct front_ask *, const struct err *);
/* 503, with the reason, when there is no database: true, refused already. */
bool ask_no_store(const struct front_ask *);
/* 501: what there is not yet, and why. */
void ask_not_yet(const struct front_ask *, const char *why);

/*
 * A piece of work on hub.db that may find another writer. fn is called with
 * ctx at once and, as long as it returns -1 with ERR_BUSY, again after 5, 10,
 * 20 ms ... for FRONT_BUSY_MS in all; then the request is refused with 503, as
 * it is when hub.db is taken away meanwhile. fn
 * answers the request itself in every other case. The request's arena (not
 * the request) is there until then. A client that leaves ends the work.
 */
void ask_write(const struct front_ask *,
	       int (*fn)(struct front *, struct httpd_conn *, struct arena *,
			 void *ctx, struct err *), void *ctx);

/* Handlers, by file. */

/* wellknown.c: /.well-known/..., with CORS */
void get_jwks(struct front_ask *);
void get_revocation(struct front_ask *);
void get_discovery(struct front_ask *);
void get_protected_resource(struct front_ask *);
void options_wellknown(struct front_ask *);

/* page.c: HTML */
void get_page(struct front_ask *);              /* "/" and "/hub.html" */
void not_found(struct front_ask *);             /* by Accept */

/* tokens.c: /api/auth/... */
void post_mint(struct front_ask *);
void post_revoke(struct front_ask *);
void get_tokens(struct front_ask *);

/* settings.c */
void get_hub_origin(struct front_ask *);
void put_hub_origin(struct front_ask *);
void put_channel(struct front_ask *);

/* health.c */
void get_health(struct front_ask *);

/* mirror.c: from a copy of the keeper's documents */
void get_ready(struct front_ask *);
void get_hub(struct front_ask *);
void get_modules(struct front_ask *);

/* bridge.c: to the keeper */
void get_module(struct front_ask *);
void get_logs(struct front_ask *);
void get_events(struct front_ask *);
void get_metrics(struct front_ask *);
void post_operation(struct front_ask *);

#endif
