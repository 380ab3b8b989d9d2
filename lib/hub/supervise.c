/* SPDX-License-Identifier: MIT */
#include "hub/supervise.h"

#include "base/fmt.h"
#include "hub/field.h"
#include "hub/home.h"
#include "hub/registry.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>

struct reader {
	struct fields f;
	struct supervise *s;
	enum setting_from from;
	struct problems *problems;      /* the author's faults; NULL: unsaid */
	const char *file;
};

/* Words */

struct word {
	const char *name;
	int value;
};

static const struct word restarts[] = {
	{ "always", RESTART_ALWAYS }, { "on-failure", RESTART_ON_FAILURE },
	{ "never", RESTART_NEVER }, { NULL, 0 },
};

static const struct word signals[] = {
	{ "SIGTERM", SIGTERM }, { "SIGINT", SIGINT }, { "SIGQUIT", SIGQUIT },
	{ "SIGHUP", SIGHUP }, { "SIGUSR1", SIGUSR1 }, { "SIGUSR2", SIGUSR2 },
	{ "SIGWINCH", SIGWINCH }, { NULL, 0 },
};

static const struct word log_modes[] = {
	{ "file", LOG_MODE_FILE }, { "lossy", LOG_MODE_LOSSY },
	{ "memory", LOG_MODE_MEMORY }, { NULL, 0 },
};

static const struct word sources[] = {
	{ "default", FROM_DEFAULT }, { "module", FROM_MODULE },
	{ "operator", FROM_OPERATOR }, { NULL, 0 },
};

static const char *word_of(const struct word *all, int value)
{
	while (all->name && all->value != value)
		all++;
	return all->name;
}

/* What the hub says itself, and a module must not be told otherwise. */
static const char *const reserved[] = {
	"PORT", "PARACHUTE_HOME", "PARACHUTE_HUB_ORIGIN",
	"PARACHUTE_HUB_ORIGINS", "PARACHUTE_HUB_JWKS_ORIGIN", "PC_OWNER",
	"NOTIFY_SOCKET", "NOTIFY_FD",
};

/* Keys. A taker changes nothing when it finds a fault. */

struct key {
	const char *name, *wire;
	void (*take)(struct reader *, const struct key *, const struct json *);
	enum setting setting;
	size_t offset;                  /* of an int in struct supervise */
	const struct word *words;
	int min, max;
	bool operator_only;
};

static void taken(struct reader *r, const struct key *k)
{
	r->s->from[k->setting] = r->from;
}

static int *number_at(const struct supervise *s, const struct key *k)
{
	return (int *)(void *)((char *)(uintptr_t)s + k->offset);
}

static void take_word(struct reader *r, const struct key *k,
		      const struct json *v)
{
	char all[160] = "";
	size_t n = 0;
	struct str s;

	for (const struct word *w = k->words; w->name; w++) {
		if (json_str(v, &s) && str_is(s, w->name)) {
			*number_at(r->s, k) = w->value;
			taken(r, k);
			return;
		}
		n += (size_t)fmt(all + n, sizeof all - n, "%s\"%s\"",
				 !n ? "" : w[1].name ? ", " : " or ",
				 w->name);
	}
	field_fault(&r->f, v, k->name, "must be %s", all);
}

static void take_number(struct reader *r, const struct key *k,
			const struct json *v)
{
	int64_t n;

	if (!json_int(v, k->min, k->max, &n)) {
		field_fault(&r->f, v, k->name, "must be a whole number from "
			    "%d to %d", k->min, k->max);
		return;
	}
	*number_at(r->s, k) = (int)n;
	taken(r, k);
}

static void take_flag(struct reader *r, const struct key *k,
		      const struct json *v)
{
	bool *to = (bool *)(void *)((char *)r->s + k->offset);

	if (json_bool(v, to))
		taken(r, k);
	else
		field_fault(&r->f, v, k->name, "must be true or false");
}

static void take_depends(struct reader *r, const struct key *k,
			 const struct json *v)
{
	struct str *all, name;
	size_t n = 0;

	if (v->type != JSON_ARRAY || v->count > DEPENDENCIES_MAX) {
		field_fault(&r->f, v, k->name, "must be a list of at most %d "
			    "short names", DEPENDENCIES_MAX);
		return;
	}
	all = arena_array(r->f.arena, v->count, sizeof *all);
	JSON_EACH(c, v) {
		if (!json_str(c, &name) || !home_short_ok(name)) {
			field_fault(&r->f, c, k->name, "must name modules by "
				    "their short names");
			return;
		}
		if (all)
			all[n++] = arena_str(r->f.arena, registry_short(name));
	}
	r->s->depends_on = all;
	r->s->ndepends_on = n;
	taken(r, k);
}

