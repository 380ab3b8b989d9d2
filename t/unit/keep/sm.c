/* SPDX-License-Identifier: MIT */
/*
 * What the drawing in sm.h and the wire table say, written down a second
 * time: pair by pair, then as properties of all the ways through.
 */
#include "keep/sm.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

static const char *const events[SM_NEVENT] = {
	[EV_START] = "start", [EV_STOP] = "stop", [EV_RESTART] = "restart",
	[EV_DEPS] = "deps", [EV_SQUAT] = "squat", [EV_UNFIT] = "unfit",
	[EV_REFUSED] = "refused", [EV_EXEC_OK] = "exec-ok",
	[EV_EXEC_FAIL] = "exec-fail", [EV_EXIT] = "exit",
	[EV_EXIT_LAST] = "exit-last", [EV_EXIT_DONE] = "exit-done",
	[EV_EXIT_FINAL] = "exit-final", [EV_GONE] = "gone",
	[EV_TIMER] = "timer", [EV_FAULT] = "fault", [EV_BOOT] = "boot",
	[EV_BOOT_SPENT] = "boot-spent", [EV_BOOT_LEFT] = "boot-left",
};

static const struct {
	const char *name, *wire;
	bool run, wanted;
} states[SM_NSTATE] = {
	[SM_DOWN]          = { "down",          "stopped",    0, 0 },
	[SM_HELD]          = { "held",          "starting",   0, 1 },
	[SM_EXECING]       = { "execing",       "starting",   1, 1 },
	[SM_UP]            = { "up",            "running",    1, 1 },
	[SM_ABORTING]      = { "aborting",      "restarting", 1, 1 },
	[SM_CLEARING]      = { "clearing",      "restarting", 1, 1 },
	[SM_BACKOFF]       = { "backoff",       "restarting", 0, 1 },
	[SM_FAILING]       = { "failing",       "crashed",    1, 1 },
	[SM_CRASHED]       = { "crashed",       "crashed",    0, 1 },
	[SM_SQUATTED]      = { "squatted",      "crashed",    0, 1 },
	[SM_ENDING]        = { "ending",        "crashed",    1, 1 },
	[SM_ENDED]         = { "ended",         "crashed",    0, 1 },
	[SM_STOPPING]      = { "stopping",      "running",    1, 0 },
	[SM_KILLING]       = { "killing",       "running",    1, 0 },
	[SM_CYCLING]       = { "cycling",       "restarting", 1, 1 },
	[SM_CYCLE_KILLING] = { "cycle-killing", "restarting", 1, 1 },
};

#define END_RUN   (ACT_TERM | ACT_ARM_STOP)
#define KILL_RUN  (ACT_KILL | ACT_ARM_KILL)
#define ANEW      (ACT_CLEAR | ACT_HOLD)
#define AT_ONCE   (ACT_DISARM | ACT_CLEAR | ACT_SPAWN)

