/* SPDX-License-Identifier: MIT */
#include "sys/cli.h"

#include "base/fmt.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELP_WIDTH 80

static bool want_help, want_version;
static const char *want_completion;

static const struct opt common[] = {
	OPT_FLAG('h', "help", &want_help, "print this help and exit"),
	OPT_FLAG(0, "version", &want_version, "print the version and exit"),
	OPT_STR(0, "completion", "SHELL", &want_completion,
		"print a completion script for bash, zsh or fish"),
	OPT_END
};

const struct opt *cli_opt(size_t i)
{
	size_t own = 0;

	while (prog.opts && prog.opts[own].kind != OPT_KIND_END)
		own++;
	if (i < own)
		return &prog.opts[i];
	return i - own < LEN(common) - 1 ? &common[i - own] : NULL;
}

static const struct opt *by_letter(char c)
{
	const struct opt *o;

	for (size_t i = 0; (o = cli_opt(i)); i++)
		if (o->letter && o->letter == c)
			return o;
	return NULL;
}

static const struct opt *by_name(struct str name)
{
	const struct opt *o;

	for (size_t i = 0; (o = cli_opt(i)); i++)
		if (str_is(name, o->name))
			return o;
	return NULL;
}

static bool to_long(const char *text, long *out)
{
	bool minus = text[0] == '-';
	uint64_t n;

	if (!str_to_u64(str_of(text + minus), LONG_MAX, &n))
		return false;
	*out = minus ? -(long)n : (long)n;
	return true;
}

static void set_number(const struct opt *o, const char *value)
{
	long n;

	if (!to_long(value, &n) || n < o->min || n > o->max)
		cli_usage("--%s: '%s' is not a number from %ld to %ld",
			  o->name, value, o->min, o->max);
	*o->num = n;
}

/* value is NULL where none was attached; only a flag may do without. */
static void set(const struct opt *o, const char *value)
{
	if (value && !*value)
		cli_usage("--%s: the value is empty", o->name);
	switch (o->kind) {
	case OPT_KIND_FLAG:
		*o->flag = true;
		break;
	case OPT_KIND_MAYBE:
		*o->flag = true;
		if (value)
			set_number(o, value);
		break;
	case OPT_KIND_LONG:
		set_number(o, value);
		break;
	case OPT_KIND_STR:
		*o->str = value;
		break;
	case OPT_KIND_END:
		BUG("an option without a kind");
	}
}

static bool needs_value(const struct opt *o)
{
	return o->kind == OPT_KIND_LONG || o->kind == OPT_KIND_STR;
}

static const char *next_value(const struct opt *o, const char *next)
{
	if (!next)
		cli_usage("--%s needs a value (%s)", o->name, o->arg);
	return next;
}

/* Both return how many of the following words they took: 0 or 1. */
static int parse_long(const char *word, const char *next)
{
	struct str name;
	struct str value;
	bool attached = str_cut(str_of(word), '=', &name, &value);
	const struct opt *o = by_name(name);

	if (!o)
		cli_usage("unknown option --%.*s", STR_ARG(name));
	if (attached && o->kind == OPT_KIND_FLAG)
		cli_usage("--%s takes no value", o->name);
	if (attached) {
		set(o, word + name.n + 1);
		return 0;
	}
	set(o, needs_value(o) ? next_value(o, next) : NULL);
	return needs_value(o);
}

static int parse_letters(const char *word, const char *next)
{
	for (; *word; word++) {
		const struct opt *o = by_letter(*word);
		const char *rest = word[1] ? word + 1 : NULL;

		if (!o)
			cli_usage("unknown option -%c", *word);
		if (needs_value(o)) {
			set(o, rest ? rest : next_value(o, next));
			return !rest;
		}
		if (o->kind == OPT_KIND_MAYBE && rest &&
		    *rest >= '0' && *rest <= '9') {
			set(o, rest);
			return 0;
		}
		set(o, NULL);
	}
	return 0;
}

