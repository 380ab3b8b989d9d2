/* SPDX-License-Identifier: MIT */
/* Origins that another process writes while a worker serves. */
#include "unit/front/rig.h"

static void keeper(struct httpd_conn *c, struct httpd_req *r)
{
	(void)r;
	httpd_json(c, 200, STR("{}"));
}

/* As another worker, or pc-auth. */
static void write_origin(const char *origin)
{
	struct err e = { 0 };
	struct store *s = store_open(&rig.front.home, STORE_WRITE, 5000, &e);

	if (!s || store_set(s, "hub_origin", str_of(origin), os_unix_ms(),
			    &e) < 0)
		scratch_bail(e.msg);
	store_close(s);
	rig.front.looked_ms = 0;
}

int main(void)
{
	const char *bearer;

	rig_up(keeper);
	rig_store();
	rig.front.looked_ms = 0;
	front_look(&rig.front);
	write_origin("https://a.example");
	ok(get_is("GET", "/.well-known/oauth-protected-resource", NULL, 200,
		  "\"resource\":\"https://a.example\""),
	   "what another process wrote counts, without expose-state.json");
	ok(strstr(told(), "prepare "), "and the keeper is told");
	bearer = token_of("parachute:host:admin", rig.front.origins.local.p,
			  600);
	ok(get_is("GET", "/api/settings/hub-origin", bearer, 200,
		  "\"resolved_issuer\":\"https://a.example\""),
	   "the settings say so");
	write_origin("https://b.example");
	ok(get_is("GET", "/api/settings/hub-origin", bearer, 200,
		  "\"resolved_issuer\":\"https://b.example\""),
	   "a request that finds it changed has the new one from end to end");
	rig_down();
	return tap_done();
}
