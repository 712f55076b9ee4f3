# Grapevine.  `make help` lists the targets.  A target that runs something first installs what is
# missing for it from Debian (tests/install says what); `all`, `install`, `format` and `clean` never do.

VERSION  := 0.1.0
PREFIX   ?= /usr/local
LIBDIR   ?= $(PREFIX)/lib
DESTDIR  ?=
FLAVOUR  ?= release
BUILD    := build
OUT      := $(if $(filter release,$(FLAVOUR)),$(BUILD),$(BUILD)/$(FLAVOUR))
OBJ      := $(BUILD)/obj/$(FLAVOUR)

# Seconds for each target of `make fuzz`; port and other options for the server of `make run`.
FUZZ_SECONDS ?= 30
PORT         ?=
ARGS         ?=

# As many jobs as cores, unless the command line says otherwise.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wold-style-definition -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla \
            -Wimplicit-fallthrough -Wswitch-enum
# Sanitizers confuse the compiler's view of what is initialized: their warnings are no errors.
ifeq ($(CI)-$(FLAVOUR),true-release)
WARNINGS += -Werror
endif
FLAVOUR_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAVOUR_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAVOUR_tsan    := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
FLAVOUR_fuzz    := $(FLAVOUR_asan) -fsanitize=fuzzer-no-link

CFLAGS   ?= $(FLAVOUR_$(FLAVOUR))

# The released server is optimized as a whole: what is called for every request lies in many folders.
# Its objects hold ordinary code too, which tests are linked from.  (clang knows no such objects.)
ifeq ($(FLAVOUR)-$(findstring clang,$(CC)),release-)
LTO := -flto=auto
endif
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -DGRAPEVINE_VERSION='"$(VERSION)"' -Iserver -Iclient $(WARNINGS) $(CFLAGS) -MMD -MP
LIBS     := -levent_core -levent_extra -levent_openssl -levent_pthreads -lssl -lcrypto -lsodium \
            -lleveldb -l:libsnappy.so.1 -ljansson -lpthread -lm
CLIENT_LIBS := -lhiredis -levent_core -lssl -lcrypto
CLI_LIBS := $(CLIENT_LIBS) -ljansson
LOAD_LIBS = -lhiredis $(LIBS)
ifeq ($(FLAVOUR),release)
LIBS     += -l:libjemalloc.so.2
endif

# The last number of the soname changes when programs built before would no longer work.
SONAME := libgrapevine.so.0
SHARED := libgrapevine.so.$(VERSION)
OBJCOPY ?= objcopy

