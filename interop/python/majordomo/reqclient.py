"""A synchronous client of MDP/0.1: REQ, one request at a time, Lazy Pirate retries.

    reqclient.py [--count N] [--timeout MS] [--retries N] ENDPOINT SERVICE FRAME...

Each FRAME is one of the body; {} in it is the number of the request. Prints
"reply BODY" for each, "retry" before a request is sent again, and at the end "done"
or "failed".
"""

import argparse
import sys

import zmq

import mdp


class Client:
    """Asks a broker and waits for the answer."""

    def __init__(self, endpoint, timeout, retries):
        self.context = zmq.Context.instance()
        self.endpoint, self.timeout, self.retries = endpoint, timeout, retries
        self.sock = None

    def close(self):
        """Closes the socket, without waiting for what it could not send."""
        if self.sock is not None:
            self.sock.close(linger=0)
            self.sock = None

    def ask(self, service, body):
        """Returns the body of the reply.

        A REQ that got no answer can send no more: each try after the first has a new
        socket.
        """
        for attempt in range(1 + self.retries):
            if attempt:
                mdp.say("retry")
                self.close()
            if self.sock is None:
                self.sock = self.context.socket(zmq.REQ)
                self.sock.connect(self.endpoint)
            # REQ itself puts the empty frame in front, and takes it off.
            self.sock.send_multipart([*mdp.CLIENTS["0.1"].request[1:], service, *body])
            if self.sock.poll(self.timeout):
                return self.reply(service)
        raise TimeoutError(f"no answer to {1 + self.retries} requests")

    def reply(self, service):
        """Reads the reply that is there."""
        _, name, body = mdp.CLIENTS["0.1"].read([b"", *self.sock.recv_multipart()])
        if name != service:
            raise ValueError(f"a reply of {name} to a request for {service}")
        return body


def main():
    """Makes the requests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=2500)
    parser.add_argument("--retries", type=int, default=3)
    parser.add_argument("endpoint")
    parser.add_argument("service", type=mdp.frame)
    parser.add_argument("body", type=mdp.frame, nargs="+")
    args = parser.parse_args()
    client = Client(args.endpoint, args.timeout, args.retries)
    try:
        for number in range(args.count):
            mdp.say("reply", client.ask(args.service, mdp.numbered(args.body, number)))
    except TimeoutError:
        mdp.say("failed")
        return 1
    finally:
        client.close()
    mdp.say("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
