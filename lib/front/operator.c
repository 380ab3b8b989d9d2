/* SPDX-License-Identifier: MIT */
#include "front/operator.h"

#include "sys/os.h"

bool operator_claims(const struct home *h, struct auth *auth,
		     const struct claims **out)
{
	struct auth_ask ask = { .now_ms = os_unix_ms(),
		.mono_ms = os_now_ms(), .any_issuer = true };
	struct arena a;
	unsigned mode;
	bool good;

	arena_init(&a, 65536);
	good = auth && operator_read(h, &a, &ask.jwt, &mode, NULL) == 0 &&
	       ask.jwt.n && auth_check(auth, &ask, out) == AUTH_OK &&
	       str_is((*out)->aud, "operator");
	arena_release(&a);
	return good;
}