# Sources by folder: a new file needs no line here.
SERVER_SOURCES := $(wildcard server/*.c server/*/*.c server/*/*.S)
# (What of the library is not for everybody it hides; watching goes by a connection of its own.)
CLI_SOURCES    := $(wildcard client/cli/*.c) client/library/tls.c client/library/memory.c
CLIENT_SOURCES := $(wildcard client/library/*.c)
LOAD_SOURCES   := $(wildcard bench/load/*.c)
UNIT_SOURCES   := $(wildcard tests/unit/*/test_*.c)
FUZZ_SOURCES   := $(wildcard tests/fuzz/fuzz_*.c)
SIM_SOURCES    := $(wildcard tests/sim/*.c)
TEST_SOURCES   := $(wildcard tests/unit/*.c tests/unit/*/*.c tests/fuzz/*.c) $(SIM_SOURCES)
MANUAL         := $(if $(filter release,$(FLAVOUR)),$(OUT)/grapevine-cli.1)
objects         = $(patsubst %.S,$(OBJ)/%.o,$(patsubst %.c,$(OBJ)/%.o,$(1)))

SERVER_LIBRARY := $(OBJ)/libserver.a
CLI_LIBRARY    := $(OBJ)/libcli.a
CLIENT_LIBRARY := $(OBJ)/libclient.a
LOAD_LIBRARY   := $(OBJ)/libload.a
UNIT_PROGRAMS  := $(patsubst %.c,$(OUT)/%,$(UNIT_SOURCES))
FUZZ_PROGRAMS  := $(patsubst %.c,$(OUT)/%,$(FUZZ_SOURCES))
SIM_PROGRAM    := $(OUT)/tests/sim/sim

all: $(OUT)/grapevine-server $(OUT)/grapevine-cli $(OUT)/libgrapevine.a $(OUT)/$(SHARED) $(MANUAL)  ## build grapevine-server, grapevine-cli and libgrapevine into build/

$(OBJ)/server/%.o: ALL_CFLAGS += $(LTO) $(LTO:%=-ffat-lto-objects)

$(OUT)/grapevine-server: $(call objects,$(SERVER_SOURCES))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LTO) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/grapevine-cli: $(call objects,$(CLI_SOURCES)) $(OUT)/libgrapevine.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(CLI_LIBS)

# Written by the program itself, out of the tables that it works by: the manual, and what shells complete.
$(OUT)/grapevine-cli.1: $(OUT)/grapevine-cli
	$< manual >$@
	$< completion bash >$(OUT)/grapevine-cli.bash
	$< completion zsh >$(OUT)/grapevine-cli.zsh
	$< completion fish >$(OUT)/grapevine-cli.fish

# libgrapevine.  Of both kinds a program sees what grapevine.h declares and nothing else: the shared one
# hides the rest, the static one is a single object whose other names were made its own.

$(OBJ)/client/library/%.o: ALL_CFLAGS += -fPIC -fvisibility=hidden

$(OUT)/libgrapevine.a: $(call objects,$(CLIENT_SOURCES))
	@mkdir -p $(@D)
	@rm -f $@
	$(LD) -r -o $(OBJ)/client/grapevine.o $^
	$(OBJCOPY) --localize-hidden $(OBJ)/client/grapevine.o
	$(AR) rcs $@ $(OBJ)/client/grapevine.o

$(OUT)/$(SHARED): $(call objects,$(CLIENT_SOURCES))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -o $@ $^ $(CLIENT_LIBS)
	ln -sf $(SHARED) $(OUT)/$(SONAME)
	ln -sf $(SONAME) $(OUT)/libgrapevine.so

# Written in assembler because that is how a file becomes bytes of a program.
$(OBJ)/server/http/dashboard.o: server/http/dashboard.S server/http/dashboard.html
	@mkdir -p $(@D)
	$(CC) -c -o $@ $<

$(OBJ)/%.o: %.c | $(OBJ)/libraries
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# Tried before anything is compiled: where a library is missing, one line says what to install.
$(OBJ)/libraries:
	@mkdir -p $(@D)
	@echo 'int main(void) { return 0; }' | $(CC) -x c - -o $@ $(LDFLAGS) $(LIBS) $(CLI_LIBS) || \
		{ tests/install --missing build; exit 1; }

# Tests link all of the server, or of the CLI, but its main().

$(SERVER_LIBRARY): $(call objects,$(filter-out server/main.c,$(SERVER_SOURCES)))
$(CLI_LIBRARY): $(call objects,$(filter-out client/cli/main.c,$(CLI_SOURCES)))
$(CLIENT_LIBRARY): $(call objects,$(CLIENT_SOURCES))
$(LOAD_LIBRARY): $(call objects,$(filter-out bench/load/main.c,$(LOAD_SOURCES)))
$(SERVER_LIBRARY) $(CLI_LIBRARY) $(CLIENT_LIBRARY) $(LOAD_LIBRARY):
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^

# Tests write an argv of literals.
$(OBJ)/tests/%.o: ALL_CFLAGS += -I. -Itests -Ibench -Wno-write-strings

$(OUT)/tests/unit/cli/%: $(OBJ)/tests/unit/cli/%.o $(CLI_LIBRARY) $(CLIENT_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(CLI_LIBS)

$(OUT)/tests/unit/library/%: $(OBJ)/tests/unit/library/%.o $(OBJ)/tests/unit/library/toy_server.o $(CLIENT_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(CLIENT_LIBS) -lpthread

$(OUT)/tests/unit/load/%: $(OBJ)/tests/unit/load/%.o $(OBJ)/tests/unit/load/fake_server.o $(LOAD_LIBRARY) $(SERVER_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LOAD_LIBS)

$(OUT)/tests/unit/%: $(OBJ)/tests/unit/%.o $(SERVER_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# A fuzz target is run by libFuzzer in the fuzz flavour; in the others it replays files.
ifeq ($(FLAVOUR),fuzz)
FUZZ_MAIN := -fsanitize=fuzzer
else
FUZZ_MAIN := $(OBJ)/tests/fuzz/replay.o
endif

$(OUT)/tests/fuzz/fuzz_pairs: $(OBJ)/tests/fuzz/fuzz_pairs.o $(filter %.o,$(FUZZ_MAIN)) $(CLI_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(filter -f%,$(FUZZ_MAIN))

$(OUT)/tests/fuzz/%: $(OBJ)/tests/fuzz/%.o $(filter %.o,$(FUZZ_MAIN)) $(SERVER_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(filter -f%,$(FUZZ_MAIN)) $(LIBS)

$(SIM_PROGRAM): $(call objects,$(SIM_SOURCES)) $(SERVER_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Parts of `make bench`.  Those in bench/micro link all of the server, as tests do.

$(OUT)/bench/replay: $(OBJ)/bench/replay/replay.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(OUT)/bench/micro: $(call objects,$(wildcard bench/micro/*.c)) $(SERVER_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/bench/traffic: $(OBJ)/bench/leveldb/traffic.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(OUT)/bench/bare: $(OBJ)/bench/leveldb/bare.o
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OBJ)/bench/%.o: ALL_CFLAGS += -Ibench

# What stays in the cache, under several policies: bench/README.md.
$(OUT)/bench/cache: $(call objects,$(wildcard bench/cache/*.c)) $(SERVER_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

bench-tools: $(OUT)/grapevine-load  ## build grapevine-load, the load generator of bench/, into build/

$(OUT)/grapevine-load: $(call objects,$(LOAD_SOURCES)) $(SERVER_LIBRARY)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LOAD_LIBS)

bench-programs: $(addprefix $(OUT)/bench/,replay micro cache traffic bare) bench-tools

test-programs: $(UNIT_PROGRAMS) $(FUZZ_PROGRAMS) $(SIM_PROGRAM) bench-tools

# Running it.  The builds come after the installation, so they are makes of their own.

run:  ## build and serve on 127.0.0.1:6379, data in ./data (PORT=7000, ARGS='--name value …')
	@tests/install build run
	@$(MAKE) --no-print-directory all
	@echo "Starting the server: Ctrl-C ends it, \`make run PORT=7000\` gives it another port."
	@echo "From another terminal: redis-cli, or $(BUILD)/grapevine-cli --help"
	@exec $(BUILD)/grapevine-server $(ARGS) $(if $(PORT),--port $(PORT))

test:  ## every test: unit, dialogues, integration, fuzz corpora, lint, sanitizers
	@tests/install build test
	@tests/lib/npm.py
	@$(MAKE) --no-print-directory all test-programs bench-programs
	@$(MAKE) --no-print-directory FLAVOUR=asan all test-programs
	@$(MAKE) --no-print-directory FLAVOUR=tsan all test-programs
	@tests/run

unit:  ## the fast part: unit tests only
	@tests/install build unit
	@$(MAKE) --no-print-directory test-programs
	@tests/run unit

asan tsan:  ## the tests under the address (and undefined behaviour) or the thread sanitizer
	@tests/install build test
	@$(MAKE) --no-print-directory FLAVOUR=$@ all test-programs
	@tests/run $@

fuzz:  ## fuzz each target for FUZZ_SECONDS (30)
	@tests/install build fuzz
	@$(MAKE) --no-print-directory FLAVOUR=fuzz CC=clang $(patsubst %,$(BUILD)/fuzz/%,$(FUZZ_SOURCES:.c=))
	@tests/fuzz/run $(FUZZ_SECONDS)

lint:  ## format, layers, style, redis-compat.md, cppcheck, clang-tidy
	@tests/install build lint
	@$(MAKE) --no-print-directory all
	@tests/run lint

bench:  ## measure beside Debian's redis-server and memcached; writes bench/RESULTS.md
	@tests/install build bench
	@$(MAKE) --no-print-directory all bench-programs
	@bench/run

bench-micro:  ## what parts of the server cost by themselves: parser, cache, store, sums
	@tests/install build
	@$(MAKE) --no-print-directory bench-programs
	@$(OUT)/bench/micro

format:  ## clang-format all of the C
	clang-format -i $(wildcard server/*.[ch] server/*/*.[ch] client/*.[ch] client/*/*.[ch] tests/unit/*.[ch] tests/*/*/*.[ch] tests/fuzz/*.[ch] bench/*/*.[ch])

