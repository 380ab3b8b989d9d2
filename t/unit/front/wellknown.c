/* SPDX-License-Identifier: MIT */
/* What is listed of the modules, and the documents that are made of it. */
#include "front/discovery.h"
#include "front/front.h"
#include "hub/limits.h"
#include "unit/hub/scratch.h"

static int home;
static struct registry registry;
static struct listing listing;
static int opened;              /* module.json, all in all */
static bool no_broker;

#define ORIGIN "https://hub.example"
#define ROW(name, port, more) \
	"{\"name\":\"" name "\",\"port\":" #port ",\"health\":\"/h\"," \
	"\"version\":\"1.0\"" more "}"
#define PATHS(list) ",\"paths\":[" list "]"
#define MANIFEST(more) "{\"name\":\"m\",\"manifestName\":\"m\"," \
	"\"port\":1,\"paths\":[],\"health\":\"/h\"" more "}"

static int open_manifest(void *ctx, struct str dir, struct err *e)
{
	char path[600];
	int fd;

	(void)ctx;
	opened++;
	if (no_broker)
		return err_set(e, ERR_UNREACHABLE, "not now");
	snprintf(path, sizeof path, "%.*s/.parachute/module.json",
		 STR_ARG(dir));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open") : fd;
}

/* @ in rows stands for the scratch directory. */
static void rows(const char *text)
{
	static char out[1 << 20];
	size_t n = snprintf(out, sizeof out, "{\"services\":[");

	for (; *text && n < sizeof out - 300; text++)
		if (*text == '@')
			n += (size_t)sprintf(out + n, "%s", scratch_path);
		else
			out[n++] = *text;
	memcpy(out + n, "]}", 3);
	put(home, "services.json", out);
}

static void module(const char *name, const char *manifest)
{
	char path[300];

	mkdirat(home, name, 0700);
	snprintf(path, sizeof path, "%s/.parachute", name);
	mkdirat(home, path, 0700);
	snprintf(path, sizeof path, "%s/.parachute/module.json", name);
	unlinkat(home, path, 0);
	if (manifest)
		put(home, path, manifest);
}

/* Far enough apart for everything to be looked at again. */
static uint64_t look(void)
{
	static int64_t now_ms;
	struct err e = { 0 };

	now_ms += FRONT_FRESH_MS;
	ok(listing_look(&listing, home, now_ms, &e) == 0, "looked %s", e.msg);
	return listing.version;
}

static bool shows(void (*write)(struct buf *, const struct listing *,
				struct str), const char *want)
{
	struct buf b;
	bool same;

	look();
	buf_init(&b, 1 << 20);
	write(&b, &listing, STR(ORIGIN));
	same = !buf_failed(&b) && is_text(buf_str(&b), want);
	buf_release(&b);
	return same;
}

#define SHOWS(want) shows(discovery_write, want)

static void no_rows(void)
{
	ok(SHOWS("{\"vaults\":[],\"services\":[]}"), "no file");
	rows("");
	ok(SHOWS("{\"vaults\":[],\"services\":[]}"), "no rows");
}

