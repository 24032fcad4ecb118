"""A client of MDP/0.1 or MDP/0.2 that calls methods of a typed service.

    typedclient.py [--mdp 0.1] [--synchronous] [--count N] [--timeout MS] --image FILE
                   ENDPOINT SERVICE METHOD TEXT

FILE is a FileDescriptorSet. TEXT is the request in protobuf's text format; {} in it is
the number of the request. The service frame is SERVICE/METHOD, such as
calculator/calculator.v1.CalculatorService/Add, and the body an envelope, made with the
protobuf library alone.

With --synchronous it is a REQ with one request at a time (MDP/0.1 alone), else a DEALER
that sends all of them at once. Prints for each "reply TEXT" in the order in which they
come, or "error CODE" for an envelope of mittere.v1.Status, and at the end "done".
"""

import argparse
import pathlib

import zmq
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

import mdp
import reqclient


class Schemas:
    """The messages of a FileDescriptorSet, and their envelopes."""

    def __init__(self, image):
        self.pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(image).file:
            self.pool.Add(file)
        self.envelope = self.named("mittere.v1.Envelope")

    def named(self, name):
        """Returns the class of a message."""
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def request(self, method):
        """Returns the class of a method's request."""
        service, _, name = method.partition("/")
        return self.named(self.pool.FindServiceByName(service).FindMethodByName(name).input_type.full_name)

    def seal(self, message):
        """Returns the frame of a message."""
        name = message.DESCRIPTOR.full_name
        packed = {"type_url": "type.googleapis.com/" + name, "value": message.SerializeToString()}
        return self.envelope(msg_name=name, msg=packed).SerializeToString()

    def unpack(self, frame):
        """Returns the message in a frame."""
        packed = self.envelope.FromString(frame).msg
        return self.named(packed.type_url.rpartition("/")[2]).FromString(packed.value)

    def say(self, body):
        """Prints what a reply is."""
        (frame,) = body
        message = self.unpack(frame)
        if message.DESCRIPTOR.full_name == "mittere.v1.Status":
            code = message.DESCRIPTOR.fields_by_name["code"].enum_type
            mdp.say("error " + code.values_by_number[message.code].name)
        else:
            mdp.say("reply " + text_format.MessageToString(message, as_one_line=True))


def one_by_one(args, service, frames):
    """Yields the replies to requests that wait for each other."""
    client = reqclient.Client(args.endpoint, args.timeout, retries=0)
    for frame in frames:
        yield client.ask(service, [frame])
    client.close()


def at_once(args, service, frames):
    """Yields the replies to requests that do not."""
    version = mdp.CLIENTS[args.mdp]
    sock = zmq.Context.instance().socket(zmq.DEALER)
    sock.connect(args.endpoint)
    for frame in frames:
        sock.send_multipart([*version.request, service, frame])
    for _ in frames:
        if not sock.poll(args.timeout):
            raise TimeoutError("no answer")
        final, name, body = version.read(sock.recv_multipart())
        if not final or name != service:
            raise ValueError(f"a reply of {name}, final: {final}")
        yield body
    sock.close(linger=0)


def main():
    """Makes the requests."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mdp", choices=mdp.CLIENTS, default="0.1")
    parser.add_argument("--synchronous", action="store_true")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--timeout", type=int, default=10000)
    parser.add_argument("--image", type=pathlib.Path, required=True)
    parser.add_argument("endpoint")
    parser.add_argument("service")
    parser.add_argument("method")
    parser.add_argument("text")
    args = parser.parse_args()
    schemas = Schemas(args.image.read_bytes())
    request = schemas.request(args.method)
    texts = [args.text.replace("{}", str(number)) for number in range(args.count)]
    frames = [schemas.seal(text_format.Parse(text, request())) for text in texts]
    ask = one_by_one if args.synchronous else at_once
    for body in ask(args, f"{args.service}/{args.method}".encode(), frames):
        schemas.say(body)
    mdp.say("done")


if __name__ == "__main__":
    main()
