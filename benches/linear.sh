#!/usr/bin/env bash
# Checks that work is linear in the bytes, by counting: twice the input takes twice the instructions,
# within 2 %, for inputs that are mostly one thing and chunks of any width; and twice the conversation,
# within 8 %, for its ids are looked up in trees.
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
        --callgrind-out-file=/dev/null "$program" "$@" 2>&1 >/dev/null |
        sed -n 's/.*Collected : //p'
}

bad=0

# Three sizes, so that what it costs whatever its length falls out.
compare() {
    local name=$1 within=$2 a=$3 b=$4 c=$5 percent
    percent=$((100 * (c - b) / (b - a)))
    echo "$name: $percent % for twice as much more"
    if [ "$percent" -lt $((200 - within)) ] || [ "$percent" -gt $((200 + within)) ]; then bad=1; fi
}

for shape in one-line many-lines many-events one-tool-input many-blocks comments \
    chat-text chat-input chat-extra responses-text responses-output; do
    for width in 1 16 256 4096 65536; do
        # There the work is a few copies, which libc does with other instructions at every size.
        [ "$shape $width" != "one-line 65536" ] || continue
        # Sizes at which libc does not change the way it copies and makes room.
        size=131072
        if [ "$shape" = one-line ] && [ "$width" -gt 1 ]; then size=262144; fi
        compare "$shape in chunks of $width" 4 "$(count events "$shape=$size" "$width")" \
            "$(count events "$shape=$((2 * size))" "$width")" \
            "$(count events "$shape=$((4 * size))" "$width")"
    done
done

# Calls in a conversation, which is rendered, or broken and mended.
for shape in {deep,wide}-{anthropic,chat,responses} unanswered-{anthropic,chat,responses} \
    alike-{anthropic,chat,responses} late-{anthropic,chat} early-responses marked-anthropic; do
    compare "$shape" 16 "$(count history "$shape=250" 1)" "$(count history "$shape=500" 1)" \
        "$(count history "$shape=1000" 1)"
done
[ "$bad" = 0 ] || echo "not linear" >&2
exit "$bad"