/* What is not here: stay, do nothing. */
static const struct {
	enum sm_state from;
	enum sm_event ev;
	enum sm_state to;
	unsigned acts;
} pairs[] = {
	/* The way up. A manual start clears the budget. */
	{ SM_DOWN,     EV_START,     SM_HELD,     ANEW },
	{ SM_DOWN,     EV_RESTART,   SM_HELD,     ANEW },
	{ SM_HELD,     EV_DEPS,      SM_EXECING,  ACT_SPAWN },
	{ SM_EXECING,  EV_EXEC_OK,   SM_UP,       0 },
	/* As a killed keeper left it. */
	{ SM_DOWN,     EV_BOOT,      SM_HELD,     ACT_HOLD },
	{ SM_DOWN,     EV_BOOT_SPENT, SM_CRASHED, ACT_ARM_SLOW },
	{ SM_DOWN,     EV_BOOT_LEFT, SM_CYCLE_KILLING, KILL_RUN },
	/* Not crashes. */
	{ SM_EXECING,  EV_SQUAT,     SM_SQUATTED, ACT_ARM_SQUAT },
	{ SM_EXECING,  EV_REFUSED,   SM_BACKOFF,  ACT_ARM_FORK },
	{ SM_EXECING,  EV_UNFIT,     SM_CRASHED,  ACT_ARM_SLOW },
	{ SM_EXECING,  EV_EXEC_FAIL, SM_FAILING,  ACT_ARM_STOP },
	{ SM_EXECING,  EV_EXIT,      SM_FAILING,  ACT_SWEEP | ACT_ARM_STOP },
	/* Crashes, with budget and without. */
	{ SM_UP,       EV_EXIT,      SM_CLEARING, ACT_SWEEP | ACT_ARM_STOP },
	/* It runs, but not as it should: ended, and then a crash. */
	{ SM_UP,       EV_FAULT,     SM_ABORTING, END_RUN },
	{ SM_ABORTING, EV_EXIT,      SM_CLEARING, ACT_SWEEP | ACT_ARM_STOP },
	{ SM_ABORTING, EV_EXIT_LAST, SM_FAILING,  ACT_SWEEP | ACT_ARM_STOP |
						  ACT_GIVE_UP },
	{ SM_ABORTING, EV_EXIT_FINAL, SM_ENDING,  ACT_SWEEP | ACT_ARM_STOP |
						  ACT_GIVE_UP },
	{ SM_ABORTING, EV_TIMER,     SM_ABORTING, KILL_RUN },
	{ SM_ABORTING, EV_START,     SM_ABORTING, ACT_CLEAR },
	{ SM_ABORTING, EV_STOP,      SM_STOPPING, END_RUN },
	{ SM_ABORTING, EV_RESTART,   SM_CYCLING,  END_RUN },
	{ SM_UP,       EV_EXIT_LAST, SM_FAILING,  ACT_SWEEP | ACT_ARM_STOP |
						  ACT_GIVE_UP },
	/* Ends that are to be the last. */
	{ SM_UP,       EV_EXIT_DONE, SM_STOPPING, ACT_SWEEP | ACT_ARM_STOP },
	{ SM_UP,       EV_EXIT_FINAL, SM_ENDING,  ACT_SWEEP | ACT_ARM_STOP |
						  ACT_GIVE_UP },
	{ SM_ENDING,   EV_GONE,      SM_ENDED,    ACT_DISARM },
	{ SM_ENDING,   EV_TIMER,     SM_ENDING,   KILL_RUN },
	{ SM_ENDING,   EV_START,     SM_CYCLING,  END_RUN },
	{ SM_ENDING,   EV_RESTART,   SM_CYCLING,  END_RUN },
	{ SM_ENDING,   EV_STOP,      SM_STOPPING, END_RUN },
	{ SM_ENDED,    EV_START,     SM_HELD,     ANEW },
	{ SM_ENDED,    EV_RESTART,   SM_HELD,     ANEW },
	{ SM_ENDED,    EV_STOP,      SM_DOWN,     0 },
	{ SM_CLEARING, EV_GONE,      SM_BACKOFF,  ACT_ARM_BACKOFF },
	{ SM_CLEARING, EV_TIMER,     SM_CLEARING, KILL_RUN },
	{ SM_FAILING,  EV_EXIT,      SM_FAILING,  ACT_SWEEP },
	{ SM_FAILING,  EV_GONE,      SM_CRASHED,  ACT_ARM_SLOW },
	{ SM_FAILING,  EV_TIMER,     SM_FAILING,  KILL_RUN },
	/* The pauses end by themselves. */
	{ SM_BACKOFF,  EV_TIMER,     SM_EXECING,  ACT_SPAWN },
	{ SM_CRASHED,  EV_TIMER,     SM_EXECING,  ACT_SPAWN },
	{ SM_SQUATTED, EV_TIMER,     SM_EXECING,  ACT_SPAWN },
	/* Or when somebody says so. */
	{ SM_BACKOFF,  EV_START,     SM_EXECING,  AT_ONCE },
	{ SM_BACKOFF,  EV_RESTART,   SM_EXECING,  AT_ONCE },
	{ SM_SQUATTED, EV_START,     SM_EXECING,  AT_ONCE },
	{ SM_SQUATTED, EV_RESTART,   SM_EXECING,  AT_ONCE },
	{ SM_CRASHED,  EV_START,     SM_HELD,     ANEW | ACT_DISARM },
	{ SM_CRASHED,  EV_RESTART,   SM_HELD,     ANEW | ACT_DISARM },
	{ SM_CLEARING, EV_START,     SM_CLEARING, ACT_CLEAR },
	{ SM_CLEARING, EV_RESTART,   SM_CYCLING,  END_RUN },
	{ SM_FAILING,  EV_START,     SM_CYCLING,  END_RUN | ACT_CLEAR },
	{ SM_FAILING,  EV_RESTART,   SM_CYCLING,  END_RUN | ACT_CLEAR },
	/* Stop, where nothing runs and where something does. */
	{ SM_HELD,     EV_STOP,      SM_DOWN,     0 },
	{ SM_BACKOFF,  EV_STOP,      SM_DOWN,     ACT_DISARM },
	{ SM_CRASHED,  EV_STOP,      SM_DOWN,     ACT_DISARM },
	{ SM_SQUATTED, EV_STOP,      SM_DOWN,     ACT_DISARM },
	{ SM_EXECING,  EV_STOP,      SM_STOPPING, END_RUN },
	{ SM_UP,       EV_STOP,      SM_STOPPING, END_RUN },
	{ SM_CLEARING, EV_STOP,      SM_STOPPING, END_RUN },
	{ SM_FAILING,  EV_STOP,      SM_STOPPING, END_RUN },
	{ SM_STOPPING, EV_EXIT,      SM_STOPPING, ACT_SWEEP },
	{ SM_STOPPING, EV_GONE,      SM_DOWN,     ACT_DISARM },
	{ SM_STOPPING, EV_TIMER,     SM_KILLING,  KILL_RUN },
	{ SM_KILLING,  EV_EXIT,      SM_KILLING,  ACT_SWEEP },
	{ SM_KILLING,  EV_GONE,      SM_DOWN,     ACT_DISARM },
	{ SM_KILLING,  EV_TIMER,     SM_KILLING,  KILL_RUN | ACT_STUCK },
	/* Restart: the same, and then up again. */
	{ SM_EXECING,  EV_RESTART,   SM_CYCLING,  END_RUN },
	{ SM_UP,       EV_RESTART,   SM_CYCLING,  END_RUN },
	{ SM_CYCLING,  EV_EXIT,      SM_CYCLING,  ACT_SWEEP },
	{ SM_CYCLING,  EV_GONE,      SM_HELD,     ANEW | ACT_DISARM },
	{ SM_CYCLING,  EV_TIMER,     SM_CYCLE_KILLING, KILL_RUN },
	{ SM_CYCLE_KILLING, EV_EXIT, SM_CYCLE_KILLING, ACT_SWEEP },
	{ SM_CYCLE_KILLING, EV_GONE, SM_HELD,     ANEW | ACT_DISARM },
	{ SM_CYCLE_KILLING, EV_TIMER, SM_CYCLE_KILLING,
	  KILL_RUN | ACT_STUCK },
	/* A stop that is under way, and a change of mind. */
	{ SM_STOPPING, EV_START,     SM_CYCLING,  0 },
	{ SM_STOPPING, EV_RESTART,   SM_CYCLING,  0 },
	{ SM_KILLING,  EV_START,     SM_CYCLE_KILLING, 0 },
	{ SM_KILLING,  EV_RESTART,   SM_CYCLE_KILLING, 0 },
	{ SM_EXECING,  EV_FAULT,     SM_ABORTING, END_RUN },
	{ SM_CYCLING,  EV_STOP,      SM_STOPPING, 0 },
	{ SM_CYCLE_KILLING, EV_STOP, SM_KILLING,  0 },
};

