/* SPDX-License-Identifier: MIT */
#include "auth/jwt.h"

#include "base/b64.h"

#include <string.h>

/* JSON of a part; STR_NULL when it is no base64url, or no memory is left. */
static struct str decoded(struct str part, struct arena *a)
{
	char *p = arena_alloc(a, part.n);
	size_t n;

	if (!p || !b64u_read(part, p, part.n, &n))
		return STR_NULL;
	return (struct str){ p, n };
}

static struct json *object(struct str text, struct arena *a)
{
	struct json *j = json_parse(text, a, NULL, NULL);

	return j && j->type == JSON_OBJECT ? j : NULL;
}

static enum jwt_form read_header(struct jwt *t, struct str header,
				 struct arena *a)
{
	const struct json *j = object(header, a);
	struct str alg;

	/* What a "crit" names must be understood (RFC 7515 4.1.11). */
	if (!j || json_get(j, "crit"))
		return JWT_MALFORMED;
	if (!json_str(json_get(j, "alg"), &alg) || !str_is(alg, "RS256"))
		return JWT_ALGORITHM;
	if (!json_str(json_get(j, "kid"), &t->kid) || !t->kid.n ||
	    t->kid.n > JWT_KID_MAX)
		return JWT_NO_KID;
	return JWT_OK;
}

enum jwt_form jwt_open(struct jwt *t, struct str compact, struct arena *a)
{
	struct str header, claims, signature, rest;

	*t = (struct jwt){ .kid = STR_NULL };
	if (compact.n > JWT_MAX || !str_cut(compact, '.', &header, &rest) ||
	    header.n > JWT_HEADER_MAX ||
	    !str_cut(rest, '.', &claims, &signature))
		return JWT_MALFORMED;
	t->text = str_take(compact, header.n + 1 + claims.n);
	t->payload = decoded(claims, a);
	t->signature = decoded(signature, a);
	/* An empty signature has a form, too: that of alg "none". */
	if (!t->payload.n || (signature.n && !t->signature.n))
		return JWT_MALFORMED;
	return read_header(t, decoded(header, a), a);
}

struct json *jwt_claims(const struct jwt *t, struct arena *a)
{
	return object(t->payload, a);
}

static struct str joined(struct str head, struct str bytes, struct arena *a)
{
	size_t room = head.n + 1 + B64U_SIZE(bytes.n);
	char *p = room <= JWT_MAX + 1 ? arena_alloc(a, room) : NULL;

	if (!p || !head.n)
		return STR_NULL;
	memcpy(p, head.p, head.n);
	p[head.n] = '.';
	b64u_write(bytes, p + head.n + 1, room - head.n - 1);
	return (struct str){ p, room - 1 };
}

struct str jwt_text(struct str kid, struct str claims, struct arena *a)
{
	char json[JWT_KID_MAX * 6 + 40], head[B64U_SIZE(sizeof json)];
	struct str header = STR_NULL;
	struct jsonw w;
	struct buf b;

	buf_init(&b, sizeof json);
	jsonw_init(&w, &b, JSONW_COMPACT);
	jsonw_object(&w);
	jsonw_key(&w, "alg");
	jsonw_cstr(&w, "RS256");
	jsonw_key(&w, "kid");
	jsonw_str(&w, kid);
	jsonw_end(&w);
	if (!buf_failed(&b))
		header = (struct str){ head, b64u_write(buf_str(&b), head,
							sizeof head) };
	buf_release(&b);
	return joined(header, claims, a);
}

struct str jwt_seal(struct str text, struct str signature, struct arena *a)
{
	return joined(text, signature, a);
}
