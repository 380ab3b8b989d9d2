/* SPDX-License-Identifier: MIT */
#ifndef HUB_LIMITS_H
#define HUB_LIMITS_H

/* Every bound that depends on the product, each with its reason. */

#define MODULES_MAX        1024         /* a host with 1,000 modules runs */
#define SERVICES_SIZE_MAX  (2 * 1024 * 1024)    /* 1,024 rows of 2 KiB */
#define MANIFEST_SIZE_MAX  (256 * 1024) /* module.json with a large schema */
#define DOTENV_SIZE_MAX    (256 * 1024)
#define PROBLEMS_MAX       64           /* more than a person would read */
#define ARGV_MAX           64           /* words of a start command */
#define DEPENDENCIES_MAX   32           /* names one module can wait for */

#define RECORDS_MAX        (2 * MODULES_MAX)    /* modules, crew, and those
                                         * of a killed keeper */
#define SUPERVISE_SIZE_MAX (64 * 1024)  /* a page of settings is 4 KiB */
#define SETTING_ENV_MAX    256          /* more belong into a .env */

#define INHERITED_MAX      64           /* children from before our exec */

#define RING_SIZE          (72 * 1024)  /* the last lines of a module: 64 KiB
                                         * of text and their headers */
#define LINE_MAX_BYTES     (64 * 1024)  /* longer lines are cut in records */

#define LOG_FILE_MAX       (10 * 1024 * 1024)   /* of a module; then rotated, */
#define LOG_ROTATIONS      4            /* so often: 50 MiB of a chatty one */
#define LOG_SOURCES_MAX    (MODULES_MAX + 64)   /* pc-logd: the hub, the front,
                                         * and some that went since */
#define LOG_OPEN_MAX       128          /* of them with open files, two each */
#define LOG_KEPT_MAX       (1024 * 1024)        /* what waits for files that
                                         * cannot be written */
#define LOG_KEPT_EACH      (128 * 1024) /* of one: a frame fits, and more */
#define LOGPIPE_SIZE       (1024 * 1024)        /* to pc-logd: what an
                                         * unprivileged process may ask for */
#define LOGPIPE_PATIENCE_MS 2000        /* it takes nothing: rings only */

#define HUB_CONNS_MAX      208          /* hub.sock: what 4 workers of the front
					 * may have, and 16 for the others */
#define HUB_PEER_MAX       48           /* of one process, so of one worker */
#define HUB_WAITS_MAX      112          /* may wait or follow, all together: */
#define HUB_WAITS_KEPT     16           /* of them for others than the workers
					 * of the front, who share the rest */
#define EVENTS_RING_SIZE   (64 * 1024)  /* the last 200 changes: a reader that
                                         * was away for longer begins anew */
#define EVENT_MAX          (28 * 1024)  /* an exit whose lines are all escapes */
#define WATCH_LOOK_MS      1000         /* then it shows that the last of those
                                         * who watched is gone */
#define FOLLOWERS_MAX      HUB_WAITS_MAX        /* open log streams */
#define OPS_MAX            256          /* operations waiting, all modules */

/* Supervision, as the reference has it (milliseconds). */
#define CRASH_MAX          3            /* the third in a window ends it */
#define CRASH_WINDOW_MS    60000
#define RESTART_DELAY_MS   500          /* after the second crash */
#define SLOW_RETRY_MS      60000        /* after the budget: then doubling */
#define SLOW_RETRY_MAX_MS  900000
#define STABLE_MS          60000        /* this long alive clears the budget */
#define STOP_TIMEOUT_MS    5000         /* SIGTERM, then SIGKILL */
#define STOP_TIMEOUT_MAX_MS  600000     /* longer and a stop looks hung */
#define READY_TIMEOUT_MAX_MS 3600000    /* a large model is read in */
#define KILL_TIMEOUT_MS    2000         /* SIGKILL, then say what is left */
#define HUB_PATIENCE_MS    10000        /* both, when the hub starts; answers */
#define READY_WINDOW_MS    4000         /* then a note, still alive */
#define LATE_WINDOW_MS     60000        /* how long a late bind is watched */
#define SQUAT_RETRY_MS     1000         /* look again whether a port is free */
#define FORK_RETRY_MS      500          /* the system had no process for us */
#define LISTEN_FRESH_MS    500          /* a reader gets facts this young */

/* Health: one GET of the path that the module declares. */
#define HEALTH_PATH_MAX    512          /* longer than any that is written */
#define HEALTH_LINE_MAX    64           /* of the answer; no more is read */
#define HEALTH_TIMEOUT_MS  1500         /* connect, ask, be answered */
#define HEALTH_EVERY_MS    30000        /* while somebody watches */
#define HEALTH_AGAIN_MS    5000         /* after one that failed */
#define HEALTH_FAILURES    3            /* in a row, then a restart, if asked */
#define HEALTH_AT_ONCE     16           /* checks: a descriptor each */

#define USAGE_FRESH_MS     500          /* a walk of /proc serves so long */
#define USAGE_SPAN_MIN_MS  1000         /* what cpu_percent is taken over */
#define USAGE_SPAN_MAX_MS  60000
#define PROCESSES_SHOWN    64           /* of a module, by name */

#endif
