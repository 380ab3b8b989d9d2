# pc - keep a host's modules running.  GNU make, no configure.
# SPDX-License-Identifier: MIT
#
#   make            static musl programs in build/bin
#   make run        a hub with real servers on a demo home
#   make check      every test, in parallel
#   make help       the rest

unexport LIBRARY_PATH
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

VERSION = 0.1.0
CC      = musl-gcc
AR      = ar
STATIC  = -static -no-pie
LOOP    = epoll
O       = build
PREFIX  = /usr/local
DESTDIR =
JOBS    = 4

warn     = -Wall -Wextra -Wpedantic -Wshadow -Wpointer-arith -Wvla \
           -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
           -Wformat=2 -Wundef -Wcast-qual -Wimplicit-fallthrough
harden   = -fstack-protector-strong -fstack-clash-protection \
           -ftrivial-auto-var-init=zero
CFLAGS   = -O2 -g
flags    = -std=c11 -D_POSIX_C_SOURCE=200809L -DPC_VERSION='"$(VERSION)"' \
           -Ilib -fno-pie -ffunction-sections -fdata-sections \
           -ffile-prefix-map=$(CURDIR)=. $(harden) $(warn) $(CFLAGS)
LDFLAGS  = $(STATIC) -Wl,--gc-sections,--build-id=none \
           -Wl,-z,relro,-z,now,-z,noexecstack

# Programs, units and tests are found; the layers are spelled out.
layers := base wire sys hub keep
progs  := $(sort $(patsubst bin/%.c,%,$(wildcard bin/*.c)))
units  := $(sort $(patsubst t/unit/%.c,$O/t/%.t,$(wildcard t/unit/*/*.c)))
tools  := $(sort $(patsubst t/tools/%.c,$O/t/tools/%,$(wildcard t/tools/*.c)))
tests  := $(sort $(wildcard t/*.t))

other_loop = $(filter-out lib/sys/loop_$(LOOP).c,$(wildcard lib/sys/loop_*.c))
srcs   = $(sort $(filter-out $(other_loop),$(wildcard lib/$1/*.c)))
objs   = $(patsubst %.c,$O/%.o,$(call srcs,$1))

# Highest layer first: an archive may use only those to its right.
libs   := $(patsubst %,$O/lib/%.a,keep hub sys wire base)

all: $(progs:%=$O/bin/%) $O/checked

# keep is linked by the keeper alone.
$O/bin/%: $O/bin/%.o $(filter-out $O/lib/keep.a,$(libs))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)
$O/bin/pc-serve: $O/bin/pc-serve.o $(libs)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^)

# A change of flags rebuilds everything they shape.
$O/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(flags) $(LDFLAGS) $(LOOP)' | cmp -s - $@ || \
		echo '$(CC) $(flags) $(LDFLAGS) $(LOOP)' > $@
FORCE:

$O/%.o: %.c $O/flags
	@mkdir -p $(@D)
	$(CC) $(flags) -MMD -MP -c -o $@ $<

define archive
$O/lib/$1.a: $(call objs,$1)
	@mkdir -p $$(@D)
	rm -f $$@ && $(AR) rcD $$@ $$^
endef
$(foreach l,$(layers),$(eval $(call archive,$l)))

# A test may use its own layer and those below: an upward call does not link.
use = $(libs)
$O/t/base/%.t: use = $O/lib/base.a
$O/t/wire/%.t: use = $O/lib/wire.a $O/lib/base.a
$O/t/sys/%.t:  use = $O/lib/sys.a $O/lib/wire.a $O/lib/base.a
$O/t/hub/%.t:  use = $(filter-out $O/lib/keep.a,$(libs))
$O/t/%.t: $O/t/unit/%.o $O/t/tap.o $(libs)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(use)

# Tests may use what POSIX lacks: guard pages, and what they spy on.
$O/t/%.o: flags += -D_DEFAULT_SOURCE -It

$O/t/tools/%: flags += -D_DEFAULT_SOURCE
$O/t/tools/%: t/tools/%.c $O/flags
	@mkdir -p $(@D)
	$(CC) $(flags) $(LDFLAGS) -o $@ $<

check-unit: $(units)
	prove -j$(JOBS) -e '' $(units)

clean:
	rm -rf $O

-include $(shell find $O -name '*.d' 2>/dev/null)
.SECONDARY:
.PHONY: all check check-unit clean FORCE help
