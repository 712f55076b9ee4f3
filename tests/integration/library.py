#!/usr/bin/python3
"""libgrapevine as a user has it: installed, found by pkg-config, linked, and against real servers."""
import atexit
import functools
import os
import re
import shutil
import subprocess
import tempfile

from lib import wait
from lib.claims import Skip, check, claim, run
from lib.server import TOP, Server, binary, environment, is_sanitized

NO_RATE = ("--key-write-rate", "0")
STRICT = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
PROGRAM = os.path.join(TOP, "tests", "integration", "library", "program.c")
BULK = 100_000

# What runs longer than this hangs.
LIMIT_S = 120


# --- building ---------------------------------------------------------------------------------------


@functools.cache
def scratch():
    folder = tempfile.mkdtemp(prefix="grapevine-library-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def flavour():
    folder = os.path.basename(os.path.dirname(binary()))
    return folder if folder in ("asan", "tsan") else "release"


def sanitizers():
    return {"asan": ["-fsanitize=address,undefined"], "tsan": ["-fsanitize=thread"]}.get(flavour(), [])


def command(*words, **more):
    """What it says; it must end well."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S, check=False,
                          stdin=subprocess.DEVNULL, **more)
    check(done.returncode, 0, f"{' '.join(words)}: {done.stdout}{done.stderr}")
    return done.stdout


def install(**variables):
    build = os.path.dirname(binary()) if flavour() == "release" else os.path.dirname(os.path.dirname(binary()))
    outer = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command("make", "--no-print-directory", "install", f"BUILD={os.path.relpath(build, TOP)}", f"FLAVOUR={flavour()}",
            *(f"{name}={value}" for name, value in variables.items()), cwd=TOP, env=outer)


@functools.cache
def prefix():
    """Where it was installed, once for all claims."""
    if shutil.which("pkg-config") is None:
        raise Skip("there is no pkg-config")
    folder = os.path.join(scratch(), "prefix")
    install(PREFIX=folder, DESTDIR="")
    return folder


def pkg_config(*words):
    where = {"PKG_CONFIG_PATH": os.path.join(prefix(), "lib", "pkgconfig")}
    return command("pkg-config", *words, "grapevine", env={**os.environ, **where}).split()


def shared_flags():
    return pkg_config("--cflags", "--libs")


def static_flags():
    """All that --static names, with ours from the archive."""
    return [os.path.join(prefix(), "lib", "libgrapevine.a") if flag == "-lgrapevine" else flag
            for flag in pkg_config("--static", "--cflags", "--libs")]


def compiled(name, source, flags, compiler="cc", dialect=STRICT):
    path = os.path.join(scratch(), name)
    command(compiler, *dialect, *sanitizers(), "-o", path, source, *flags)
    return path


@functools.cache
def program():
    return compiled("program", PROGRAM, shared_flags() + ["-levent_core"])


def here():
    return {**environment(), "LD_LIBRARY_PATH": os.path.join(prefix(), "lib")}


def perform(*words, path=None):
    return command(path or program(), *(str(word) for word in words), env=here())


def address(server):
    return f"127.0.0.1:{server.port}"


# --- what is installed ------------------------------------------------------------------------------


def declared():
    """The functions of the header."""
    with open(os.path.join(TOP, "client", "grapevine.h"), encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.DOTALL)
    text = re.sub(r"static inline.*?^}", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^typedef.*?;", "", text, flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"\b(grapevine_\w+)\(", text))


def defined(*words):
    """The names that `nm` lists as defined and global."""
    return {line.split()[-1] for line in command("nm", "--defined-only", "--extern-only", *words).splitlines()
            if len(line.split()) == 3}


@claim
def both_libraries_show_what_the_header_declares_and_nothing_else():
    if is_sanitized():
        raise Skip("a sanitizer adds names of its own")
    folder = os.path.join(prefix(), "lib")
    check(defined("--dynamic", os.path.join(folder, "libgrapevine.so")), declared())
    check(defined(os.path.join(folder, "libgrapevine.a")), declared())


@claim
def the_shared_library_has_a_soname_and_the_usual_links():
    folder = os.path.join(prefix(), "lib")
    check(os.readlink(os.path.join(folder, "libgrapevine.so")), "libgrapevine.so.0")
    check(os.readlink(os.path.join(folder, "libgrapevine.so.0")), "libgrapevine.so.0.1.0")
    check("[libgrapevine.so.0]" in command("readelf", "-d", os.path.join(folder, "libgrapevine.so")), True)
    check("[libgrapevine.so.0]" in command("readelf", "-d", program()), True)


@claim
def the_libraries_behind_it_are_named_for_static_programs_only():
    shared, static = pkg_config("--libs"), pkg_config("--static", "--libs")
    for name in ("-lhiredis", "-levent_core"):
        check(name in shared, False, name)
        check(name in static, True, name)


@claim
def a_staged_install_knows_only_its_final_place():
    prefix()
    stage = os.path.join(scratch(), "stage")
    install(DESTDIR=stage, PREFIX="/opt/vine")
    for path in ("include/grapevine.h", "lib/libgrapevine.a", "lib/libgrapevine.so.0", "bin/grapevine-cli"):
        check(os.path.exists(os.path.join(stage, "opt/vine", path)), True, path)
    with open(os.path.join(stage, "opt/vine/lib/pkgconfig/grapevine.pc"), encoding="utf-8") as file:
        text = file.read()
    check(stage in text, False)
    check("prefix=/opt/vine\n" in text, True)


# --- programs ---------------------------------------------------------------------------------------


@claim
def a_program_does_everything_once_shared_or_static():
    static = compiled("program-static", PROGRAM, static_flags())
    if not is_sanitized():
        check("libgrapevine" in command("readelf", "-d", static), False)
    for path in (program(), static):
        with Server() as server:
            perform("session", address(server), 0, path=path)


@claim
def it_is_usable_from_cplusplus():
    source = os.path.join(scratch(), "program.cc")
    with open(source, "w", encoding="utf-8") as file:
        file.write('#include <grapevine.h>\n'
                   'int main()\n{\n'
                   '    struct grapevine_options options = {};\n'
                   '    struct grapevine *client;\n'
                   '    if (grapevine_create(&options, &client, nullptr) != GRAPEVINE_OK)\n        return 1;\n'
                   '    struct grapevine_entry entry = {};\n'
                   '    entry.key = grapevine_text("k");\n'
                   '    grapevine_destroy(client);\n'
                   '    return entry.key.size == 1 ? 0 : 1;\n}\n')
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    command(compiled("program-cc", source, shared_flags(), "c++", flags), env=here())


def examples():
    """The program of client/README.md, and the one that opens the header."""
    with open(os.path.join(TOP, "client", "README.md"), encoding="utf-8") as file:
        readme = re.search(r"^```c\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL).group(1)
    with open(os.path.join(TOP, "client", "grapevine.h"), encoding="utf-8") as file:
        header = re.search(r"^ \*     (#include.*?^ \*     }\n)", file.read(), re.MULTILINE | re.DOTALL).group(1)
    return readme, re.sub(r"^ \* {0,5}", "", header, flags=re.MULTILINE)


@claim
def the_examples_are_programs_that_run():
    for number, text in enumerate(examples()):
        source = os.path.join(scratch(), f"example{number}.c")
        with Server("--key-write-rate", "0") as server:
            server.client()("NAMESPACE", "CREATE", "settings")
            with open(source, "w", encoding="utf-8") as file:
                file.write(text.replace("10.0.0.1,10.0.0.2:6380", address(server)))
            said = perform(address(server), path=compiled(f"example{number}", source, shared_flags()))
        check(said.startswith("dark"), True, said)


# --- trouble ----------------------------------------------------------------------------------------


@claim
def puts_wait_for_the_write_rate_and_all_succeed():
    with Server() as server:
        began = wait.now_ms()
        perform("rate", address(server), 3)
        check(wait.now_ms() - began >= 2000, True, "two waits of a second each")


class Steady:
    """A program that puts and gets whenever it is told to, and says which server that was."""

    def __init__(self, *servers):
        addresses = ",".join(address(server) for server in servers)
        self.process = subprocess.Popen([program(), "steady", addresses, "1000000"], text=True, env=here(),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        atexit.register(self.process.kill)

    def step(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self):
        self.process.stdin.close()
        check(self.process.wait(LIMIT_S), 0, "the program's end")
        self.process.stdout.close()


@claim
def nothing_fails_when_one_of_two_servers_is_killed_and_it_comes_back():
    with Server(*NO_RATE) as first, Server(*NO_RATE) as second:
        steady = Steady(first, second)
        for _ in range(5):
            check(steady.step(), address(first))
        first.kill()
        for _ in range(5):
            check(steady.step(), address(second))
        first.start_here()
        wait.until(lambda: steady.step() == address(first), "the client is back at its first server", 20)
        steady.end()


@claim
def nothing_fails_when_the_server_in_use_hangs():
    with Server(*NO_RATE) as first, Server(*NO_RATE) as second:
        steady = Steady(first, second)
        check(steady.step(), address(first))
        first.freeze()
        check(steady.step(), address(second))
        first.thaw()
        steady.end()


# --- many in flight ---------------------------------------------------------------------------------


@claim
def a_program_with_an_event_loop_of_its_own_puts_and_gets():
    with Server() as server:
        perform("loop", address(server), 2000)


@claim
def the_memory_for_a_bulk_of_puts_does_not_grow_with_their_number():
    with Server(*NO_RATE) as server:
        few_kb = int(perform("bulk", address(server), 20_000))
        many_kb = int(perform("bulk", address(server), 10_000 if is_sanitized() else BULK))
        check(many_kb <= few_kb + 2048, True, f"{few_kb} KiB, then {many_kb} KiB")


if __name__ == "__main__":
    run()