static void plain_rows(void)
{
	rows(ROW("parachute-scribe", 1943, PATHS("\"/scribe\",\"/other\"")
		 ",\"displayName\":\"Row\",\"tagline\":\"Tag\"") ","
	     ROW("mine", 3000, PATHS("")));
	ok(SHOWS("{\"vaults\":[],\"services\":["
		 "{\"name\":\"parachute-scribe\",\"url\":\"" ORIGIN "/scribe\","
		 "\"path\":\"/scribe\",\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/scribe/.parachute/info\","
		 "\"displayName\":\"Row\",\"tagline\":\"Tag\"},"
		 "{\"name\":\"mine\",\"url\":\"" ORIGIN "/\",\"path\":\"/\","
		 "\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/.parachute/info\"}],"
		 "\"scribe\":[{\"url\":\"" ORIGIN "/scribe\","
		 "\"version\":\"1.0\"}],"
		 "\"mine\":[{\"url\":\"" ORIGIN "/\",\"version\":\"1.0\"}]}"),
	   "the first path, or the root");
	rows(ROW("x", 3000, PATHS("\"/a\"")) ","
	     ROW("parachute-x", 3001, PATHS("\"/b\"")) ","
	     ROW("parachute-services", 3002, PATHS("\"/c\"")));
	ok(SHOWS("{\"vaults\":[],\"services\":["
		 "{\"name\":\"x\",\"url\":\"" ORIGIN "/a\",\"path\":\"/a\","
		 "\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/a/.parachute/info\"},"
		 "{\"name\":\"parachute-x\",\"url\":\"" ORIGIN "/b\","
		 "\"path\":\"/b\",\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/b/.parachute/info\"},"
		 "{\"name\":\"parachute-services\",\"url\":\"" ORIGIN "/c\","
		 "\"path\":\"/c\",\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/c/.parachute/info\"}],"
		 "\"x\":[{\"url\":\"" ORIGIN "/a\",\"version\":\"1.0\"},"
		 "{\"url\":\"" ORIGIN "/b\",\"version\":\"1.0\"}]}"),
	   "one list for one name, and none that is taken");
	rows(ROW("parachute-vault-x", 3000, PATHS("")) ","
	     ROW("vault-x", 3001, PATHS("\"/x\"")));
	ok(SHOWS("{\"vaults\":[],\"services\":["
		 "{\"name\":\"vault-x\",\"url\":\"" ORIGIN "/x\","
		 "\"path\":\"/x\",\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/x/.parachute/info\"}],"
		 "\"vault-x\":[{\"url\":\"" ORIGIN "/x\","
		 "\"version\":\"1.0\"}]}"), "a vault's name is not in the way");
}

static void vaults(void)
{
	module("v", MANIFEST(",\"managementUrl\":\"admin/m\","
			     "\"uiUrl\":\"/admin/\","
			     "\"displayName\":\"Vault\""));
	rows(ROW("parachute-vault", 1940,
		 PATHS("\"/vault/default\",\"/vault/work/x\"")
		 ",\"installDir\":\"@/v\"") ","
	     ROW("parachute-vault-home", 1940, PATHS("\"/somewhere\"")) ","
	     ROW("parachute-vault-none", 1940, PATHS("")) ","
	     "{\"name\":\"parachute-vault-seed\",\"port\":1940,"
	     "\"health\":\"/\",\"version\":\"0.0.0-linked\","
	     "\"paths\":[\"/vault/seed\"]}");
	ok(SHOWS("{\"vaults\":["
		 "{\"name\":\"default\",\"url\":\"" ORIGIN "/vault/default\","
		 "\"version\":\"1.0\",\"managementUrl\":\"admin/m\"},"
		 "{\"name\":\"work\",\"url\":\"" ORIGIN "/vault/work/x\","
		 "\"version\":\"1.0\",\"managementUrl\":\"admin/m\"},"
		 "{\"name\":\"home\",\"url\":\"" ORIGIN "/somewhere\","
		 "\"version\":\"1.0\"}],\"services\":["
		 "{\"name\":\"parachute-vault\","
		 "\"url\":\"" ORIGIN "/vault/default\","
		 "\"path\":\"/vault/default\",\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/vault/default/.parachute/info\","
		 "\"displayName\":\"Vault\","
		 "\"uiUrl\":\"" ORIGIN "/vault/default/admin/\"},"
		 "{\"name\":\"parachute-vault\","
		 "\"url\":\"" ORIGIN "/vault/work/x\","
		 "\"path\":\"/vault/work/x\",\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/vault/work/x/.parachute/info\","
		 "\"displayName\":\"Vault\","
		 "\"uiUrl\":\"" ORIGIN "/vault/work/x/admin/\"},"
		 "{\"name\":\"parachute-vault-home\","
		 "\"url\":\"" ORIGIN "/somewhere\",\"path\":\"/somewhere\","
		 "\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/somewhere/.parachute/info\"},"
		 "{\"name\":\"parachute-vault-seed\","
		 "\"url\":\"" ORIGIN "/vault/seed\",\"path\":\"/vault/seed\","
		 "\"version\":\"0.0.0-linked\","
		 "\"infoUrl\":\"" ORIGIN "/vault/seed/.parachute/info\"}]}"),
	   "an entry for each path, none without, none of a seed");
	ok(listing_has_vault(&registry, STR("work")) &&
	   listing_has_vault(&registry, STR("home")) &&
	   listing_has_vault(&registry, STR("none")) &&
	   listing_has_vault(&registry, STR("seed")) &&
	   !listing_has_vault(&registry, STR("other")), "by name");
}

