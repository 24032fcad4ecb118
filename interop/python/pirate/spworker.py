"""A Simple Pirate's worker: REQ, which says READY and then its replies.

    spworker.py [--sign NAME] [--hold] ENDPOINT

Answers with the body of the request, and with its name as one more frame if it signs.
With --hold it answers when standard input has the line "serve", and is dead to the
world until then. Prints "ready", "request BODY", "answered".
"""

import argparse

import zmq

from lines import Gate, frame, say


def main():
    """Serves until the end of the input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sign", type=frame, default=b"")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("endpoint")
    args = parser.parse_args()
    gate = Gate(args.hold)
    sock = zmq.Context.instance().socket(zmq.REQ)
    sock.connect(args.endpoint)
    sock.send(b"\1")
    say("ready")
    while not gate.ended.is_set():
        if not sock.poll(20):
            continue
        try:
            frames = sock.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:  # it was nothing for a REQ
            continue
        end = frames.index(b"") + 1
        say("request", frames[end:])
        gate.wait()
        sock.send_multipart([*frames, *([args.sign] if args.sign else [])])
        say("answered")
    sock.close(linger=1000)


if __name__ == "__main__":
    main()
