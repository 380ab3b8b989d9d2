/* SPDX-License-Identifier: MIT */
#include "hub/registry.h"

#include "hub/home.h"
#include "hub/limits.h"
#include "unit/hub/scratch.h"

#include <dirent.h>
#include <sys/wait.h>

#define FILE_NAME "services.json"
#define REST "\"paths\":[],\"health\":\"/h\",\"version\":\"1\""
#define ROW(name, port) "{\"name\":\"" name "\",\"port\":" port "," REST "}"

static int home;

static int upsert(const char *row, struct err *e)
{
	struct arena a;
	struct json *j;
	int rc;

	*e = (struct err){ 0 };
	arena_init(&a, 1 << 20);
	j = json_parse(guarded(0, str_of(row)), &a, NULL, e);
	rc = j ? registry_upsert(home, j, e) : -2;
	arena_release(&a);
	return rc;
}

static bool upserts(const char *row)
{
	struct err e;

	if (upsert(row, &e) == 0)
		return true;
	tap_diag("%s", e.msg);
	return false;
}

/* Refuses, says those words, and leaves the file alone. */
static bool refuses(const char *row, enum err_code code, const char *words)
{
	const char *now = get(home, FILE_NAME);
	char *was = now ? strdup(now) : NULL;
	struct err e;
	int rc = upsert(row, &e);
	bool same;

	now = get(home, FILE_NAME);
	same = !was == !now && (!was || strcmp(was, now) == 0);
	free(was);
	tap_diag("%s", e.msg);
	return rc == -1 && e.code == code && strstr(e.msg, words) && same;
}

static bool holds(const char *want)
{
	return is_text(str_of(get(home, FILE_NAME)), want);
}

static bool litter(void)
{
	DIR *d = fdopendir(openat(home, ".", O_RDONLY | O_DIRECTORY));
	bool found = false;
	struct dirent *f;

	while ((f = readdir(d)))
		found |= strstr(f->d_name, ".tmp") != NULL;
	closedir(d);
	return found;
}

static mode_t mode(void)
{
	struct stat st;

	return fstatat(home, FILE_NAME, &st, 0) == 0 ? st.st_mode & 0777 : 0;
}

static void first(void)
{
	mode_t was = umask(0);

	ok(upserts(ROW("a", "7001")), "into no file");
	ok(holds("{\n"
		 "  \"services\": [\n"
		 "    {\n"
		 "      \"name\": \"a\",\n"
		 "      \"port\": 7001,\n"
		 "      \"paths\": [],\n"
		 "      \"health\": \"/h\",\n"
		 "      \"version\": \"1\"\n"
		 "    }\n"
		 "  ]\n"
		 "}\n"), "  as JSON.stringify(x, null, 2) writes it");
	ok(mode() == 0600, "  0600");
	ok(!litter(), "  no litter");
	umask(was);
}

/* Everything unknown stays, where it was. */
static void merges(void)
{
	put(home, FILE_NAME,
	    "{\"later\":{\"x\":[1.50,-0,1e3]},\"services\":["
	    "null,{\"name\":\"bad\"},"
	    "{\"own\":\"\\u00e9\",\"name\":\"a\",\"port\":7001,"
	    "\"paths\":[\"/old\"],\"health\":\"/h\",\"version\":\"1\","
	    "\"uis\":{}},"
	    ROW("b", "7002") "],\"end\":true}");
	fchmodat(home, FILE_NAME, 0640, 0);
	ok(upserts("{\"name\":\"a\",\"port\":7003,\"paths\":[\"/new\"],"
		   "\"health\":\"/h\",\"version\":\"2\",\"more\":null}"),
	   "over a row");
	ok(holds("{\n"
		 "  \"later\": {\n"
		 "    \"x\": [\n"
		 "      1.50,\n"
		 "      -0,\n"
		 "      1e3\n"
		 "    ]\n"
		 "  },\n"
		 "  \"services\": [\n"
		 "    null,\n"
		 "    {\n"
		 "      \"name\": \"bad\"\n"
		 "    },\n"
		 "    {\n"
		 "      \"own\": \"\xc3\xa9\",\n"
		 "      \"name\": \"a\",\n"
		 "      \"port\": 7003,\n"
		 "      \"paths\": [\n"
		 "        \"/new\"\n"
		 "      ],\n"
		 "      \"health\": \"/h\",\n"
		 "      \"version\": \"2\",\n"
		 "      \"uis\": {},\n"
		 "      \"more\": null\n"
		 "    },\n"
		 "    {\n"
		 "      \"name\": \"b\",\n"
		 "      \"port\": 7002,\n"
		 "      \"paths\": [],\n"
		 "      \"health\": \"/h\",\n"
		 "      \"version\": \"1\"\n"
		 "    }\n"
		 "  ],\n"
		 "  \"end\": true\n"
		 "}\n"), "  keeps what it does not have");
	ok(mode() == 0640, "  and the mode");
}

