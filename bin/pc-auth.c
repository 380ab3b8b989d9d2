/* SPDX-License-Identifier: MIT */
/* pc-auth - make, list and revoke tokens; keys; operator.token */

#include "auth/verbs.h"
#include "sys/cli.h"

#define EPHEMERAL_S 3600
#define JTI_MAX     256         /* as the API has it */
#define JSON_MAX    8192        /* more fits into no token */

static const char *home_dir, *scope, *aud, *ttl, *sub, *permissions,
	*scope_set, *origin;
static bool as_json, ephemeral, all;
static long expires_in;

static const struct opt opts[] = {
	OPT_STR(0, "scope", "SCOPES", &scope,
		"mint-token: what it may, as \"a:read b:write\""),
	OPT_STR(0, "aud", "AUD", &aud,
		"mint-token: for whom (what the scopes name)"),
	OPT_LONG(0, "expires-in", "SEC", &expires_in, 1, MINT_TTL_MAX_S,
		 "mint-token: good for so long (90 days)"),
	OPT_STR(0, "ttl", "TIME", &ttl, "mint-token: the same, as 90d or 12h"),
	OPT_FLAG(0, "ephemeral", &ephemeral, "mint-token: good for an hour"),
	OPT_STR(0, "sub", "SUBJECT", &sub,
		"mint-token: in whose name; list-tokens: whose"),
	OPT_STR(0, "permissions", "JSON", &permissions,
		"mint-token: an object that the module understands"),
	OPT_STR(0, "scope-set", "SET", &scope_set, "rotate-operator: install, "
		"start, expose, auth, vault or admin (admin)"),
	OPT_STR(0, "origin", "URL", &origin,
		"heal: where the hub is reached now"),
	OPT_FLAG(0, "all", &all, "list-tokens: revoked and expired ones, too"),
	OPT_FLAG(0, "json", &as_json, "one JSON object, for programs"),
	OPT_STR(0, "home", "DIR", &home_dir,
		"state directory (PARACHUTE_HOME, else ~/.parachute)"),
	OPT_END
};

const struct prog prog = {
	.name = "pc-auth",
	.args = "VERB [JTI]",
	.about = "make, list and revoke tokens, and look after keys\n\n"
		 "VERB: show, mint-token, revoke-token, list-tokens, "
		 "list-users,\n      rotate-operator, heal, rotate-key",
	.opts = opts,
	.nargs = { 1, 2 },
};

/* Verbs, and which options go with each. */

enum given { SCOPE = 1, AUD = 2, EXPIRES_IN = 4, TTL = 8, EPHEMERAL = 16,
	     SUB = 32, PERMISSIONS = 64, SET = 128, ORIGIN = 256, ALL = 512 };

static const struct verb {
	const char *name;
	unsigned takes, needs;          /* options */
	bool jti;
	enum admin_mode mode;
	auth_verb_fn *fn;
} verbs[] = {
	{ "show", 0, 0, false, ADMIN_READ, verb_show },
	{ "mint-token", SCOPE | AUD | EXPIRES_IN | TTL | EPHEMERAL | SUB |
	  PERMISSIONS, SCOPE, false, ADMIN_CHANGE, verb_mint_token },
	{ "revoke-token", 0, 0, true, ADMIN_CHANGE, verb_revoke_token },
	{ "list-tokens", SUB | ALL, 0, false, ADMIN_READ, verb_list_tokens },
	{ "list-users", 0, 0, false, ADMIN_READ, verb_list_users },
	{ "rotate-operator", SET, 0, false, ADMIN_MAKE, verb_rotate_operator },
	{ "rotate-key", 0, 0, false, ADMIN_MAKE, verb_rotate_key },
	{ "heal", ORIGIN, ORIGIN, false, ADMIN_CHANGE, verb_heal },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < LEN(verbs); i++)
		if (str_is(str_of(name), verbs[i].name))
			return &verbs[i];
	cli_usage("\"%.64s\" is none of the verbs", name);
}

static void check_options(const struct verb *v)
{
	const struct {
		const char *name;
		enum given bit;
		bool given;
	} all_of[] = {
		{ "scope", SCOPE, scope }, { "aud", AUD, aud },
		{ "expires-in", EXPIRES_IN, expires_in },
		{ "ttl", TTL, ttl }, { "ephemeral", EPHEMERAL, ephemeral },
		{ "sub", SUB, sub },
		{ "permissions", PERMISSIONS, permissions },
		{ "scope-set", SET, scope_set },
		{ "origin", ORIGIN, origin }, { "all", ALL, all },
	};

	for (size_t i = 0; i < LEN(all_of); i++) {
		if (all_of[i].given && !(v->takes & all_of[i].bit))
			cli_usage("--%s does not go with %s", all_of[i].name,
				  v->name);
		if (!all_of[i].given && (v->needs & all_of[i].bit))
			cli_usage("%s needs --%s", v->name, all_of[i].name);
	}
	if ((expires_in != 0) + (ttl != NULL) + ephemeral > 1)
		cli_usage("--expires-in, --ttl and --ephemeral exclude each "
			  "other");
}

