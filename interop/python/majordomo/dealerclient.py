"""An asynchronous client of MDP/0.1 or MDP/0.2: DEALER, many requests in flight.

    dealerclient.py [--mdp 0.1] [--count N] [--window N] [--timeout MS] [--retries N]
                    ENDPOINT SERVICE FRAME...

Each FRAME is one of the body; {} in it is the number of the request. The protocol has
no number in a reply: the worker must answer with a first frame that is that of the
request, and that has a {} if there are several.

Prints "sent" when the first window is out, "partial BODY" and "reply BODY" for what
comes, "again BODY" for a reply to what has had one, "retry" before all that has no
reply is sent again because nothing came for the timeout, and at the end "done" or
"failed".
"""

import argparse
import sys

import zmq

import mdp


class Client:
    """Sends requests without waiting for the answers."""

    def __init__(self, args):
        self.args = args
        self.version = mdp.CLIENTS[args.mdp]
        self.sock = zmq.Context.instance().socket(zmq.DEALER)
        self.sock.set_hwm(0)  # the window bounds what is under way
        self.sock.connect(args.endpoint)
        self.pending = {}  # the first frame of a body -> the body
        self.next = 0

    def send(self, body):
        """Sends a request."""
        self.sock.send_multipart([*self.version.request, self.args.service, *body])

    def fill(self):
        """Sends new requests as far as the window allows."""
        while self.next < self.args.count and len(self.pending) < self.args.window:
            body = mdp.numbered(self.args.body, self.next)
            if body[0] in self.pending:
                raise ValueError("two requests with the same first frame")
            self.pending[body[0]] = body
            self.next += 1
            self.send(body)

    def receive(self):
        """Takes a message of the broker."""
        final, service, body = self.version.read(self.sock.recv_multipart())
        if service != self.args.service:
            raise ValueError(f"a reply of {service} to a request for {self.args.service}")
        if not final:
            mdp.say("partial", body)
        elif self.pending.pop(body[0], None) is None:
            mdp.say("again", body)
        else:
            mdp.say("reply", body)

    def run(self):
        """Makes all requests, and returns whether each had a reply."""
        self.fill()
        mdp.say("sent")
        retries = self.args.retries
        while self.pending:
            if self.sock.poll(self.args.timeout):
                self.receive()
                self.fill()
            elif retries == 0:
                return False
            else:
                retries -= 1
                mdp.say("retry")
                for body in self.pending.values():
                    self.send(body)
        return True


def main():
    """Makes the requests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mdp", choices=mdp.CLIENTS, default="0.1")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--window", type=int, default=1000)
    parser.add_argument("--timeout", type=int, default=2500)
    parser.add_argument("--retries", type=int, default=3)
    parser.add_argument("endpoint")
    parser.add_argument("service", type=mdp.frame)
    parser.add_argument("body", type=mdp.frame, nargs="+")
    client = Client(parser.parse_args())
    complete = client.run()
    client.sock.close(linger=0)
    mdp.say("done" if complete else "failed")
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
