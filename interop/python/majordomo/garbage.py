"""A peer that speaks no protocol, but its words: messages of random frames.

    garbage.py [--sockets N] [--messages N] [--seed N] ENDPOINT

It reads nothing but what is there anyway, and ends when all is sent. Prints "done".
"""

import argparse
import random

import zmq

import mdp

WORDS = [
    *(b"", b"MDPC01", b"MDPW01", b"MDPC02", b"MDPW02", b"MDPC03"),
    *(bytes([i]) for i in range(8)),
    *(b"junk", b"mmi.service", b"mmi.", b"\xff\xfe", b"\0" * 300, b"aaaaaaaa-1"),
]

# The beginnings of what is right, so that what is wrong comes later, too.
BEGINNINGS = [
    [],
    [b"", b"MDPC01"],
    [b"", b"MDPC01", b"junk"],
    [b"MDPC02", b"\1"],
    [b"MDPC02", b"\1", b"junk"],
    [b"", b"MDPW01"],
    [b"", b"MDPW01", b"\1", b"junk"],
    [b"", b"MDPW01", b"\3"],
    [b"MDPW02"],
    [b"MDPW02", b"\1", b"junk"],
    [b"MDPW02", b"\3"],
]


def message(choose):
    """Returns the frames of a message."""
    end = [choose.choice(WORDS) for _ in range(choose.choice((0, 0, 0, 1, 1, 2, 3, 5)))]
    return [*choose.choice(BEGINNINGS), *end] or [b""]


def forward(sock, rest):
    """Turns a message of the broker into a reply, right or with another end."""
    frames = sock.recv_multipart()
    if frames[:3] == [b"", b"MDPW01", b"\2"]:
        sock.send_multipart([b"", b"MDPW01", b"\3", *frames[3:5], *rest])
    elif frames[:2] == [b"MDPW02", b"\2"]:
        sock.send_multipart([b"MDPW02", b"\4", *frames[2:4], *rest])


def main():
    """Sends messages."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sockets", type=int, default=20)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("endpoint")
    args = parser.parse_args()
    choose = random.Random(args.seed)
    context = zmq.Context()
    socks = [context.socket(zmq.DEALER) for _ in range(args.sockets)]
    for sock in socks:
        sock.connect(args.endpoint)
    for _ in range(args.messages):
        sock = choose.choice(socks)
        sock.send_multipart(message(choose))
        while sock.poll(0):
            forward(sock, message(choose))
    for sock in socks:
        sock.close(linger=10000)
    context.term()  # waits until all is sent
    mdp.say("done")


if __name__ == "__main__":
    main()
