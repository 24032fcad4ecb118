"""Reactors made of dīvidere's, as its user guide makes them: by subclassing."""

import queue

from dividere import messaging


class Recorder(messaging.MtMsgReactor):
    """Notes what arrives, and answers what can be answered with the same."""

    def __init__(self, sockets):
        # The base starts its thread at once: what handlers use comes first.
        self.handled = queue.Queue()
        super().__init__(sockets)

    def note(self, sock, *arguments):
        """Takes (message) or (route, message), as recv of the socket returned it."""
        self.handled.put((type(sock).__name__, arguments))
        if not hasattr(sock, "send"):
            return
        sock.send(arguments[0] if len(arguments) == 1 else arguments)

    def handletestMsg01(self, sock, *arguments):
        """Handles a testMsg01."""
        self.note(sock, *arguments)

    def handleImageMsg(self, sock, *arguments):
        """Handles an ImageMsg."""
        self.note(sock, *arguments)

    def handleReading(self, sock, *arguments):
        """Handles an interop.v1.Reading, under its short name."""
        self.note(sock, *arguments)


class Server(messaging.LoadBalancingPattern.Server.ServerMsgReactor):
    """A server behind dīvidere's load balancing broker: answers with the same."""

    def __init__(self, sockets):
        # The base starts its thread, which looks at the timer, before it sets it.
        self.resetHbTimer()
        super().__init__(sockets)

    def handletestMsg01(self, sock, route, message):
        """Handles a testMsg01 that the broker forwarded."""
        sock.send((route, message))
