"""The channel between a Go test and the Python program that it commands.

Commands come as lines of JSON on standard input; each is carried out in order and
answered with one line on standard output: {"ok": result} or {"error": "KeyError: ..."}.
The end of the input ends the program, so that none outlives its test.
"""

import json
import os
import queue
import sys
import threading


def answer(peer, line):
    """Carries out one command and returns what to say."""
    command = json.loads(line)
    try:
        return {"ok": getattr(peer, command.pop("op"))(**command)}
    except Exception as error:  # whatever it is, the test is to see it
        return {"error": f"{type(error).__name__}: {error}"}


def read_commands(commands):
    """Takes commands off standard input until its end, which ends the program.

    It ends at once, whatever it does: there is nobody to answer, and dīvidere's
    destructors join threads that may wait for ever.
    """
    for line in sys.stdin:
        commands.put(line)
    os._exit(0)


def serve(make):
    """Makes the peer, says so, and carries out commands: calls of the peer's methods."""
    # Nothing but answers may reach the channel, whatever prints.
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    peer = make()
    commands = queue.Queue()
    threading.Thread(target=read_commands, args=(commands,), daemon=True).start()
    say = {"ok": "ready"}
    while True:
        print(json.dumps(say), file=channel, flush=True)
        say = answer(peer, next_command(peer, commands))


def next_command(peer, commands):
    """Waits for a command. A peer with a method idle does that meanwhile."""
    while hasattr(peer, "idle"):
        try:
            return commands.get(timeout=0.005)
        except queue.Empty:
            peer.idle()
    return commands.get()
