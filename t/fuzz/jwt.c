/* SPDX-License-Identifier: MIT */
/*
 * A token that is opened has one spelling: sealed again it is the same, byte
 * for byte. And one made of any claims can be opened and says the same.
 */
#include "auth/jwt.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void open_it(struct str in, struct arena *a)
{
	struct str again;
	struct json *j;
	struct jwt t;

	if (jwt_open(&t, in, a) != JWT_OK)
		return;
	if (!t.kid.n || t.kid.n > JWT_KID_MAX || t.text.p != in.p ||
	    t.text.n >= in.n || in.n > JWT_MAX)
		BUG("parts from elsewhere");
	again = jwt_seal(t.text, t.signature, a);
	if (!str_eq(again, in))
		BUG("a second spelling");
	j = jwt_claims(&t, a);
	if (j && j->type != JSON_OBJECT)
		BUG("claims that are no object");
}

static void make_it(struct str in, struct arena *a)
{
	struct str text = jwt_text(STR("kid"), in, a), whole;
	struct jwt t;

	if (!text.n)
		return;
	whole = jwt_seal(text, str_take(in, 256), a);
	if (!whole.n)
		return;
	/* No claims at all are none. */
	if (jwt_open(&t, whole, a) != (in.n ? JWT_OK : JWT_MALFORMED))
		BUG("made, and not opened");
	if (in.n && (!str_is(t.kid, "kid") || !str_eq(t.payload, in) ||
		     !str_eq(t.signature, str_take(in, 256)) ||
		     !str_eq(t.text, text)))
		BUG("not what it was made of");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = { (const char *)data, size };
	struct arena a;

	arena_init(&a, 8 << 20);
	open_it(in, &a);
	make_it(in, &a);
	arena_release(&a);
	return 0;
}