static struct sm_next expected(enum sm_state from, enum sm_event ev)
{
	for (size_t i = 0; i < LEN(pairs); i++)
		if (pairs[i].from == from && pairs[i].ev == ev)
			return (struct sm_next){ pairs[i].to, pairs[i].acts };
	return (struct sm_next){ from, 0 };
}

static void every_pair(void)
{
	for (unsigned s = 0; s < SM_NSTATE; s++) {
		for (unsigned ev = 0; ev < SM_NEVENT; ev++) {
			struct sm_next want = expected(s, ev);
			struct sm_next got = sm_step(s, ev);

			ok(got.state == want.state && got.acts == want.acts,
			   "%s, %s: %s", states[s].name, events[ev],
			   states[want.state].name);
		}
	}
}

static void on_the_wire(void)
{
	static const char *const closed[] = { "starting", "running", "stopped",
		"crashed", "restarting" };

	for (unsigned s = 0; s < SM_NSTATE; s++) {
		bool known = false;

		for (size_t i = 0; i < LEN(closed); i++)
			known = known || !strcmp(sm_wire(s), closed[i]);
		ok(known && !strcmp(sm_wire(s), states[s].wire) &&
		   !strcmp(sm_name(s), states[s].name) &&
		   sm_has_run(s) == states[s].run &&
		   sm_wanted(s) == states[s].wanted,
		   "%s is \"%s\" on the wire", sm_name(s), sm_wire(s));
	}
}

