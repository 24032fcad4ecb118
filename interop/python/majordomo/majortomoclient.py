"""A client that is majortomo's own, of MDP/0.2.

    majortomoclient.py ENDPOINT SERVICE COUNT FRAME...

Sends COUNT requests, one after the other, with {} in FRAME replaced by the number. Prints
"part FRAMES" for each part of a reply, the last one included, and "done" at the end.
"""

import sys

from majortomo import Client

TIMEOUT = 60.0  # s


def main():
    """Asks."""
    endpoint, service, count, *frames = sys.argv[1:]
    with Client(endpoint) as client:
        for number in range(int(count)):
            client.send(service, *(frame.replace("{}", str(number)).encode() for frame in frames))
            for part in client.recv_all(timeout=TIMEOUT):
                print("part", " | ".join(frame.decode() for frame in part), flush=True)
    print("done", flush=True)


main()
