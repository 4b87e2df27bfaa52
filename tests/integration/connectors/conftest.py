from tests.unit.connectors.conftest import shop

__all__ = ["shop"]