/* From DOWN by any events. */
static void all_states_are_reached(void)
{
	bool seen[SM_NSTATE] = { [SM_DOWN] = true }, more = true;

	while (more) {
		more = false;
		for (unsigned s = 0; s < SM_NSTATE; s++)
			for (unsigned ev = 0; seen[s] && ev < SM_NEVENT; ev++) {
				enum sm_state to = sm_step(s, ev).state;

				more = more || !seen[to];
				seen[to] = true;
			}
	}
	for (unsigned s = 0; s < SM_NSTATE; s++)
		ok(seen[s], "%s is reached", sm_name(s));
}

/*
 * A run begins with ACT_SPAWN and is over with EV_GONE, or when it is known
 * that there never was one. In between there is no other.
 */
static void one_run_at_a_time(void)
{
	bool apart = true, entered = true, ended = true;

	for (unsigned s = 0; s < SM_NSTATE; s++) {
		for (unsigned ev = 0; ev < SM_NEVENT; ev++) {
			struct sm_next n = sm_step(s, ev);
			bool spawns = n.acts & ACT_SPAWN;
			bool none = s == SM_EXECING && (ev == EV_SQUAT ||
				    ev == EV_UNFIT || ev == EV_REFUSED);

			apart = apart && !(spawns && sm_has_run(s));
			entered = entered && spawns ==
				  (n.state == SM_EXECING && s != SM_EXECING);
			ended = ended && (!sm_has_run(s) ||
				sm_has_run(n.state) || ev == EV_GONE || none);
			ended = ended && (sm_has_run(s) == sm_has_run(n.state)
				|| ev == EV_GONE || none || spawns ||
				ev == EV_BOOT_LEFT);
		}
	}
	ok(apart, "nothing is spawned beside a run");
	ok(entered, "EXECING is entered by spawning, and only it is");
	ok(ended, "a run ends when nothing of it is left");
}

/* Who is stopped stays stopped, whatever else happens. */
static void stop_is_obeyed(void)
{
	static const enum sm_event facts[] = { EV_DEPS, EV_SQUAT, EV_UNFIT,
		EV_REFUSED, EV_EXEC_OK, EV_EXEC_FAIL, EV_EXIT, EV_EXIT_LAST,
		EV_FAULT, EV_EXIT_DONE, EV_EXIT_FINAL, EV_GONE, EV_TIMER, EV_STOP };
	bool stays = true;

	for (unsigned s = 0; s < SM_NSTATE; s++) {
		struct sm_next n = sm_step(s, EV_STOP);
		enum sm_state at = n.state;

		ok(!sm_wanted(at) && (sm_has_run(s) || at == SM_DOWN) &&
		   sm_has_run(at) == sm_has_run(s), "%s: stop is heard",
		   sm_name(s));
		ok(sm_step(at, EV_STOP).state == at &&
		   !sm_step(at, EV_STOP).acts, "%s: and once is enough",
		   sm_name(s));
		ok(sm_step(at, EV_GONE).state == SM_DOWN,
		   "%s: down, then, when nothing is left", sm_name(s));
		if (sm_wanted(s))
			continue;
		for (size_t i = 0; i < LEN(facts); i++)
			stays = stays && !sm_wanted(sm_step(s, facts[i]).state)
				&& !(sm_step(s, facts[i]).acts & ACT_SPAWN);
	}
	ok(stays, "no fact brings up what is not wanted");
}

