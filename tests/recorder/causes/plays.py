"""What goes wrong, each as a function of the network and of the numbers that make it so."""

from __future__ import annotations

import errno
import itertools
import random
import select
import socket
import threading
import time
from typing import TYPE_CHECKING

from .net import PORT, abort, answering, ask, quietly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .net import Net

TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
SEND_QUEUE = 2
FIRST_PORT = 30_000


def one_exchange(net: Net, port: int = PORT, *, bind: bool = False) -> None:
    """A connection with one exchange, closed by the client."""
    with net.connect(port, bind=bind) as connection:
        ask(connection)


def ports_of_a_service(net: Net, ports: int, most: int = 1 << 16) -> None:
    """A client with so many local ports opens connections until connect() has none left, or so many."""
    net.sysctl(net.client, ip_local_port_range=f"{FIRST_PORT} {FIRST_PORT + ports - 1}", tcp_tw_reuse=0)
    net.serve(answering())
    failed = 0
    while failed < 3 and most:
        most -= 1
        try:
            one_exchange(net)
        except OSError as problem:
            if problem.errno != errno.EADDRNOTAVAIL:
                raise
            failed += 1
        time.sleep(0.005)


def ports_of_an_address(net: Net, ports: int, services: int) -> None:
    """A client that binds its address before it connects uses one port for all services."""
    net.sysctl(net.client, ip_local_port_range=f"{FIRST_PORT} {FIRST_PORT + ports - 1}", tcp_tw_reuse=0)
    for number in range(services):
        net.serve(answering(), PORT + number)
    failed = number = 0
    while failed < 3:
        try:
            one_exchange(net, PORT + number % services, bind=True)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
            failed += 1
        number += 1
        time.sleep(0.005)


def ports_of_several_services(net: Net, ports: int, services: int, connections: int) -> None:
    """The kernel chooses at connect(): a port serves several services, and none is short."""
    net.sysctl(net.client, ip_local_port_range=f"{FIRST_PORT} {FIRST_PORT + ports - 1}", tcp_tw_reuse=0)
    for number in range(services):
        net.serve(answering(), PORT + number)
    for number in range(connections):
        one_exchange(net, PORT + number % services)
        time.sleep(0.005)


def flows(net: Net, limit: int, hold_s: int, every_s: float, attempts: int) -> None:
    """A box with room for so many flows, each held for so long behind its last segment."""
    takes = f"update @flows {{ ip saddr . tcp sport timeout {hold_s}s }} accept"
    room = f"set flows {{\ntype ipv4_addr . inet_service\nsize {limit}\nflags dynamic,timeout\ngc-interval 1s\n}}\n"
    net.nft("forward", *(f'iifname "r0" meta l4proto tcp {does}' for does in (takes, "drop")), before=room)
    net.serve(answering())

    def attempt(_: int) -> None:
        with net.connect(patience_s=0.9) as connection:
            ask(connection)

    net.spread([number * every_s for number in range(attempts)], attempt)


def open_flows(net: Net, limit: int, lasts_s: float, every_s: float, attempts: int) -> None:
    """A firewall that lets so many connections be open at once."""
    net.nft("forward", f"tcp flags & (syn | ack) == syn ct count over {limit} drop")
    net.serve(answering())
    net.router.sysctl("netfilter.nf_conntrack_tcp_timeout_time_wait", 1)

    def attempt(_: int) -> None:
        with net.connect(patience_s=0.9) as connection:
            ask(connection)
            time.sleep(lasts_s)

    net.spread([number * every_s for number in range(attempts)], attempt)


def accept_queue(net: Net, backlog: int, early: int, more: int) -> None:
    """A listener whose program accepts nothing: so many clients come one by one, then four at once, then some more."""
    net.listen(backlog=backlog)

    def attempt(_: int) -> None:
        connection = net.connect(patience_s=3.5)
        connection.sendall(bytes(100))
        time.sleep(2)

    net.spread([*[number * 0.1 for number in range(early)], *[early * 0.1] * 4, *[early * 0.1 + 0.3] * more], attempt)