static void take_user(struct reader *r, const struct key *k,
		      const struct json *v)
{
	struct str s = STR_NULL;
	int64_t n;

	if (json_int(v, 0, UINT32_MAX - 1, &n))
		s = v->text;
	else
		json_str(v, &s);
	if (!s.n || s.n > 64 || field_has_control(s) ||
	    str_find(s, ':') >= 0) {
		field_fault(&r->f, v, k->name, "must be the name of a user, "
			    "or a number from 0 to %u", UINT32_MAX - 1);
		return;
	}
	r->s->user = arena_str(r->f.arena, s);
	taken(r, k);
}

/* Below the directory it is relative to; or absolute. */
static bool path_is_inside(struct str path)
{
	struct str part;

	while (path.n) {
		str_cut(path, '/', &part, &path);
		if (!part.n || str_is(part, ".") || str_is(part, ".."))
			return false;
	}
	return true;
}

static void take_env_file(struct reader *r, const struct key *k,
			  const struct json *v)
{
	bool ours = r->from == FROM_OPERATOR;
	struct str s;

	if (json_str(v, &s) && s.n && s.n < PATH_MAX && !field_has_control(s) &&
	    (*s.p == '/' ? ours : path_is_inside(s))) {
		r->s->env_file = arena_str(r->f.arena, s);
		taken(r, k);
		return;
	}
	field_fault(&r->f, v, k->name, "must be a path inside the module's "
		    "directory%s", ours ? ", without . and .., or an absolute "
		    "one" : ", without . and ..; one outside of it can only "
		    "be given in NAME/" SUPERVISE_FILE);
}

/* Whether the next member is to be looked at: a fault of the operator's is
 * the last word, one of the author's is said and left behind. */
static bool goes_on(struct reader *r)
{
	if (!r->f.bad)
		return true;
	if (r->from == FROM_OPERATOR)
		return false;
	if (r->problems)
		problem_add(r->problems, r->f.arena, r->file, r->f.at.line,
			    r->f.at.column, "%s; it is left out", r->f.text);
	r->f.bad = false;
	return true;
}

static struct json key_place(const struct json *member)
{
	return (struct json){ .line = member->key_line,
			      .column = member->key_column };
}

static void unknown(struct reader *r, const struct json *member)
{
	struct json at = key_place(member);
	char show[PROBLEM_SHOW];

	problem_show(show, member->key);
	if (r->from == FROM_OPERATOR)
		field_fault(&r->f, &at, show, "there is no such setting; "
			    "pc-home(5) has them all");
	else if (r->problems)
		problem_note(r->problems, r->f.arena, r->file, at.line,
			     at.column, "%s%s: there is no such setting",
			     r->f.within, show);
}

static void operator_only(struct reader *r, const char *name,
			  const struct json *member)
{
	struct json at = key_place(member);

	field_fault(&r->f, &at, name, "can only be given by the operator, in "
		    "NAME/" SUPERVISE_FILE);
}

static const char *where(const struct reader *r, const char *name)
{
	return r->from == FROM_MODULE ? name : name + sizeof "supervise";
}

static bool is_object(struct reader *r, const struct key *k,
		      const struct json *v)
{
	if (v->type == JSON_OBJECT)
		return true;
	field_fault(&r->f, v, k->name, "must be an object");
	return false;
}

static void take_limit(struct reader *r, const struct json *v)
{
	static const char msgqueue[] = "msgqueue";
	int64_t n = 0;
	struct str s;
	size_t i = 0;

	while (run_limits[i].name && !str_is(v->key, run_limits[i].name))
		i++;
	if (str_is(v->key, msgqueue)) {
		field_fault(&r->f, v, msgqueue, "is the hub's own, to "
			    "recognise what a module has forked");
	} else if (!run_limits[i].name) {
		unknown(r, v);
	} else if (json_int(v, 0, INT64_MAX, &n) ||
		   (json_str(v, &s) && str_is(s, "unlimited"))) {
		r->s->limits[i] = (struct setting_limit){ r->from,
			v->type == JSON_STRING ? RUN_UNLIMITED : (uint64_t)n };
	} else {
		field_fault(&r->f, v, run_limits[i].name, "must be a whole "
			    "number from 0, or \"unlimited\"");
	}
}

static const struct key limit_keys[] = {
	{ .name = "nice", .take = take_number, .setting = SET_NICE,
	  .offset = offsetof(struct supervise, nice), .min = -20, .max = 19 },
	{ .name = "oomScore", .wire = "oom_score", .take = take_number,
	  .setting = SET_OOM_SCORE, .min = -1000, .max = 1000,
	  .offset = offsetof(struct supervise, oom_score),
	  .operator_only = true },
	{ .name = NULL },
};

static void take_key(struct reader *r, const struct key *k,
		     const struct json *v)
{
	if (k->operator_only && r->from != FROM_OPERATOR)
		operator_only(r, k->name, v);
	else
		k->take(r, k, v);
}

