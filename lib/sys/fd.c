/* SPDX-License-Identifier: MIT */
#include "sys/fd.h"

#include "base/err.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

/* Flat, and touched only as far up as descriptors go. */
static struct {
	uint8_t kind[FD_TABLE_MAX];
	uint32_t owner[FD_TABLE_MAX];
	size_t count[FD_NKIND];
} table;

static void enter(int fd, enum fd_kind kind, unsigned owner)
{
	enum fd_kind was = (enum fd_kind)table.kind[fd];

	if (was != FD_FREE)
		table.count[was]--;
	if (kind != FD_FREE)
		table.count[kind]++;
	table.kind[fd] = (uint8_t)kind;
	table.owner[fd] = owner;
}

int fd_own(int fd, enum fd_kind kind, unsigned owner)
{
	if (kind <= FD_FREE || kind >= FD_NKIND)
		BUG("a descriptor without a kind");
	if (fd < 0)
		return fd;
	if (fd >= FD_TABLE_MAX) {
		close(fd);
		errno = EMFILE;
		return -1;
	}
	enter(fd, kind, owner);
	return fd;
}

void fd_close(int *fd)
{
	int err = errno;

	if (*fd < 0)
		return;
	if (*fd < FD_TABLE_MAX && table.kind[*fd] != FD_FREE)
		enter(*fd, FD_FREE, 0);
	close(*fd);
	*fd = -1;
	errno = err;
}

size_t fd_count(enum fd_kind kind)
{
	size_t all = 0;

	if (kind != FD_FREE)
		return table.count[kind];
	for (size_t i = 0; i < FD_NKIND; i++)
		all += table.count[i];
	return all;
}

enum fd_kind fd_kind_of(int fd)
{
	if (fd < 0 || fd >= FD_TABLE_MAX)
		return FD_FREE;
	return (enum fd_kind)table.kind[fd];
}

unsigned fd_owner_of(int fd)
{
	if (fd < 0 || fd >= FD_TABLE_MAX)
		return 0;
	return table.owner[fd];
}

const char *fd_kind_name(enum fd_kind kind)
{
	static const char *const names[FD_NKIND] = {
#define X(id, name) [FD_##id] = name,
		FD_KINDS(X)
#undef X
	};

	return names[kind];
}
