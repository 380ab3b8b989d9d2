/* SPDX-License-Identifier: MIT */
#ifndef KEEP_SUP_H
#define KEEP_SUP_H

/*
 * The supervised modules: performs what keep/sm decides.
 *
 *	services.json --sup_sync--> struct mod --sm_step--> acts
 *	     SIGCHLD, timers, pipes, operations --sup_event--^   |
 *	     keep/spawn, keep/sweep, keep/listen <---------------'
 *
 * Changes are told once per turn of the loop, after all of its events
 * (`changed`), so whoever listens sees settled facts and may feed new events
 * without re-entering the automaton. Counters (tries, downs) tell what was
 * passed through within a turn.
 *
 * A struct mod lives from its first row until the row is gone and its run
 * too; `id` never changes and is never given twice.
 */

#include "hub/exits.h"
#include "hub/facts.h"
#include "hub/module.h"
#include "hub/state.h"
#include "hub/supervise.h"
#include "keep/budget.h"
#include "keep/cgroup.h"
#include "keep/health.h"
#include "keep/lines.h"
#include "keep/logger.h"
#include "keep/notify.h"
#include "keep/sm.h"
#include "keep/source.h"
#include "keep/usage.h"
#include "sys/file.h"
#include "sys/loop.h"
#include "sys/oom.h"
#include "sys/ports.h"
#include "sys/ptab.h"

struct records;
struct crew;
struct events;
struct spawn_ctx;
struct sup;

struct stream {
	struct watch watch;
	struct lines lines;
	struct log_wait wait;   /* not read while the log writer is behind */
	int which;              /* RING_OUT, RING_ERR */
	int fd;
	struct mod *mod;
};

/* keep/history: how runs ended. */
struct history {
	uint64_t last;          /* number of the last exit; 0: not looked up */
	uint64_t first_line;    /* of this run, in the ring */
	enum exit_cause told;   /* of the last exit */
	bool faulty;            /* the file cannot be written, and it was said */
};

/* keep/events: what was announced last. */
struct told {
	bool listed;
	enum status status;     /* STATUS_UNKNOWN: nothing yet */
	pid_t pid;
	unsigned runs, downs;
	const char *error;
	uint32_t error_sum;
	struct facts facts;
};

/* Why a run came to an end that nobody asked for, where its exit status does
 * not tell. */
enum end_cause { END_NONE, END_UNHEALTHY, END_WATCHDOG, END_NO_EXEC };

/* The settings of the run there is; the next one may have others. */
struct rules {
	enum restart_policy restart;
	bool critical;
	int stop_signal, stop_ms, ready_ms;
};

struct mod {
	struct sup *sup;
	unsigned id;
	char short_name[SHORT_SIZE];
	bool listed;            /* it has a row */
	bool asked;             /* somebody said start or stop */

	enum sm_state state;
	struct timer timer;     /* the automaton's only one */
	struct budget budget;
	int64_t delay_ms;       /* what the budget said */

	struct arena arena;     /* of module: how it is run, and its facts */
	struct module module;
	struct supervise settings;      /* as read with it */
	bool fresh;             /* all of that was read in this very turn */
	struct rules rules;
	struct file_id settings_id;     /* the operator's file we know */
	struct json_at settings_at;
	char settings_fault[320];       /* of it since, while it runs; or "" */
	unsigned needs[2 * DEPENDENCIES_MAX];   /* ids; while held */
	size_t nneeds;
	struct problems problems;       /* of module.json; in the arena */
	char circle[SHORT_SIZE];        /* the dependency that closes one; "" */
	char lacks[SHORT_SIZE];         /* a dependency without a row; "" */

	int slot;               /* keep/record; -1 */
	bool rests;             /* stopped by hand, or done: not for a boot
				 * to start */
	bool recalled;          /* all that is from a killed keeper's record;
				 * until it is booted */
	bool left;              /* of a killed keeper's run: still there */
	bool unsaved;           /* the record is older than this */

	pid_t pid;              /* leader, not yet reaped; 0: none */
	uint64_t start;         /* its start time; 0: not known */
	pid_t sid;              /* session of the last run */
	int outcome;            /* exec's; -1 */
	struct watch outcome_watch;
	struct stream out[2];
	uint16_t port;          /* of the last run */
	int64_t started_ms, started_unix_ms;
	int64_t exited_ms, crashed_unix_ms;
	bool exited;
	int exit_code;
	unsigned tries, downs, runs;    /* outcomes known; DOWNs; execs */
	enum end_cause end_cause;       /* of the last run */
	int sweep_signal;       /* for what is left: 0, SIGTERM, SIGKILL */
	bool sweep_first;       /* nobody looked at what is left yet */

