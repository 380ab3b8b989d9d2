/* SPDX-License-Identifier: MIT */
#include "front/gate.h"

#include "base/fmt.h"
#include "sys/os.h"

#define HOST_MAX 255            /* a name of the DNS */
#define ORIGIN_SIZE (HOST_MAX + sizeof "https://")

static bool is_host(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_' ||
	       c == ':' || c == '[' || c == ']';
}

/* What the nearest proxy says counts, and it stands first. */
static bool is_https(const struct http_head *h)
{
	struct str first, rest;

	str_cut(http_field(h, "X-Forwarded-Proto"), ',', &first, &rest);
	return str_eq_nocase(str_trim(first, " \t"), STR("https"));
}

static struct str origin_into(const struct httpd_req *r, char *out,
			      size_t size)
{
	struct str host = r->head->host;

	if (!host.n || host.n > HOST_MAX ||
	    str_span(host, is_host).n != host.n)
		return STR_NULL;
	fmt(out, size, "http%s://%.*s", is_https(r->head) ? "s" : "",
	    STR_ARG(host));
	return str_of(out);
}

struct str gate_origin(const struct httpd_req *r)
{
	char text[ORIGIN_SIZE];

	return arena_str(r->arena, origin_into(r, text, sizeof text));
}

/* How it is refused */

static void refuse(const struct front_ask *a, enum gate gate, int status,
		   const char *code, const char *text)
{
	char line[512], plain[256];

	if (gate != GATE_B) {
		ask_refuse(a, status, code, "%s", text);
		return;
	}
	fmt(plain, sizeof plain, "%s", text);
	for (char *p = plain; *p; p++)
		if (*p == '"' || *p == '\\' || (unsigned char)*p < ' ')
			*p = '\'';
	fmt(line, sizeof line, "WWW-Authenticate: Bearer error=\"%s\", "
	    "error_description=\"%s\"\r\n", code, plain);
	ask_refuse_with(a, status, str_of(line), code, str_of(text));
}

static void refuse_token(const struct front_ask *a, enum gate gate,
			 const char *text)
{
	refuse(a, gate, 401, gate == GATE_B ? "invalid_token" :
	       "unauthenticated", text);
}

static void refuse_scope(const struct front_ask *a, enum gate gate,
			 const char *const *scopes)
{
	char text[256];
	int n = fmt(text, sizeof text, "the token lacks the scope %s",
		    scopes[0]);

	while (*++scopes && n < (int)sizeof text)
		n += fmt(text + n, sizeof text - (size_t)n, " or %s", *scopes);
	refuse(a, gate, 403, "insufficient_scope", text);
}

/* The token */

/* Exactly one Authorization field, and it is Bearer with one word. */
static const char *bearer(const struct http_head *h, struct str *jwt)
{
	struct str value = STR_NULL, scheme;

	*jwt = STR_NULL;
	for (size_t i = 0; i < h->nfields; i++) {
		if (!str_eq_nocase(h->fields[i].name, STR("Authorization")))
			continue;
		if (value.p)
			return "there is more than one Authorization field";
		value = h->fields[i].value;
	}
	if (!value.n)
		return "this needs a bearer token: Authorization: Bearer ...";
	str_cut(value, ' ', &scheme, jwt);
	*jwt = str_trim(*jwt, " ");
	if (!str_eq_nocase(scheme, STR("Bearer")))
		return "the Authorization field is not of the scheme Bearer";
	return jwt->n ? NULL : "the bearer token is empty";
}

static enum auth_verdict check(struct front_ask *a, enum gate gate,
			       struct str jwt)
{
	struct front *f = a->front;
	struct str issuers[ORIGINS_MAX + 2];
	char own[ORIGIN_SIZE];
	struct auth_ask ask = { .jwt = jwt, .issuers = issuers,
		.now_ms = os_unix_ms(), .mono_ms = os_now_ms(),
		.vault_admin = gate == GATE_MINT };

	if (!f->auth || !f->store)
		return AUTH_UNAVAILABLE;
	for (size_t i = 0; i < f->origins.n; i++)
		issuers[ask.nissuers++] = f->origins.all[i];
	if (f->operator_issuer.n)
		issuers[ask.nissuers++] = f->operator_issuer;
	/* Safe, since nothing that we did not sign comes so far. */
	issuers[ask.nissuers] = origin_into(a->req, own, sizeof own);
	if (issuers[ask.nissuers].n)
		ask.nissuers++;
	return auth_check(f->auth, &ask, &a->claims);
}

static bool allowed(const struct claims *c, const char *const *scopes)
{
	if (!scopes)
		return true;
	for (; *scopes; scopes++)
		if (claims_may(c, *scopes))
			return true;
	return false;
}

bool gate_pass(struct front_ask *a, enum gate gate, const char *const *scopes)
{
	const char *why;
	enum auth_verdict v;
	struct str jwt;

	if (gate == GATE_OPEN)
		return true;
	why = bearer(a->req->head, &jwt);
	if (why) {
		refuse_token(a, gate, why);
		return false;
	}
	front_look(a->front);
	v = check(a, gate, jwt);
	if (v == AUTH_OK && allowed(a->claims, scopes))
		return true;
	if (v == AUTH_OK)
		refuse_scope(a, gate, scopes);
	else if (v != AUTH_UNAVAILABLE)
		refuse_token(a, gate, auth_verdict_text(v));
	else if (!ask_no_store(a))
		ask_refuse(a, 503, "service_unavailable", "%s",
			   auth_verdict_text(v));
	a->claims = NULL;
	return false;
}
