/* SPDX-License-Identifier: MIT */
#include "hub/depcheck.h"
#include "unit/hub/scratch.h"

#include <sys/utsname.h>

static struct arena arena;

static struct depcheck missing(const char *binary, enum depcheck_os os,
			       const char *cpu)
{
	struct depcheck d;

	depcheck_missing(&d, str_of(binary), os, cpu, &arena);
	return d;
}

#define APT "sudo apt-get install -y "
#define DNF "sudo dnf install "
#define TS "curl -fsSL https://tailscale.com/install.sh | sh"

/* As the wire has them; an empty one is absent there. */
static const struct {
	const char *binary, *darwin, *linux_, *generic;
} table[] = {
	{ "git", "brew install git", APT "git\n" DNF "git", "" },
	{ "ffmpeg", "brew install ffmpeg", APT "ffmpeg\n" DNF "ffmpeg", "" },
	{ "tailscale", "brew install tailscale", TS, TS },
	{ "bun", "", "", "curl -fsSL https://bun.sh/install | bash" },
	{ "claude", "", "", "npm i -g @anthropic-ai/claude-code" },
	{ "tar", "", "", "" }, { "tail", "", "", "" },
	{ "systemctl", "", "", "" }, { "launchctl", "", "", "" },
	{ "parakeet-mlx", "", "", "uv tool install parakeet-mlx" },
	{ "whisper-ctranslate2", "", "", "pip install whisper-ctranslate2" },
	{ "onnx-asr", "", "", "pip install onnx-asr" },
	{ "parachute-vault", "", "", "parachute install vault" },
};

static void commands(void)
{
	for (size_t i = 0; i < LEN(table); i++) {
		struct depcheck d = missing(table[i].binary, OS_LINUX,
					    "x86_64");

		ok(is_text(d.binary, table[i].binary), "%s",
		   table[i].binary);
		ok(is_text(d.darwin, table[i].darwin), "  darwin");
		ok(is_text(d.linux_, table[i].linux_), "  linux");
		ok(is_text(d.generic, table[i].generic), "  generic");
		ok(d.why && *d.why >= 'a' && *d.why <= 'z', "  why: %s", d.why);
		ok(d.docs_url && !strncmp(d.docs_url, "https://", 8), "  docs");
		ok(d.sysadmin_hint && *d.sysadmin_hint, "  a hint");
	}
}

static void cloudflared(void)
{
	static const struct { const char *cpu, *file; } cpus[] = {
		{ "x86_64", "cloudflared-linux-amd64\n" },
		{ "aarch64", "cloudflared-linux-arm64\n" },
		{ "armv7l", "cloudflared-linux-arm\n" },
		{ "i686", "cloudflared-linux-386\n" },
	};
	struct depcheck d;

	for (size_t i = 0; i < LEN(cpus); i++) {
		d = missing("cloudflared", OS_LINUX, cpus[i].cpu);
		ok(strstr(arena_cstr(&arena, d.linux_), cpus[i].file) != NULL,
		   "cloudflared on %s", cpus[i].cpu);
	}
	d = missing("cloudflared", OS_LINUX, "riscv64");
	ok(!d.linux_.n && d.darwin.n, "an unknown processor gets no address");
	ok(!strstr(arena_cstr(&arena, d.description), "curl") &&
	   !strstr(arena_cstr(&arena, d.description), "Install"),
	   "nor a command in words");
	d = missing("cloudflared", OS_LINUX, NULL);
	ok(!d.linux_.n, "no processor, no address");
}

static void words(void)
{
	struct depcheck d;

	d = missing("ffmpeg", OS_LINUX, "x86_64");
	ok(is_text(d.description,
		   "ffmpeg is required to convert audio, and it is not on the "
		   "PATH.\n\nInstall it (Linux):\n  " APT "ffmpeg\n  " DNF
		   "ffmpeg\n\nDocs: https://ffmpeg.org"), "Linux");
	d = missing("ffmpeg", OS_DARWIN, "arm64");
	ok(is_text(d.description,
		   "ffmpeg is required to convert audio, and it is not on the "
		   "PATH.\n\nInstall it (macOS):\n  brew install ffmpeg"
		   "\n\nDocs: https://ffmpeg.org"), "macOS");
	d = missing("ffmpeg", OS_OTHER, "amd64");
	ok(is_text(d.description,
		   "ffmpeg is required to convert audio, and it is not on the "
		   "PATH.\n\nInstall it:\n  brew install ffmpeg\n  " APT
		   "ffmpeg\n  " DNF "ffmpeg\n\nDocs: https://ffmpeg.org"),
	   "elsewhere: all");
	d = missing("bun", OS_DARWIN, "arm64");
	ok(is_text(d.description,
		   "bun is required to run modules, and it is not on the PATH."
		   "\n\nInstall it (macOS):\n  curl -fsSL "
		   "https://bun.sh/install | bash\n\nDocs: https://bun.sh"),
	   "macOS without a package: the general way");
	d = missing("tar", OS_LINUX, "x86_64");
	ok(is_text(d.description,
		   "tar is required to make and read backups, and it is not on "
		   "the PATH.\n\nDocs: https://www.gnu.org/software/tar/"),
	   "no command: no words about one");
}

static void strangers(void)
{
	struct depcheck d = missing("no-such\x1b[2J", OS_LINUX, "x86_64");

	ok(!d.why && !d.docs_url && !d.darwin.n && !d.linux_.n &&
	   !d.generic.n, "for a stranger nothing is invented");
	ok(is_text(d.description, "no-such\\x1b[2J is required by this "
		   "module, and it is not on the PATH."), "general words");
	ok(is_text(d.binary, "no-such\x1b[2J"), "the name as it is");
	ok(d.sysadmin_hint && *d.sysadmin_hint, "a hint all the same");
	d = missing("", OS_LINUX, "x86_64");
	ok(!d.why, "nor for an empty name");
}

int main(void)
{
	struct utsname u;

	arena_init(&arena, 1 << 20);
	commands();
	cloudflared();
	words();
	strangers();
	ok(depcheck_this_os() == depcheck_this_os() && *depcheck_this_cpu(),
	   "this host is a %s", depcheck_this_cpu());
	uname(&u);
	ok((depcheck_this_os() == OS_LINUX) == !strcmp(u.sysname, "Linux") &&
	   (depcheck_this_os() == OS_DARWIN) == !strcmp(u.sysname, "Darwin"),
	   "it runs %s", u.sysname);
	arena_release(&arena);
	return tap_done();
}
