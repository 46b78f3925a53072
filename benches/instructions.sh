#!/usr/bin/env bash
# Counts the instructions an event takes, and compares with what `instructions.tsv` has on record:
# more than 5 % off is an error, in either direction, so that the record stays true.
#
#   benches/instructions.sh            compares
#   benches/instructions.sh --record   writes the record anew
#
# Needs valgrind. Unlike times, the counts are the same on a busy machine; they change with the
# compiler, which the record names.
set -euo pipefail
cd "$(dirname "$0")/.."
record=benches/instructions.tsv

if ! command -v valgrind >/dev/null; then
    echo "skipped: valgrind is not installed, so no instructions were counted" >&2
    exit 0
fi

compiler=$(rustc --version | cut -d' ' -f2)
if [ "${1:-}" != --record ] && ! grep -q "^# rustc $compiler\$" "$record"; then
    echo "skipped: the record is of another compiler than rustc $compiler" >&2
    exit 0
fi

program=$(cargo bench --bench instructions --no-run --message-format=json |
    grep -o '"executable":"[^"]*instructions-[^"]*"' | cut -d'"' -f4 | tail -1)
output=$(mktemp)
trap 'rm -f "$output"' EXIT

count() {
    local events instructions
    events=$(valgrind --tool=callgrind --toggle-collect=instructions::measured \
        --callgrind-out-file=/dev/null "$program" "$@" 2>"$output")
    instructions=$(sed -n 's/.*Collected : //p' "$output")
    echo $((instructions / events))
}

{
    echo "# rustc $compiler"
    for case in "events mix event" "events mix 1400" "events mix 256" "events mix 16" \
        "tap mix event" "events tools event" "events unicode event" "sse mix 1400" "sse mix 16" \
        "events chat event" "events responses event"; do
        # shellcheck disable=SC2086  # three words
        printf '%s\t%s\n' "$case" "$(count $case)"
    done
} >"$output.new"
trap 'rm -f "$output" "$output.new"' EXIT

if [ "${1:-}" = --record ]; then
    cp "$output.new" "$record"
    cat "$record"
    exit 0
fi

awk -F'\t' '
    /^#/ { next }
    NR == FNR { recorded[$1] = $2; next }
    {
        change = recorded[$1] ? 100 * ($2 - recorded[$1]) / recorded[$1] : 100
        printf "%-22s %5d instructions an event, %5d on record, %+.1f %%\n", $1, $2, recorded[$1], change
        if (change > 5 || change < -5) off = 1
    }
    END {
        if (off) print "off by more than 5 %: if that is meant, run benches/instructions.sh --record"
        exit off
    }
' "$record" "$output.new"
