"""Records real Linux TCP twice: as packet captures, and as the kernel's own account of every socket.

`python -m tests.recorder SCENARIO --out DIR` (root only). The order of the parts:

    netns      two or three hosts of our own, joined by veth pairs
    relay      the road between them: delay, jitter, loss, duplicates, reordering, VLAN tags, particular packets dropped
    plan       what the programs are to do, as data; scenarios/ makes plans from seeds
    programs   client and server, which follow a plan and log what they did
    ring       the kernel's tracepoints, read from the binary ring buffer
    sampler    sock_diag, the second witness
    account    tracepoints -> the life of every socket, request and minisock
    wire       captures -> what each host really sent
    truth      accounts + wire + logs -> one record a connection
    check      do the witnesses agree?
    session    one recording, start to end
"""
