"""The frames of the Majordomo Protocol, 0.1 (RFC 7) and 0.2 (RFC 18).

Written from the RFCs, without code of Mittere or of the ZeroMQ guide. The programs
beside this file are its peers; each tells in lines on standard output what it does.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Client:
    """What a client and a broker say to each other."""

    request: list  # the frames in front of the service's name
    partial: list  # None in 0.1, where a reply is one message
    final: list

    def read(self, frames):
        """Returns whether a message of the broker is the last one, the service and the body."""
        for final, front in ((True, self.final), (False, self.partial)):
            if front is not None and frames[: len(front)] == front and len(frames) > len(front) + 1:
                service, *body = frames[len(front) :]
                return final, service, body
        raise ValueError(f"no reply to a client: {frames}")


@dataclasses.dataclass(frozen=True)
class Worker:
    """What a worker and a broker say to each other."""

    front: list  # the frames in front of a command
    ready: bytes
    request: bytes
    partial: bytes  # None in 0.1
    final: bytes  # REPLY in 0.1
    heartbeat: bytes
    disconnect: bytes

    def read(self, frames):
        """Returns the command of a message and what follows it."""
        count = len(self.front)
        if frames[:count] != self.front or len(frames) <= count:
            raise ValueError(f"no command: {frames}")
        return frames[count], frames[count + 1 :]

    def read_body(self, rest):
        """Returns the client address and the body of a REQUEST or of a reply."""
        if len(rest) < 3 or rest[1] != b"":
            raise ValueError(f"no address, empty frame and body: {rest}")
        return rest[0], rest[2:]


CLIENTS = {
    "0.1": Client(request=[b"", b"MDPC01"], partial=None, final=[b"", b"MDPC01"]),
    "0.2": Client(request=[b"MDPC02", b"\1"], partial=[b"MDPC02", b"\2"], final=[b"MDPC02", b"\3"]),
}

WORKERS = {
    "0.1": Worker([b"", b"MDPW01"], b"\1", b"\2", None, b"\3", b"\4", b"\5"),
    "0.2": Worker([b"MDPW02"], b"\1", b"\2", b"\3", b"\4", b"\5", b"\6"),
}


def frame(text):
    r"""Returns the frame that an argument stands for: "\x00" is a byte."""
    return text.encode().decode("unicode_escape").encode("latin-1")


def text(frames):
    """Returns frames in one line, the inverse of frame for each."""
    return " | ".join(f.decode("latin-1").encode("unicode_escape").decode() for f in frames)


def numbered(frames, number):
    """Returns a body with a number in place of each {}."""
    return [f.replace(b"{}", str(number).encode()) for f in frames]


def say(what, frames=None):
    """Prints a line at once."""
    print(what if frames is None else f"{what} {text(frames)}", flush=True)
