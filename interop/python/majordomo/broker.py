"""A Majordomo broker of one version, MDP/0.1 or MDP/0.2, with mmi.service of RFC 8.

    broker.py [--mdp 0.1] [--heartbeat MS] [--liveness N] [--expiry MS] ENDPOINT

Prints "serves ENDPOINT", "registered SERVICE", "gone SERVICE" for a worker that said
so, "dead SERVICE" for one that was silent, "expired SERVICE" for a request, and
"refused" when it sent a DISCONNECT. A worker that is gone leaves its request to the
next one. The end of the input ends it.
"""

import argparse
import collections
import dataclasses
import sys
import time

import zmq

import mdp


@dataclasses.dataclass
class Request:
    """What a client waits for."""

    client: bytes
    body: list
    until: float  # when it is too late to give it to a worker


@dataclasses.dataclass
class Worker:
    """A peer that is registered."""

    service: "Service"
    heard: float
    request: Request = None  # None is idle


class Service:
    """The requests and the workers of a name."""

    def __init__(self, name):
        self.name = name
        self.requests = collections.deque()
        self.idle = collections.deque()  # routing ids, the least recently used first


class Broker:
    """One socket for clients and workers."""

    def __init__(self, args):
        self.args = args
        self.to_client, self.to_worker = mdp.CLIENTS[args.mdp], mdp.WORKERS[args.mdp]
        self.sock = zmq.Context.instance().socket(zmq.ROUTER)
        self.sock.bind(args.endpoint)
        self.services = {}
        self.workers = {}  # by routing id
        self.beat = time.monotonic()  # when the next heartbeats are due

    def service(self, name):
        """Returns a service, which is new if nobody named it before."""
        return self.services.setdefault(name, Service(name))

    def command(self, peer, command, *frames):
        """Sends a command to a worker."""
        self.sock.send_multipart([peer, *self.to_worker.front, command, *frames])

    def receive(self):
        """Takes a message; one that is not of the protocol is dropped."""
        peer, *frames = self.sock.recv_multipart()
        request, front = self.to_client.request, self.to_worker.front
        if frames[: len(request)] == request and len(frames) > len(request) + 1:
            service, *body = frames[len(request) :]
            self.ask(peer, service, body)
        elif frames[: len(front)] == front and len(frames) > len(front):
            self.from_worker(peer, frames[len(front)], frames[len(front) + 1 :])

    def ask(self, client, name, body):
        """Takes a request."""
        if name.startswith(b"mmi."):
            answer = b"501"
            if name == b"mmi.service":
                known = any(w.service.name == body[-1] for w in self.workers.values())
                answer = b"200" if known else b"404"
            self.sock.send_multipart([client, *self.to_client.final, name, answer])
            return
        service = self.service(name)
        service.requests.append(Request(client, body, time.monotonic() + self.args.expiry / 1000))
        self.dispatch(service)

    def dispatch(self, service):
        """Gives requests to idle workers."""
        while service.requests and service.idle:
            peer, request = service.idle.popleft(), service.requests.popleft()
            self.workers[peer].request = request
            self.command(peer, self.to_worker.request, request.client, b"", *request.body)

    def from_worker(self, peer, command, rest):
        """Takes a command of a worker; what is not expected is refused."""
        worker = self.workers.get(peer)
        if worker is not None:
            worker.heard = time.monotonic()
        if command == self.to_worker.disconnect:
            self.forget(peer, "gone")
        elif command == self.to_worker.ready and worker is None and len(rest) == 1 and not rest[0].startswith(b"mmi."):
            mdp.say("registered", rest)
            self.workers[peer] = Worker(self.service(rest[0]), time.monotonic())
            self.rest(peer)
        elif worker is not None and command in (self.to_worker.partial, self.to_worker.final) and worker.request:
            self.answer(peer, worker, command, rest)
        elif worker is None or command != self.to_worker.heartbeat:
            self.forget(peer, "gone")
            self.command(peer, self.to_worker.disconnect)
            mdp.say("refused")

    def answer(self, peer, worker, command, rest):
        """Takes a reply to the request that the worker has, whoever it names."""
        _, body = self.to_worker.read_body(rest)
        final = command == self.to_worker.final
        front = self.to_client.final if final else self.to_client.partial
        self.sock.send_multipart([worker.request.client, *front, worker.service.name, *body])
        if final:
            worker.request = None
            self.rest(peer)

    def rest(self, peer):
        """Makes a worker idle, as far as there is nothing to do."""
        service = self.workers[peer].service
        service.idle.append(peer)
        self.dispatch(service)

    def forget(self, peer, why):
        """Takes a worker out; its request is the next one of its service."""
        worker = self.workers.pop(peer, None)
        if worker is None:
            return
        service = worker.service
        mdp.say(why, [service.name])
        if worker.request is None:
            service.idle.remove(peer)
        else:
            service.requests.appendleft(worker.request)
            self.dispatch(service)

    def look(self):
        """Sends heartbeats, and ends what is over."""
        now = time.monotonic()
        silence = self.args.liveness * self.args.heartbeat / 1000
        for peer in [p for p, w in self.workers.items() if now - w.heard > silence]:
            self.forget(peer, "dead")
        if now >= self.beat:
            self.beat = now + self.args.heartbeat / 1000
            for peer in self.workers:
                self.command(peer, self.to_worker.heartbeat)
        for service in self.services.values():
            while service.requests and service.requests[0].until < now:
                service.requests.popleft()
                mdp.say("expired", [service.name])

    def run(self):
        """Serves until the end of the input."""
        mdp.say("serves", [self.sock.last_endpoint])
        poller = zmq.Poller()
        poller.register(self.sock, zmq.POLLIN)
        poller.register(sys.stdin.fileno(), zmq.POLLIN)
        while True:
            events = dict(poller.poll(max(self.args.heartbeat // 4, 1)))
            if sys.stdin.fileno() in events:
                break
            if self.sock in events:
                self.receive()
            self.look()
        self.sock.close(linger=0)


def main():
    """Runs a broker."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mdp", choices=mdp.WORKERS, default="0.1")
    parser.add_argument("--heartbeat", type=int, default=2500)
    parser.add_argument("--liveness", type=int, default=3)
    parser.add_argument("--expiry", type=int, default=30000)
    parser.add_argument("endpoint")
    Broker(parser.parse_args()).run()


if __name__ == "__main__":
    main()
