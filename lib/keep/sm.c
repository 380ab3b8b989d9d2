/* SPDX-License-Identifier: MIT */
#include "keep/sm.h"

#include "base/err.h"

/* An absent pair means: stay, do nothing. So to_plus_1 tells it from DOWN. A
 * pair is one word: most of the table is absent ones. */
struct step {
	unsigned to_plus_1:8, acts:24;
};

#define TO(state, acts)  { SM_##state + 1, (acts) }

/* What a run that must end does, whatever comes after it. */
#define TERMINATE  (ACT_TERM | ACT_ARM_STOP)
#define FINISH     (ACT_KILL | ACT_ARM_KILL)

static const struct step table[SM_NSTATE][SM_NEVENT] = {
	[SM_DOWN] = {
		[EV_START]     = TO(HELD, ACT_CLEAR | ACT_HOLD),
		[EV_RESTART]   = TO(HELD, ACT_CLEAR | ACT_HOLD),
		[EV_BOOT]      = TO(HELD, ACT_HOLD),
		[EV_BOOT_SPENT] = TO(CRASHED, ACT_ARM_SLOW),
		[EV_BOOT_LEFT] = TO(CYCLE_KILLING, FINISH),
	},
	[SM_HELD] = {
		[EV_DEPS]      = TO(EXECING, ACT_SPAWN),
		[EV_STOP]      = TO(DOWN, 0),
	},
	[SM_EXECING] = {
		[EV_SQUAT]     = TO(SQUATTED, ACT_ARM_SQUAT),
		[EV_UNFIT]     = TO(CRASHED, ACT_ARM_SLOW),
		[EV_REFUSED]   = TO(BACKOFF, ACT_ARM_FORK),
		[EV_EXEC_OK]   = TO(UP, 0),
		[EV_EXEC_FAIL] = TO(FAILING, ACT_ARM_STOP),
		[EV_EXIT]      = TO(FAILING, ACT_SWEEP | ACT_ARM_STOP),
		[EV_STOP]      = TO(STOPPING, TERMINATE),
		[EV_RESTART]   = TO(CYCLING, TERMINATE),
		/* It runs, and was quicker than the news that it does. */
		[EV_FAULT]     = TO(ABORTING, TERMINATE),
	},
	[SM_UP] = {
		[EV_EXIT]      = TO(CLEARING, ACT_SWEEP | ACT_ARM_STOP),
		[EV_EXIT_LAST] = TO(FAILING, ACT_SWEEP | ACT_ARM_STOP |
				    ACT_GIVE_UP),
		[EV_EXIT_DONE] = TO(STOPPING, ACT_SWEEP | ACT_ARM_STOP),
		[EV_EXIT_FINAL] = TO(ENDING, ACT_SWEEP | ACT_ARM_STOP |
				     ACT_GIVE_UP),
		[EV_STOP]      = TO(STOPPING, TERMINATE),
		[EV_RESTART]   = TO(CYCLING, TERMINATE),
		[EV_FAULT]     = TO(ABORTING, TERMINATE),
	},
	[SM_ABORTING] = {
		[EV_EXIT]      = TO(CLEARING, ACT_SWEEP | ACT_ARM_STOP),
		[EV_EXIT_LAST] = TO(FAILING, ACT_SWEEP | ACT_ARM_STOP |
				    ACT_GIVE_UP),
		[EV_EXIT_FINAL] = TO(ENDING, ACT_SWEEP | ACT_ARM_STOP |
				     ACT_GIVE_UP),
		[EV_TIMER]     = TO(ABORTING, FINISH),
		[EV_START]     = TO(ABORTING, ACT_CLEAR),
		[EV_STOP]      = TO(STOPPING, TERMINATE),
		[EV_RESTART]   = TO(CYCLING, TERMINATE),
	},
	[SM_CLEARING] = {
		[EV_GONE]      = TO(BACKOFF, ACT_ARM_BACKOFF),
		[EV_TIMER]     = TO(CLEARING, FINISH),
		[EV_START]     = TO(CLEARING, ACT_CLEAR),       /* at once then */
		[EV_STOP]      = TO(STOPPING, TERMINATE),
		[EV_RESTART]   = TO(CYCLING, TERMINATE),
	},
	[SM_BACKOFF] = {
		[EV_TIMER]     = TO(EXECING, ACT_SPAWN),
		[EV_START]     = TO(EXECING, ACT_DISARM | ACT_CLEAR | ACT_SPAWN),
		[EV_RESTART]   = TO(EXECING, ACT_DISARM | ACT_CLEAR | ACT_SPAWN),
		[EV_STOP]      = TO(DOWN, ACT_DISARM),
	},
	[SM_FAILING] = {
		[EV_EXIT]      = TO(FAILING, ACT_SWEEP),
		[EV_GONE]      = TO(CRASHED, ACT_ARM_SLOW),
		[EV_TIMER]     = TO(FAILING, FINISH),
		[EV_START]     = TO(CYCLING, ACT_CLEAR | TERMINATE),
		[EV_RESTART]   = TO(CYCLING, ACT_CLEAR | TERMINATE),
		[EV_STOP]      = TO(STOPPING, TERMINATE),
	},
	[SM_CRASHED] = {
		[EV_TIMER]     = TO(EXECING, ACT_SPAWN),
		[EV_START]     = TO(HELD, ACT_DISARM | ACT_CLEAR | ACT_HOLD),
		[EV_RESTART]   = TO(HELD, ACT_DISARM | ACT_CLEAR | ACT_HOLD),
		[EV_STOP]      = TO(DOWN, ACT_DISARM),
	},
	[SM_SQUATTED] = {
		[EV_TIMER]     = TO(EXECING, ACT_SPAWN),
		[EV_START]     = TO(EXECING, ACT_DISARM | ACT_CLEAR | ACT_SPAWN),
		[EV_RESTART]   = TO(EXECING, ACT_DISARM | ACT_CLEAR | ACT_SPAWN),
		[EV_STOP]      = TO(DOWN, ACT_DISARM),
	},
	[SM_ENDING] = {
		[EV_GONE]      = TO(ENDED, ACT_DISARM),
		[EV_TIMER]     = TO(ENDING, FINISH),
		[EV_START]     = TO(CYCLING, TERMINATE),
		[EV_RESTART]   = TO(CYCLING, TERMINATE),
		[EV_STOP]      = TO(STOPPING, TERMINATE),
	},
	[SM_ENDED] = {
		[EV_START]     = TO(HELD, ACT_CLEAR | ACT_HOLD),
		[EV_RESTART]   = TO(HELD, ACT_CLEAR | ACT_HOLD),
		[EV_STOP]      = TO(DOWN, 0),
	},
	[SM_STOPPING] = {
		[EV_EXIT]      = TO(STOPPING, ACT_SWEEP),
		[EV_GONE]      = TO(DOWN, ACT_DISARM),
		[EV_TIMER]     = TO(KILLING, FINISH),
		[EV_START]     = TO(CYCLING, 0),
		[EV_RESTART]   = TO(CYCLING, 0),
	},
	[SM_KILLING] = {
		[EV_EXIT]      = TO(KILLING, ACT_SWEEP),
		[EV_GONE]      = TO(DOWN, ACT_DISARM),
		[EV_TIMER]     = TO(KILLING, FINISH | ACT_STUCK),
		[EV_START]     = TO(CYCLE_KILLING, 0),
		[EV_RESTART]   = TO(CYCLE_KILLING, 0),
	},
	[SM_CYCLING] = {
		[EV_EXIT]      = TO(CYCLING, ACT_SWEEP),
		[EV_GONE]      = TO(HELD, ACT_DISARM | ACT_CLEAR | ACT_HOLD),
		[EV_TIMER]     = TO(CYCLE_KILLING, FINISH),
		[EV_STOP]      = TO(STOPPING, 0),
	},
	[SM_CYCLE_KILLING] = {
		[EV_EXIT]      = TO(CYCLE_KILLING, ACT_SWEEP),
		[EV_GONE]      = TO(HELD, ACT_DISARM | ACT_CLEAR | ACT_HOLD),
		[EV_TIMER]     = TO(CYCLE_KILLING, FINISH | ACT_STUCK),
		[EV_STOP]      = TO(KILLING, 0),
	},
};

