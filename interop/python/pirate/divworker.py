"""A worker made of dīvidere's load balancing, of either layer.

    divworker.py [--layer messaging|connection] [--sign NAME] [--hold] [--forget] ENDPOINT

Of the messaging layer it answers a ServiceLookupReq with a ServiceLookupRep that has
the same serviceName, and its name as server; of the connection layer it answers any
payload with the same, a space, and its name. With --hold it answers when standard
input has the line "serve"; dīvidere's worker hears and says nothing meanwhile. With
--forget, of the messaging layer, it leaves every other request unanswered, the first one
to begin with.

Prints "ready" when it is made, "request CONTENT", "answered".
"""

import argparse
import os
import sys

from dividere import MsgLib, connection, messaging
from dividere.connection import LoadBalancingPattern as Bytes
from dividere.messaging import LoadBalancingPattern as Messages

from lines import Gate, say


class Server(Messages.Server.ServerMsgReactor):
    """Serves a type of message, as dīvidere's user guide makes it: by subclassing."""

    def __init__(self, sockets, gate, sign, forgets):
        self.gate, self.sign, self.forgets = gate, sign, forgets
        self.forgot = False
        # The base starts its thread, which looks at the timer, before it sets it.
        self.resetHbTimer()
        super().__init__(sockets)

    def handleServiceLookupReq(self, sock, route, message):
        """Handles a request that the broker forwarded."""
        say(f"request {message.serviceName}")
        self.gate.wait()
        self.forgot = self.forgets and not self.forgot
        if self.forgot:
            return
        sock.send((route, MsgLib.ServiceLookupRep(serviceName=message.serviceName, server=self.sign)))
        say("answered")


class Worker(Bytes.Worker):
    """Serves bytes.

    The base cannot: of a request, which is a tuple, it writes a log line that raises
    TypeError, and its handlers have no socket. So whoever uses it overrides run.
    """

    def __init__(self, endpoint, gate, sign):
        self.gate, self.sign = gate, sign
        super().__init__(endpoint)

    def run(self, endpoint):
        """Registers, answers heartbeats with the same, and serves."""
        sock = connection.Dealer(endpoint)
        sock.send(Bytes.Broker.ServerRegisterMsg)
        while not self.done_:
            if not sock.wait(1000):
                continue
            message = sock.recv()
            if isinstance(message, tuple):
                self.serve(sock, *message)
            elif message == Bytes.Broker.HeartbeatMsg:
                sock.send(message)

    def serve(self, sock, route, payload):
        """Handles a request that the broker forwarded."""
        say("request", [payload])
        self.gate.wait()
        sock.send((route, payload + b" " + self.sign.encode()))
        say("answered")


def main():
    """Serves until the end of the input, at which it ends at once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--layer", choices=["messaging", "connection"], default="messaging")
    parser.add_argument("--sign", default="")
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--forget", action="store_true")
    parser.add_argument("endpoint")
    args = parser.parse_args()
    gate = Gate(args.hold)
    if args.layer == "messaging":
        reactor = Server([messaging.Dealer(args.endpoint)], gate, args.sign, args.forget)
        Messages.Server(args.endpoint, reactor)
    else:
        Worker(args.endpoint, gate, args.sign)
    say("ready")
    gate.ended.wait()
    sys.stdout.flush()
    os._exit(0)  # dīvidere's destructors join threads that may wait for ever


if __name__ == "__main__":
    main()