	enum listening listening;
	uint64_t listen_inode;  /* the proven socket */
	uint64_t other_inode;   /* a stranger's, and who he is; 0: unknown */
	pid_t listen_other;
	int64_t probe_ms;       /* look again then; 0: nothing to wait for */
	bool listened;          /* in this run */

	struct notice notice;
	struct health health;
	struct usage usage;

	struct start_error error;
	struct history history;
	struct told told;
	struct source log;
	struct list ops;        /* keep/ops */
	bool marked;            /* scratch of a search */
};

struct sup {
	struct loop *loop;
	struct logs *logs;
	struct crew *crew;      /* its children are known; NULL: none */
	struct spawn_ctx *spawn;
	struct mod *mods[MODULES_MAX];
	size_t n;
	unsigned last_id;
	bool subreaper;
	struct records *records;        /* NULL: nothing is kept */
	struct cgroup cgroup;
	size_t nleft;           /* modules with something left */

	struct later settle;    /* end of turn: dependencies, then changed() */
	void (*changed)(struct sup *);
	void (*stuck)(struct sup *, struct mod *);
	/* One that is critical has given up; told with settled facts. */
	void (*critical)(struct sup *, struct mod *);
	unsigned critical_id;   /* whom to tell of; 0: nobody */
	void *ctx;

	struct events *events;  /* NULL: nobody is told */
	struct oom oom;         /* keep/history */
	int64_t settings_ms;    /* keep/settings looked then */
	struct later look;      /* keep/sweep */
	struct timer look_again;
	int look_ms;            /* from one look to the next */
	unsigned freezes;       /* looks at what would not stand still */
	bool blind;             /* it could not look, and said so */
	struct proc inherited[INHERITED_MAX];
	size_t ninherited;
	struct ptab ptab;
	struct ports ports;     /* keep/listen */
	int64_t looked_ms;
	bool deaf;              /* it could not ask, and said so */
	struct timer probe;
	struct notifier notifier;
	struct checks checks;   /* keep/health */
	int64_t used_ms;        /* keep/usage */
	bool used_whole;
};

/* records and cgroup are the caller's to set, then. */
void sup_init(struct sup *, struct loop *, struct logs *, struct spawn_ctx *);

/* Frees every module; nothing of them may run any more. */
void sup_release(struct sup *);

/*
 * Brings the modules in line with the registry's view: new rows get a module
 * (not started), those without a row are marked and dropped once down.
 */
void sup_sync(struct sup *);

struct mod *sup_find(struct sup *, struct str short_name);
struct mod *sup_by_id(struct sup *, unsigned id);
/* The module of a row, made when missing. NULL with err: no row, a bound. */
struct mod *sup_of_row(struct sup *, struct str short_name, struct err *);

/* The first start of a module: as a keeper that was killed left it, or new. */
void sup_boot(struct sup *, struct mod *);

/* Frees what has no row and is down; mod_free() what is not in s->mods any
 * more. */
void sup_drop_unlisted(struct sup *);
void mod_free(struct sup *, struct mod *);

/* Reads the module's files, once a turn however many ask. */
void sup_resolve(struct sup *, struct mod *);

void sup_event(struct sup *, struct mod *, enum sm_event);
void sup_read_outcome(struct sup *, struct mod *);      /* of its exec */
void sup_touch(struct sup *);   /* changed() at the end of this turn */
void sup_reap(struct sup *);    /* on SIGCHLD */

/* Ends what runs as it should not: it goes through the crash budget. */
void sup_end(struct sup *, struct mod *, enum end_cause);

/* Up, and it said so itself or its port is its own. */
bool mod_is_ready(const struct mod *);
bool mod_is_failing(const struct mod *);        /* and stays so, by itself */
void mod_facts(const struct mod *, struct facts *);
/* How long its run has lasted so far; 0 without one that counts. */
int64_t mod_alive_ms(const struct mod *, int64_t now);
bool mod_has_fault(const struct mod *, const char *type);
void mod_fault(struct mod *, const char *type, const char *binary,
	       const char *format, ...) __attribute__((format(printf, 4, 5)));
void mod_state(const struct mod *, struct mod_state *);
/* "[supervisor] vault: ..." */
void mod_say(const struct mod *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
