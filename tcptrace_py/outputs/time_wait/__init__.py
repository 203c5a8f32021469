"""What `tcpstates time-wait` prints: one file for each format, one for the words of each part of the page."""

FORMATS = ("csv", "json", "markdown", "table")
TABLES = ("services", "servers", "hosts", "population", "neighbours")
PICTURES = ("auto", "bars", "curve", "none")
