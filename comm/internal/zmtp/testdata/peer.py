"""A libzmq peer that sends back what it gets.

    peer.py server MECHANISM...       binds a ROUTER and prints where
    peer.py client ADDRESS MECHANISM... connects a DEALER named "python"

MECHANISM is "null", "plain USER PASSWORD", or "curve" with the client's public
and secret key and the server's, in hex. As the server it lets nobody else in.
"""

import sys

import zmq
from zmq.auth.thread import ThreadAuthenticator
from zmq.utils import z85


def key(text):
    return z85.encode(bytes.fromhex(text))


class Keys:
    """Lets the holder of one key in."""

    def __init__(self, allowed):
        self.allowed = allowed

    def callback(self, domain, found):
        return found == self.allowed


def secure_server(context, socket, mechanism, credentials):
    if mechanism == "null":
        return None
    authenticator = ThreadAuthenticator(context)
    authenticator.start()
    if mechanism == "plain":
        authenticator.configure_plain(passwords=dict([credentials]))
        socket.plain_server = True
    else:
        public, _, _, secret = map(key, credentials)
        authenticator.configure_curve_callback(credentials_provider=Keys(public))
        socket.curve_secretkey = secret
        socket.curve_server = True
    return authenticator


def secure_client(socket, mechanism, credentials):
    if mechanism == "plain":
        socket.plain_username, socket.plain_password = (c.encode() for c in credentials)
    elif mechanism == "curve":
        socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = map(key, credentials[:3])


def main():
    role, *rest = sys.argv[1:]
    context = zmq.Context()
    if role == "server":
        mechanism, *credentials = rest
        socket = context.socket(zmq.ROUTER)
        authenticator = secure_server(context, socket, mechanism, credentials)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        print(f"tcp://127.0.0.1:{port}", flush=True)
    else:
        address, mechanism, *credentials = rest
        socket = context.socket(zmq.DEALER)
        socket.routing_id = b"python"
        secure_client(socket, mechanism, credentials)
        socket.connect(f"tcp://{address}")
        print("connecting", flush=True)
    while True:
        socket.send_multipart(socket.recv_multipart())


main()