static void refusals(void)
{
	char deep[400] = "{\"name\":\"deep\",\"port\":5," REST ",\"x\":";
	size_t n = strlen(deep);

	ok(refuses("[]", ERR_INVALID, "must be an object"), "no object");
	ok(refuses("{}", ERR_INVALID, "name: is missing"), "no name");
	ok(refuses(ROW("x", "0"), ERR_INVALID, "port: must be an integer"),
	   "a bad port");
	ok(refuses("{\"name\":\"x\",\"port\":5}", ERR_INVALID, "paths: "),
	   "no paths");
	ok(refuses(ROW("../x", "5"), ERR_INVALID, "name: "), "a bad name");
	ok(refuses(ROW("parachute-agent", "5"), ERR_INVALID, "retired"),
	   "a retired one");
	ok(refuses(ROW("c", "7002"), ERR_EXISTS, "port 7002 is taken by b"),
	   "a port that another has");
	ok(refuses(ROW("a", "7002"), ERR_EXISTS, "port 7002 is taken by b"),
	   "also for a row that is there");
	ok(refuses(ROW("parachute-vault", "7002"), ERR_EXISTS, "port 7002"),
	   "also for a vault");
	memset(deep + n, '[', 63);
	memset(deep + n + 63, ']', 63);
	strcpy(deep + n + 126, "}");
	ok(refuses(deep, ERR_FULL, "nest more than 64"), "one too deep");
}

static void ports(void)
{
	put(home, FILE_NAME, "{\"services\":[]}\n");
	ok(upserts(ROW("parachute-vault", "1940")) &&
	   upserts(ROW("parachute-vault-w", "1940")), "vaults share a port");
	ok(refuses(ROW("v", "1940"), ERR_EXISTS,
		   "port 1940 is taken by parachute-vault"), "no other may");
	ok(refuses(ROW("vault", "1950"), ERR_EXISTS,
		   "the short name vault is taken by parachute-vault"),
	   "a short name is one module's");
	ok(upserts(ROW("foo", "8000")) && upserts(ROW("parachute-foo", "8000")),
	   "parachute-X takes the port of X");
	ok(refuses(ROW("foo", "8000"), ERR_EXISTS, "port 8000"),
	   "and not X that of parachute-X");
	put(home, FILE_NAME, "{\"services\":[" ROW("agent", "1941") ","
	    "{\"name\":\"bad\",\"port\":1942}," ROW("x", "1943") "]}");
	ok(upserts(ROW("y", "1941")) && upserts(ROW("z", "1942")),
	   "rows that are skipped own no port");
}

static void broken_files(void)
{
	static const char *const texts[] = {
		"", "{", "[]", "null", "{}", "{\"services\":{}}",
		"{\"services\":[],}",
	};

	for (size_t i = 0; i < LEN(texts); i++) {
		put(home, FILE_NAME, texts[i]);
		ok(refuses(ROW("a", "1"), ERR_INVALID, "services.json"),
		   "'%s' is refused and left", texts[i]);
	}
	put(home, FILE_NAME, "{\"services\":[{\"name\":\"a\",\"port\":1,"
	    "\"stripPrefix\":\"no\"}]}");
	ok(refuses(ROW("a", "1"), ERR_INVALID, "stripPrefix: must be true"),
	   "a row that would be bad for what it keeps");
	ok(upserts("{\"name\":\"a\",\"port\":1," REST ",\"stripPrefix\":true}"),
	   "  and mends it when it can");
	unlinkat(home, FILE_NAME, 0);
	put(home, "elsewhere", "{\"services\":[]}");
	symlinkat("elsewhere", home, FILE_NAME);
	ok(refuses(ROW("a", "1"), ERR_INVALID, "symbolic link"), "a link");
	unlinkat(home, FILE_NAME, 0);
}