static void addresses(void)
{
	module("m", MANIFEST(",\"uiUrl\":\"ui/?a#b\""));
	rows(ROW("m", 3000, PATHS("\"/.parachute\",\"/m/\"")
		 ",\"installDir\":\"@/m\",\"uis\":{"
		 "\"a\":{\"displayName\":\"A\",\"path\":\"/m/a/\","
		 "\"iconUrl\":\"i.svg\",\"status\":\"pending-oauth\","
		 "\"tagline\":\"t\",\"version\":\"2\",\"oauthClientId\":\"c\"},"
		 "\"b\":{\"displayName\":\"B\",\"path\":\"/b\","
		 "\"iconUrl\":\"https://i.example/x\"}}"));
	ok(SHOWS("{\"vaults\":[],\"services\":[{\"name\":\"m\","
		 "\"url\":\"" ORIGIN "/.parachute\","
		 "\"path\":\"/.parachute\",\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/.parachute/.parachute/info\","
		 "\"uiUrl\":\"" ORIGIN "/m/ui/?a#b\",\"uis\":["
		 "{\"name\":\"a\",\"displayName\":\"A\",\"path\":\"/m/a/\","
		 "\"url\":\"" ORIGIN "/m/a/\",\"tagline\":\"t\","
		 "\"iconUrl\":\"" ORIGIN "/m/a/i.svg\",\"version\":\"2\","
		 "\"oauthClientId\":\"c\",\"status\":\"pending\"},"
		 "{\"name\":\"b\",\"displayName\":\"B\",\"path\":\"/b\","
		 "\"url\":\"" ORIGIN "/b\","
		 "\"iconUrl\":\"https://i.example/x\"}]}],"
		 "\"m\":[{\"url\":\"" ORIGIN "/.parachute\","
		 "\"version\":\"1.0\"}]}"), "pages and their icons");
	module("m", MANIFEST(",\"uiUrl\":\"https://else.example/\""));
	rows(ROW("m", 3000, PATHS("\"x y/\\\"<\\u00e9\\\\\"")
		 ",\"installDir\":\"@/m\""));
	ok(SHOWS("{\"vaults\":[],\"services\":[{\"name\":\"m\","
		 "\"url\":\"" ORIGIN "/x%20y/%22%3C%C3%A9%5C\","
		 "\"path\":\"x y/\\\"<\xc3\xa9\\\\\",\"version\":\"1.0\","
		 "\"infoUrl\":\"" ORIGIN "/x%20y/%22%3C%C3%A9%5C"
		 "/.parachute/info\",\"uiUrl\":\"https://else.example/\"}],"
		 "\"m\":[{\"url\":\"" ORIGIN "/x%20y/%22%3C%C3%A9%5C\","
		 "\"version\":\"1.0\"}]}"), "what no URL may hold");
}

static bool named(const char *want)
{
	look();
	return is_text(listing.said[0].display_name, want);
}

