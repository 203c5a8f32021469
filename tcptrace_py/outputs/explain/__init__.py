"""What `tcpstates explain` prints: a connection as a ladder for a terminal, or as a Mermaid sequence diagram."""

FORMATS = ("ladder", "mermaid")
