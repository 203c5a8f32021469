"""Which hosts there are, how they are joined, and where captures are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.recorder.netns import Host, address, neighbours, veth
from tests.recorder.wire import ACK, SYN, Endpoint, Segment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.recorder.pairing import Evidence
    from tests.recorder.session import Scenario

TRANSLATION = """table ip nat {{
    chain post {{
        type nat hook postrouting priority 100
        oifname "r1" ip protocol tcp masquerade to :{low}-{high}
    }}
}}
"""
NAT_PORTS = (20000, 29999)


class Topology:
    """Client and server, joined by a cable, by a road (relay), or through a router that may translate addresses.

    cable:   client c0 ----------------------------- s0 server
    road:    client c0 --- left [relay] right ------ s0 server      (middle: left [relay] m0 --- m1 [relay] right)
    router:  client c0 --- r0 (router) r1 --- [as above] --- s0 server
    """

    def __init__(self, scenario: Scenario, link: dict[str, Any] | None, net: int) -> None:
        self.scenario = scenario
        self.client = (f"10.77.{net}.1", f"fd00:77:{net}::1")
        self.server = (f"10.77.{net}.2", f"fd00:77:{net}::2")
        self.beyond, self.router_in, self.router_out = f"10.78.{net}.2", f"10.77.{net}.254", f"10.78.{net}.254"
        self.routed = scenario.shape in ("nat", "router")
        names = ["client", "server"] + (["router"] if self.routed else []) + (["road"] if link is not None else [])
        self.hosts: dict[str, Host] = {}
        try:
            for name in names:
                self.hosts[name] = Host(name)
            self.road = self._join(link)
            self._number()
        except BaseException:
            self.close()
            raise

    def _join(self, link: dict[str, Any] | None) -> dict[str, Any] | None:
        hosts, offload = self.hosts, self.scenario.offload
        near, device = hosts["client"], "c0"
        if self.routed:
            veth(near, device, hosts["router"], "r0", offload=offload)
            near, device = hosts["router"], "r1"
        if link is None:
            veth(near, device, hosts["server"], "s0", offload=offload)
            return None
        road = hosts["road"]
        road.sysctl("ipv6.conf.all.disable_ipv6", 1)
        road.sysctl("ipv6.conf.default.disable_ipv6", 1)
        veth(near, device, road, "left", offload=offload)
        veth(road, "right", hosts["server"], "s0", offload=offload)
        link = dict(link)
        vlan, middle = link.pop("vlan", None), link.pop("middle", False)
        if not (middle or vlan):
            return {"stages": [{"left": "left", "right": "right", "link": link}]}
        veth(road, "m0", road, "m1", mtu=1600)
        half = {k: v / 2 if k in ("delay", "jitter", "loss", "dup", "reorder") else v for k, v in link.items() if k != "rules"}
        return {
            "vlan": vlan,
            "stages": [
                {"left": "left", "right": "m0", "link": half},
                {"left": "m1", "right": "right", "link": half | {"rules": link.get("rules", [])}},
            ],
        }

    def _number(self) -> None:
        client, server = self.hosts["client"], self.hosts["server"]
        address(client, "c0", f"{self.client[0]}/24", f"{self.client[1]}/64")
        if not self.routed:
            address(server, "s0", f"{self.server[0]}/24", f"{self.server[1]}/64")
            neighbours(client, "c0", dict.fromkeys(self.server, "s0"))
            neighbours(server, "s0", dict.fromkeys(self.client, "c0"))
            return
        router = self.hosts["router"]
        address(router, "r0", f"{self.router_in}/24")
        address(router, "r1", f"{self.router_out}/24")
        address(server, "s0", f"{self.beyond}/24")
        neighbours(client, "c0", {self.router_in: "r0"})
        neighbours(router, "r0", {self.client[0]: "c0"})
        neighbours(router, "r1", {self.beyond: "s0"})
        neighbours(server, "s0", {self.router_out: "r1"})
        client.ip(f"route add default via {self.router_in}")
        server.ip(f"route add default via {self.router_out}")
        router.sysctl("ipv4.ip_forward", 1)
        if self.scenario.shape == "nat":
            router.nft(TRANSLATION.format(low=NAT_PORTS[0], high=NAT_PORTS[1]))

    def sysctls(self, settings: Mapping[str, object]) -> None:
        """Set knobs at both hosts; "client:NAME" and "server:NAME" at one."""
        for name, value in settings.items():
            where, _, knob = name.rpartition(":")
            for host in [where] if where else ["client", "server"]:
                self.hosts[host].sysctl(knob, value)

    def client_address(self, family: int) -> str:
        """The client's address."""
        return self.client[family == 6]

    def server_address(self, family: int) -> str:
        """The server's address."""
        return self.beyond if self.routed else self.server[family == 6]

    def points(self) -> list[tuple[str, str, str]]:
        """(name, host, device) of each capture."""
        places = {
            "client": ("client", "c0"),
            "server": ("server", "s0"),
            "client_lo": ("client", "lo"),
            "client_any": ("client", "any"),
            "server_any": ("server", "any"),
            "router": ("router", "any") if self.routed else ("road", "m0"),
            "router_client": ("router", "r0") if self.routed else ("road", "left"),
            "router_server": ("road", "right"),
        }
        found = []
        for point in self.scenario.points:
            host, device = places[point]
            found.append((point.split("_")[0] if point in ("client_lo", "client_any", "server_any") else point, host, device))
        return found

    def host_of(self) -> dict[str, str]:
        """Address -> host."""
        loop = ["127.0.0.1"] if "client_lo" in self.scenario.points else []
        table = dict.fromkeys((*self.client, *loop), "client") | dict.fromkeys((*self.server, self.beyond), "server")
        return table | ({self.router_out: "client"} if self.scenario.shape == "nat" else {})

    def translations(self, wires: dict[str, list[Segment]]) -> dict[Endpoint, Endpoint]:
        """(client's address, port) -> what NAT made of it, by the initial sequence number, which NAT leaves alone."""
        if self.scenario.shape != "nat":
            return {}
        outside = {(s.seq, s.target): s.source for s in wires["server"] if s.flags & (SYN | ACK) == SYN}
        return {
            s.source: outside[s.seq, s.target] for s in wires["client"] if s.flags & (SYN | ACK) == SYN and (s.seq, s.target) in outside
        }

    def both_sides_of_nat(self, records: list[dict[str, Any]], evidence: Evidence) -> list[dict[str, Any]]:
        """Every translated connection is told twice: as the client's network sees it and as the server's does."""
        twice = list(records)
        for record in records:
            outside = evidence.nat.get((record["a"][0], record["a"][1]))
            if outside:
                twice.append(record | {"id": len(twice), "a": list(outside)})
        return twice

    def close(self) -> None:
        """Give all hosts up."""
        for host in self.hosts.values():
            host.close()
        self.hosts = {}
