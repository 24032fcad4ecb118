"""A worker that is majortomo's own, of MDP/0.2.

    majortomoworker.py ENDPOINT SERVICE HEARTBEAT NAME

Answers with a PARTIAL, the body of the request, and a FINAL, that and its name. Says that it lives
each HEARTBEAT ms. Prints "ready" when it has sent READY, "request BODY" and "answered".
"""

import sys

from majortomo import Worker


def main():
    """Serves until it is killed."""
    endpoint, service, heartbeat, name = sys.argv[1:]
    interval = int(heartbeat) / 1000
    with Worker(endpoint, service, heartbeat_interval=interval, heartbeat_timeout=10 * interval) as worker:
        print("ready", flush=True)
        while True:
            client, body = worker.wait_for_request()
            print("request", " | ".join(frame.decode() for frame in body), flush=True)
            worker.send_reply_partial(client, body)
            worker.send_reply_final(client, [*body, name.encode()])
            print("answered", flush=True)


main()
