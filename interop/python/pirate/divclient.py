"""A client made of dīvidere's load balancing, of either layer.

    divclient.py [--layer messaging|connection] [--count N] [--timeout MS] ENDPOINT TEXT

Of the messaging layer it sends ServiceLookupReq with the text as serviceName, of the
connection layer the text itself; {} in it is the number of the request. Prints
"reply CONTENT" for each, "reply None" if dīvidere gave up, and at the end "done".
"""

import argparse
import os

from dividere import MsgLib
from dividere.connection import LoadBalancingPattern as Bytes
from dividere.messaging import LoadBalancingPattern as Messages

from lines import say


def show(message):
    """Returns a reply in one line."""
    if isinstance(message, bytes):
        return message.decode()
    if isinstance(message, MsgLib.ServiceLookupRep):
        return f"{message.serviceName} {message.server}"
    if message is None:
        return "None"
    return f"{type(message).__name__} {message.serviceName}"


def main():
    """Makes the requests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--layer", choices=["messaging", "connection"], default="messaging")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=5000)
    parser.add_argument("endpoint")
    parser.add_argument("text")
    args = parser.parse_args()
    if args.layer == "messaging":
        client = Messages.Client(args.endpoint, retryTimeOutMs=args.timeout)
    else:
        client = Bytes.Client([args.endpoint])
    for number in range(args.count):
        text = args.text.replace("{}", str(number))
        if args.layer == "messaging":
            client.send(MsgLib.ServiceLookupReq(serviceName=text))
            say(f"reply {show(client.recv())}")
        else:
            client.send(text.encode())
            say(f"reply {show(client.recv(args.timeout))}")
    say("done")
    os._exit(0)  # dīvidere's destructors join threads that may wait for ever


if __name__ == "__main__":
    main()
