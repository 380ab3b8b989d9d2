/* SPDX-License-Identifier: MIT */
#include "keep/api_ask.h"

#include "keep/listen.h"
#include "wire/url.h"

/* An id that is none is one we do not know: the answer is the whole. */
void api_get_events(const struct api_ask *a)
{
	struct feed_from from = { 0 };
	struct str id, word;
	bool quiet = url_param(a->req->query, "quiet", a->req->arena, &word) &&
		     str_is(word, "1");

	if (!url_param(a->req->query, "after", a->req->arena, &id))
		id = http_field(a->req->head, "Last-Event-ID");
	feed_cursor(id, &from);
	if (!quiet)
		listen_look(a->api->sup);
	if (!api_is_crowded(a) && !events_follow(a->api->events, &from,
						 quiet, a->conn))
		api_refuse(a, 503, "busy", "%d streams are open; end one "
			   "first", FOLLOWERS_MAX);
}