/* Values that a verb would find wrong later, when something is made already */

/* "90d", "12h", "30m", "45s" */
static int64_t ttl_seconds(const char *text)
{
	static const struct { char unit; int64_t seconds; } units[] = {
		{ 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 },
	};
	struct str s = str_of(text), number = str_take(s, s.n - 1);
	uint64_t n;

	for (size_t i = 0; i < LEN(units); i++)
		if (s.p[s.n - 1] == units[i].unit &&
		    str_to_u64(number, (uint64_t)(MINT_TTL_MAX_S /
						  units[i].seconds), &n) && n)
			return (int64_t)n * units[i].seconds;
	cli_usage("--ttl: '%.64s' is not a time from 1s to 365d, as 90d or "
		  "12h", text);
}

/* As it goes into the token: an object, without white space. */
static struct str compact(struct arena *a, struct buf *out, const char *text)
{
	struct err e = { 0 };
	const struct json *j;
	struct jsonw w;

	if (str_of(text).n > JSON_MAX)
		cli_usage("--permissions: more than %d bytes", JSON_MAX);
	j = json_parse(str_of(text), a, NULL, &e);
	if (!j)
		cli_usage("--permissions: %s", e.msg);
	if (j->type != JSON_OBJECT)
		cli_usage("--permissions: this is no JSON object");
	jsonw_init(&w, out, JSONW_COMPACT);
	jsonw_value(&w, j);
	if (buf_failed(out))
		cli_usage("--permissions: no memory for it");
	return buf_str(out);
}

/* Spelled as the hub spells it: tokens are compared with it. */
static struct str checked_origin(struct arena *a, const char *text)
{
	struct str s = str_of(text);
	struct err e = { 0 };

	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	if (origin_read(s, a, &s, &e) < 0)
		cli_usage("--origin %s; give scheme, host and port alone, as "
			  "https://hub.example", e.msg);
	return s;
}

static void read_args(struct auth_args *args, const char *jti,
		      struct arena *a, struct buf *text)
{
	*args = (struct auth_args){ .json = as_json, .jti = str_of(jti),
		.scope = str_of(scope), .aud = str_of(aud),
		.sub = str_of(sub), .scope_set = str_of(scope_set),
		.all = all, .ttl_s = ephemeral ? EPHEMERAL_S : expires_in };
	if (ttl) {
		args->ttl_s = ttl_seconds(ttl);
		cli_say_error("--ttl is the old way to say it; --expires-in "
			      "%lld is the same", (long long)args->ttl_s);
	}
	if (permissions)
		args->permissions = compact(a, text, permissions);
	if (origin)
		args->origin = checked_origin(a, origin);
	if (scope_set && !scope_set_scopes(args->scope_set))
		cli_usage("--scope-set: '%.64s' is not install, start, "
			  "expose, auth, vault or admin", scope_set);
	if (args->jti.n > JTI_MAX)
		cli_usage("a JTI has %d bytes at most", JTI_MAX);
}

int main(int argc, char **argv)
{
	char **words = cli_parse(argc, argv);
	const struct verb *v = find_verb(words[0]);
	static struct admin admin;
	struct auth_args args;
	struct err e = { 0 };
	struct arena arena;
	struct buf text;
	int status;

	if (v->jti && !words[1])
		cli_usage("%s needs the JTI of a token; list-tokens shows "
			  "them", v->name);
	if (!v->jti && words[1])
		cli_usage("'%.64s' does not go with %s", words[1], v->name);
	check_options(v);
	arena_init(&arena, 1024 * 1024);
	buf_init(&text, JSON_MAX * 2);
	read_args(&args, words[1], &arena, &text);
	status = admin_open(&admin, home_dir, v->mode, &e);
	if (status == 0)
		status = v->fn(&admin, &args, &e);
	if (status < 0) {
		cli_warn(&e);
		status = cli_status(&e);
	}
	admin_close(&admin);
	buf_release(&text);
	arena_release(&arena);
	return cli_finish(status);
}
