/* SPDX-License-Identifier: MIT */
#include "hub/known.h"

#define NOT_OURS " is a set of static files that this hub does not serve " \
	"itself; give its module.json a startCmd that serves them"

const struct known known_modules[] = {
	{
		.short_name = "vault",
		.manifest = "parachute-vault",
		.package = "@openparachute/vault",
		.display_name = "Vault",
		.tagline = "Notes and knowledge, open to you and your agents",
		.port = 1940,
		.paths = { "/vault/default" },
		.health = "/vault/default/health",
		.strip_prefix = -1,
		.start = { "parachute-vault", "serve" },
		.focus = FOCUS_CORE,
	},
	{
		.short_name = "scribe",
		.manifest = "parachute-scribe",
		.package = "@openparachute/scribe",
		.display_name = "Scribe",
		.tagline = "Turns recordings into text on this host",
		.port = 1943,
		.paths = { "/scribe" },
		.health = "/scribe/health",
		.strip_prefix = 1,
		.start = { "parachute-scribe", "serve" },
		.focus = FOCUS_CORE,
	},
	{
		.short_name = "runner",
		.manifest = "parachute-runner",
		.package = "@openparachute/runner",
		.display_name = "Runner",
		.tagline = "Runs the jobs noted in a vault, on time",
		.port = 1945,
		.paths = { "/runner", "/.parachute" },
		.health = "/runner/healthz",
		.strip_prefix = 0,
		.start = { "parachute-runner", "serve" },
		.focus = FOCUS_EXPERIMENTAL,
	},
	{
		.short_name = "surface",
		.manifest = "parachute-surface",
		.package = "@openparachute/surface",
		.display_name = "Surface",
		.tagline = "Hosts user interfaces for the other modules",
		.port = 1946,
		.paths = { "/surface", "/.parachute" },
		.health = "/surface/healthz",
		.strip_prefix = 0,
		.start = { "parachute-surface", "serve" },
		.focus = FOCUS_EXPERIMENTAL,
	},
	{
		.short_name = "app",
		.manifest = "parachute-app",
		.package = "@openparachute/app",
		.display_name = "App",
		.tagline = "The web application for your vaults",
		.port = 1944,
		.paths = { "/app" },
		.health = "/app/health",
		.strip_prefix = -1,
		.no_start = "app" NOT_OURS,
		.focus = FOCUS_EXPERIMENTAL,
	},
	{
		.short_name = "notes",
		.manifest = "parachute-notes",
		.package = "@openparachute/notes",
		.display_name = "Notes",
		.tagline = "The earlier web application for notes in a vault",
		.port = 1942,
		.paths = { "/notes" },
		.health = "/notes/health",
		.strip_prefix = -1,
		.no_start = "notes" NOT_OURS,
		.focus = FOCUS_DEPRECATED,
	},
	{ .short_name = NULL },
};

/* Rows that were written under an earlier name. */
static const struct {
	const char *name, *short_name;
} aliases[] = {
	{ "parachute-lens", "notes" },
	{ "lens", "notes" },
};

const struct known *known_by_short(struct str name)
{
	for (const struct known *k = known_modules; k->short_name; k++)
		if (str_is(name, k->short_name))
			return k;
	return NULL;
}

const struct known *known_by_manifest(struct str name)
{
	for (const struct known *k = known_modules; k->short_name; k++)
		if (str_is(name, k->manifest))
			return k;
	for (size_t i = 0; i < LEN(aliases); i++)
		if (str_is(name, aliases[i].name))
			return known_by_short(str_of(aliases[i].short_name));
	return NULL;
}

const char *known_focus_name(enum focus f)
{
	static const char *const names[] = {
		[FOCUS_CORE] = "core",
		[FOCUS_EXPERIMENTAL] = "experimental",
		[FOCUS_DEPRECATED] = "deprecated",
	};

	return names[f];
}
