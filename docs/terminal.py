"""Draws what a program printed on a terminal, read from the standard input, as an SVG."""

import html
import re
import sys

WIDTH, LINE, CHAR = 900, 20, 8.43
COLOURS = {"2": "#8b949e", "36": "#39c5cf", "": "#e6edf3"}


def rows(text):
    """The lines that are left to be seen, each as pieces with their colour."""
    text = re.sub(r"\x1b\[\?\d+[hl]", "", text.replace("\r\n", "\n"))
    for line in text.split("\n"):
        # A line that is written over itself: what is seen is the last.
        line = re.split(r"\r\x1b\[2K", line)[-1]
        pieces, colour = [], ""
        for part in re.split(r"(\x1b\[[0-9;]*m)", line):
            if code := re.fullmatch(r"\x1b\[([0-9;]*)m", part):
                colour = code[1] if code[1] in COLOURS else ""
            elif part:
                pieces.append((colour, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part)))
        yield pieces


def wrapped(pieces, columns=100):
    """The same in lines of so many columns."""
    line, at = [], 0
    for colour, text in pieces:
        while text:
            taken, text = text[: columns - at], text[columns - at :]
            line.append((colour, taken))
            at += len(taken)
            if at == columns and text:
                yield line
                line, at = [], 0
    yield line


def main():
    screen = [[("2", sys.argv[1])]]
    for row in rows(sys.stdin.read().rstrip()):
        screen.extend(wrapped(row))
    height = LINE * len(screen) + 40
    print(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img">'
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>'
        f'<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14">'
    )
    for number, row in enumerate(screen):
        x = 20.0
        for colour, text in row:
            y = 32 + LINE * number
            print(f'<text x="{x:.1f}" y="{y}" fill="{COLOURS[colour]}">{html.escape(text).replace(" ", "&#160;")}</text>')
            x += CHAR * len(text)
    print("</g></svg>")


main()