static const struct key *find_key(const struct key *all, struct str name)
{
	while (all->name && !str_is(name, all->name))
		all++;
	return all->name ? all : NULL;
}

static void take_limits(struct reader *r, const struct key *k,
			const struct json *v)
{
	if (!is_object(r, k, v))
		return;
	field_within(&r->f, where(r, "supervise.limits"), STR_NULL);
	JSON_EACH(c, v) {
		const struct key *inner = find_key(limit_keys, c->key);

		if (inner)
			take_key(r, inner, c);
		else
			take_limit(r, c);
		if (!goes_on(r))
			return;
	}
}

/* Variables */

static bool is_name(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* Why a variable cannot be given; NULL: it can. */
static const char *why_not(const struct reader *r, const struct json *v)
{
	struct str value;

	for (size_t i = 0; i < LEN(reserved); i++)
		if (str_is(v->key, reserved[i]))
			return "is set by the hub itself; leave it out";
	if (!v->key.n || str_span(v->key, is_name).n != v->key.n ||
	    (*v->key.p >= '0' && *v->key.p <= '9'))
		return "a name must be letters, digits, '_', '.' and '-', and "
		       "not begin with a digit";
	if (!json_str(v, &value) || str_find(value, '\0') >= 0)
		return "must be a string without NUL";
	if (r->s->nenv == SETTING_ENV_MAX)
		return "is one too many; an envFile can hold more";
	return NULL;
}

static void put_var(struct reader *r, struct str name, struct str value)
{
	struct supervise *s = r->s;
	struct arena *a = r->f.arena;
	size_t i = 0;

	if (!s->env)
		s->env = arena_array(a, SETTING_ENV_MAX, sizeof *s->env);
	if (!s->env)
		return;
	while (i < s->nenv && !str_eq(s->env[i].name, name))
		i++;
	if (i == s->nenv)
		s->env[s->nenv++].name = arena_str(a, name);
	s->env[i].value = arena_str(a, value);
	s->env[i].from = r->from;
}

static void take_env(struct reader *r, const struct key *k,
		     const struct json *v)
{
	char show[PROBLEM_SHOW];
	struct str value = STR_NULL;
	const char *why;

	if (!is_object(r, k, v))
		return;
	field_within(&r->f, where(r, "supervise.env"), STR_NULL);
	JSON_EACH(c, v) {
		why = why_not(r, c);
		json_str(c, &value);
		if (why)
			field_fault(&r->f, c, problem_show(show, c->key), "%s",
				    why);
		else
			put_var(r, c->key, value);
		if (!goes_on(r))
			return;
	}
}

/* The whole */

#define NUMBER(field) .offset = offsetof(struct supervise, field)

static const struct key keys[] = {
	{ .name = "restart", .take = take_word, .setting = SET_RESTART,
	  NUMBER(restart), .words = restarts },
	{ .name = "stopSignal", .wire = "stop_signal", .take = take_word,
	  .setting = SET_STOP_SIGNAL, NUMBER(stop_signal), .words = signals },
	{ .name = "stopTimeoutMs", .wire = "stop_timeout_ms",
	  .take = take_number, .setting = SET_STOP_TIMEOUT,
	  NUMBER(stop_timeout_ms), .max = STOP_TIMEOUT_MAX_MS },
	{ .name = "readyTimeoutMs", .wire = "ready_timeout_ms",
	  .take = take_number, .setting = SET_READY_TIMEOUT,
	  NUMBER(ready_timeout_ms), .max = READY_TIMEOUT_MAX_MS },
	{ .name = "dependsOn", .wire = "depends_on", .take = take_depends,
	  .setting = SET_DEPENDS_ON },
	{ .name = "restartOnUnhealthy", .wire = "restart_on_unhealthy",
	  .take = take_flag, .setting = SET_RESTART_ON_UNHEALTHY,
	  NUMBER(restart_on_unhealthy) },
	{ .name = "critical", .take = take_flag, .setting = SET_CRITICAL,
	  NUMBER(critical) },
	{ .name = "envFile", .wire = "env_file", .take = take_env_file,
	  .setting = SET_ENV_FILE },
	{ .name = "user", .take = take_user, .setting = SET_USER,
	  .operator_only = true },
	{ .name = "logMode", .wire = "log_mode", .take = take_word,
	  .setting = SET_LOG_MODE, NUMBER(log_mode), .words = log_modes },
	{ .name = "limits", .take = take_limits },
	{ .name = "env", .take = take_env },
	{ .name = NULL },
};

_Static_assert(sizeof(enum restart_policy) == sizeof(int) &&
	       sizeof(enum log_mode) == sizeof(int),
	       "take_word() writes them as ints");

void supervise_init(struct supervise *s)
{
	*s = (struct supervise){
		.stop_signal = SIGTERM,
		.stop_timeout_ms = STOP_TIMEOUT_MS,
		.ready_timeout_ms = READY_WINDOW_MS,
	};
}

int supervise_merge(struct supervise *s, const struct json *j,
		    enum setting_from from, struct arena *a,
		    struct problems *problems, const char *file,
		    struct json_at *at, struct err *e)
{
	struct reader r = { .f = { .arena = a }, .s = s, .from = from,
			    .problems = problems, .file = file };
	const char *group = from == FROM_MODULE ? "supervise" : NULL;

	if (j->type != JSON_OBJECT)
		field_fault(&r.f, j, group ? group : "settings",
			    "must be an object");
	goes_on(&r);
	for (const struct json *c = j->type == JSON_OBJECT ? j->child : NULL;
	     c && goes_on(&r); c = c->next) {
		const struct key *k = find_key(keys, c->key);

		field_within(&r.f, group, STR_NULL);
		if (k)
			take_key(&r, k, c);
		else
			unknown(&r, c);
	}
	goes_on(&r);
	if (arena_failed(a))
		return err_set(e, ERR_NO_MEMORY, "no memory for its settings");
	if (!r.f.bad)
		return 0;
	*at = r.f.at;
	return err_set(e, ERR_INVALID, "line %u column %u: %s", r.f.at.line,
		       r.f.at.column, r.f.text);
}

/* On the wire */

static const char *wire_of(const struct key *k)
{
	return k->wire ? k->wire : k->name;
}

static void put_value(struct jsonw *w, const struct supervise *s,
		      const struct key *k)
{
	jsonw_key(w, wire_of(k));
	if (k->take == take_word) {
		jsonw_cstr(w, word_of(k->words, *number_at(s, k)));
	} else if (k->take == take_number) {
		jsonw_int(w, *number_at(s, k));
	} else if (k->take == take_flag) {
		jsonw_bool(w, *(const bool *)((const char *)s + k->offset));
	} else if (k->setting == SET_DEPENDS_ON) {
		jsonw_array(w);
		for (size_t i = 0; i < s->ndepends_on; i++)
			jsonw_str(w, s->depends_on[i]);
		jsonw_end(w);
	} else {
		struct str text = k->setting == SET_USER ? s->user :
				  s->env_file;

		if (text.n)
			jsonw_str(w, text);
		else
			jsonw_null(w);
	}
}

static void put_limits(struct jsonw *w, const struct supervise *s)
{
	jsonw_key(w, "limits");
	jsonw_object(w);
	for (size_t i = 0; run_limits[i].name; i++) {
		if (!s->limits[i].from)
			continue;
		jsonw_key(w, run_limits[i].name);
		if (s->limits[i].value == RUN_UNLIMITED)
			jsonw_cstr(w, "unlimited");
		else
			jsonw_int(w, (int64_t)s->limits[i].value);
	}
	for (const struct key *k = limit_keys; k->name; k++)
		if (s->from[k->setting])
			put_value(w, s, k);
	jsonw_end(w);
	jsonw_key(w, "env");
	jsonw_array(w);
	for (size_t i = 0; i < s->nenv; i++)
		jsonw_str(w, s->env[i].name);
	jsonw_end(w);
}

static void put_source(struct jsonw *w, const char *group, struct str name,
		       enum setting_from from)
{
	char key[320];

	fmt(key, sizeof key, "%s%.*s", group, STR_ARG(name));
	jsonw_key(w, key);
	jsonw_cstr(w, word_of(sources, (int)from));
}

static void put_sources(struct jsonw *w, const struct supervise *s)
{
	jsonw_key(w, "source");
	jsonw_object(w);
	for (const struct key *k = keys; k->name; k++)
		if (k->take != take_limits && k->take != take_env)
			put_source(w, "", str_of(wire_of(k)),
				   s->from[k->setting]);
	for (size_t i = 0; run_limits[i].name; i++)
		if (s->limits[i].from)
			put_source(w, "limits.", str_of(run_limits[i].name),
				   s->limits[i].from);
	for (const struct key *k = limit_keys; k->name; k++)
		if (s->from[k->setting])
			put_source(w, "limits.", str_of(wire_of(k)),
				   s->from[k->setting]);
	for (size_t i = 0; i < s->nenv; i++)
		put_source(w, "env.", s->env[i].name, s->env[i].from);
	jsonw_end(w);
}

void supervise_write(struct jsonw *w, const struct supervise *s)
{
	jsonw_object(w);
	for (const struct key *k = keys; k->name; k++)
		if (k->take != take_limits && k->take != take_env)
			put_value(w, s, k);
	put_limits(w, s);
	put_sources(w, s);
	jsonw_end(w);
}
