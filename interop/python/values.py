"""Messages as JSON values, for the control channel between a Go test and a peer.

A message is {"type": full name, "fields": {name: value}}. Every field is there,
set or not, so that both ends compare all of them. Numbers are text, exact to the
last bit: integers in decimal, floats in hexadecimal. Bytes are text too, in
hexadecimal. A message within another one is its fields alone, or null.
"""

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor as Field

FLOATS = (Field.CPPTYPE_DOUBLE, Field.CPPTYPE_FLOAT)


def new(name):
    """Returns an empty message of the type with this full name."""
    descriptor = descriptor_pool.Default().FindMessageTypeByName(name)
    return message_factory.GetMessageClass(descriptor)()


def to_message(value):
    """Returns the message that a value stands for, made as a user would."""
    message = new(value["type"])
    fill(message, value["fields"])
    return message


def fill(message, fields):
    """Sets the fields of a message."""
    for name, value in fields.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.is_repeated:
            for element in value:
                add(message, field, element)
        elif field.message_type is None:
            setattr(message, name, to_scalar(field, value))
        elif value is not None:
            getattr(message, name).SetInParent()
            fill(getattr(message, name), value)


def add(message, field, element):
    """Appends an element to a repeated field."""
    if field.message_type is None:
        getattr(message, field.name).append(to_scalar(field, element))
    else:
        fill(getattr(message, field.name).add(), element)


def to_scalar(field, value):
    """Returns the Python value of a scalar field."""
    if field.cpp_type in FLOATS:
        return float.fromhex(value)
    if field.type == Field.TYPE_BYTES:
        return bytes.fromhex(value)
    if isinstance(value, bool) or field.type == Field.TYPE_STRING:
        return value
    return int(value)


def of_message(message):
    """Returns a message as a value."""
    return {"type": message.DESCRIPTOR.full_name, "fields": fields_of(message)}


def fields_of(message):
    """Returns all fields of a message, read as a user would."""
    return {field.name: of_field(message, field) for field in message.DESCRIPTOR.fields}


def of_field(message, field):
    """Returns one field."""
    value = getattr(message, field.name)
    if field.is_repeated:
        return [of_element(field, element) for element in value]
    if field.message_type is not None and not message.HasField(field.name):
        return None
    return of_element(field, value)


def of_element(field, value):
    """Returns the value of a singular field, or one of a repeated field."""
    if field.message_type is not None:
        return fields_of(value)
    if field.cpp_type in FLOATS:
        return value.hex()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (bool, str)):
        return value
    return str(value)
