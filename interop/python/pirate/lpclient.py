"""A Lazy Pirate: REQ, one request at a time, again on a new socket if no reply comes.

    lpclient.py [--count N] [--timeout MS] [--retries N] ENDPOINT FRAME...

Each FRAME is one of the body; {} in it is the number of the request. Prints
"reply BODY" for each, "retry" before a request is sent again, and at the end "done" or
"failed".
"""

import argparse
import sys

import zmq

from lines import frame, numbered, say


def ask(args, body):
    """Returns the reply to a request.

    Each try has its own socket, so that a late reply has none to come to.
    """
    for attempt in range(1 + args.retries):
        if attempt:
            say("retry")
        with zmq.Context.instance().socket(zmq.REQ) as sock:
            sock.linger = 0
            sock.connect(args.endpoint)
            sock.send_multipart(body)
            if sock.poll(args.timeout):
                return sock.recv_multipart()
    raise TimeoutError(f"no answer to {1 + args.retries} requests")


def main():
    """Makes the requests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=2500)
    parser.add_argument("--retries", type=int, default=3)
    parser.add_argument("endpoint")
    parser.add_argument("body", type=frame, nargs="+")
    args = parser.parse_args()
    try:
        for number in range(args.count):
            say("reply", ask(args, numbered(args.body, number)))
    except TimeoutError:
        say("failed")
        return 1
    say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
