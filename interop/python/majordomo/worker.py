"""A worker of MDP/0.1 or MDP/0.2: DEALER, heartbeats, a new socket when the broker is gone.

    worker.py [--mdp 0.1] [--heartbeat MS] [--liveness N] [--reconnect MS]
              [--id ID] [--sign NAME] [--hold] ENDPOINT SERVICE

Its routing id is ID, or one that the broker's socket gives it. It answers with the body of the request, and with its name as one more frame if it
signs. In 0.2 two PARTIALs come before the FINAL, that have "part 1" and "part 2" at
their end. With --hold it answers only when it is told to; it sends heartbeats
meanwhile.

Prints "ready" when it has sent READY, "request BODY", "answered", "disconnect" when
the broker sent that, "silent" when the broker did not send a thing for liveness times
the heartbeat, and "more BODY" for a request beyond the one that it has.

Takes lines on standard input: "answer" what it has, "serve" to hold no more, "ready"
to send READY again and forget what it has, "disconnect" to send DISCONNECT and nothing
any more, "again" to begin anew after that. The end of the input ends it, with
DISCONNECT.
"""

import argparse
import os
import sys
import time

import zmq

import mdp


class Worker:
    """Is connected to one broker, for one service, and has one request at most."""

    def __init__(self, args):
        self.args = args
        self.version = mdp.WORKERS[args.mdp]
        self.poller = zmq.Poller()
        self.poller.register(sys.stdin.fileno(), zmq.POLLIN)
        self.input = b""
        self.sock = None
        self.registered = False
        self.held = None  # the client address and the body of a request
        self.heard = self.spoke = time.monotonic()
        self.orders = {
            b"answer": self.answer,
            b"serve": self.serve,
            b"ready": self.ready,
            b"disconnect": self.leave,
            b"again": self.connect,
        }

    def send(self, command, *frames):
        """Sends a command."""
        self.spoke = time.monotonic()
        self.sock.send_multipart([*self.version.front, command, *frames])

    def connect(self):
        """Begins on a new socket, as RFC 7 demands."""
        self.close()
        self.sock = zmq.Context.instance().socket(zmq.DEALER)
        if self.args.id:
            self.sock.routing_id = self.args.id
        self.sock.connect(self.args.endpoint)
        self.poller.register(self.sock, zmq.POLLIN)
        self.ready()

    def close(self, linger=0):
        """Closes the socket."""
        self.registered = False
        if self.sock is not None:
            self.poller.unregister(self.sock)
            self.sock.close(linger=linger)
            self.sock = None

    def ready(self):
        """Registers."""
        self.held = None
        self.heard = time.monotonic()
        self.registered = True
        self.send(self.version.ready, self.args.service)
        mdp.say("ready")

    def reconnect(self):
        """Waits a little, so as not to storm a broker, and begins anew."""
        self.close()
        time.sleep(self.args.reconnect / 1000)
        self.connect()

    def leave(self):
        """Says that no more is to come."""
        if self.registered:
            self.registered, self.held = False, None
            self.send(self.version.disconnect)

    def receive(self):
        """Takes a message of the broker."""
        command, rest = self.version.read(self.sock.recv_multipart())
        self.heard = time.monotonic()
        if command == self.version.disconnect:
            mdp.say("disconnect")
            if self.registered:
                self.reconnect()
        elif command == self.version.request:
            self.request(*self.version.read_body(rest))
        elif command != self.version.heartbeat:
            raise ValueError(f"unexpected command {command} with {rest}")

    def request(self, client, body):
        """Takes a request."""
        if self.held is not None or not self.registered:
            mdp.say("more", body)
            return
        self.held = client, body
        mdp.say("request", body)
        if not self.args.hold:
            self.answer()

    def answer(self):
        """Answers the request."""
        (client, body), self.held = self.held, None
        if self.args.sign:
            body = [*body, self.args.sign]
        if self.version.partial is not None:
            for part in (b"part 1", b"part 2"):
                self.send(self.version.partial, client, b"", *body, part)
        self.send(self.version.final, client, b"", *body)
        mdp.say("answered")

    def serve(self):
        """Answers from now on without being told to."""
        self.args.hold = False
        if self.held is not None:
            self.answer()

    def keep_alive(self):
        """Sends a heartbeat if one is due, and notices if the broker sent none."""
        now = time.monotonic()
        if not self.registered:
            return
        if now - self.heard > self.args.liveness * self.args.heartbeat / 1000:
            mdp.say("silent")
            self.reconnect()
        elif now - self.spoke >= self.args.heartbeat / 1000:
            self.send(self.version.heartbeat)

    def obey(self):
        """Does what standard input says, and returns whether to go on."""
        read = os.read(sys.stdin.fileno(), 4096)
        *lines, self.input = (self.input + read).split(b"\n")
        for line in lines:
            self.orders[line]()
        return read != b""

    def run(self):
        """Serves until the end of the input."""
        self.connect()
        while True:
            events = dict(self.poller.poll(max(self.args.heartbeat // 4, 1)))
            if self.sock in events:
                self.receive()
            if sys.stdin.fileno() in events and not self.obey():
                break
            self.keep_alive()
        self.leave()
        self.close(linger=1000)


def main():
    """Runs a worker."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mdp", choices=mdp.WORKERS, default="0.1")
    parser.add_argument("--heartbeat", type=int, default=2500)
    parser.add_argument("--liveness", type=int, default=3)
    parser.add_argument("--reconnect", type=int, default=250)
    parser.add_argument("--id", type=mdp.frame, default=b"")
    parser.add_argument("--sign", type=mdp.frame, default=b"")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("endpoint")
    parser.add_argument("service", type=mdp.frame)
    Worker(parser.parse_args()).run()


if __name__ == "__main__":
    main()
