# One archive of third-party code: make -f vendor/archive.mk archive NAME= ...
# SPDX-License-Identifier: MIT
#
#   NAME    of the source; OUT/NAME.ready and OUT/NAME.flags are its stamps
#   SOURCE  where it lies
#   OUT     where OUT/NAME.a goes; CC, AR and FLAGS make it
#
# A makefile of its own, because what there is to compile is known only when
# it has been fetched.

.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

found_sqlite  = sqlite3.c
found_bearssl = $(patsubst $(SOURCE)/%,%,\
	$(sort $(wildcard $(SOURCE)/src/*.c $(SOURCE)/src/*/*.c)))
include_bearssl = -I $(SOURCE)/inc -I $(SOURCE)/src

obj     := $(OUT)/$(NAME)-obj
objects := $(patsubst %.c,$(obj)/%.o,$(found_$(NAME)))

archive: $(OUT)/$(NAME).a
	@:
$(OUT)/$(NAME).a: $(objects)
	rm -f $@ && $(AR) rcD $@ $^

# An object knows its headers in a directory that is not ours to pin.
$(obj)/%.o: $(SOURCE)/%.c $(OUT)/$(NAME).ready $(OUT)/$(NAME).flags
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -ffile-prefix-map=$(SOURCE)=vendor/$(NAME) \
		$(include_$(NAME)) -MMD -MP -MF $(@:.o=.dep) -c -o $@ $<

-include $(objects:.o=.dep)
.PHONY: archive
