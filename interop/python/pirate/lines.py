"""Frames in lines of text, and a worker's ear for what it is told.

The programs beside this file are pirates: ppworker.py and lpclient.py were written
from RFC 6 and the chapter of the ZeroMQ guide on reliable request-reply, without code
of Mittere or of the guide; the others are made of dīvidere's classes. Each tells in
lines on standard output what it does.
"""

import sys
import threading


def frame(text):
    r"""Returns the frame that an argument stands for: "\x00" is a byte."""
    return text.encode().decode("unicode_escape").encode("latin-1")


def text(frames):
    """Returns frames in one line, the inverse of frame for each."""
    return " | ".join(f.decode("latin-1").encode("unicode_escape").decode() for f in frames)


def numbered(frames, number):
    """Returns a body with a number in place of each {}."""
    return [f.replace(b"{}", str(number).encode()) for f in frames]


def say(what, frames=None):
    """Prints a line at once, and whole, whichever threads print."""
    sys.stdout.write((what if frames is None else f"{what} {text(frames)}") + "\n")
    sys.stdout.flush()


class Gate:
    """Keeps the answers of a worker back until standard input has the line "serve"."""

    def __init__(self, closed):
        self.opened = threading.Event()
        if not closed:
            self.opened.set()
        self.ended = threading.Event()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        """Reads lines until the end of the input."""
        for line in sys.stdin:
            if line.strip() == "serve":
                self.opened.set()
        self.opened.set()
        self.ended.set()

    def wait(self):
        """Waits until answers may go."""
        self.opened.wait()
