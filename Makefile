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
STATIC  = -static
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
CFLAGS   = -Os -g
flags    = -std=c11 -D_POSIX_C_SOURCE=200809L -DPC_VERSION='"$(VERSION)"' \
           -iquote lib -fno-pie -ffunction-sections -fdata-sections \
           -fno-asynchronous-unwind-tables -fno-unwind-tables \
           -ffile-prefix-map=$(CURDIR)=. $(harden) $(warn) $(CFLAGS)
LDFLAGS  = $(STATIC) -no-pie -Wl,--gc-sections,--build-id=none \
           -Wl,-z,relro,-z,now,-z,noexecstack,-z,noseparate-code

# Programs, units and tests are found; the layers are spelled out.
layers := base wire sys hub keep log auth front
progs  := $(sort $(patsubst bin/%.c,%,$(wildcard bin/*.c)))
units  := $(sort $(patsubst t/unit/%.c,$O/t/%.t,$(wildcard t/unit/*/*.c)))
tools  := $(sort $(patsubst t/tools/%.c,$O/t/tools/%,$(wildcard t/tools/*.c)))
tests  := $(sort $(wildcard t/*.t))

other_loop = $(filter-out lib/sys/loop_$(LOOP).c,$(wildcard lib/sys/loop_*.c))
srcs   = $(sort $(filter-out $(other_loop),$(wildcard lib/$1/*.c)))
objs   = $(patsubst %.c,$O/%.o,$(call srcs,$1))

# Highest layer first: an archive may use only those to its right.
libs   := $(patsubst %,$O/lib/%.a,hub sys wire base)

all: $(progs:%=$O/bin/%) $O/checked

# keep is linked by the keeper alone, log by what writes and reads log files,
# auth by what opens hub.db. The front door's archive uses that of auth.
upper_pc-serve := keep
upper_pc-logd  := log
upper_pc-logs  := log
upper_pc-front := front auth
upper_pc-auth  := auth

# Third-party code, for the programs that are named here.
vendor_pc-front := sqlite bearssl
vendor_pc-auth  := sqlite bearssl
vendored = $(patsubst %,$O/vendor/%.a,$1)

define prog_rule
$O/bin/$1: $O/obj/bin/$1.o $(patsubst %,$O/lib/%.a,$(upper_$1)) $(libs) \
		$(call vendored,$(vendor_$1))
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^)
endef
$(foreach p,$(progs),$(eval $(call prog_rule,$p)))

# A change of flags rebuilds everything they shape.
stamp = @echo '$1' | cmp -s - $@ || echo '$1' > $@
$O/flags: FORCE
	@mkdir -p $(@D)
	$(call stamp,$(CC) $(flags) $(LDFLAGS) $(LOOP))
FORCE:

# Fetched and checked by vendor/fetch, unless a directory is named; compiled
# without our warnings. What misbehaves in it shows to the address sanitizer;
# the shifts and alignments that the other one minds are its authors' choice.
SQLITE_DIR  ?=
BEARSSL_DIR ?=
sqlite_dir  = $(or $(SQLITE_DIR),$O/vendor/sqlite)
bearssl_dir = $(or $(BEARSSL_DIR),$O/vendor/bearssl)
alien   = -fno-pie -ffunction-sections -fdata-sections $(harden) -w \
          -fno-asynchronous-unwind-tables -fno-unwind-tables \
          $(patsubst -fsanitize=%,-fsanitize=address,$(filter -g -fsanitize=% \
          -fno-omit-frame-pointer,$(CFLAGS)))
alien_sqlite  = -Os -DSQLITE_THREADSAFE=0 -DSQLITE_DQS=0 \
          -DSQLITE_DEFAULT_MEMSTATUS=0 -DSQLITE_DEFAULT_FOREIGN_KEYS=1 \
          -DSQLITE_LIKE_DOESNT_MATCH_BLOBS -DSQLITE_TEMP_STORE=2 \
          -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_OMIT_DEPRECATED \
          -DSQLITE_OMIT_SHARED_CACHE -DSQLITE_OMIT_AUTOINIT \
          -DSQLITE_USE_ALLOCA -DHAVE_FDATASYNC=1
# Seeds come from getrandom(), by our hand.
alien_bearssl = -O2 -DBR_RDRAND=0 -DBR_USE_URANDOM=0

export SQLITE_DIR BEARSSL_DIR
$O/vendor/%.ready: FORCE
	@mkdir -p $(@D)
	@vendor/fetch $(@D) $* > $@.new || { rm -f $@.new; exit 1; }
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@
$O/vendor/%.flags: FORCE
	@mkdir -p $(@D)
	$(call stamp,$(CC) $(alien) $(alien_$*))
$O/vendor/%.a: $O/vendor/%.ready $O/vendor/%.flags FORCE
	+@$(MAKE) --no-print-directory -f vendor/archive.mk archive NAME=$* \
		CC='$(CC)' AR='$(AR)' SOURCE='$($*_dir)' OUT='$(@D)' \
		FLAGS='$(alien) $(alien_$*) -ffile-prefix-map=$(CURDIR)=.'

# Whose headers are seen by whom: t/layers.sh has the same table. A test plays
# the system that SQLite meets.
see =
seen_by = $(foreach f,$1,$O/$f $O/fuzz/obj/$f)
sees_sqlite  := $(call seen_by,lib/sys/db.o t/unit/sys/db.o)
sees_bearssl := $(call seen_by,lib/sys/tls.o lib/auth/jwt.o lib/auth/keys.o)
$(sees_sqlite): $O/vendor/sqlite.ready
$(sees_sqlite): private see = -isystem $(sqlite_dir)
$(sees_bearssl): $O/vendor/bearssl.ready
$(sees_bearssl): private see = -isystem $(bearssl_dir)/inc

$O/%.o $O/obj/%.o: %.c $O/flags
	@mkdir -p $(@D)
	$(CC) $(flags) $(see) -MMD -MP -c -o $@ $<

define archive
$O/lib/$1.a: $(call objs,$1)
	@mkdir -p $$(@D)
	rm -f $$@ && $(AR) rcD $$@ $$^
endef
$(foreach l,$(layers),$(eval $(call archive,$l)))

# A test may use its own layer and those below: an upward call does not link.
below = $(patsubst %,$O/lib/%.a,$1)
define unit_rule
$O/t/$1/%.t: $O/t/unit/$1/%.o $O/t/tap.o $(call below,$2) \
		$(call vendored,$3)
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) \
		$$(filter $O/lib/%.a,$$^) $$(filter $O/vendor/%.a,$$^)
endef
$(eval $(call unit_rule,base,base))
$(eval $(call unit_rule,wire,wire base))
$(eval $(call unit_rule,sys,sys wire base))
$(eval $(call unit_rule,hub,hub sys wire base))
$(eval $(call unit_rule,keep,keep hub sys wire base))
$(eval $(call unit_rule,log,log hub sys wire base))
$(eval $(call unit_rule,auth,auth hub sys wire base,sqlite bearssl))
$(eval $(call unit_rule,front,front auth hub sys wire base,sqlite bearssl))
$O/t/sys/db.t $O/t/sys/jail_db.t: $O/vendor/sqlite.a

# Tests may use what POSIX lacks: guard pages, and what they spy on.
$O/t/%.o: private flags += -D_DEFAULT_SOURCE -It

$O/t/tools/%: private flags += -D_DEFAULT_SOURCE
$O/t/tools/%: t/tools/%.c $O/flags
	@mkdir -p $(@D)
	$(CC) $(flags) $(LDFLAGS) -o $@ $<

# Programs with a seam: a clock that a test can move, a worker of the front
# door that does what a request tells it to.
seams := $O/t/seam/pc-serve $O/t/seam/pc-front
wraps = -Wl,--wrap=clock_gettime,--wrap=time,--wrap=gettimeofday
$O/t/seam/pc-serve: $O/obj/bin/pc-serve.o $O/t/seam/clock.o \
		$O/lib/keep.a $(libs)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(wraps) -o $@ $(filter %.o,$^) $(filter %.a,$^)

taken = -Wl,--wrap=jail_worker,--wrap=route_request
$O/t/seam/pc-front: $O/obj/bin/pc-front.o $O/t/seam/taken.o \
		$(upper_pc-front:%=$O/lib/%.a) $(libs) \
		$(call vendored,$(vendor_pc-front))
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) $(taken) -o $@ $(filter %.o,$^) $(filter %.a,$^)

check-unit: $(units)
	prove -j$(JOBS) -e '' $(units)

clean:
	rm -rf $O

-include $(shell find $O -name '*.d' 2>/dev/null)
.SECONDARY:
.PHONY: all check check-unit clean FORCE help

# --- everything around the build

help:
	@echo 'make                  static programs in $O/bin'
	@echo 'make run              a hub with real servers on a demo home'
	@echo 'make check            every test (LOOP=poll: with the other loop)'
	@echo 'make soak             the ones with chance, for an hour or two'
	@echo 'make asan             the same under address and UB sanitizers'
	@echo 'make lint             compilers and linters that must stay silent'
	@echo 'make fuzz T=json      fuzzes one parser'
	@echo 'make bench            measures, beside other supervisors'
	@echo 'make survivors        what lives on under each supervisor'
	@echo 'make repro            builds twice and compares bit for bit'
	@echo 'make install          to DESTDIR and PREFIX: $(DESTDIR)$(PREFIX)'
	@echo 'make uninstall        takes that back'
	@echo 'make clean            removes $O'
	@echo 'run, check, asan, lint and bench install what they lack (Debian, as'
	@echo 'root; DEPS=no: never). make CC=gcc STATIC= builds a dynamic one.'
	@echo 'SQLITE_DIR=, BEARSSL_DIR=, VENDOR_CACHE=: see vendor/README.'

# Every product is what it is said to be; a dynamic build claims nothing.
$O/checked: $(progs:%=$O/bin/%) $(layers:%=$O/lib/%.a) t/products.sh
	@mkdir -p $(@D)
	$(if $(STATIC),t/products.sh $O $(progs))
	@touch $@

# Packages come first, before anything is compiled: hence the second make.
need_in = @DEPS=$(DEPS) BUILD='$1' t/deps.sh $(if $(STATIC),static) build vendor
need    = $(call need_in,$O)
again = @$(MAKE) --no-print-directory
# A build directory of its own, unless one was asked for.
place = $(if $(filter file,$(origin O)),O=$1)

run:
	$(need) run
	$(again) all
	@t/demo.sh $O

# $(replays) come from t/fuzz/fuzz.mk.
-include t/fuzz/fuzz.mk

check:
	$(need) check
	$(again) check-now $(if $(filter poll,$(LOOP)),$(call place,build/poll))
check-now: all $(units) $(tools) $(seams) $(replays)
	@PATH='$(abspath $O)/bin:$(abspath $O)/t/tools':"$$PATH" \
		PC_BUILD='$(abspath $O)' \
		t/run.sh $(JOBS) $(tests) $(units) $(replays)

# The tests that chance has a part in, long, one after the other. SEED=N
# repeats a run, ROUNDS=N sets its length, SOAKS="gone killed" chooses.
SOAKS   = gone gone-cgroup killed killed-cgroup nodrop descriptors pid1 clock \
          diskfull ops-random front-dies
SECONDS = 7200
soak:
	$(need) check
	$(again) all $(tools) $(seams)
	@PATH='$(abspath $O)/bin:$(abspath $O)/t/tools':"$$PATH" \
		PC_BUILD='$(abspath $O)' PC_TEST_SOAK=yes \
		PC_TEST_DEADLINE=$(SECONDS) PC_DEADLINE=$(SECONDS) \
		SEED='$(SEED)' ROUNDS='$(ROUNDS)' \
		t/run.sh 1 $(SOAKS:%=t/%.t)

sanitize = -fsanitize=address,undefined -fno-sanitize-recover=all
asan_dir = $(if $(filter file,$(origin O)),build/asan,$O)
# Reports go to files: nobody reads the stderr of a daemon under test.
asan:
	$(call need_in,$(asan_dir)) check asan
	@mkdir -p $(asan_dir)/reports
	@PC_REPORTS='$(abspath $(asan_dir))/reports'; export PC_REPORTS; \
	ASAN_OPTIONS="log_path=$$PC_REPORTS/r:detect_stack_use_after_return=1" \
	UBSAN_OPTIONS="log_path=$$PC_REPORTS/r:print_stacktrace=1" \
	$(MAKE) --no-print-directory check-now $(call place,build/asan) \
		CC=gcc STATIC= \
		CFLAGS='-O1 -g -Werror -fno-omit-frame-pointer $(sanitize)' \
		LDFLAGS='-no-pie $(sanitize)'

sources  := $(sort $(wildcard lib/*/*.c bin/*.c))
scripts  := $(sort $(wildcard t/*.t t/*.sh t/*/*.sh t/bench/run t/bench/survivors \
             .ci/run vendor/fetch))
pages    := $(sort $(wildcard doc/*.[1-8]))
lint_dir  = $(if $(filter file,$(origin O)),build/lint,$O)
# clang sees the code as gcc does, without what it does not know.
tidy      = $(filter-out $(harden) -fanalyzer,$(flags)) \
            -isystem $(sqlite_dir) -isystem $(bearssl_dir)/inc
# cppcheck knows no _Noreturn. autoVariables is about pointers to locals that
# are taken back before the function ends; the sanitizers watch those.
# ctunullpointer takes sizeof e->msg for an access.
check_c   = cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
            --enable=warning,performance,portability \
            --suppress=autoVariables --suppress=ctunullpointer \
            -D_Noreturn='__attribute__((noreturn))' -DPC_VERSION='""' \
            -Ilib -It

lint:
	$(call need_in,$(lint_dir)) lint
	@$(MAKE) --no-print-directory -k lint-now O=$(lint_dir) CC=gcc \
		CFLAGS='-O0 -g -Werror -fanalyzer'
lint-now: analyzed $(addprefix lint-,cppcheck tidy layers shell pages)
lint-cppcheck:
	@$(check_c) $(sources) $(sort $(wildcard t/*.c t/*/*.c t/*/*/*.c))
lint-tidy: $O/vendor/sqlite.ready $O/vendor/bearssl.ready
	@printf '%s\n' $(sources) | \
		xargs -P $(JOBS) -I FILE clang-tidy --quiet FILE -- $(tidy)
lint-layers:
	t/layers.sh
lint-shell:
	shellcheck $(scripts)
lint-pages:
	mandoc -Tlint -Wwarning $(pages)
analyzed: $(sources:%.c=$O/%.o)

page_dirs = $(sort $(patsubst .%,man%,$(suffix $(pages))))
bash_dir  = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zsh_dir   = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
fish_dir  = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
man_dir   = $(DESTDIR)$(PREFIX)/share/man

install: all
	mkdir -p $(DESTDIR)$(PREFIX)/bin $(bash_dir) $(zsh_dir) $(fish_dir) \
		$(page_dirs:%=$(man_dir)/%)
	install -s -m 755 $(progs:%=$O/bin/%) $(DESTDIR)$(PREFIX)/bin
	for page in $(pages); do install -m 644 "$$page" \
		"$(man_dir)/man$${page##*.}" || exit 1; done
	for p in $(progs); do \
		$O/bin/$$p --completion=bash > $(bash_dir)/$$p && \
		$O/bin/$$p --completion=zsh > $(zsh_dir)/_$$p && \
		$O/bin/$$p --completion=fish > $(fish_dir)/$$p.fish && \
		chmod 644 $(bash_dir)/$$p $(zsh_dir)/_$$p \
			$(fish_dir)/$$p.fish || exit 1; done

uninstall:
	rm -f $(progs:%=$(DESTDIR)$(PREFIX)/bin/%) \
		$(foreach p,$(pages),$(man_dir)/man$(subst .,,$(suffix $p))/$(notdir $p)) \
		$(progs:%=$(bash_dir)/%) $(progs:%=$(zsh_dir)/_%) \
		$(progs:%=$(fish_dir)/%.fish)

# Two places whose names differ in length, built one after the other.
repro_in = $(abspath $O)/repro
repro:
	$(need)
	rm -rf $O/repro
	@set -e; for d in a another-place; do \
		mkdir -p $(repro_in)/$$d; \
		cp -R Makefile bin lib t doc vendor $(repro_in)/$$d; \
		$(MAKE) --no-print-directory -s -C $(repro_in)/$$d O=build all \
			SQLITE_DIR='$(abspath $(SQLITE_DIR))' \
			BEARSSL_DIR='$(abspath $(BEARSSL_DIR))'; \
	done
	@set -e; for p in $(progs); do \
		cmp $(repro_in)/a/build/bin/$$p \
			$(repro_in)/another-place/build/bin/$$p; \
	done
	@echo 'repro: $(words $(progs)) programs, bit for bit the same'

bench:
	$(need) check bench
	$(again) all $(tools)
	@PATH='$(abspath $O)/bin:$(abspath $O)/t/tools':"$$PATH" \
		PC_BUILD='$(abspath $O)' t/bench/run

survivors:
	$(need) check bench survivors
	$(again) all $(tools)
	@PATH='$(abspath $O)/bin:$(abspath $O)/t/tools':"$$PATH" \
		PC_BUILD='$(abspath $O)' t/bench/survivors

.PHONY: survivors run check-now soak asan lint lint-now lint-cppcheck lint-tidy lint-layers \
	lint-shell lint-pages analyzed install uninstall repro bench
