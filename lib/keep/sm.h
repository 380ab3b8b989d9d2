/* SPDX-License-Identifier: MIT */
#ifndef KEEP_SM_H
#define KEEP_SM_H

/*
 * When a module is started, stopped and started again: the whole of it.
 *
 * A finite automaton without clock or calls: sm_step() looks a pair of state
 * and event up in one table and gives the next state and the acts to perform.
 * keep/sup performs them and feeds back what came of it.
 *
 *	            START, deps settled       exec worked
 *	  DOWN ------> HELD ------> EXECING ---------------> UP
 *	   ^                         ^  | |                  | |
 *	   |    again after a pause  |  | | exec failed  own | | STOP
 *	   |   BACKOFF --------------'  | |             exit | |
 *	   |      ^                     | v                  | |
 *	   |      '-- CLEARING <--------+-----(budget left)--+ |
 *	   |                            v                    | |
 *	   |      CRASHED <-- FAILING <-----(budget spent)---' |
 *	   |         '--> EXECING, slowly                      |
 *	   |                                                   |
 *	   '------ STOPPING <----------------------------------'
 *	            '--> KILLING, after the stop timeout
 *
 *	ABORTING: it runs and must not, by its watchdog or its health; its
 *	exit counts as a crash.
 *	ENDING, ENDED: as FAILING, CRASHED, but it is not to run again.
 *	CYCLING, CYCLE_KILLING: as STOPPING, KILLING, and then up again.
 *	SQUATTED: a stranger has the port; looks again, spends no budget.
 *	CLEARING, FAILING: the leader is gone, what it left behind is not yet.
 *	One that has done its work (EV_EXIT_DONE) goes down as if told to stop.
 *
 * No state is left towards a new run before nothing of the old one is left.
 * States are internal; sm_wire() gives the closed set that clients know.
 */

#include "hub/supervise.h"

enum sm_state {
	SM_DOWN,
	SM_HELD,                /* waits for what it depends on */
	SM_EXECING,             /* preflight, fork, exec not yet known */
	SM_UP,
	SM_ABORTING,
	SM_CLEARING,
	SM_BACKOFF,
	SM_FAILING,
	SM_CRASHED,
	SM_SQUATTED,
	SM_ENDING,
	SM_ENDED,
	SM_STOPPING,
	SM_KILLING,
	SM_CYCLING,
	SM_CYCLE_KILLING,
	SM_NSTATE
};

enum sm_event {
	EV_START,               /* somebody wants it up */
	EV_STOP,
	EV_RESTART,
	EV_DEPS,                /* what it depends on has settled */
	EV_SQUAT,               /* a stranger holds its port */
	EV_UNFIT,               /* it cannot be started: program, directory */
	EV_REFUSED,             /* the system gave us no process */
	EV_EXEC_OK,
	EV_EXEC_FAIL,
	EV_FAULT,               /* it runs, but not as it should */
	EV_EXIT,                /* the leader is gone; budget left, or asked */
	EV_EXIT_LAST,           /* the leader is gone and the budget spent */
	EV_EXIT_DONE,           /* the leader is gone, and that was all */
	EV_EXIT_FINAL,          /* the leader has failed, and may not again */
	EV_GONE,                /* nothing of the run is left */
	EV_TIMER,
	EV_BOOT,                /* as EV_START, crashes not forgotten */
	EV_BOOT_SPENT,          /* the keeper before us had given it up */
	EV_BOOT_LEFT,           /* and left something that does not end */
	SM_NEVENT
};

enum sm_act {
	ACT_HOLD        = 1 << 0,       /* tell when dependencies settle */
	ACT_SPAWN       = 1 << 1,
	ACT_TERM        = 1 << 2,       /* stop signal to all of the run */
	ACT_KILL        = 1 << 3,       /* SIGKILL to all of the run */
	ACT_SWEEP       = 1 << 4,       /* the leader is gone: see what is left */
	ACT_CLEAR       = 1 << 5,       /* forget crashes */
	ACT_STUCK       = 1 << 6,       /* say what SIGKILL did not end */
	ACT_DISARM      = 1 << 7,
	ACT_ARM_STOP    = 1 << 8,       /* one timer; arming moves it */
	ACT_ARM_KILL    = 1 << 9,
	ACT_ARM_BACKOFF = 1 << 10,
	ACT_ARM_SLOW    = 1 << 11,
	ACT_ARM_SQUAT   = 1 << 12,
	ACT_ARM_FORK    = 1 << 13,
	ACT_GIVE_UP     = 1 << 14,      /* tell whom it is critical for */
};

struct sm_next {
	enum sm_state state;
	unsigned acts;
};

struct sm_next sm_step(enum sm_state, enum sm_event);

/*
 * What an exit of the leader that nobody asked for is: EV_EXIT (to be run
 * again, if the budget has room), EV_EXIT_DONE or EV_EXIT_FINAL.
 */
enum sm_event sm_exit(enum restart_policy, bool failed);

/* "starting", "running", "stopped", "crashed", "restarting" */
const char *sm_wire(enum sm_state);
const char *sm_name(enum sm_state);
bool sm_has_run(enum sm_state);         /* processes may exist */
bool sm_wanted(enum sm_state);          /* it is meant to be up */

#endif
