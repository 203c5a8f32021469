"""What a data set of tables is known by (`dataset`): to who reads captures, too, and to the commands."""

MANIFEST = "tcpstates-tables.json"
EXTRA = "pip install 'tcptrace-py[sql]'"
