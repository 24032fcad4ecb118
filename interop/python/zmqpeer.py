"""A program with pyzmq's own sockets whose every step a Go test commands.

The commands are the methods of Peer; commands.py tells how they come. Frames are
base64 in JSON, as Go writes bytes.
"""

import base64

import zmq

import commands

# How long a step waits, in milliseconds. The Go side gives up a little later, so
# that the reason comes from here.
PATIENCE_MS = 20000


class Peer:
    """The state of the program: its sockets by name."""

    def __init__(self):
        self.context = zmq.Context()
        self.sockets = {}

    def idle(self):
        """Lets libzmq attach new connections, which it does in calls of a socket only."""
        for sock in self.sockets.values():
            sock.getsockopt(zmq.EVENTS)

    def open(self, name, kind, endpoint, options):
        """Makes a socket, binds it ("@...") or connects it (">..."), and returns where."""
        sock = self.sockets[name] = self.context.socket(getattr(zmq, kind))
        sock.linger = 0
        sock.rcvtimeo = sock.sndtimeo = PATIENCE_MS
        for option, value in options.items():
            setter = sock.setsockopt_string if isinstance(value, str) else sock.setsockopt
            setter(getattr(zmq, option), value)
        (sock.bind if endpoint[0] == "@" else sock.connect)(endpoint[1:])
        return sock.getsockopt_string(zmq.LAST_ENDPOINT)

    def send(self, name, frames):
        """Sends a message."""
        self.sockets[name].send_multipart([base64.b64decode(frame) for frame in frames])

    def recv(self, name):
        """Waits for a message."""
        return [base64.b64encode(frame).decode() for frame in self.sockets[name].recv_multipart()]

    def echo(self, name):
        """Waits for a message and sends it back."""
        self.sockets[name].send_multipart(self.sockets[name].recv_multipart())

    def subscribe(self, name, prefix):
        """Subscribes a SUB to a prefix."""
        self.sockets[name].subscribe(prefix)

    def unsubscribe(self, name, prefix):
        """Withdraws a subscription of a SUB."""
        self.sockets[name].unsubscribe(prefix)


if __name__ == "__main__":
    commands.serve(Peer)
