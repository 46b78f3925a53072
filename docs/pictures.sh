#!/usr/bin/env bash
# Makes the pictures of the README from what the program prints and from the page that it writes.
# Needs Chromium, Python and `script` of util-linux.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --release --features cli
program="${CARGO_TARGET_DIR:-target}/release/thinkstream"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The terminal, as a drawing: each line a row of text with its colours.
script --quiet --return --command "stty cols 100; $program demo" /dev/null >"$folder/terminal"
python3 docs/terminal.py '$ thinkstream demo' <"$folder/terminal" >docs/terminal.svg

# The page, as a browser shows it.
"$program" report examples/recordings/ferry.jsonl -o "$folder/page.html"
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --disable-background-networking \
    --user-data-dir="$folder/browser" --window-size=1100,890 \
    --screenshot="$PWD/docs/report.png" "file://$folder/page.html" 2>/dev/null