def slow_accept(net: Net, backlog: int, every_s: float, clients: int) -> None:
    """A program that accepts one connection after another, so long apart, while clients come every 100 ms."""
    listener = net.listen(backlog=backlog)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            net.open.append(connection)
            threading.Thread(target=quietly, args=(answering(300), connection), daemon=True).start()
            time.sleep(every_s)

    threading.Thread(target=accept, daemon=True).start()

    def attempt(_: int) -> None:
        with net.connect(patience_s=20) as connection:
            ask(connection, answer=300)

    net.spread([number * 0.1 for number in range(clients)], attempt)


def losses(net: Net, every: int, connections: int, kind: str = "tcp flags & (syn | ack) == syn", answer: int = 200) -> None:
    """The router loses each so many-th segment of a kind (as nftables names it)."""
    net.nft("forward", f"meta l4proto tcp {kind} numgen inc mod {every} 1 drop")
    net.serve(answering(answer))

    def attempt(_: int) -> None:
        with net.connect() as connection:
            for _ in range(4):
                ask(connection, answer=answer)

    net.spread([number * 0.02 for number in range(connections)], attempt)


def mtu(net: Net, most_bytes: int, stuck: int) -> None:
    """A tunnel that takes no IP packet larger than this, and says nothing of it."""
    net.nft("forward", f"meta length > {most_bytes} drop")
    net.serve(answering(3000), PORT)
    net.serve(answering(most_bytes - 100), PORT + 1)

    def attempt(number: int) -> None:
        fits = number >= stuck
        with net.connect(PORT + fits, patience_s=5) as connection:
            ask(connection, 300, most_bytes - 100 if fits else 3000)

    net.spread([0.1 * number for number in range(stuck + 4)], attempt)


def idle_limit(net: Net, limit_s: int, survived_s: tuple[float, ...], fatal_s: tuple[float, ...], *, resets: bool) -> None:
    """A firewall that forgets who was idle for so long, and drops what comes then, or resets it."""
    net.conntrack(timeout_established=limit_s, loose=0)
    net.nft("forward", f"meta l4proto tcp ct state invalid {'reject with tcp reset' if resets else 'drop'}")
    net.serve(answering())
    pauses_s = [*survived_s, *fatal_s]

    def session(number: int) -> None:
        with net.connect(patience_s=4) as connection:
            ask(connection)
            time.sleep(pauses_s[number])
            ask(connection)

    net.spread([3.1 * number for number in range(len(pauses_s))], session)  # no moment lies in all pauses


def blackout(net: Net, sessions: int, works_s: float, silent_s: float, *, heals: bool = False) -> None:
    """The way to the server breaks in the middle of busy conversations, for good or for so long."""
    net.serve(answering())
    over = threading.Event()

    def session(_: int) -> None:
        with net.connect(patience_s=60) as connection:
            while not over.is_set():
                ask(connection)
                time.sleep(0.2)

    threading.Thread(target=net.spread, args=([0.05 * n for n in range(sessions)], session), daemon=True).start()
    time.sleep(works_s)
    broken = net.nft("forward", f"tcp dport {PORT} drop")
    time.sleep(silent_s)
    if heals:
        net.mend(broken)
        time.sleep(silent_s)
        over.set()
        time.sleep(1)


def unanswered(net: Net, patience_s: Sequence[float], answered: int, stays: int = 0, *, takes_s: float | None = None) -> None:
    """A server that answers some requests at once and others never (or after so long); clients wait for so long, or to the end."""

    def talk(connection: socket.socket) -> None:
        with connection:
            while request := connection.recv(65536):
                if request.startswith(b"slow"):
                    time.sleep(30 if takes_s is None else takes_s)
                connection.sendall(bytes(200))

    net.serve(talk)
    net.spread([0.05 * number for number in range(answered)], lambda _: one_exchange(net))

    def wait(number: int) -> None:
        connection = net.connect(patience_s=60)
        connection.sendall(b"slow" + bytes(60))
        if takes_s is not None:
            connection.recv(65536)
        elif number < len(patience_s):
            time.sleep(patience_s[number])
            abort(connection)
            return
        else:
            time.sleep(max(patience_s, default=12) + 0.5)
        net.open.append(connection)

    net.spread([0.1 * number for number in range(len(patience_s) + stays)], wait)


