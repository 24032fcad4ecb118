"""A worker of the Paranoid Pirate Protocol (RFC 6): DEALER, with heartbeats.

    ppworker.py [--heartbeat MS] [--liveness N] [--reconnect MS] [--id ID] [--sign NAME]
                [--hold] ENDPOINT

Answers with the body of the request, and with its name as one more frame if it signs.
With --hold it answers when standard input has the line "serve"; it sends heartbeats
meanwhile. The end of the input ends it.

Prints "ready" when it has sent READY, "request BODY", "answered", and "silent" when
nothing came for liveness times the heartbeat: then it begins anew on a new socket after
a while, which doubles each time (at most 32 times).
"""

import argparse
import time

import zmq

from lines import Gate, frame, say

READY, HEARTBEAT = b"\1", b"\2"


class Worker:
    """Is connected to one queue, and has requests one after the other."""

    def __init__(self, args):
        self.args = args
        self.gate = Gate(args.hold)
        self.pause = args.reconnect / 1000
        self.held = []  # requests, which are address stacks and bodies
        self.sock = None
        self.heard = self.spoke = 0

    def send(self, *frames):
        """Sends a message."""
        self.spoke = time.monotonic()
        self.sock.send_multipart(frames)

    def connect(self):
        """Begins a conversation."""
        if self.sock is not None:
            self.sock.close(linger=0)
        self.held = []
        self.sock = zmq.Context.instance().socket(zmq.DEALER)
        if self.args.id:
            self.sock.routing_id = self.args.id
        self.sock.connect(self.args.endpoint)
        self.heard = time.monotonic()
        self.send(READY)
        say("ready")

    def receive(self):
        """Takes a message of the queue."""
        frames = self.sock.recv_multipart()
        self.heard = time.monotonic()
        self.pause = self.args.reconnect / 1000
        if frames == [HEARTBEAT]:
            return
        end = frames.index(b"") + 1
        stack, body = frames[:end], frames[end:]
        if not body:
            raise ValueError(f"no content: {frames}")
        say("request", body)
        self.held.append((stack, body))

    def answer(self):
        """Answers what it has, if it may."""
        while self.held and self.gate.opened.is_set():
            stack, body = self.held.pop(0)
            self.send(*stack, *body, *([self.args.sign] if self.args.sign else []))
            say("answered")

    def keep_alive(self):
        """Sends a heartbeat if one is due, and begins anew if the queue sent none."""
        now = time.monotonic()
        if now - self.heard > self.args.liveness * self.args.heartbeat / 1000:
            say("silent")
            time.sleep(self.pause)
            self.pause = min(2 * self.pause, 32 * self.args.reconnect / 1000)
            self.connect()
        elif now - self.spoke >= self.args.heartbeat / 1000:
            self.send(HEARTBEAT)

    def run(self):
        """Serves until the end of the input."""
        self.connect()
        while not self.gate.ended.is_set():
            if self.sock.poll(min(self.args.heartbeat // 4, 20)):
                self.receive()
            self.answer()
            self.keep_alive()
        self.sock.close(linger=1000)


def main():
    """Runs a worker."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--heartbeat", type=int, default=1000)
    parser.add_argument("--liveness", type=int, default=3)
    parser.add_argument("--reconnect", type=int, default=1000)
    parser.add_argument("--id", type=frame, default=b"")
    parser.add_argument("--sign", type=frame, default=b"")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("endpoint")
    Worker(parser.parse_args()).run()


if __name__ == "__main__":
    main()
