"""Services of dīvidere's for the tests."""

from dividere import service


class Echo(service.Service):
    """Answers each Numbered with itself. Its name is "services.Echo"."""

    def handleNumbered(self, message):
        """Answers."""
        self.send(message)
