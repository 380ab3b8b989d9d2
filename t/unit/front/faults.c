/* SPDX-License-Identifier: MIT */
/* A hub.db with faults: no request is blamed for them. */
#include "sys/db.h"
#include "unit/front/rig.h"

static void keeper(struct httpd_conn *c, struct httpd_req *r)
{
	(void)r;
	httpd_json(c, 200, STR("{}"));
}

static void spoil(const char *sql)
{
	struct err e = { 0 };
	struct db *db = db_open(rig.dir, scratch_path, STORE_FILE, DB_WRITE,
				5000, &e);

	if (!db || db_run(db, sql, &e) < 0)
		scratch_bail(e.msg);
	db_close(db);
}

int main(void)
{
	static const char word[] = "{\"error\":\"service_unavailable\","
		"\"error_description\":\"hub.db: ";
	const char *bearer;

	rig_up(keeper);
	rig_store();
	bearer = token_of("parachute:host:auth parachute:host:admin",
			  rig.front.origins.local.p, 600);
	spoil("INSERT INTO tokens (jti, client_id, scopes, expires_at,"
	      " created_at) VALUES ('j', 'c', 's', 'some day', 'x')");
	ok(get_is("GET", "/api/auth/tokens", bearer, 200, "{\"jti\":\"j\",") &&
	   get_is("GET", "/api/auth/tokens", bearer, 200,
		  "\"expires_at\":\"1970-01-01T00:00:00.001Z\""),
	   "an instant that is none: the row has expired, the list is there");
	spoil("DROP TABLE hub_settings");
	ok(get_is("GET", "/api/settings/hub-origin", bearer, 503, word),
	   "settings that are gone");
	spoil("ALTER TABLE tokens RENAME TO others");
	ok(get_is("GET", "/.well-known/parachute-revocation.json", NULL, 503,
		  word), "a register that is gone");
	rig_down();
	return tap_done();
}