install: all $(OUT)/grapevine-cli.1  ## into DESTDIR and PREFIX (/usr/local)
	install -d $(DESTDIR)$(PREFIX)/bin
	install $(OUT)/grapevine-server $(OUT)/grapevine-cli $(DESTDIR)$(PREFIX)/bin
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 644 $(OUT)/grapevine-cli.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(OUT)/grapevine-cli.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/grapevine-cli
	install -m 644 $(OUT)/grapevine-cli.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_grapevine-cli
	install -m 644 $(OUT)/grapevine-cli.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -d $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(LIBDIR)/pkgconfig
	install -m 644 client/grapevine.h $(DESTDIR)$(PREFIX)/include
	install -m 644 $(OUT)/libgrapevine.a $(OUT)/$(SHARED) $(DESTDIR)$(LIBDIR)
	ln -sf $(SHARED) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libgrapevine.so
	sed -e 's,@PREFIX@,$(PREFIX),' -e 's,@LIBDIR@,$(LIBDIR),' -e 's,@VERSION@,$(VERSION),' client/grapevine.pc.in \
		>$(DESTDIR)$(LIBDIR)/pkgconfig/grapevine.pc

clean:  ## remove build/
	rm -rf $(BUILD)

help:  ## this list
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

-include $(patsubst %.c,$(OBJ)/%.d,$(filter %.c,$(SERVER_SOURCES)) $(CLI_SOURCES) $(CLIENT_SOURCES) $(TEST_SOURCES) $(wildcard bench/*/*.c))

.PHONY: all run test test-programs bench-programs bench-tools unit asan tsan fuzz lint bench bench-micro format install clean help
.DELETE_ON_ERROR:
.SECONDARY:
