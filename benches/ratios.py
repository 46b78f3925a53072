#!/usr/bin/env python3
"""Prints what criterion measured as Markdown: nanoseconds per event, and ratios to thinkstream.

Run it after `cargo bench`. With `--readme` it prints the short table of the main README.
"""

import json
import os
import pathlib
import sys

FAMILIES = ["events", "openai", "sse", "adapters", "streams"]
OURS = "thinkstream"
README = [("mix/event", "one event a chunk"), ("mix/1400 B", "1400 bytes a chunk")]


def main():
    tables = read()
    if sys.argv[1:] == ["--readme"]:
        print_readme(tables.get("events", {}))
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        for family in FAMILIES:
            if family in tables:
                print_family(family, tables[family])


def read():
    """The nanoseconds per event, by family, input with its cut, and stack."""
    root = pathlib.Path(__file__).resolve().parent.parent
    target = root / os.environ.get("CARGO_TARGET_DIR", "target")
    tables = {}
    for path in target.glob("criterion/**/new/benchmark.json"):
        benchmark = json.loads(path.read_text())
        group = benchmark["group_id"]
        stack = benchmark["full_id"].removeprefix(group + "/")
        median = json.loads(path.with_name("estimates.json").read_text())["median"]
        events = benchmark["throughput"]["Elements"]
        family, _, column = group.partition("/")
        columns = tables.setdefault(family, {})
        columns.setdefault(column, {})[stack] = median["point_estimate"] / events
    if not tables:
        sys.exit(f"no measurements in {target / 'criterion'}: run `cargo bench`")
    return tables


def print_family(family, columns):
    names = sorted(columns, key=place)
    # A stack may be left out of a column.
    stacks = {stack: None for name in names for stack in by_time(columns[name])}
    print(f"{family}: ns per event (× {OURS})\n")
    print_row(["stack", *names])
    print_row(["---"] + ["---:"] * len(names))
    for stack in stacks:
        print_row([stack] + [cell(columns[name], stack) for name in names])
    print()


def print_readme(columns):
    columns = [(columns.get(name, {}), title) for name, title in README]
    if any(OURS not in column for column, _ in columns):
        sys.exit("not measured: run `cargo bench --bench events`")
    print_row(["", *(title for _, title in columns)])
    print_row(["---"] + ["---:"] * len(columns))
    print_row([OURS] + [f"{number(column[OURS])} ns an event" for column, _ in columns])
    for stack in by_time(columns[0][0]):
        # `fused` is no decoder, but the floor.
        if not stack.startswith((OURS, "fused")):
            ratios = [f"{ratio(column, stack)} ×" for column, _ in columns]
            print_row([f"faster than {stack}", *ratios])


def by_time(column):
    """The stacks: this crate's first, then from fast to slow."""
    return sorted(column, key=lambda stack: (stack != OURS, column[stack]))


def cell(column, stack):
    if stack not in column:
        return "–"
    if stack == OURS or OURS not in column:
        return number(column[stack])
    return f"{number(column[stack])} ({ratio(column, stack)} ×)"


def ratio(column, stack):
    ratio = column[stack] / column[OURS]
    return f"{ratio:.2f}" if ratio < 2 else f"{ratio:.1f}"


def number(ns):
    return f"{ns:.1f}" if ns < 100 else f"{ns:,.0f}"


def place(column):
    """Columns by input, then from large chunks to small."""
    name, _, cut = column.partition("/")
    size = cut.removesuffix(" B")
    return name, not cut.isalpha(), -int(size) if size.isdigit() else 0, cut


def print_row(cells):
    print("|", " | ".join(cells), "|")


if __name__ == "__main__":
    main()
