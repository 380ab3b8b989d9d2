/* SPDX-License-Identifier: MIT */
/*
 * Documents that modules and clients read before they have any token, from
 * pages of any origin. Two of them decide whether tokens work at all: modules
 * refuse every token until they have read the keys and the revocation list.
 */
#include "front/ask.h"
#include "front/published.h"
#include "hub/apierr.h"
#include "sys/os.h"

#define JSON_TYPE "application/json"
#define CORS \
	"Access-Control-Allow-Origin: *\r\n" \
	"Access-Control-Allow-Methods: GET, OPTIONS\r\n"

static void unavailable(const struct front_ask *a, const char *why)
{
	ask_refuse_with(a, 503, STR(CORS), "service_unavailable", str_of(why));
}

static void fail(const struct front_ask *a, const struct err *e)
{
	ask_refuse_with(a, apierr_status(e), STR(CORS), apierr_code(e),
			str_of(e->msg));
}

/* As ask_no_store(), for pages of other origins. */
static bool no_store(const struct front_ask *a)
{
	front_look(a->front);
	if (a->front->store)
		return false;
	unavailable(a, a->front->store_error);
	return true;
}

void options_wellknown(struct front_ask *a)
{
	httpd_reply(a->conn, 204, NULL, STR(CORS), STR_NULL);
}

void get_jwks(struct front_ask *a)
{
	if (no_store(a))
		return;
	if (!a->front->auth)
		unavailable(a, "the keys cannot be read");
	else
		httpd_reply(a->conn, 200, JSON_TYPE, STR(CORS),
			    auth_jwks(a->front->auth, os_unix_ms(),
				      os_now_ms()));
}

void get_revocation(struct front_ask *a)
{
	struct err e = { 0 };
	struct str text;

	if (no_store(a))
		return;
	if (published_revoked(a->front, &text, &e) < 0)
		unavailable(a, e.msg);
	else
		httpd_reply(a->conn, 200, JSON_TYPE,
			    STR(CORS "Cache-Control: public, max-age=60\r\n"),
			    text);
}

static void document(const struct front_ask *a, enum published_kind kind,
		     struct str extra)
{
	struct err e = { 0 };
	struct str text;

	if (published_document(a->front, kind, a->issuer, &text, &e) < 0)
		fail(a, &e);
	else
		httpd_reply(a->conn, 200, JSON_TYPE, extra, text);
}

void get_discovery(struct front_ask *a)
{
	document(a, PUBLISHED_DISCOVERY, STR(CORS NO_STORE));
}

void get_protected_resource(struct front_ask *a)
{
	document(a, PUBLISHED_RESOURCE, STR(CORS));
}
