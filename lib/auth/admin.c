/* SPDX-License-Identifier: MIT */
#include "auth/admin.h"

#include "base/fmt.h"
#include "hub/client.h"
#include "sys/file.h"
#include "sys/os.h"

#include <unistd.h>

#define BUSY_MS    5000         /* for another writer */
#define TELL_MS    5000         /* a hub that does not listen is left alone */
#define ARENA_MAX  (64 * 1024 * 1024)
#define PAGE       500          /* rows at a time */
#define SCOPE_AUTH "parachute:host:auth"

extern char **environ;

/* Opening */

/* Where the hub listens, or did; else where it does by default. */
static uint16_t hub_port(struct admin *a)
{
	int dir = dir_open(a->home.fd, HOME_RUN, NULL);
	struct str text = STR_NULL;
	uint64_t port;

	if (dir < 0)
		return HUB_PORT;
	if (file_read(dir, HOME_PORT, 64, &a->arena, &text, NULL) < 0)
		text = STR_NULL;
	close(dir);
	return str_to_u64(str_trim(text, " \r\n"), UINT16_MAX, &port) && port ?
		(uint16_t)port : HUB_PORT;
}

static int open_store(struct admin *a, enum admin_mode mode, struct err *e)
{
	struct file_id id;

	if (mode != ADMIN_MAKE) {
		if (file_id(a->home.fd, STORE_FILE, &id, e) < 0)
			return -1;
		if (!id.exists)
			return 0;
	}
	a->store = store_open(&a->home, mode == ADMIN_READ ? STORE_READ :
			      STORE_MAKE, BUSY_MS, e);
	if (!a->store)
		return -1;
	a->auth = auth_new(a->store, e);
	return a->auth ? 0 : -1;
}

static int find_origins(struct admin *a, enum admin_mode mode, struct err *e)
{
	if (a->store && store_setting(a->store, "hub_origin", &a->arena,
				      &a->stored, e) < 0)
		return -1;
	origins_find(&a->origins, a->stored, environ, a->home.fd,
		     hub_port(a), &a->arena);
	a->issuer = a->origins.issuer.n ? a->origins.issuer :
		    a->origins.local;
	if (arena_failed(&a->arena))
		return err_set(e, ERR_NO_MEMORY, "no memory");
	return mode == ADMIN_READ || !a->store ? 0 :
		origin_note(&a->home, a->stored, e);
}

int admin_open(struct admin *a, const char *home, enum admin_mode mode,
	       struct err *e)
{
	*a = (struct admin){ .home.fd = -1, .now_ms = os_unix_ms() };
	arena_init(&a->arena, ARENA_MAX);
	if (home_open(&a->home, home, false, e) < 0)
		return -1;
	fmt(a->token_path, sizeof a->token_path, "%s/" OPERATOR_FILE,
	    a->home.path);
	return open_store(a, mode, e) < 0 ? -1 : find_origins(a, mode, e);
}

void admin_close(struct admin *a)
{
	auth_free(a->auth);
	store_close(a->store);
	arena_release(&a->arena);
	home_close(&a->home);
}

/* operator.token */

static enum auth_verdict check(struct admin *a, struct str jwt, bool any,
			       const struct claims **claims)
{
	const struct auth_ask ask = { .jwt = jwt,
		.issuers = a->origins.all, .nissuers = a->origins.n,
		.now_ms = a->now_ms, .mono_ms = os_now_ms(),
		.any_issuer = any, .any_audience = any };

	return a->auth ? auth_check(a->auth, &ask, claims) : AUTH_UNAVAILABLE;
}

/* Its issuer may be any: that of a hub whose origin was taken back, or is not
 * known to who asks, must not lock the operator out. */
int admin_operator(struct admin *a, struct admin_operator *o, struct err *e)
{
	const struct claims *claims;
	struct str jwt;

	*o = (struct admin_operator){ .verdict = AUTH_ABSENT };
	if (operator_read(&a->home, &a->arena, &jwt, &o->mode, e) < 0)
		return -1;
	o->present = jwt.n > 0;
	if (!o->present)
		return 0;
	o->verdict = check(a, jwt, false, &claims);
	if (check(a, jwt, true, &claims) == AUTH_OK)
		o->claims = claims;
	if (o->verdict == AUTH_ISSUER && o->claims &&
	    str_is(o->claims->aud, "operator"))
		o->verdict = AUTH_OK;
	return 0;
}

static int refuse(const struct admin *a, struct err *e, const char *why,
		  const char *remedy)
{
	return err_set(e, ERR_DENIED, "%.90s: %s; %s", a->token_path, why,
		       remedy);
}

int admin_bearer(struct admin *a, struct admin_operator *o, struct err *e)
{
	static const char again[] = "pc-auth rotate-operator makes a new one";

	if (admin_operator(a, o, e) < 0)
		return -1;
	if (!o->present)
		return err_set(e, ERR_NOT_FOUND, "%.90s is not there; pc-auth "
			       "rotate-operator makes it", a->token_path);
	if (o->verdict != AUTH_OK)
		return refuse(a, e, auth_verdict_text(o->verdict), again);
	if (!claims_may(o->claims, SCOPE_AUTH))
		return refuse(a, e, "it lacks the scope " SCOPE_AUTH,
			      "pc-auth rotate-operator --scope-set auth, or "
			      "admin, makes one that has it");
	return 0;
}

/* A running hub */

void admin_tell(struct admin *a)
{
	const struct reach_opts opts = { .home = a->home.path };
	static struct reach reach;
	struct client hub;
	struct answer answer;
	struct err e;

	if (reach_open(&reach, &opts, &e) == 0 &&
	    client_init(&hub, &reach, &e) == 0) {
		client_call(&hub, "POST", "/api/front/prepare", TELL_MS,
			    &answer, &e);
		client_release(&hub);
	}
	reach_close(&reach);
}

/* The register */

static bool is_wanted(const struct admin *a, const struct admin_rows *want,
		      const struct store_token *t)
{
	return want->all || (!t->revoked_ms && t->expires_ms > a->now_ms);
}

int admin_each(struct admin *a, const struct admin_rows *want,
	       admin_row_fn *fn, void *ctx, struct err *e)
{
	struct store_filter f = { .revoked = want->all ? -1 : 0,
		.subject = want->subject, .limit = PAGE };
	struct store_token *rows = NULL;
	bool more = a->store != NULL;
	struct arena page;
	size_t n = 0;
	int rc = 0;

	arena_init(&page, ARENA_MAX);
	while (more && rc == 0) {
		arena_reset(&page);
		rc = store_tokens(a->store, &f, &page, &rows, &n, &more, e);
		for (size_t i = 0; rc == 0 && i < n; i++)
			if (is_wanted(a, want, &rows[i]))
				rc = fn(ctx, &rows[i], e);
		more = more && n;
		if (rc < 0 || !more)
			break;
		f.after_created_at = arena_str(&a->arena,
					       rows[n - 1].created_at);
		f.after_jti = arena_str(&a->arena, rows[n - 1].jti);
	}
	arena_release(&page);
	return rc;
}

const char *token_row_state(const struct store_token *t, int64_t now_ms)
{
	return t->revoked_ms ? "revoked" :
		t->expires_ms > now_ms ? "live" : "expired";
}
