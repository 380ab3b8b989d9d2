/* SPDX-License-Identifier: MIT */
/*
 * Completion scripts, from the same table as --help. A script knows what can
 * come next from a value's name: DIR is a directory, FILE a file, anything
 * else is left to the user. Modules are asked of pc-status when needed.
 */
#include "sys/cli.h"

#include <string.h>

#define MODULES "pc-status --names 2>/dev/null"

static bool is_arg(const struct opt *o, const char *what)
{
	return o->arg && !strcmp(o->arg, what);
}

static bool wants_value(const struct opt *o)
{
	return o->kind == OPT_KIND_LONG || o->kind == OPT_KIND_STR;
}

static bool takes_modules(void)
{
	return prog.complete && !strcmp(prog.complete, "module");
}

/* Inside '...': each shell ends the quote in its own way. */
static void put_escaped(const char *text, const char *special,
			const char *quote)
{
	for (; *text; text++) {
		if (*text == '\'')
			cli_put(str_of(quote));
		else if (strchr(special, *text))
			cli_printf("\\%c", *text);
		else
			cli_put((struct str){ text, 1 });
	}
}

/* -l|--name */
static void bash_pattern(const struct opt *o)
{
	if (o->letter)
		cli_printf("-%c|", o->letter);
	cli_printf("--%s", o->name);
}

static void bash_values(void)
{
	const struct opt *o;

	cli_printf("\tcase $prev in\n");
	for (size_t i = 0; (o = cli_opt(i)); i++) {
		if (!wants_value(o))
			continue;
		cli_printf("\t");
		bash_pattern(o);
		if (is_arg(o, "DIR"))
			cli_printf(") mapfile -t COMPREPLY < "
				   "<(compgen -d -- \"$cur\") ;;\n");
		else if (is_arg(o, "FILE"))
			cli_printf(") mapfile -t COMPREPLY < "
				   "<(compgen -f -- \"$cur\") ;;\n");
		else if (is_arg(o, "SHELL"))
			cli_printf(") mapfile -t COMPREPLY < <(compgen -W "
				   "'bash zsh fish' -- \"$cur\") ;;\n");
		else
			cli_printf(") ;;\n");
	}
	cli_printf("\t*) false ;;\n\tesac && return\n");
}

static void bash_words(void)
{
	const struct opt *o;

	cli_printf("\tlocal words=''\n\tcase $cur in\n\t-*) words='");
	for (size_t i = 0; (o = cli_opt(i)); i++) {
		if (o->letter)
			cli_printf("-%c ", o->letter);
		cli_printf("--%s%s", o->name, cli_opt(i + 1) ? " " : "");
	}
	cli_printf("' ;;\n");
	if (prog.verbs)
		cli_printf("\t*) if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
			   "\t\twords=$(compgen -c pc- | sed 's/^pc-//')\n"
			   "\telse\n\t\twords=$(" MODULES ")\n\tfi ;;\n");
	else if (takes_modules())
		cli_printf("\t*) words=$(" MODULES ") ;;\n");
	cli_printf("\tesac\n\tmapfile -t COMPREPLY < "
		   "<(compgen -W \"$words\" -- \"$cur\")\n");
}

static void bash(void)
{
	cli_printf("# bash completion for %s\n_%s() {\n"
		   "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
		   "\tlocal prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		   "\tCOMPREPLY=()\n", prog.name, prog.name);
	bash_values();
	bash_words();
	cli_printf("}\ncomplete -F _%s %s\n", prog.name, prog.name);
}

static void zsh_help(const struct opt *o)
{
	cli_printf("[");
	put_escaped(o->help, "[]:\\", "'\\''");
	cli_printf("]");
	if (o->kind == OPT_KIND_FLAG)
		return;
	cli_printf("%s:%s:", o->kind == OPT_KIND_MAYBE ? ":" : "", o->arg);
	if (is_arg(o, "DIR"))
		cli_printf("_files -/");
	else if (is_arg(o, "FILE"))
		cli_printf("_files");
	else if (is_arg(o, "SHELL"))
		cli_printf("(bash zsh fish)");
}

static void zsh_opt(const struct opt *o)
{
	const char *eq = o->kind == OPT_KIND_FLAG ? "" :
			 o->kind == OPT_KIND_MAYBE ? "=-" : "=";

	cli_printf("\t\t");
	if (o->letter)
		cli_printf("'(-%c --%s)'{-%c%s,--%s%s}'", o->letter, o->name,
			   o->letter, wants_value(o) ? "+" : "", o->name, eq);
	else
		cli_printf("'--%s%s", o->name, eq);
	zsh_help(o);
	cli_printf("' \\\n");
}

static void zsh(void)
{
	const struct opt *o;

	cli_printf("#compdef %s\n_%s() {\n\t_arguments -s -S \\\n",
		   prog.name, prog.name);
	for (size_t i = 0; (o = cli_opt(i)); i++)
		zsh_opt(o);
	if (prog.verbs)
		cli_printf("\t\t'1:verb:"
			   "(${${(k)commands[(I)pc-*]}#pc-})' \\\n");
	if (prog.verbs || takes_modules())
		cli_printf("\t\t'*:module:($(" MODULES "))'\n");
	else
		cli_printf("\t\t&& return 0\n");
	/* The file may be autoloaded as the function, or sourced. */
	cli_printf("}\nif [ \"$funcstack[1]\" = _%s ]; then\n\t_%s \"$@\"\n"
		   "else\n\tcompdef _%s %s\nfi\n",
		   prog.name, prog.name, prog.name, prog.name);
}

static void fish_opt(const struct opt *o)
{
	cli_printf("complete -c %s", prog.name);
	if (o->letter)
		cli_printf(" -s %c", o->letter);
	cli_printf(" -l %s", o->name);
	if (is_arg(o, "DIR"))
		cli_printf(" -x -a '(__fish_complete_directories)'");
	else if (is_arg(o, "FILE"))
		cli_printf(" -r -F");
	else if (is_arg(o, "SHELL"))
		cli_printf(" -x -a 'bash zsh fish'");
	else if (wants_value(o))
		cli_printf(" -x");
	cli_printf(" -d '");
	put_escaped(o->help, "\\", "\\'");
	cli_printf("'\n");
}

static void fish(void)
{
	const struct opt *o;

	cli_printf("# fish completion for %s\ncomplete -c %s -f\n",
		   prog.name, prog.name);
	for (size_t i = 0; (o = cli_opt(i)); i++)
		fish_opt(o);
	if (prog.verbs)
		cli_printf("complete -c %s -n __fish_use_subcommand -a "
			   "'(complete -C pc- | string replace -r "
			   "\"^pc-(\\S+).*\" \"\\$1\")'\n", prog.name);
	if (prog.verbs)
		cli_printf("complete -c %s -n 'not __fish_use_subcommand'"
			   " -a '(" MODULES ")'\n", prog.name);
	else if (takes_modules())
		cli_printf("complete -c %s -a '(" MODULES ")'\n", prog.name);
}

bool cli_completion(const char *shell)
{
	static const struct { const char *name; void (*print)(void); } all[] = {
		{ "bash", bash },
		{ "zsh",  zsh },
		{ "fish", fish },
	};

	for (size_t i = 0; i < LEN(all); i++) {
		if (strcmp(all[i].name, shell) != 0)
			continue;
		all[i].print();
		return true;
	}
	return false;
}
