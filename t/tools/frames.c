/* SPDX-License-Identifier: MIT */
/*
 * frames [OPTION...] SOURCE... - what a keeper writes into the log pipe
 *
 * Writes lines, each source in turn, as frames (lib/hub/logpipe.h, written
 * here anew) to standard output:
 *
 *	-n COUNT        lines of each source (1)
 *	-b BOOT -s SEQ  the first cursor (1, 1)
 *	-t NS           the time of the first; -i NS: the next is so much later
 *	-l LENGTH       length of the text, which is "line SEQ" and then dots
 *	-m TEXT         the text, in place of that
 *	-e              of standard error
 *	-p              partial
 *	-g COUNT        one gap of so many in place of the lines
 *
 * With a command it is the keeper: it holds both ends of a pipe, writes the
 * frames into it, and keeps the command reading from it:
 *
 *	-z SIZE         of the pipe
 *	-k KILLS        ends the command so often with KILL at random moments
 *	-r SEED         which moments
 *	-x COMMAND ARG...       last: the command; "--" ends the sources
 *
 * 0 when the command ended with 0 after the end of the pipe.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEAD 48
#define TEXT_MAX 65536

static struct {
	long n, length, kills, gap, size;
	unsigned long long boot, seq, seed;
	long long time, step;
	const char *text;
	int stream, partial;
	char **command;
} o = { .n = 1, .boot = 1, .seq = 1 };

static int pipe_ends[2] = { -1, STDOUT_FILENO };
static pid_t child;
static long long written, kill_at;      /* frames */
static unsigned apart;          /* kills, at most, in frames */

static void die(const char *what)
{
	fprintf(stderr, "frames: %s: %s\n", what, strerror(errno));
	exit(1);
}

static unsigned random_below(unsigned n)
{
	o.seed = o.seed * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(o.seed >> 33) % n;
}

static void put(char *p, unsigned long long v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[i] = (char)(v >> 8 * i);
}

static void start(void)
{
	child = fork();
	if (child < 0)
		die("fork");
	if (child)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(pipe_ends[0], 0);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	execvp(o.command[0], o.command);
	die(o.command[0]);
}

static void kill_sometimes(void)
{
	int status;

	if (!o.kills || written < kill_at)
		return;
	o.kills--;
	kill_at = written + 1 + random_below(apart);
	/* Anywhere in what it is doing. */
	if (random_below(2))
		nanosleep(&(struct timespec){ 0, random_below(3000000) },
			  NULL);
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	if (!WIFSIGNALED(status)) {
		fprintf(stderr, "frames: %s ended by itself\n", o.command[0]);
		exit(1);
	}
	start();
}

static void write_all(const char *p, size_t n)
{
	while (n) {
		ssize_t done = write(pipe_ends[1], p, n);

		if (done < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ pipe_ends[1], POLLOUT, 0 }, 1,
			     -1);
			continue;
		}
		if (done < 0)
			die("write");
		p += done;
		n -= (size_t)done;
	}
}

static void frame(const char *name, unsigned long long seq, long long time)
{
	static char f[HEAD + 256 + TEXT_MAX];
	size_t nn = strlen(name), tn = 0;
	char *text = f + HEAD + nn;

	memset(f, 0, HEAD);
	memcpy(f + HEAD, name, nn);
	if (!o.gap && o.text) {
		tn = strlen(o.text);
		memcpy(text, o.text, tn);
	} else if (!o.gap) {
		tn = (size_t)sprintf(text, "line %llu", seq);
		if (tn < (size_t)o.length) {
			memset(text + tn, '.', (size_t)o.length - tn);
			tn = (size_t)o.length;
		}
	}
	put(f, 0x50434c31, 4);
	put(f + 4, tn, 4);
	put(f + 8, nn, 1);
	put(f + 9, o.gap ? 2 : 1, 1);
	put(f + 10, (unsigned)o.stream, 1);
	put(f + 11, (unsigned)o.partial, 1);
	put(f + 16, o.boot, 8);
	put(f + 24, seq, 8);
	put(f + 32, (unsigned long long)o.gap, 8);
	put(f + 40, (unsigned long long)time, 8);
	write_all(f, HEAD + nn + tn);
	written++;
	kill_sometimes();
}

static void parse(int argc, char **argv)
{
	struct timespec t;
	int c;

	clock_gettime(CLOCK_REALTIME, &t);
	o.time = t.tv_sec * 1000000000ll + t.tv_nsec;
	while ((c = getopt(argc, argv, "+n:b:s:t:i:l:m:epg:z:k:r:")) != -1)
		switch (c) {
		case 'n': o.n = atol(optarg); break;
		case 'b': o.boot = strtoull(optarg, NULL, 10); break;
		case 's': o.seq = strtoull(optarg, NULL, 10); break;
		case 't': o.time = atoll(optarg); break;
		case 'i': o.step = atoll(optarg); break;
		case 'l': o.length = atol(optarg); break;
		case 'm': o.text = optarg; break;
		case 'e': o.stream = 1; break;
		case 'p': o.partial = 1; break;
		case 'g': o.gap = atol(optarg); o.n = 1; break;
		case 'z': o.size = atol(optarg); break;
		case 'k': o.kills = atol(optarg); break;
		case 'r': o.seed = strtoull(optarg, NULL, 10); break;
		default: exit(2);
		}
	if (o.length > TEXT_MAX)
		exit(2);
}

int main(int argc, char **argv)
{
	int status = 0, names;

	parse(argc, argv);
	for (names = optind; names < argc; names++)
		if (!strcmp(argv[names], "-x"))
			o.command = argv + names + 1;
		else if (o.command)
			break;
	names = o.command ? (int)(o.command - argv) - 1 : argc;
	if (o.command) {
		if (pipe(pipe_ends) < 0 || (o.size && fcntl(pipe_ends[1],
				F_SETPIPE_SZ, (int)o.size) < 0))
			die("pipe");
		kill_at = 1;
		if (o.kills)
			apart = 2 * (unsigned)(o.n * (names - optind) /
					       (o.kills + 1));
		if (!apart)
			apart = 1;
		start();
	}
	for (long i = 0; i < o.n; i++)
		for (int k = optind; k < names; k++)
			frame(argv[k], o.seq + (unsigned long long)i,
			      o.time + i * o.step);
	if (!o.command)
		return 0;
	while (o.kills) {
		kill_at = 0;
		kill_sometimes();
	}
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return waitpid(child, &status, 0) < 0 || status;
}