/* Text after what fills the first `indent` columns, in lines of 80. */
static void print_wrapped(const char *text, size_t indent)
{
	struct str rest = str_of(text), word;
	size_t column = indent - 1;     /* each word brings a blank */

	cli_put(STR(" "));
	while (rest.n) {
		str_cut(rest, ' ', &word, &rest);
		if (column + 1 + word.n > HELP_WIDTH) {
			cli_printf("\n%*s", (int)indent - 1, "");
			column = indent - 1;
		}
		cli_printf(" %.*s", STR_ARG(word));
		column += 1 + word.n;
	}
	cli_put(STR("\n"));
}

static void print_opt(const struct opt *o, int width)
{
	char left[64];
	const char *l = "", *r = "";

	if (o->kind == OPT_KIND_MAYBE)
		l = "[=", r = "]";
	else if (o->arg)
		l = "=";
	fmt(left, sizeof left, "--%s%s%s%s", o->name, l,
	    o->arg ? o->arg : "", r);
	if (o->letter)
		cli_printf("  -%c, ", o->letter);
	else
		cli_printf("      ");
	cli_printf("%-*s", width, left);
	print_wrapped(o->help, (size_t)width + 8);
}

static void print_help(void)
{
	bool args = prog.args && *prog.args;
	const struct opt *o;
	int width = 0;

	cli_printf("Usage: %s [OPTION...]%s%s\n\n%s: %s\n\n", prog.name,
		   args ? " " : "", args ? prog.args : "", prog.name,
		   prog.about);
	for (size_t i = 0; (o = cli_opt(i)); i++) {
		int n = (int)strlen(o->name) + 2;

		if (o->arg)
			n += (int)strlen(o->arg) +
			     (o->kind == OPT_KIND_MAYBE ? 3 : 1);
		width = n > width ? n : width;
	}
	for (size_t i = 0; (o = cli_opt(i)); i++)
		print_opt(o, width);
	cli_printf("\nExit status and files: man %s\n", prog.name);
}

static void do_common(void)
{
	if (want_help)
		print_help();
	else if (want_version)
		cli_printf("%s %s\n", prog.name, PC_VERSION);
	else if (want_completion && !cli_completion(want_completion))
		cli_usage("--completion: '%s' is not bash, zsh or fish",
			  want_completion);
	if (want_help || want_version || want_completion)
		exit(cli_finish(EXIT_DONE));
}

static void check_count(char **args, int n)
{
	const char *what = prog.args ? prog.args : "argument";

	if (n < prog.nargs.min && !n)
		cli_usage("%s is missing", what);
	if (n < prog.nargs.min)
		cli_usage("%s: at least %d are needed", what, prog.nargs.min);
	if (n > prog.nargs.max && !prog.nargs.max)
		cli_usage("unexpected argument '%s'", args[0]);
	if (n > prog.nargs.max)
		cli_usage("'%s' is one argument too many (at most %d)",
			  args[prog.nargs.max], prog.nargs.max);
}

char **cli_parse(int argc, char **argv)
{
	char **args = argv + (argc > 0);
	bool options = true;
	int n = 0;

	/* What is kept moves forward over what was read: no memory needed. */
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (!options || word[0] != '-' || !word[1]) {
			args[n++] = argv[i];
			options = options && !prog.verbs;
		} else if (!strcmp(word, "--")) {
			options = false;
		} else if (word[1] == '-') {
			i += parse_long(word + 2, argv[i + 1]);
		} else {
			i += parse_letters(word + 1, argv[i + 1]);
		}
	}
	args[n] = NULL;
	do_common();
	check_count(args, n);
	return args;
}

int cli_status(const struct err *e)
{
	switch (e->code) {
	case ERR_NONE:
		return EXIT_DONE;
	case ERR_USAGE:
		return EXIT_USAGE;
	case ERR_UNREACHABLE:
		return EXIT_NO_HUB;
	case ERR_TIMEOUT:
		return EXIT_LATE;
	default:
		return EXIT_FAILED;
	}
}
