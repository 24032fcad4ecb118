"""Calls the Go calculator from Python, with pyzmq and protobuf and nothing else.

    python calculator.py tcp://127.0.0.1:5555

It follows docs/wire.md, at a server or a broker: a session with heartbeats, an answer,
an error with its detail, a stream with credit, and a cancelled stream. messages.binpb
has the schemas.
"""
import os
import pathlib
import sys
import time

import zmq
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

pool = descriptor_pool.DescriptorPool()
image = pathlib.Path(__file__).with_name("messages.binpb").read_bytes()
for file in descriptor_pb2.FileDescriptorSet.FromString(image).file:
    pool.Add(file)


def message(name):
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


Command, Envelope = message("mittere.v1.Command"), message("mittere.v1.Envelope")
SECOND = 10**9  # nanoseconds


class Failed(Exception):
    """What a call failed with: a mittere.v1.Status."""


def seal(m):
    """The envelope of a message. Its type is written first: two messages, merged."""
    name = m.DESCRIPTOR.full_name
    body = {"type_url": "type.googleapis.com/" + name, "value": m.SerializeToString()}
    return Envelope(msg_name=name).SerializeToString() + Envelope(msg=body).SerializeToString()


def unpack(packed):
    """The message in a google.protobuf.Any."""
    return message(packed.type_url.rpartition("/")[2]).FromString(packed.value)


class Session:
    """A session with a server or a broker. It is served while something is waited for."""

    def __init__(self, endpoint, service):
        self.service = service  # a broker needs it, and a server checks it
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.connect(endpoint)
        self.heard = self.beat = now = time.monotonic_ns()
        self.instance, self.calls, self.id, self.heartbeat = os.urandom(16), 0, 0, SECOND
        self.send(hello={"instance": self.instance, "role": "ROLE_CLIENT", "heartbeat_nano": SECOND, "sent_at_nano": now})
        welcome = self.receive()[0].welcome
        self.id, self.heartbeat = welcome.session, welcome.heartbeat_nano

    def send(self, body=b"", **kind):
        """Sends a command: version and kind, then the envelope, as in seal."""
        self.socket.send(Command(version=1, **kind).SerializeToString() + Command(body=body).SerializeToString())

    def receive(self, until=None):
        """The next command and its envelope; None when the time is over."""
        while until is None or time.monotonic_ns() < until:
            now = time.monotonic_ns()
            if now - self.heard > 3 * self.heartbeat:
                raise ConnectionError("nothing was heard of the server")
            if self.id and now - self.beat > self.heartbeat // 2:
                self.send(heartbeat={"session": self.id, "sent_at_nano": now})
                self.beat = now
            if not self.socket.poll(self.heartbeat // 8 // 10**6):
                continue
            frames, self.heard = self.socket.recv_multipart(), time.monotonic_ns()
            command = Command.FromString(frames[0])
            if command.HasField("disconnect"):
                raise ConnectionError(command.disconnect.status.message)
            if not command.HasField("heartbeat"):
                return command, frames[1] if len(frames) > 1 else command.body
        return None

    def call(self, method, request, credit=0):
        """Yields what answers a call: one message, or those of a stream. Leaving
        the loop before the end cancels the call."""
        self.calls += 1
        call, unpaid, ended = self.calls, 0, False
        key = {"instance": self.instance, "number": call, "settled": call}
        self.send(seal(request), request={
            "call": call, "session": self.id, "key": key, "service": self.service, "method": method,
            "credit": credit, "timeout_nano": 10 * SECOND, "sent_at_nano": time.monotonic_ns(), "attempt": 1})
        try:
            while not ended:
                command, body = self.receive()
                if command.item.call == call:
                    unpaid += 1
                    if unpaid * 2 >= credit:
                        self.send(credit={"call": call, "items": unpaid})
                        unpaid = 0
                elif command.reply.call != call:
                    continue  # of a call that was cancelled
                ended = command.HasField("reply")
                if command.reply.status.code:
                    raise Failed(command.reply.status)
                if body:
                    yield unpack(Envelope.FromString(body).msg)
        finally:
            if not ended:
                self.send(cancel={"call": call})

    def close(self):
        self.send(disconnect={"status": {"code": "CODE_CANCELLED"}})
        self.socket.close()


def main(endpoint):
    calculator, management = "calculator.v1.CalculatorService/", "mittere.v1.ManagementService/"
    add, divide, primes = (message(f"calculator.v1.{name}Request") for name in ("Add", "Divide", "Primes"))
    session = Session(endpoint, "calculator")
    [answer] = session.call(calculator + "Add", add(a=1, b=2))
    print("1 + 2 =", answer.sum)
    try:
        list(session.call(calculator + "Divide", divide(dividend=7, divisor=0)))
    except Failed as failed:
        status = failed.args[0]
        zero = unpack(status.details[0])
        print(f"7 / 0: code {status.code}, {status.message}; the dividend was {zero.dividend}")
    print("primes:", *(item.prime for item in session.call(calculator + "Primes", primes(limit=100), credit=4)))
    stream = session.call(calculator + "Primes", primes(limit=2**63), credit=4)
    print("the first primes:", *(next(stream).prime for _ in range(5)))
    stream.close()  # cancels
    running = 1
    while running:  # until the server has ended it
        [stats] = session.call(management + "Stats", message("mittere.v1.StatsRequest")())
        running = sum(m.in_flight for m in stats.methods)
    print("cancelled: the server runs", running, "calls")
    session.receive(until=time.monotonic_ns() + 5 * session.heartbeat)  # a session lasts 3 without a word
    [answer] = session.call(calculator + "Add", add(a=20, b=22))
    print("after five heartbeats: 20 + 22 =", answer.sum)
    session.close()


if __name__ == "__main__":
    main(sys.argv[1])
