/* SPDX-License-Identifier: MIT */
/*
 * Feeds files to one fuzz target: those on the command line, those in the
 * directories on it, or else the target's corpus. Each input ends at a guard
 * page. A fault is the failure; so is a corpus without a file.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (8u << 20)

static char *input;

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static unsigned feed(const char *path)
{
	struct dirent **list = NULL;
	struct stat st;
	unsigned fed = 0;
	int n = -1;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		n = scandir(path, &list, visible, alphasort);
	for (int i = 0; i < n; i++) {
		char inner[4096];

		snprintf(inner, sizeof inner, "%s/%s", path, list[i]->d_name);
		fed += feed(inner);
		free(list[i]);
	}
	free(list);
	if (n < 0) {
		FILE *f = fopen(path, "rb");
		struct str s = { input, 0 };

		if (!f) {
			tap_diag("cannot read %s", path);
			return 0;
		}
		s.n = fread(input, 1, INPUT_MAX, f);
		fclose(f);
		s = guarded(0, s);
		LLVMFuzzerTestOneInput((const uint8_t *)s.p, s.n);
		fed++;
	}
	return fed;
}

int main(int argc, char **argv)
{
	input = malloc(INPUT_MAX);
	if (!input)
		return 1;
	for (int i = 1; i < (argc > 1 ? argc : 2); i++) {
		const char *path = argc > 1 ? argv[i] : "t/corpus/" FUZZ_NAME;
		unsigned fed = feed(path);

		ok(fed > 0, "%s: %u inputs%s%s", FUZZ_NAME, fed,
		   argc > 1 ? " in " : "", argc > 1 ? path : "");
	}
	free(input);
	return tap_done();
}
