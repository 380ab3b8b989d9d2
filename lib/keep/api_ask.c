/* SPDX-License-Identifier: MIT */
#include "keep/api_ask.h"

#include "base/fmt.h"
#include "hub/apierr.h"
#include "wire/url.h"

#include <stdarg.h>

void api_reply(const struct api_ask *a, int status, struct buf *body)
{
	if (buf_failed(body))
		httpd_json(a->conn, 503, STR("{\"error\":\"out_of_memory\","
			"\"error_description\":\"no memory for the answer\"}"));
	else
		httpd_reply(a->conn, status, "application/json", API_NO_STORE,
			    buf_str(body));
	buf_release(body);
}

void api_refuse(const struct api_ask *a, int status, const char *code,
		const char *fmt, ...)
{
	char text[512];
	struct buf b;
	va_list ap;

	va_start(ap, fmt);
	fmt_va(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_init(&b, 8192);
	apierr_body(&b, code, str_of(text));
	api_reply(a, status, &b);
}

int api_number(const struct api_ask *a, const char *name, uint64_t max,
		      uint64_t *out)
{
	struct str text;

	if (!url_param(a->req->query, name, a->req->arena, &text))
		return 0;
	if (str_to_u64(text, max, out))
		return 1;
	api_refuse(a, 400, "invalid_request",
	       "%s must be a number from 0 to %llu", name,
	       (unsigned long long)max);
	return -1;
}

static bool has_as_many(const struct api_ask *a, uint64_t peer, size_t max)
{
	if (ops_waiting(a->api->ops, peer) + feeds_count(a->api->feeds, peer) <
	    max)
		return false;
	api_refuse(a, 503, "busy", "%zu clients wait or follow already%s; end "
		   "one first", max, peer ? " by way of this process" : "");
	return true;
}

/* Who holds a token must not keep those out that need none: what is not kept
 * for them is shared out among the workers of the front, a process each. */
bool api_is_crowded(const struct api_ask *a)
{
	size_t n = a->api->workers->n;
	uint64_t peer = httpd_peer(a->conn);

	return has_as_many(a, 0, HUB_WAITS_MAX) || (n && peer &&
	       has_as_many(a, peer, (HUB_WAITS_MAX - HUB_WAITS_KEPT) / n));
}

void api_not_supervised(const struct api_ask *a)
{
	api_refuse(a, 404, "not_supervised", "%.*s has no row in services.json; "
	       "pc-status lists what there is",
	       STR_ARG(str_take(a->short_name, 64)));
}
