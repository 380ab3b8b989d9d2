/* SPDX-License-Identifier: MIT */
#include "front/prepare.h"

#include "auth/store.h"
#include "sys/log.h"
#include "unit/hub/scratch.h"

static int dir;
static char said[8192];
static char *none[] = { NULL };

static void hear(struct str line)
{
	size_t n = strlen(said);

	snprintf(said + n, sizeof said - n, "%.*s", STR_ARG(line));
}

static bool prepare(const char *instance, char **environ, struct err *e)
{
	const struct prepare_opts o = { .home = scratch_path, .port = 1939,
		.instance = instance, .environ = environ };

	said[0] = '\0';
	*e = (struct err){ 0 };
	return prepare_run(&o, e) == 0;
}

static int mode_of(const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? -1 :
	       (int)(st.st_mode & 07777);
}

static void set_origin(const char *origin)
{
	struct home h;
	struct store *s = NULL;
	struct err e;

	if (home_open(&h, scratch_path, false, &e) < 0 ||
	    !(s = store_open(&h, STORE_WRITE, 5000, &e)) ||
	    store_set(s, "hub_origin", str_of(origin), 1, &e) < 0)
		scratch_bail(e.msg);
	store_close(s);
	home_close(&h);
}

static void test_first(void)
{
	struct err e;

	ok(prepare("one", none, &e), "a new home: %s", e.msg);
	ok(mode_of("hub.db") == 0600 && mode_of("operator.token") == 0600,
	   "hub.db and operator.token are private");
	ok(strstr(said, "made a signing key") &&
	   strstr(said, "operator.token: made, good until 20"),
	   "what was made is said");
	ok(mode_of("hub-instance.json") == 0644 &&
	   strstr(get(dir, "hub-instance.json"), "\"instance\": \"one\",\n") &&
	   strstr(get(dir, "hub-instance.json"), "  \"port\": 1939,\n"),
	   "hub-instance.json");
	ok(mode_of("hub/run/origin") < 0, "no origin is stored");
}

static void test_again(void)
{
	static char token[4096], instance[4096];
	struct err e;

	snprintf(token, sizeof token, "%s", get(dir, "operator.token"));
	snprintf(instance, sizeof instance, "%s",
		 get(dir, "hub-instance.json"));
	ok(prepare("one", none, &e) && !said[0], "again: nothing to say");
	ok(!strcmp(token, get(dir, "operator.token")) &&
	   !strcmp(instance, get(dir, "hub-instance.json")),
	   "all is left as it is");
	ok(prepare(NULL, none, &e) &&
	   !strcmp(instance, get(dir, "hub-instance.json")),
	   "by hand it is no other boot");
	ok(prepare("two", none, &e) &&
	   strstr(get(dir, "hub-instance.json"), "\"two\""),
	   "another boot says so");
}

static void test_origin(void)
{
	static char token[4096], longest[5000] = "https://";
	struct err e;

	snprintf(token, sizeof token, "%s", get(dir, "operator.token"));
	set_origin("https://hub.example");
	ok(prepare("two", none, &e) &&
	   !strcmp(get(dir, "hub/run/origin"), "https://hub.example\n"),
	   "a stored origin is written down");
	ok(strcmp(token, get(dir, "operator.token")) &&
	   strstr(said, "operator.token: made anew (scope set admin)"),
	   "and operator.token is made anew for it");
	ok(prepare("two", none, &e) && !said[0], "once");
	set_origin(NULL);
	ok(prepare("two", none, &e) && mode_of("hub/run/origin") < 0,
	   "one that is taken back is gone");
	set_origin("http://127.0.0.1:1939");
	ok(prepare("two", none, &e) && strstr(said, "is not used"),
	   "one that nobody reaches is not used, which is said");
	memset(longest + sizeof "https://" - 1, 'a', sizeof longest - 9);
	set_origin(longest);
	ok(prepare("two", none, &e) && mode_of("hub/run/origin") < 0,
	   "one that is too long to be written down stops nothing: %s", e.msg);
	set_origin(NULL);
	prepare("two", none, &e);
}

static void test_warnings(void)
{
	static char set[] = "PARACHUTE_INITIAL_ADMIN_PASSWORD=secret";
	char *environ[] = { set, NULL };
	struct err e;

	ok(prepare("three", environ, &e) &&
	   strstr(said, "PARACHUTE_INITIAL_ADMIN_* is set") &&
	   !strstr(said, "secret"), "what has no effect is said");
	ok(prepare("three", environ, &e) && !said[0], "once a boot");
	fchmodat(dir, "operator.token", 0644, 0);
	fchmodat(dir, "hub.db", 0640, 0);
	ok(prepare("three", none, &e) && strstr(said, "/operator.token can be "
		"used by others (mode 0644): run chmod 0600 ") &&
	   strstr(said, "/hub.db can be used by others (mode 0640)"),
	   "so are files that are not private");
}

static void test_faults(void)
{
	static char token[4096];
	struct err e;

	put(dir, "operator.token", "no token\n");
	ok(prepare("three", none, &e) && strstr(said, "left as it is") &&
	   strstr(said, "rotate-operator") &&
	   !strcmp(get(dir, "operator.token"), "no token\n"),
	   "a strange operator.token is left alone");
	snprintf(token, sizeof token, "%s", get(dir, "operator.token"));
	put(dir, "hub.db", "this is no database, and long enough to be read "
	    "as one, which takes a hundred bytes or so of anything at all");
	ok(!prepare("three", none, &e) && strstr(e.msg, "hub.db"),
	   "a broken hub.db is an error: %s", e.msg);
	ok(strstr(get(dir, "hub.db"), "this is no database"),
	   "and left alone");
}

int main(void)
{
	alarm(300);
	dir = scratch();
	log_to(hear);
	test_first();
	test_again();
	test_origin();
	test_warnings();
	test_faults();
	close(dir);
	return tap_done();
}
