"""A dīvidere program whose every step a Go test commands.

    peer.py IMAGE [FILE_TO_LEAVE_OUT ...]

IMAGE is a file with the FileDescriptorSet of the messages. The commands are the
methods of Peer; commands.py tells how they come.
"""

import sys
import time

import zmq
from dividere import MsgLib, connection, messaging, registry
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool  # any_pb2 for the pool

import commands
import reactors
import services
import values

# How long a step waits for a message, in milliseconds. The Go side gives up a
# little later, so that the reason comes from here.
PATIENCE_MS = 20000

# Where dīvidere's classes keep the socket of the layer below.
INNER = ("pub_", "sub_", "sock_", "socket_", "reqSock_")


def load(image, left_out):
    """Adds the files of an image to the default pool, where dīvidere looks."""
    files = descriptor_pb2.FileDescriptorSet()
    with open(image, "rb") as source:
        files.ParseFromString(source.read())
    # The package dividere brings the messages of msglib.proto itself.
    known = {any_pb2.DESCRIPTOR.name, "dividere/msglib.proto", *left_out}
    for file in files.file:
        if file.name not in known:
            descriptor_pool.Default().AddSerializedFile(file.SerializeToString())


def argument(value):
    """Returns an argument of a constructor: {"types": [...]} is messages of these types."""
    if isinstance(value, dict):
        return [values.new(name) for name in value["types"]]
    return value


def outward(message):
    """Returns what recv returned, in JSON."""
    if isinstance(message, tuple):
        route, message = message
        return {"route": [frame.hex() for frame in route], **outward(message)}
    if isinstance(message, bytes):
        return {"bytes": message.hex()}
    return {"message": values.of_message(message)}


def inward(command):
    """Returns what send takes: a message or bytes, in a tuple if it is routed."""
    if "bytes" in command:
        message = bytes.fromhex(command["bytes"])
    else:
        message = values.to_message(command["message"])
    if "route" in command:
        return ([bytes.fromhex(frame) for frame in command["route"]], message)
    return message


def number_of(message):
    """Returns the number in a Numbered, routed or not."""
    return (message[1] if isinstance(message, tuple) else message).number


