"""An end of a connection as people write it."""


def service(address: str, port: int) -> str:
    """Address and port as people write them: brackets around IPv6."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
