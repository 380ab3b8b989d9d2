/* SPDX-License-Identifier: MIT */
#include "front/prepare.h"

#include "auth/token.h"
#include "hub/origin.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/os.h"
#include "wire/date.h"
#include "wire/json.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS       5000
#define INSTANCE_SIZE_MAX 65536

struct prepare {
	const struct prepare_opts *o;
	struct home home;
	struct store *store;
	struct arena arena;
	struct str stored;              /* the origin of the settings */
	struct origins origins;
	int64_t now_ms;
};

/* hub.db */

static void say_loose(const struct prepare *p, const char *name,
		      unsigned mode)
{
	if (mode & 077)
		log_say("%s/%s can be used by others (mode %04o): run chmod "
			"0600 %s/%s", p->home.path, name, mode & 07777,
			p->home.path, name);
}

static int make_store(struct prepare *p, struct err *e)
{
	struct stat st;
	bool made;

	p->store = store_open(&p->home, STORE_MAKE, BUSY_MS, e);
	if (!p->store)
		return -1;
	/* By name: to open and close it would drop SQLite's locks. */
	if (fstatat(p->home.fd, STORE_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0)
		say_loose(p, STORE_FILE, st.st_mode);
	if (token_ensure_key(p->store, p->now_ms, &made, e) < 0)
		return err_wrap(e, "signing key");
	if (made)
		log_say("hub.db: made a signing key");
	return 0;
}

/* operator.token */

static void say_report(const struct operator_report *r)
{
	char at[DATE_ISO_SIZE];

	date_iso(r->exp_s * 1000, at);
	switch (r->outcome) {
	case OPERATOR_MADE:
		log_say(OPERATOR_FILE ": made, good until %s", at);
		break;
	case OPERATOR_ROTATED:
		log_say(OPERATOR_FILE ": made anew (scope set %s), good until "
			"%s", r->set, at);
		break;
	case OPERATOR_UNVERIFIABLE:
		log_say(OPERATOR_FILE ": left as it is, %s; pc-auth "
			"rotate-operator makes a new one",
			auth_verdict_text(r->verdict));
		break;
	default:
		break;
	}
}

static int keep_token(struct prepare *p, struct err *e)
{
	const struct origins *o = &p->origins;
	struct str iss = o->issuer.n ? o->issuer : o->local, jwt;
	struct operator_report kept = { 0 }, healed = { 0 };
	unsigned mode = 0;

	if (operator_keep(&p->home, p->store, iss, p->now_ms, &kept, e) < 0)
		return err_wrap(e, OPERATOR_FILE);
	if (operator_heal(&p->home, p->store, iss, p->now_ms, &healed, e) < 0)
		return err_wrap(e, OPERATOR_FILE);
	/* Of one that could not be kept, the healing has the last word, unless
	 * it did not look. */
	if (kept.outcome != OPERATOR_UNVERIFIABLE ||
	    healed.outcome == OPERATOR_LOOPBACK)
		say_report(&kept);
	say_report(&healed);
	if (operator_read(&p->home, &p->arena, &jwt, &mode, NULL) == 0 &&
	    jwt.n)
		say_loose(p, OPERATOR_FILE, mode);
	wipe((void *)(uintptr_t)jwt.p, jwt.n);
	return 0;
}

/* Origins */

static int read_origins(struct prepare *p, struct err *e)
{
	if (store_setting(p->store, "hub_origin", &p->arena, &p->stored,
			  e) < 0)
		return -1;
	if (p->stored.n && !origin_is_public(p->stored))
		log_say("the stored hub_origin %.*s is not used: it must be "
			"an http or https URL that others can reach",
			STR_ARG(p->stored));
	origins_find(&p->origins, p->stored, p->o->environ, p->home.fd,
		     p->o->port, &p->arena);
	return 0;
}

/* hub-instance.json */

/* Whether it tells of this boot already. */
static bool is_known(struct prepare *p)
{
	struct str text, instance;

	return file_read(p->home.fd, HOME_INSTANCE, INSTANCE_SIZE_MAX,
			 &p->arena, &text, NULL) == 0 &&
	       json_str(json_get(json_parse(text, &p->arena, NULL, NULL),
				 "instance"), &instance) &&
	       str_is(instance, p->o->instance);
}

static int write_instance(struct prepare *p, struct err *e)
{
	char at[DATE_ISO_SIZE];
	struct jsonw w;
	struct buf b;
	int rc;

	date_iso(p->now_ms, at);
	buf_init(&b, 4096);
	jsonw_init(&w, &b, JSONW_PRETTY);
	jsonw_object(&w);
	jsonw_key(&w, "instance");
	jsonw_cstr(&w, p->o->instance);
	jsonw_key(&w, "pid");
	jsonw_int(&w, getppid());
	jsonw_key(&w, "port");
	jsonw_int(&w, p->o->port);
	jsonw_key(&w, "startedAt");
	jsonw_cstr(&w, at);
	/* The workers ask, and tell the keeper; this file is written before. */
	jsonw_key(&w, "selfProbe");
	jsonw_null(&w);
	jsonw_end(&w);
	buf_putc(&b, '\n');
	/* Not synced: after a power cut there is another boot. */
	rc = buf_failed(&b) ? err_set(e, ERR_NO_MEMORY, "no memory") :
		file_put(p->home.fd, HOME_INSTANCE, buf_str(&b), 0644, e);
	buf_release(&b);
	return rc;
}

/* A variable that has no effect, to somebody who set it. */
static void say_unused(char *const *environ)
{
	static const char prefix[] = "PARACHUTE_INITIAL_ADMIN_";

	for (char *const *e = environ; *e; e++)
		if (!strncmp(*e, prefix, sizeof prefix - 1)) {
			log_say("%s* is set, but no user is made of it yet",
				prefix);
			return;
		}
}

static int boot(struct prepare *p, struct err *e)
{
	if (!p->o->instance || is_known(p))
		return 0;
	say_unused(p->o->environ);
	return write_instance(p, e);
}

int prepare_run(const struct prepare_opts *o, struct err *e)
{
	struct prepare p = { .o = o, .now_ms = os_unix_ms() };
	int rc;

	if (home_open(&p.home, o->home, true, e) < 0)
		return -1;
	arena_init(&p.arena, 4 * 1024 * 1024);
	rc = make_store(&p, e) < 0 || read_origins(&p, e) < 0 ||
	     keep_token(&p, e) < 0 || origin_note(&p.home, p.stored, e) < 0 ||
	     boot(&p, e) < 0 ? -1 : 0;
	store_close(p.store);
	arena_release(&p.arena);
	home_close(&p.home);
	return rc;
}