def race(net: Net, idle_s: float, closes: int, races: int, delay_s: float) -> None:
    """A server that closes what was idle for so long; some requests come as it does so."""

    def talk(connection: socket.socket) -> None:
        with connection:
            while select.select([connection], [], [], idle_s)[0] and connection.recv(65536):
                connection.sendall(bytes(200))

    net.serve(talk)

    def session(number: int) -> None:
        with net.connect() as connection:
            ask(connection)
            if number < races:
                time.sleep(idle_s - delay_s)
                ask(connection)
            else:
                connection.recv(1)

    net.spread([0.3 * number for number in range(closes + races)], session)


def one_way(net: Net, service: str, port: int, clients: int) -> None:
    """An address is translated on the way there, and answers go back as they are."""
    net.nft("prerouting", f"ip daddr {service} ip daddr set {net.addresses['server']} notrack", priority=-300)
    net.serve(answering(), port)
    net.spread([0.2 * n for n in range(clients)], lambda _: net.connect(port, to=service, patience_s=2.5).close())


def reset_between(net: Net, ttl: int, connections: int) -> None:
    """A firewall resets requests of a certain size in the server's name; the server goes on sending."""
    net.sysctl(net.router, ip_default_ttl=ttl)
    net.nft("forward", "tcp flags & psh == psh meta length 752 reject with tcp reset")

    def talk(connection: socket.socket) -> None:
        for _ in range(6):
            connection.sendall(bytes(150))
            time.sleep(0.1)

    net.serve(talk)

    def attempt(_: int) -> None:
        with net.connect() as connection:
            connection.recv(1000)
            time.sleep(0.12)
            connection.sendall(bytes(700))
            time.sleep(0.5)

    net.spread([0.2 * n for n in range(connections)], attempt)


def forget(connection: socket.socket) -> None:
    """Let the kernel drop a connection without a word, as a restart does."""
    connection.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    connection.close()


def restart(net: Net, connections: int, *, closes: bool = False) -> None:
    """A client with fixed ports is restarted, and may close its connections before."""
    net.serve(answering())
    ports = [FIRST_PORT + number for number in range(connections)]
    held = [net.connect(own_port=port) for port in ports]
    for connection in held:
        ask(connection)
    time.sleep(0.5)
    for connection in held:
        if closes:
            abort(connection)
        else:
            forget(connection)
    time.sleep(0.5)

    def again(number: int) -> None:
        with net.connect(own_port=ports[number]) as connection:
            ask(connection)

    net.spread([0.1 * n for n in range(connections)], again)


def old_numbers(net: Net, connections: int, behind: int) -> None:
    """A client without timestamps uses ports again, with initial numbers behind those that the server's TIME_WAIT knows."""
    net.sysctl(net.client, tcp_timestamps=0)

    def talk(connection: socket.socket) -> None:
        with connection:
            connection.recv(1000)
            connection.sendall(bytes(200))

    net.serve(talk)

    def numbered(port: int, isn: int) -> None:
        made = net.socket_of(net.client)
        made.bind((net.addresses["client"], port))
        for option, value in ((TCP_REPAIR, 1), (TCP_REPAIR_QUEUE, SEND_QUEUE), (TCP_QUEUE_SEQ, isn)):
            made.setsockopt(socket.IPPROTO_TCP, option, value)
        made.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, -1)
        made.connect((net.addresses["server"], PORT))
        with made:
            ask(made)
            made.recv(1)

    def twice(number: int) -> None:
        isn = 1_000_000 * (number + 1)
        numbered(FIRST_PORT + number, isn)
        time.sleep(0.5)
        numbered(FIRST_PORT + number, isn - behind)

    net.spread([0.2 * n for n in range(connections)], twice)