/* Long enough ago for a time to tell a file from any later one. */
static void age(const char *name)
{
	struct timespec t[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	char path[300];

	snprintf(path, sizeof path, "%s/.parachute/module.json", name);
	utimensat(home, path, t, 0);
}

static void manifests(void)
{
	struct said *said;
	uint64_t version;
	char big[300000];

	module("m", MANIFEST(",\"displayName\":\"One\""));
	rows(ROW("m", 3000, PATHS("") ",\"installDir\":\"@/m\""));
	ok(named("One"), "read");
	module("m", MANIFEST(",\"displayName\":\"Two\""));
	ok(named("Two"), "another file");
	put(home, "m/.parachute/module.json",
	    MANIFEST(",\"displayName\":\"Six\""));
	ok(named("Six"), "the same file, written anew");
	no_broker = true;
	ok(named("Six"), "one that cannot be looked at now");
	no_broker = false;
	module("m", "{ no");
	ok(named(""), "a broken one");
	module("m", "{\"name\":\"M\"}");
	ok(named(""), "a faulty one");
	memset(big, ' ', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	memcpy(big, MANIFEST(",\"displayName\":\"Big\""),
	       sizeof MANIFEST(",\"displayName\":\"Big\"") - 1);
	module("m", big);
	ok(named(""), "one that is too large");
	big[MANIFEST_SIZE_MAX] = '\0';
	module("m", big);
	ok(named("Big"), "one that is just not");
	module("m", NULL);
	ok(named(""), "none");
	mkdirat(home, "m/.parachute/module.json", 0700);
	ok(named(""), "a directory");
	unlinkat(home, "m/.parachute/module.json", AT_REMOVEDIR);
	age("m");
	look();
	version = listing.version;
	ok(look() == version, "nothing new");

	/* Rows come and go, modules stay what they are. */
	module("m", MANIFEST(",\"displayName\":\"Mine\""));
	module("n", MANIFEST(",\"displayName\":\"Other\""));
	rows(ROW("n", 3001, PATHS("") ",\"installDir\":\"@/n\"") ","
	     ROW("m", 3000, PATHS("") ",\"installDir\":\"@/m\"") ","
	     ROW("bare", 3002, PATHS("")));
	ok(look() > version && listing.n == 3, "three rows");
	said = listing.said;
	ok(is_text(said[0].display_name, "Other") &&
	   is_text(said[1].display_name, "Mine") &&
	   is_text(said[2].display_name, ""), "each with its own");
	rows(ROW("m", 3000, PATHS("") ",\"installDir\":\"@/m\""));
	ok(named("Mine"), "one of them");
	put(home, "services.json", "{ no");
	version = listing.version;
	ok(look() > version && listing.broken && listing.n == 1,
	   "a broken file leaves what was there, and that is news");
	rows("");
	ok(look() > version + 1 && !listing.broken && !listing.n, "mended");
}

/* Of many, so many a time; a settled one is opened, not read. */
static void batches(void)
{
	static char many[200 * 200];
	size_t n = 0;
	struct err e = { 0 };

	module("m", MANIFEST(""));
	for (int i = 0; i < 2 * LISTING_BATCH; i++)
		n += (size_t)sprintf(many + n, "%s{\"name\":\"m%d\",\"port\":"
				     "%d,\"health\":\"/h\",\"version\":\"1\","
				     "\"paths\":[],\"installDir\":\"@/m\"}",
				     i ? "," : "", i, 4000 + i);
	rows(many);
	opened = 0;
	look();
	ok(opened == 2 * LISTING_BATCH, "new ones all at once: %d", opened);
	look();
	ok(opened == 3 * LISTING_BATCH, "then so many a time: %d", opened);
	ok(listing_look(&listing, home, listing.looked_ms +
			FRONT_FRESH_MS - 1, &e) == 0 &&
	   opened == 3 * LISTING_BATCH, "and not before it is time");
}

static void resource(void)
{
#define RESOURCE(scopes) "{\"resource\":\"" ORIGIN "\"," \
	"\"authorization_servers\":[\"" ORIGIN "\"]," \
	"\"scopes_supported\":[\"vault:read\",\"vault:write\"," \
	"\"vault:admin\"" scopes "],\"bearer_methods_supported\":" \
	"[\"header\"],\"resource_documentation\":\"" ORIGIN "/\"}"
	rows("");
	ok(shows(discovery_write_resource, RESOURCE("")), "of no module");
	module("m", MANIFEST(",\"scopes\":{\"defines\":[\"m:read\","
			     "\"m:read\",\"m:write\"]}"));
	rows(ROW("m", 3000, PATHS("") ",\"installDir\":\"@/m\"") ","
	     ROW("parachute-scribe", 1943, PATHS("")));
	ok(shows(discovery_write_resource,
		 RESOURCE(",\"scribe:transcribe\",\"m:read\",\"m:write\"")),
	   "what is installed, what is defined, each once");
}

static void no_memory(void)
{
	struct buf b;

	look();
	for (size_t max = 0; max < 400; max += 40) {
		buf_init(&b, max);
		discovery_write(&b, &listing, STR(ORIGIN));
		ok(buf_failed(&b), "no room in %zu", max);
		buf_release(&b);
	}
}

int main(void)
{
	home = scratch();
	registry_init(&registry);
	listing_init(&listing, &registry, open_manifest, NULL);
	no_rows();
	plain_rows();
	vaults();
	addresses();
	manifests();
	batches();
	resource();
	no_memory();
	listing_release(&listing);
	registry_release(&registry);
	return tap_done();
}
