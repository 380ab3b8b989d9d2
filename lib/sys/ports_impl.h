/* SPDX-License-Identifier: MIT */
#ifndef SYS_PORTS_IMPL_H
#define SYS_PORTS_IMPL_H

/*
 * The ways to fill a port table. Private to sys/ports*.c and their test,
 * which compares them. Each adds to the table without sorting it.
 */

#include "sys/ports.h"

int ports_add(struct ports *, const struct port_holder *, struct err *);
void ports_sort(struct ports *);

int ports_read_diag(struct ports *, struct err *);      /* sock_diag(7) */
int ports_read_proc(struct ports *, struct err *);      /* /proc/net/tcp* */

#endif