#define ARMS (ACT_ARM_STOP | ACT_ARM_KILL | ACT_ARM_BACKOFF | ACT_ARM_SLOW | \
	      ACT_ARM_SQUAT | ACT_ARM_FORK)

/*
 * All that can happen to a module and its one timer. Nothing that waits for
 * the timer is ever without it, and it never rings where nobody hears it.
 */
static void the_timer_is_set(void)
{
	bool seen[SM_NSTATE][2] = { 0 }, more = true, single = true;

	seen[SM_DOWN][false] = true;
	while (more) {
		more = false;
		for (unsigned at = 0; at < SM_NSTATE * 2; at++) {
			enum sm_state s = at / 2;
			bool armed = at % 2;

			for (unsigned ev = 0; seen[s][armed] && ev < SM_NEVENT;
			     ev++) {
				struct sm_next n = sm_step(s, ev);
				unsigned arms = n.acts & ARMS;
				bool then = armed && ev != EV_TIMER &&
					    !(n.acts & ACT_DISARM);

				if (ev == EV_TIMER && !armed)
					continue;
				single = single && !(arms & (arms - 1)) &&
					 !(arms && (n.acts & ACT_DISARM));
				then = then || arms;
				more = more || !seen[n.state][then];
				seen[n.state][then] = true;
			}
		}
	}
	ok(single, "one timer, armed once a step");
	for (unsigned s = 0; s < SM_NSTATE; s++) {
		bool hears = sm_step(s, EV_TIMER).acts ||
			     sm_step(s, EV_TIMER).state != s;

		ok(hears || !seen[s][true], "%s: no timer for nobody",
		   sm_name(s));
		ok(!hears || !seen[s][false],
		   "%s: never left without the timer", sm_name(s));
	}
}

/* SIGTERM first, time to obey it, and only then SIGKILL. */
static void force_comes_late(void)
{
	bool late = true, timed = true, stuck = true;

	for (unsigned s = 0; s < SM_NSTATE; s++) {
		for (unsigned ev = 0; ev < SM_NEVENT; ev++) {
			unsigned acts = sm_step(s, ev).acts;

			late = late && (!(acts & ACT_KILL) ||
				ev == EV_TIMER || ev == EV_BOOT_LEFT);
			timed = timed && (!(acts & ACT_TERM) ||
					  (acts & ACT_ARM_STOP)) &&
				(!(acts & ACT_KILL) || (acts & ACT_ARM_KILL));
			stuck = stuck && (!(acts & ACT_STUCK) ||
				(ev == EV_TIMER && (s == SM_KILLING ||
				 s == SM_CYCLE_KILLING)));
		}
	}
	ok(late, "SIGKILL only when time is up");
	ok(timed, "a signal is sent with the time to obey it");
	ok(stuck, "a survivor is called one only after SIGKILL and a wait");
}

/* Every policy, every kind of exit. */
static void exits(void)
{
	ok(sm_exit(RESTART_ALWAYS, false) == EV_EXIT &&
	   sm_exit(RESTART_ALWAYS, true) == EV_EXIT,
	   "always: whatever it was, again");
	ok(sm_exit(RESTART_ON_FAILURE, false) == EV_EXIT_DONE &&
	   sm_exit(RESTART_ON_FAILURE, true) == EV_EXIT,
	   "on-failure: done, or again");
	ok(sm_exit(RESTART_NEVER, false) == EV_EXIT_DONE &&
	   sm_exit(RESTART_NEVER, true) == EV_EXIT_FINAL,
	   "never: done, or failed for good");
}

/* What has ended for good is up again by somebody's word alone; and only
 * the end of a run gives anything up. */
