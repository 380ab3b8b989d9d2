/* SPDX-License-Identifier: MIT */
#include "hub/home.h"
#include "hub/known.h"
#include "tap.h"

#include <string.h>

static const struct {
	const char *short_name, *manifest, *package;
	uint16_t port;
	const char *path, *health;
	int strip;
	const char *program;
} want[] = {
	{ "vault", "parachute-vault", "@openparachute/vault", 1940,
	  "/vault/default", "/vault/default/health", -1, "parachute-vault" },
	{ "scribe", "parachute-scribe", "@openparachute/scribe", 1943,
	  "/scribe", "/scribe/health", 1, "parachute-scribe" },
	{ "runner", "parachute-runner", "@openparachute/runner", 1945,
	  "/runner", "/runner/healthz", 0, "parachute-runner" },
	{ "surface", "parachute-surface", "@openparachute/surface", 1946,
	  "/surface", "/surface/healthz", 0, "parachute-surface" },
	{ "app", "parachute-app", "@openparachute/app", 1944,
	  "/app", "/app/health", -1, NULL },
	{ "notes", "parachute-notes", "@openparachute/notes", 1942,
	  "/notes", "/notes/health", -1, NULL },
};

static void one(size_t i)
{
	const struct known *k = known_by_short(str_of(want[i].short_name));
	const char *name = want[i].short_name;

	if (!ok(k != NULL, "%s is known", name))
		return;
	ok(known_by_manifest(str_of(want[i].manifest)) == k,
	   "  by its manifest name too");
	ok(!known_by_short(str_of(want[i].manifest)) &&
	   !known_by_manifest(str_of(name)), "  and the two are not mixed");
	ok(strcmp(k->package, want[i].package) == 0, "  package");
	ok(k->port == want[i].port, "  port");
	ok(strcmp(k->paths[0], want[i].path) == 0, "  path");
	ok(strcmp(k->health, want[i].health) == 0, "  health");
	ok(k->strip_prefix == want[i].strip, "  strip");
	if (want[i].program)
		ok(strcmp(k->start[0], want[i].program) == 0 &&
		   strcmp(k->start[1], "serve") == 0 && !k->start[2] &&
		   !k->no_start, "  command");
	else
		ok(!k->start[0] && k->no_start, "  no command, and why");
	ok(k->display_name[0] && k->tagline[0], "  words for people");
	ok(home_short_ok(str_of(name)), "  its short name is allowed");
}

int main(void)
{
	size_t n = 0;

	for (size_t i = 0; i < LEN(want); i++)
		one(i);
	for (const struct known *k = known_modules; k->short_name; k++) {
		n++;
		for (const struct known *o = k + 1; o->short_name; o++)
			ok(k->port != o->port, "%s and %s: two ports",
			   k->short_name, o->short_name);
	}
	ok(n == LEN(want), "and no others");
	ok(known_by_manifest(STR("parachute-lens")) ==
	   known_by_short(STR("notes")), "parachute-lens is notes");
	ok(!known_by_short(STR("channel")) && !known_by_short(STR("agent")) &&
	   !known_by_short(STR("")) && !known_by_short(STR("vaul")) &&
	   !known_by_short(STR("vaults")), "strangers are not known");
	ok(strcmp(known_focus_name(FOCUS_CORE), "core") == 0 &&
	   strcmp(known_focus_name(FOCUS_EXPERIMENTAL), "experimental") == 0 &&
	   strcmp(known_focus_name(FOCUS_DEPRECATED), "deprecated") == 0,
	   "focus in words");
	return tap_done();
}
