/* SPDX-License-Identifier: MIT */
#include "auth/jwt.h"

#include "base/b64.h"

#include <stdio.h>
#include <string.h>

#include "tap.h"

static struct arena arena;

static struct str b64u(struct str s)
{
	char *p = arena_alloc(&arena, B64U_SIZE(s.n));

	return (struct str){ p, b64u_write(s, p, B64U_SIZE(s.n)) };
}

/* With that header; claims {} and a byte of signature. */
static struct str with(struct str header)
{
	return str_of(arena_printf(&arena, "%.*s.e30.AA",
				   STR_ARG(b64u(header))));
}

static enum jwt_form form(struct str s)
{
	struct jwt t;

	return jwt_open(&t, guarded(0, s), &arena);
}

static const struct { const char *name, *header; enum jwt_form want; }
	headers[] = {
	{ "ours", "{\"alg\":\"RS256\",\"kid\":\"k\"}", JWT_OK },
	{ "turned round", "{ \"kid\" : \"k\", \"alg\" : \"RS256\" }\n",
	  JWT_OK },
	{ "with others", "{\"typ\":\"at+jwt\",\"alg\":\"RS256\",\"jwk\":{},"
	  "\"x5u\":\"http://x\",\"kid\":\"k\"}", JWT_OK },
	{ "no alg", "{\"kid\":\"k\"}", JWT_ALGORITHM },
	{ "none", "{\"alg\":\"none\",\"kid\":\"k\"}", JWT_ALGORITHM },
	{ "a blank", "{\"alg\":\"RS256 \",\"kid\":\"k\"}", JWT_ALGORITHM },
	{ "null", "{\"alg\":null,\"kid\":\"k\"}", JWT_ALGORITHM },
	{ "ALG", "{\"ALG\":\"RS256\",\"kid\":\"k\"}", JWT_ALGORITHM },
	{ "no kid", "{\"alg\":\"RS256\"}", JWT_NO_KID },
	{ "kid empty", "{\"alg\":\"RS256\",\"kid\":\"\"}", JWT_NO_KID },
	{ "kid a list", "{\"alg\":\"RS256\",\"kid\":[\"k\"]}", JWT_NO_KID },
	{ "crit", "{\"alg\":\"RS256\",\"kid\":\"k\",\"crit\":[]}",
	  JWT_MALFORMED },
	{ "crit null", "{\"alg\":\"RS256\",\"kid\":\"k\",\"crit\":null}",
	  JWT_MALFORMED },
	{ "kid twice", "{\"alg\":\"RS256\",\"kid\":\"k\",\"kid\":\"k\"}",
	  JWT_MALFORMED },
	{ "kid twice, once escaped", "{\"alg\":\"RS256\",\"kid\":\"k\","
	  "\"\\u006bid\":\"l\"}", JWT_MALFORMED },
	{ "a list", "[]", JWT_MALFORMED },
	{ "text", "\"RS256\"", JWT_MALFORMED },
	{ "a comma too many", "{\"alg\":\"RS256\",\"kid\":\"k\",}",
	  JWT_MALFORMED },
	{ "two of them", "{\"alg\":\"RS256\",\"kid\":\"k\"}{}",
	  JWT_MALFORMED },
	{ "a byte order mark", "\xef\xbb\xbf{\"alg\":\"RS256\",\"kid\":\"k\"}",
	  JWT_MALFORMED },
	{ "nothing", "", JWT_MALFORMED },
};

