"""A client of Majordomo's management interface (RFC 8), which is MDP/0.1 to services mmi.*.

    mmi.py [--until CODE] [--timeout MS] ENDPOINT SERVICE [FRAME...]

Prints "reply BODY"; with --until it asks again until the body is that one frame.
"""

import argparse
import time

import mdp
import reqclient

# How long between two questions: the protocol has nothing to wait for.
PAUSE = 0.02


def main():
    """Asks once, or until the answer is the one wanted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--until", type=mdp.frame)
    parser.add_argument("--timeout", type=int, default=10000)
    parser.add_argument("endpoint")
    parser.add_argument("service", type=mdp.frame)
    parser.add_argument("body", type=mdp.frame, nargs="*")
    args = parser.parse_args()
    client = reqclient.Client(args.endpoint, args.timeout, retries=0)
    while True:
        body = client.ask(args.service, args.body or [b""])
        if args.until is None or body == [args.until]:
            break
        time.sleep(PAUSE)
    client.close()
    mdp.say("reply", body)


if __name__ == "__main__":
    main()
