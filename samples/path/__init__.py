"""The same traffic captured at two points: pairs for `tcpstates diff A B --same-traffic`."""
