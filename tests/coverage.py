#!/usr/bin/env python3
"""Names the lines and branches of `src/sse` and `src/assemble` that no test runs and `tests/coverage.md` does not explain.

Needs `cargo install --locked cargo-llvm-cov` and the `llvm-cov` and `llvm-profdata` of an LLVM like rustc's, from rustup
or by LLVM_COV and LLVM_PROFDATA. Branches are counted with a flag that stable compilers take with RUSTC_BOOTSTRAP=1.
Takes some five minutes."""

import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = ("src/sse/", "src/assemble/")
# What runs the program, not the library.
OTHERS = ("cli", "examples", "load", "report", "serve", "timeouts")


def own(file, lines):
    """What counts: all but the tests at the end of the file."""
    end = next((number for number, line in enumerate(lines, 1) if line == "#[cfg(test)]"), len(lines) + 1)
    return {part: [entry for entry in file[part] if entry[0] < end] for part in ("branches", "segments")}, lines[: end - 1]


def measured():
    tests = sorted(path.stem for path in (ROOT / "tests").glob("*.rs") if not path.stem.startswith(OTHERS))
    command = ["cargo", "llvm-cov", "--branch", "--all-features", "--json", "--lib"]
    command += [word for name in tests for word in ("--test", name)]
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    found = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True).stdout
    return json.loads(found[found.index(b'{"data"') :])["data"][0]["files"]


def never_run(file, lines):
    """Lines, as text, with what of them was never run."""
    branches = {}
    for line, column, _, _, true, false, *_ in file["branches"]:
        both = branches.setdefault((line, column), [0, 0])
        both[0] += true
        both[1] += false
    for (line, column), (true, false) in branches.items():
        if not true or not false:
            yield line, f"never {'true' if not true else 'false'} at column {column}"
    counted = None
    for number, text in enumerate(lines, 1):
        here = [segment for segment in file["segments"] if segment[0] == number]
        count = max((segment[2] for segment in here if segment[3] and segment[4]), default=counted)
        if here:
            counted = here[-1][2] if here[-1][3] else None
        if count == 0 and re.search(r"\w", text):
            yield number, "never run"


def function(lines, line):
    for text in reversed(lines[:line]):
        if name := re.search(r"\bfn (\w+)", text):
            return name[1]
    return "?"


def explained():
    """Pairs of a file and a function out of the table."""
    rows = [line.split("|") for line in (ROOT / "tests/coverage.md").read_text().splitlines() if line.startswith("| `src/")]
    return {(re.sub(r"[` ]", "", row[1]), name.split("::")[-1]) for row in rows for name in re.findall(r"`([\w:]+)`", row[2])}


def main():
    known, met, count, lines_met, branches = explained(), set(), 0, 0, 0
    for file in measured():
        name = str(pathlib.Path(file["filename"]).relative_to(ROOT))
        if not name.startswith(LAYERS):
            continue
        file, lines = own(file, (ROOT / name).read_text().splitlines())
        lines_met += len(lines)
        branches += len({tuple(branch[:2]) for branch in file["branches"]})
        for line, what in sorted(set(never_run(file, lines))):
            place = (name, function(lines, line))
            met.add(place)
            if place not in known:
                count += 1
                print(f"{name}:{line}: {place[1]}: {what}: {lines[line - 1].strip()}")
    for file, name in sorted(known - met):
        print(f"{file}: {name}: explained, but all of it runs")
    print(f"{branches} branches in {lines_met} lines: {len(met)} functions with holes, {count} holes not explained")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