/* run: processes may exist; wanted: it is meant to be up. */
static const struct {
	const char *name, *wire;
	bool run, wanted;
} states[SM_NSTATE] = {
	[SM_DOWN]          = { "down", "stopped", false, false },
	[SM_HELD]          = { "held", "starting", false, true },
	[SM_EXECING]       = { "execing", "starting", true, true },
	[SM_UP]            = { "up", "running", true, true },
	[SM_ABORTING]      = { "aborting", "restarting", true, true },
	[SM_CLEARING]      = { "clearing", "restarting", true, true },
	[SM_BACKOFF]       = { "backoff", "restarting", false, true },
	[SM_FAILING]       = { "failing", "crashed", true, true },
	[SM_CRASHED]       = { "crashed", "crashed", false, true },
	[SM_SQUATTED]      = { "squatted", "crashed", false, true },
	[SM_ENDING]        = { "ending", "crashed", true, true },
	[SM_ENDED]         = { "ended", "crashed", false, true },
	[SM_STOPPING]      = { "stopping", "running", true, false },
	[SM_KILLING]       = { "killing", "running", true, false },
	[SM_CYCLING]       = { "cycling", "restarting", true, true },
	[SM_CYCLE_KILLING] = { "cycle-killing", "restarting", true, true },
};

struct sm_next sm_step(enum sm_state state, enum sm_event event)
{
	const struct step *s;

	if (state >= SM_NSTATE || event >= SM_NEVENT)
		BUG("no such state or event");
	s = &table[state][event];
	if (!s->to_plus_1)
		return (struct sm_next){ state, 0 };
	return (struct sm_next){ (enum sm_state)(s->to_plus_1 - 1), s->acts };
}

enum sm_event sm_exit(enum restart_policy policy, bool failed)
{
	if (policy == RESTART_ALWAYS)
		return EV_EXIT;
	if (!failed)
		return EV_EXIT_DONE;
	return policy == RESTART_NEVER ? EV_EXIT_FINAL : EV_EXIT;
}

const char *sm_wire(enum sm_state s)
{
	return states[s].wire;
}

const char *sm_name(enum sm_state s)
{
	return states[s].name;
}

bool sm_has_run(enum sm_state s)
{
	return states[s].run;
}

bool sm_wanted(enum sm_state s)
{
	return states[s].wanted;
}
