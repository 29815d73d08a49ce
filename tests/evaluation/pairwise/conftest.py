"""The stand-in of the service that judges run on."""

from tests.prediction.gemini.conftest import private_key, service

__all__ = ["private_key", "service"]
