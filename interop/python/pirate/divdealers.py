"""Servers that are dīvidere's Dealer and nothing more, one after the other, with a client.

    divdealers.py FRONT BACK COUNT

Each server registers, as the one before it is closed, and waits for a request, which it
takes for granted: any other message ends the program. Prints "reply N" for each, and
"done".
"""

import os
import sys
import time

from dividere import connection

from lines import say

# Is longer than the broker takes to see that the connection of the last server ended.
PAUSE = 0.25  # s


def main():
    """Serves requests of its own."""
    front, back, count = sys.argv[1:]
    client = connection.Request(front)
    server = None
    for number in range(int(count)):
        server = connection.Dealer(back)  # and the one before it ends
        server.send(connection.LoadBalancingPattern.Broker.ServerRegisterMsg)
        time.sleep(PAUSE)
        client.send(str(number).encode())
        route, payload = server.recv()
        server.send((route, payload))
        say(f"reply {client.recv().decode()}")
    say("done")
    os._exit(0)  # dīvidere's destructors join threads that may wait for ever


if __name__ == "__main__":
    main()
