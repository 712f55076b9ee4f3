# Grapevine.  `make run` and `make test` install what they need from Debian; everything else only builds.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
DESTDIR  ?=
CC       ?= gcc
FLAVOUR  ?= release
BUILD    := build
OUT      := $(if $(filter release,$(FLAVOUR)),$(BUILD),$(BUILD)/$(FLAVOUR))
OBJ      := $(BUILD)/obj/$(FLAVOUR)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wold-style-definition -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla \
            -Wimplicit-fallthrough -Wswitch-enum
ifeq ($(CI),true)
WARNINGS += -Werror
endif
FLAVOUR_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAVOUR_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAVOUR_tsan    := -O1 -g -fsanitize=thread -fno-omit-frame-pointer

CFLAGS   ?= $(FLAVOUR_$(FLAVOUR))
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -DGRAPEVINE_VERSION='"$(VERSION)"' -Iserver $(WARNINGS) $(CFLAGS) -MMD -MP
LIBS     := -levent_core -levent_pthreads -lleveldb -lpthread -lm
ifeq ($(FLAVOUR),release)
LIBS     += -l:libjemalloc.so.2
endif

SERVER_SOURCES := $(wildcard server/*.c server/*/*.c)
LIBRARY_SOURCES := $(filter-out server/main.c,$(SERVER_SOURCES))
CLI_SOURCES    := $(wildcard client/*.c)
objects         = $(patsubst %.c,$(OBJ)/%.o,$(1))

all: $(OUT)/grapevine-server $(OUT)/grapevine-cli

$(OUT)/grapevine-server: $(call objects,$(SERVER_SOURCES))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/grapevine-cli: $(call objects,$(CLI_SOURCES))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lhiredis -ljansson

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

-include $(patsubst %.c,$(OBJ)/%.d,$(SERVER_SOURCES) $(CLI_SOURCES))

clean:
	rm -rf $(BUILD)

.PHONY: all clean
.DELETE_ON_ERROR:
