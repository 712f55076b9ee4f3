"""Reads a dump of valgrind's callgrind: how many instructions were executed in which part of the program."""
import os
import re

COST = re.compile(r"[+\-*\d]\S* (\d+)$")
NAMED = re.compile(r"(ob|fl|fi|fe)=(?:\((\d+)\))?\s*(.*)$")

# Libraries, as a part's name; the first that the file's name begins with.
LIBRARIES = (("libleveldb", "LevelDB"), ("libstdc++", "LevelDB"), ("libsnappy", "LevelDB"), ("libjemalloc", "jemalloc"),
             ("libevent", "libevent"), ("libc.", "libc"), ("ld-linux", "libc"))


def part_of(binary, source):
    """server/<folder> where the source says so, else the library."""
    folder = re.search(r"(?:^|/)server/([a-z]+)/", source)
    if folder:
        return f"server/{folder.group(1)}"
    name = os.path.basename(binary)
    return next((title for start, title in LIBRARIES if name.startswith(start)), "others")


def instructions(path):
    """part -> instructions, each function's own."""
    names = {"ob": {}, "fl": {}}  # callgrind says a name once and a number from then on
    binary = source = ""
    parts, is_inclusive = {}, False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            named = NAMED.match(line)
            if named:
                kind, number, name = named.groups()
                known = names["ob" if kind == "ob" else "fl"]
                name = known.setdefault(number, name) if number and name else known.get(number, name)
                binary, source = (name, source) if kind == "ob" else (binary, name)
            elif line.startswith(("cob=", "cfi=", "cfl=")):
                kind, number, name = re.match(r"c(ob|fi|fl)=(?:\((\d+)\))?\s*(.*)$", line).groups()
                if number and name:
                    names["ob" if kind == "ob" else "fl"].setdefault(number, name)
            elif line.startswith("calls="):
                is_inclusive = True  # the next line is what was called, and stands where that function is
            elif cost := COST.match(line):
                if not is_inclusive:
                    part = part_of(binary, source)
                    parts[part] = parts.get(part, 0) + int(cost.group(1))
                is_inclusive = False
    return parts
