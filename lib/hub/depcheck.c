/* SPDX-License-Identifier: MIT */
#include "hub/depcheck.h"

#include "base/buf.h"
#include "hub/problem.h"

#include <string.h>
#include <sys/utsname.h>

#define TEXT_MAX 4096

#define ASK "ask your system administrator to install it"
#define ASK_OR_SWITCH ASK ", or switch the module to another provider"

struct entry {
	const char *binary, *why, *docs_url;
	const char *brew, *apt, *dnf;   /* names of packages */
	const char *recipe;             /* Linux, any processor */
	const char *generic;
	bool optional;
};

static const struct entry table[] = {
	{
		.binary = "git",
		.why = "mirror a vault to a remote",
		.docs_url = "https://git-scm.com/downloads",
		.brew = "git", .apt = "git", .dnf = "git",
	},
	{
		.binary = "tailscale",
		.why = "expose this hub on your tailnet",
		.docs_url = "https://tailscale.com/download",
		.brew = "tailscale",
		.recipe = "curl -fsSL https://tailscale.com/install.sh | sh",
		.generic = "curl -fsSL https://tailscale.com/install.sh | sh",
	},
	{
		.binary = "cloudflared",
		.why = "expose this hub on the internet",
		.docs_url = "https://github.com/cloudflare/cloudflared/"
			    "releases",
		.brew = "cloudflared",
	},
	{
		.binary = "bun",
		.why = "run modules",
		.docs_url = "https://bun.sh",
		.generic = "curl -fsSL https://bun.sh/install | bash",
	},
	{
		.binary = "claude",
		.why = "clean up transcripts and run jobs",
		.docs_url = "https://claude.com/claude-code",
		.generic = "npm i -g @anthropic-ai/claude-code",
		.optional = true,
	},
	{
		.binary = "ffmpeg",
		.why = "convert audio",
		.docs_url = "https://ffmpeg.org",
		.brew = "ffmpeg", .apt = "ffmpeg", .dnf = "ffmpeg",
	},
	{
		.binary = "tar",
		.why = "make and read backups",
		.docs_url = "https://www.gnu.org/software/tar/",
	},
	{
		.binary = "tail",
		.why = "follow log files",
		.docs_url = "https://www.gnu.org/software/coreutils/",
	},
	{
		.binary = "systemctl",
		.why = "manage the hub as a service",
		.docs_url = "https://www.freedesktop.org/wiki/Software/"
			    "systemd/",
	},
	{
		.binary = "launchctl",
		.why = "manage the hub as a service",
		.docs_url = "https://ss64.com/mac/launchctl.html",
	},
	{
		.binary = "parakeet-mlx",
		.why = "transcribe audio",
		.docs_url = "https://github.com/senstella/parakeet-mlx",
		.generic = "uv tool install parakeet-mlx",
		.optional = true,
	},
	{
		.binary = "whisper-ctranslate2",
		.why = "transcribe audio",
		.docs_url = "https://github.com/Softcatala/"
			    "whisper-ctranslate2",
		.generic = "pip install whisper-ctranslate2",
		.optional = true,
	},
	{
		.binary = "onnx-asr",
		.why = "transcribe audio",
		.docs_url = "https://github.com/istupakov/onnx-asr",
		.generic = "pip install onnx-asr",
		.optional = true,
	},
	{
		.binary = "parachute-vault",
		.why = "run the vault module",
		.docs_url = "https://parachute.computer",
		.generic = "parachute install vault",
	},
};

static const struct entry *lookup(struct str binary)
{
	for (size_t i = 0; i < LEN(table); i++)
		if (str_is(binary, table[i].binary))
			return &table[i];
	return NULL;
}

/* For a processor that has no release there is no address to give. */
static const char *cloudflared_cpu(const char *cpu)
{
	static const struct {
		const char *machine, *release;
	} cpus[] = {
		{ "x86_64", "amd64" }, { "amd64", "amd64" },
		{ "aarch64", "arm64" }, { "arm64", "arm64" },
		{ "armv7l", "arm" }, { "armv6l", "arm" }, { "arm", "arm" },
		{ "i386", "386" }, { "i486", "386" },
		{ "i586", "386" }, { "i686", "386" },
	};

	for (size_t i = 0; cpu && i < LEN(cpus); i++)
		if (strcmp(cpu, cpus[i].machine) == 0)
			return cpus[i].release;
	return NULL;
}