static void ends_are_final(void)
{
	bool stays = true, told = true;

	for (unsigned ev = 0; ev < SM_NEVENT; ev++) {
		bool word = ev == EV_START || ev == EV_RESTART ||
			    ev == EV_STOP;

		stays = stays && (word || (sm_step(SM_ENDED, ev).state ==
			SM_ENDED && !sm_step(SM_ENDED, ev).acts));
		for (unsigned s = 0; s < SM_NSTATE; s++)
			told = told && !(sm_step(s, ev).acts & ACT_GIVE_UP) ==
			       !((s == SM_UP || s == SM_ABORTING) &&
				 (ev == EV_EXIT_LAST || ev == EV_EXIT_FINAL));
	}
	ok(stays, "ended: no fact moves it");
	ok(told, "given up: with the last exit of a run, and then only");
}

/* The stories of the goals, as sequences. */
static enum sm_state told(enum sm_state s, const enum sm_event *ev, size_t n,
			  unsigned *spawns)
{
	for (size_t i = 0; i < n; i++) {
		struct sm_next next = sm_step(s, ev[i]);

		*spawns += (next.acts & ACT_SPAWN) != 0;
		s = next.state;
	}
	return s;
}

static void stories(void)
{
	static const enum sm_event budget[] = { EV_START, EV_DEPS, EV_EXEC_OK,
		EV_EXIT, EV_GONE, EV_TIMER, EV_EXEC_OK, EV_EXIT, EV_GONE,
		EV_TIMER, EV_EXEC_OK, EV_EXIT_LAST, EV_GONE };
	static const enum sm_event again[] = { EV_TIMER, EV_EXEC_OK,
		EV_EXIT_LAST, EV_GONE };
	static const enum sm_event twice[] = { EV_START, EV_DEPS, EV_EXEC_OK,
		EV_EXIT, EV_START, EV_START, EV_GONE, EV_TIMER, EV_START,
		EV_EXEC_OK, EV_START };
	static const enum sm_event quick[] = { EV_START, EV_DEPS, EV_STOP,
		EV_EXEC_OK, EV_EXIT, EV_GONE };
	static const enum sm_event faults[] = { EV_START, EV_DEPS, EV_EXEC_OK,
		EV_FAULT, EV_EXIT, EV_GONE, EV_TIMER, EV_EXEC_OK,
		EV_FAULT, EV_FAULT, EV_TIMER, EV_EXIT, EV_GONE, EV_TIMER,
		EV_EXEC_OK, EV_FAULT, EV_EXIT_LAST, EV_GONE };
	static const enum sm_event done[] = { EV_START, EV_DEPS, EV_EXEC_OK,
		EV_EXIT_DONE, EV_GONE, EV_TIMER };
	static const enum sm_event failed[] = { EV_START, EV_DEPS, EV_EXEC_OK,
		EV_EXIT_FINAL, EV_TIMER, EV_GONE, EV_TIMER };
	unsigned n = 0;

	ok(told(SM_DOWN, done, LEN(done), &n) == SM_DOWN && n == 1,
	   "one that is done: stopped, one spawn");
	n = 0;
	ok(told(SM_DOWN, failed, LEN(failed), &n) == SM_ENDED && n == 1,
	   "one that may not fail twice: crashed, one spawn");
	n = 0;
	ok(told(SM_DOWN, budget, LEN(budget), &n) == SM_CRASHED && n == 3,
	   "three crashes: crashed, exactly 3 spawns");
	n = 0;
	ok(told(SM_CRASHED, again, LEN(again), &n) == SM_CRASHED && n == 1,
	   "then one spawn for each slow retry");
	n = 0;
	ok(told(SM_DOWN, faults, LEN(faults), &n) == SM_CRASHED && n == 3,
	   "ended by the keeper three times: the same");
	n = 0;
	ok(told(SM_DOWN, twice, LEN(twice), &n) == SM_UP && n == 2,
	   "starting in the pause after a crash gives one process");
	n = 0;
	ok(told(SM_DOWN, quick, LEN(quick), &n) == SM_DOWN && n == 1,
	   "stopped before exec is known");
}

int main(void)
{
	every_pair();
	on_the_wire();
	all_states_are_reached();
	one_run_at_a_time();
	stop_is_obeyed();
	the_timer_is_set();
	force_comes_late();
	exits();
	ends_are_final();
	stories();
	return tap_done();
}
