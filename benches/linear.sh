#!/usr/bin/env bash
# Checks that work is linear in the bytes, by counting: twice the input takes twice the instructions,
# within 2 %, for inputs that are mostly one thing and chunks of any width.
#
# Needs valgrind, which counts the same on a busy machine.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v valgrind >/dev/null; then
    echo "skipped: valgrind is not installed, so nothing was counted" >&2
    exit 0
fi

program=$(cargo bench --bench instructions --no-run --message-format=json |
    grep -o '"executable":"[^"]*instructions-[^"]*"' | cut -d'"' -f4 | tail -1)

count() {
    valgrind --tool=callgrind --toggle-collect=instructions::measured \
        --callgrind-out-file=/dev/null "$program" events "$1" "$2" 2>&1 >/dev/null |
        sed -n 's/.*Collected : //p'
}

bad=0
for shape in one-line many-lines many-events one-tool-input many-blocks comments \
    chat-text chat-input chat-extra responses-text responses-output; do
    for width in 1 16 256 4096 65536; do
        # There the work is a few copies, which libc does with other instructions at every size.
        [ "$shape $width" != "one-line 65536" ] || continue
        # Sizes at which libc does not change the way it copies and makes room.
        size=131072
        if [ "$shape" = one-line ] && [ "$width" -gt 1 ]; then size=262144; fi
        # Three sizes, so that what a stream costs whatever its length falls out.
        a=$(count "$shape=$size" "$width")
        b=$(count "$shape=$((2 * size))" "$width")
        c=$(count "$shape=$((4 * size))" "$width")
        percent=$((100 * (c - b) / (b - a)))
        echo "$shape in chunks of $width: $percent % for twice as much more"
        if [ "$percent" -lt 196 ] || [ "$percent" -gt 204 ]; then bad=1; fi
    done
done
[ "$bad" = 0 ] || echo "not linear within 2 %" >&2
exit "$bad"