class Peer:
    """The state of the program: its sockets and reactors, by name."""

    def __init__(self):
        self.objects = {}

    def open(self, name, factory, arguments):
        """Makes an object of dīvidere."""
        self.objects[name] = FACTORIES[factory](*map(argument, arguments))

    def endpoint(self, name, inner):
        """Returns where a socket is bound, with its real port."""
        sock = self.objects[name]
        if inner:
            sock = getattr(sock, inner)
        while not isinstance(sock, zmq.Socket):
            sock = next(getattr(sock, field) for field in INNER if hasattr(sock, field))
        return sock.getsockopt_string(zmq.LAST_ENDPOINT).replace("0.0.0.0", "127.0.0.1")

    def send(self, name, **command):
        """Sends a message."""
        self.objects[name].send(inward(command))

    def send_with_empty_frame(self, name, **command):
        """Sends a message to a REP from a DEALER."""
        self.objects[name].sendWithEmptyFrame(inward(command))

    def receive(self, name):
        """Waits for a message and returns it as dīvidere does."""
        sock = self.objects[name]
        if not sock.wait(PATIENCE_MS):
            raise TimeoutError("nothing arrived")
        return sock.recv()

    def recv(self, name):
        """Waits for a message."""
        return outward(self.receive(name))

    def send_numbers(self, name, first, count):
        """Sends messages with these numbers."""
        message = values.new("Numbered")
        for number in range(first, first + count):
            message.number = number
            self.objects[name].send(message)

    def recv_numbers(self, name, count):
        """Returns the numbers of this many messages, in the order of arrival."""
        return [number_of(self.receive(name)) for _ in range(count)]

    def request_numbers(self, name, first, count):
        """Sends a request with each number and returns the numbers of the replies."""
        numbers = []
        for number in range(first, first + count):
            self.send_numbers(name, number, 1)
            numbers += self.recv_numbers(name, 1)
        return numbers

    def echo(self, name, count):
        """Sends each of this many messages back where it came from."""
        for _ in range(count):
            self.objects[name].send(self.receive(name))

    def subscribe(self, name, topic):
        """Subscribes by a prefix of the frame, as dīvidere's lower layer can."""
        self.objects[name].sub_.subscribe(topic)

    def encode(self, message):
        """Returns the frame that dīvidere makes of a message."""
        envelope = messaging.ProtoBuffEncoder().encode(values.to_message(message))
        return envelope.SerializeToString().hex()

    def decode(self, frame):
        """Returns what dīvidere makes of a frame."""
        envelope = MsgLib.msgEnvelope()
        envelope.ParseFromString(bytes.fromhex(frame))
        return outward(messaging.ProtoBuffDecoder().decode(envelope))

    def react(self, name, factory, sockets):
        """Starts a reactor on sockets."""
        self.objects[name] = FACTORIES[factory]([self.objects[sock] for sock in sockets])

    def handled(self, name):
        """Waits for the next message that a reactor handled."""
        kind, arguments = self.objects[name].handled.get(timeout=PATIENCE_MS / 1000)
        message = arguments if len(arguments) == 2 else arguments[0]
        return {"socket": kind, **outward(message)}

    def ended(self, name):
        """Waits for the end of a reactor's thread and tells whether it came."""
        self.objects[name].tid_.join(PATIENCE_MS / 1000)
        return not self.objects[name].tid_.is_alive()

    def wait_for_servers(self, name, count):
        """Waits until a load balancing broker has this many servers."""
        until = time.monotonic() + PATIENCE_MS / 1000
        while len(self.objects[name].queue_) < count:
            if time.monotonic() > until:
                raise TimeoutError("too few servers")
            time.sleep(0.001)  # dīvidere has nothing to wait for

    def recv_retrying(self, name):
        """Receives by the client of the load balancer, which waits by itself."""
        return outward(self.objects[name].recv())

    def look_up(self, name, service):
        """Asks a registry for a service."""
        return self.objects[name].lookupService(service)._asdict()

    def register(self, name, service, port):
        """Registers a service by the client of a registry."""
        self.objects[name].registerService(service, port)

    def unregister(self, name, service, port):
        """Takes a service out of a registry."""
        self.objects[name].unregisterService(service, port)

    def service(self, name):
        """Returns the name and the port that a service has registered."""
        return {"name": self.objects[name].name_, "port": self.objects[name].port_}

    def stop(self, name):
        """Stops an object."""
        self.objects[name].stop()


def registry_server():
    """Starts dīvidere's registry on free ports instead of 5000 and 5001."""
    registry.ServiceRegistry.Server.port = 0
    registry.ServiceRegistry.Server.subPort = 0
    return registry.ServiceRegistry.Server()


def echo_service(port, sub_port):
    """Starts a service of dīvidere's that knows its registry by these ports."""
    registry.ServiceRegistry.Server.port = port
    registry.ServiceRegistry.Server.subPort = sub_port
    return services.Echo()


FACTORIES = {
    "messaging.Publisher": messaging.Publisher,
    "messaging.Subscriber": messaging.Subscriber,
    "messaging.Request": messaging.Request,
    "messaging.Response": messaging.Response,
    "messaging.Dealer": messaging.Dealer,
    "connection.Publisher": connection.Publisher,
    "connection.Subscriber": connection.Subscriber,
    "connection.Request": connection.Request,
    "connection.Response": connection.Response,
    "connection.Dealer": connection.Dealer,
    "connection.Proxy": connection.Proxy,
    "messaging.Broker": lambda: messaging.LoadBalancingPattern.Broker(0, 0),
    "messaging.Client": messaging.LoadBalancingPattern.Client,
    "registry.Server": registry_server,
    "registry.Client": registry.ServiceRegistry.Client,
    "services.Echo": echo_service,
    "reactors.Recorder": reactors.Recorder,
    "reactors.Server": reactors.Server,
}


def make():
    """Loads the messages and returns the peer."""
    load(sys.argv[1], sys.argv[2:])
    return Peer()


if __name__ == "__main__":
    commands.serve(make)