def leak(net: Net, held: int, silent_s: float) -> None:
    """A server that does not close what its clients have closed."""
    kept = list[socket.socket]()

    def talk(connection: socket.socket) -> None:
        kept.append(connection)
        while connection.recv(1000):
            connection.sendall(bytes(200))

    net.serve(talk)
    net.spread([0.5 * n for n in range(held)], lambda _: one_exchange(net))
    time.sleep(silent_s)
    one_exchange(net)  # the capture goes on for so long


def unread(net: Net, stops_s: float, uploads: int) -> None:
    """A server that stops reading in the middle of an upload."""

    def talk(connection: socket.socket) -> None:
        with connection:
            left, stopped = 200_000, False
            while left > 0:
                if left < 150_000 and not stopped:
                    stopped = True
                    time.sleep(stops_s)
                left -= len(connection.recv(16_384))
            connection.sendall(bytes(10))

    net.serve(talk, receive_bytes=32_768)

    def upload(_: int) -> None:
        with net.connect() as connection:
            ask(connection, 200_000, 10)

    net.spread([0.3 * n for n in range(uploads)], upload)


def once_each(net: Net, connections: int, reused_every: int = 0) -> None:
    """Every exchange has a connection of its own, but that each so many-th connection carries two."""
    net.serve(answering())
    for number in range(connections):
        with net.connect() as connection:
            ask(connection)
            if reused_every and number % reused_every == 0:
                ask(connection)
        time.sleep(0.02)


def small_pool(net: Net, kept: int, workers: int, exchanges: int) -> None:
    """Workers whose pool keeps fewer idle connections than there are workers."""
    net.serve(answering(delay_s=0.03))
    idle, lock, chance = list[socket.socket](), threading.Lock(), random.Random(workers)

    def work(_: int) -> None:
        for _ in range(exchanges // workers):
            with lock:
                connection = idle.pop() if idle else None
            connection = connection or net.connect()
            ask(connection)
            with lock:
                is_kept = len(idle) < kept
                if is_kept:
                    idle.append(connection)
            if not is_kept:
                connection.close()
            time.sleep(chance.uniform(0, 0.03))

    net.spread([0.0] * workers, work)
    for connection in idle:
        connection.close()


def crowd(net: Net, connections: int) -> None:
    """A server that closes first, again and again."""
    net.serve(lambda connection: connection.close())
    for _ in range(connections):
        with net.connect() as connection:
            connection.recv(1)


def checks(net: Net, period_s: float, count: int, irregular_s: float = 0.0) -> None:
    """Health checks that reset behind the answer; `irregular_s`: they come so much later, by chance."""
    net.serve(answering(60))

    def check(_: int) -> None:
        connection = net.connect()
        ask(connection, 40, 60)
        abort(connection)

    chance = random.Random(count)
    net.spread(sorted(period_s * number + chance.uniform(0, irregular_s) for number in range(count)), check)


def no_linger(net: Net, count: int, every: int = 1) -> None:
    """A server that ends each so many-th answer by a RST, and the others by a FIN."""
    numbers = itertools.count()

    def talk(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(bytes(2000))
        if next(numbers) % every:
            connection.close()
        else:
            abort(connection)

    net.serve(talk)

    def fetch(_: int) -> None:
        with net.connect() as connection:
            connection.sendall(bytes(100))
            while connection.recv(1000):
                pass

    chance = random.Random(count)
    net.spread(sorted(chance.uniform(0, count / 3) for _ in range(count)), fetch)


def through_a_router(net: Net, connections: int, *, masquerades: bool) -> None:
    """A router is captured on both sides, and may masquerade."""
    if masquerades:
        net.nft("postrouting", 'oifname "r1" meta l4proto tcp masquerade', priority=100, kind="nat")
    net.serve(answering())
    net.spread([0.1 * n for n in range(connections)], lambda _: one_exchange(net))