static void full(void)
{
	struct buf b;

	buf_init(&b, 4 << 20);
	buf_put(&b, STR("{\"services\":["));
	for (int i = 0; i < MODULES_MAX; i++)
		buf_printf(&b, "%s{\"name\":\"m%d\",\"port\":%d," REST "}",
			   i ? "," : "", i, 2000 + i);
	buf_put(&b, STR("]}"));
	put_str(home, FILE_NAME, buf_str(&b));
	ok(refuses(ROW("a", "1"), ERR_FULL, "at most 1024 modules"),
	   "one module too many");
	ok(upserts(ROW("m5", "1")), "one that is there");
	buf_release(&b);
}

static void removes(void)
{
	struct err e = { 0 };

	put(home, FILE_NAME, "{\"services\":[" ROW("a", "1") ","
	    "{\"name\":\"a\",\"x\":1},null," ROW("b", "2") "],\"k\":1}");
	ok(registry_remove(home, STR("a"), &e) == 0, "remove %s", e.msg);
	ok(holds("{\n"
		 "  \"services\": [\n"
		 "    null,\n"
		 "    {\n"
		 "      \"name\": \"b\",\n"
		 "      \"port\": 2,\n"
		 "      \"paths\": [],\n"
		 "      \"health\": \"/h\",\n"
		 "      \"version\": \"1\"\n"
		 "    }\n"
		 "  ],\n"
		 "  \"k\": 1\n"
		 "}\n"), "  takes all of that name");
	ok(registry_remove(home, STR("a"), &e) == -1 &&
	   e.code == ERR_NOT_FOUND, "again: %s", e.msg);
	unlinkat(home, FILE_NAME, 0);
	ok(registry_remove(home, STR("a"), &e) == -1 &&
	   e.code == ERR_NOT_FOUND && !get(home, FILE_NAME),
	   "no file: %s", e.msg);
}

#define WRITERS 2
#define ROWS    200

static int writer(int me)
{
	char row[200];
	struct err e;

	for (int i = 0; i < ROWS; i++) {
		snprintf(row, sizeof row, "{\"name\":\"w%d-%d\",\"port\":%d,"
			 REST "}", me, i, 2000 + me * ROWS + i);
		if (upsert(row, &e) < 0) {
			tap_diag("%s", e.msg);
			return 1;
		}
	}
	return 0;
}

/* A reader meanwhile never sees a file that is not whole. */
static bool reads_whole(pid_t *pids)
{
	struct registry r;
	bool good = true;
	int left = WRITERS, status;

	registry_init(&r);
	while (left) {
		good &= registry_load(&r, home, NULL) >= 0 &&
			!r.problems.n && !r.broken;
		for (int i = 0; i < WRITERS; i++) {
			if (!pids[i] || waitpid(pids[i], &status, WNOHANG) <= 0)
				continue;
			pids[i] = 0;
			left--;
			good &= WIFEXITED(status) && !WEXITSTATUS(status);
		}
	}
	registry_release(&r);
	return good;
}

static void at_once(void)
{
	struct registry r;
	pid_t pids[WRITERS];
	char name[32];
	int found = 0;

	put(home, FILE_NAME, "{\"services\":[],\"kept\":1}");
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(writer(i));
	}
	ok(reads_whole(pids), "%d writers, and a reader", WRITERS);
	registry_init(&r);
	registry_load(&r, home, NULL);
	for (int i = 0; i < WRITERS * ROWS; i++) {
		snprintf(name, sizeof name, "w%d-%d", i / ROWS, i % ROWS);
		found += registry_find(&r, str_of(name)) != NULL;
	}
	ok(found == WRITERS * ROWS && r.n == (size_t)found,
	   "%d rows, none is lost", found);
	ok(strstr(get(home, FILE_NAME), "\"kept\": 1") && !litter(),
	   "nor anything else, and no litter");
	registry_release(&r);
}

static void locked(void)
{
	struct stat st;

	ok(fstatat(home, HOME_RUN "/" HOME_SERVICES_LOCK, &st, 0) == 0 &&
	   (st.st_mode & 0777) == 0600, "the lock file is 0600");
	ok(fstatat(home, HOME_RUN, &st, 0) == 0 &&
	   (st.st_mode & 0777) == 0700, "its folder 0700");
}

int main(void)
{
	alarm(300);
	home = scratch();
	first();
	merges();
	refusals();
	ports();
	broken_files();
	full();
	removes();
	at_once();
	locked();
	return tap_done();
}