static void opening(void)
{
	struct str good = with(str_of(headers[0].header));
	char kid[JWT_KID_MAX + 2];
	unsigned cut = 0;
	struct jwt t;

	for (size_t i = 0; i < LEN(headers); i++)
		ok(form(with(str_of(headers[i].header))) == headers[i].want,
		   "%s", headers[i].name);
	ok(form(with(STR("{\"alg\":\"RS256\",\"kid\":\"k\",\"a\":\"\0\"}"))) ==
	   JWT_MALFORMED, "a NUL");
	ok(jwt_open(&t, good, &arena) == JWT_OK && str_is(t.kid, "k") &&
	   str_is(t.payload, "{}") && t.signature.n == 1 &&
	   t.text.p == good.p && t.text.n == good.n - 3, "its parts");
	for (size_t n = 0; n < good.n - 2; n++)
		cut += form(str_take(good, n)) == JWT_MALFORMED;
	ok(cut == good.n - 2, "cut anywhere: %u of %zu", cut, good.n - 2);
	ok(form(str_take(good, good.n - 2)) == JWT_OK, "no signature at all "
	   "has a form");
	for (int n = JWT_KID_MAX; n <= JWT_KID_MAX + 1; n++) {
		memset(kid, 'k', sizeof kid);
		kid[n] = '\0';
		ok(form(with(str_of(arena_printf(&arena, "{\"alg\":\"RS256\","
			"\"kid\":\"%s\"}", kid)))) ==
		   (n > JWT_KID_MAX ? JWT_NO_KID : JWT_OK), "a kid of %d", n);
	}
}

/* As large as may be, and one more. */
static void sizes(void)
{
	static char pad[JWT_MAX + 1];
	struct str head = b64u(str_of(headers[0].header));

	memset(pad, ' ', sizeof pad);
	for (int n = 743; n <= 744; n++) {
		struct str s = with(str_of(arena_printf(&arena,
			"{\"alg\":\"RS256\",\"kid\":\"k\"%.*s}", n, pad)));

		ok(form(s) == (n == 743 ? JWT_OK : JWT_MALFORMED),
		   "a header of %zu characters", (size_t)str_find(s, '.'));
	}
	memset(pad, 'A', sizeof pad);
	for (int n = 2; n <= 3; n++) {
		struct str s = str_of(arena_printf(&arena, "%.*s.%.*s.%.*s",
			STR_ARG(head), JWT_MAX - (int)head.n - 4, pad, n,
			pad));

		ok(form(s) == (s.n == JWT_MAX ? JWT_OK : JWT_MALFORMED),
		   "%zu characters", s.n);
	}
}

static void making(void)
{
	struct str text, whole, claims = STR("{\"sub\":\"u\"}");
	static char big[JWT_MAX];
	struct json *j;
	struct str sub;
	struct jwt t;

	text = jwt_text(STR("k\"1"), claims, &arena);
	whole = jwt_seal(text, STR("\xff\xfe\xfd"), &arena);
	ok(jwt_open(&t, guarded(0, whole), &arena) == JWT_OK &&
	   str_is(t.kid, "k\"1") && str_eq(t.text, text) &&
	   str_is(t.signature, "\xff\xfe\xfd") &&
	   str_eq(t.payload, claims), "made and opened");
	j = jwt_claims(&t, &arena);
	ok(json_str(json_get(j, "sub"), &sub) && str_is(sub, "u"), "claims");
	ok(str_starts(text, b64u(STR("{\"alg\":\"RS256\",\"kid\":\"k\\\"1\""
				     "}"))), "the header has that order");
	t.payload = STR("[1]");
	ok(!jwt_claims(&t, &arena), "claims are an object");
	memset(big, 'x', sizeof big);
	ok(!jwt_text(STR("k"), (struct str){ big, 6200 }, &arena).n,
	   "larger than is read: not made");
	text = jwt_text(STR("k"), (struct str){ big, 6000 }, &arena);
	ok(text.n && !jwt_seal(text, (struct str){ big, 512 }, &arena).n,
	   "nor sealed");
	ok(!jwt_text((struct str){ big, 2000 }, claims, &arena).n,
	   "nor with such a kid");
}

/* Memory ends at each place in turn. */
static void without_memory(void)
{
	struct str good = with(str_of(headers[0].header));
	unsigned refused = 0;
	struct arena small;
	struct jwt t;

	for (size_t cap = 0; cap < 4000; cap += 16) {
		enum jwt_form f;

		arena_init(&small, cap);
		f = jwt_open(&t, good, &small);
		if (f == JWT_OK && !str_is(t.kid, "k"))
			refused = 1000000;
		refused += f == JWT_MALFORMED;
		arena_release(&small);
	}
	ok(refused > 1 && refused < 250, "no memory is no token: %u",
	   refused);
}

int main(void)
{
	arena_init(&arena, 4 << 20);
	opening();
	sizes();
	making();
	without_memory();
	arena_release(&arena);
	return tap_done();
}
