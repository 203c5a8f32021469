"""What a data set of tables is known by (`dataset`): to who reads captures, too, and to the commands."""

MANIFEST = "tcpstates-tables.json"
EXTRA = "pip install 'tcptrace-py[sql]'"
READ_TABLES = "analyze, time-wait, check, query and diff"  # the commands that do, one at a time