static struct str linux_install(const struct entry *d, const char *cpu,
				struct arena *a)
{
	const char *release = cloudflared_cpu(cpu);

	if (d->recipe)
		return str_of(d->recipe);
	if (strcmp(d->binary, "cloudflared") == 0 && release)
		return str_of(arena_printf(a,
			"sudo curl -fsSL -o /usr/local/bin/cloudflared "
			"https://github.com/cloudflare/cloudflared/releases/"
			"latest/download/cloudflared-linux-%s\n"
			"sudo chmod +x /usr/local/bin/cloudflared\n"
			"cloudflared --version", release));
	if (d->apt && d->dnf)
		return str_of(arena_printf(a,
			"sudo apt-get install -y %s\n"
			"sudo dnf install %s", d->apt, d->dnf));
	return STR_NULL;
}

static void commands(struct buf *b, struct str lines)
{
	struct str line;

	while (lines.n) {
		str_cut(lines, '\n', &line, &lines);
		buf_printf(b, "\n  %.*s", STR_ARG(line));
	}
}

/* Which commands help here, and the words before them. */
static void install(struct buf *b, const struct depcheck *d,
		    enum depcheck_os os)
{
	struct str here = os == OS_DARWIN ? d->darwin
			: os == OS_LINUX ? d->linux_ : STR_NULL;

	if (!d->darwin.n && !d->linux_.n && !d->generic.n)
		return;
	if (os == OS_OTHER) {
		buf_put(b, STR("\n\nInstall it:"));
		commands(b, d->darwin);
		commands(b, d->linux_);
		if (!str_eq(d->linux_, d->generic))
			commands(b, d->generic);
		return;
	}
	if (!here.n)
		here = d->generic;
	if (!here.n)
		return;
	buf_printf(b, "\n\nInstall it (%s):",
		   os == OS_DARWIN ? "macOS" : "Linux");
	commands(b, here);
}

static struct str describe(const struct depcheck *d, enum depcheck_os os,
			   struct arena *a)
{
	char name[PROBLEM_SHOW];
	struct str out;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	problem_show(name, d->binary);
	if (d->why)
		buf_printf(&b, "%s is required to %s, and it is not on the "
			   "PATH.", name, d->why);
	else
		buf_printf(&b, "%s is required by this module, and it is not "
			   "on the PATH.", name);
	install(&b, d, os);
	if (d->docs_url)
		buf_printf(&b, "\n\nDocs: %s", d->docs_url);
	out = arena_str(a, buf_str(&b));
	buf_release(&b);
	return out;
}

void depcheck_missing(struct depcheck *d, struct str binary,
		      enum depcheck_os os, const char *cpu, struct arena *a)
{
	const struct entry *known = lookup(binary);

	*d = (struct depcheck){ .sysadmin_hint = ASK };
	d->binary = arena_str(a, binary);
	if (known) {
		d->why = known->why;
		d->docs_url = known->docs_url;
		if (known->brew)
			d->darwin = str_of(arena_printf(a, "brew install %s",
							known->brew));
		d->linux_ = linux_install(known, cpu, a);
		d->generic = str_of(known->generic);
		if (known->optional)
			d->sysadmin_hint = ASK_OR_SWITCH;
	}
	d->description = describe(d, os, a);
}

static const struct utsname *this_system(void)
{
	static struct utsname u;

	if (!u.sysname[0] && uname(&u) < 0)
		return NULL;
	return &u;
}

enum depcheck_os depcheck_this_os(void)
{
	const struct utsname *u = this_system();

	if (u && strcmp(u->sysname, "Linux") == 0)
		return OS_LINUX;
	if (u && strcmp(u->sysname, "Darwin") == 0)
		return OS_DARWIN;
	return OS_OTHER;
}

const char *depcheck_this_cpu(void)
{
	const struct utsname *u = this_system();

	return u ? u->machine : "";
}
