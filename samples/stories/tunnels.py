"""The short connection inside tunnels: the inner TCP is analysed and carries its scope."""

from samples.stories.encapsulation import SIX, carried, short, whole
from samples.stories.story import story
from tests.writer import links
from tests.writer.links import ethernet, vlan
from tests.writer.talk import Wire

carried("ip-in-ip.pcap", "IPv4 in IPv4.", through=(links.ip_in_ip,))
carried("6in4.pcap", "IPv6 in IPv4.", through=(links.ip_in_ip,), **SIX)
carried("gre.pcap", "GRE over IPv4.", through=(links.gre(),))
carried("gre-ethernet-with-key.pcap", "Ethernet in GRE with a key.", through=(ethernet(), links.gre(77)))
carried("erspan-2.pcap", "Frames mirrored by ERSPAN type II.", through=(ethernet(), links.erspan2))
carried("erspan-3.pcap", "Frames mirrored by ERSPAN type III.", through=(ethernet(), links.erspan3))
carried("vxlan.pcap", "VXLAN.", through=(ethernet(), links.vxlan(4711)), scope={"vni": 4711})
carried(
    "vxlan-with-vlan-inside.pcap",
    "A VLAN tag inside VXLAN.",
    through=(vlan(30), ethernet(), links.vxlan(4711)),
    scope={"vlan": 30, "vni": 4711},
)
carried(
    "geneve.pcap",
    "GENEVE with an option.",
    through=(ethernet(), links.geneve(5001, b"\x01\x02\x80\x01\0\0\0\x2a")),
    scope={"vni": 5001},
)
carried(
    "gtp-u.pcap",
    "GTP-U with one tunnel end identifier for both directions.",
    through=(links.gtp_u(0xABCD),),
    scope={"teid": 0xABCD},
)
carried(
    "gtp-u-two-identifiers.pcap",
    "GTP-U as mobile networks have it: another tunnel end identifier for each direction, still one connection.",
    through=(links.gtp_u(0xABCD, 0x1234, optional=b"\0\x09\0\0", flags=2),),
)
carried(
    "gtp-u-extension-header.pcap",
    "GTP-U as 5G has it: an extension header, the PDU session container.",
    through=(links.gtp_u(0xABCD, 0x1234, optional=b"\0\0\0\x85\x01\x10\x01\0", flags=4),),
)
carried("4in6.pcap", "IPv4 in IPv6.", through=(links.in_ipv6,))
carried("ipv6-in-ipv6.pcap", "IPv6 in IPv6.", through=(links.in_ipv6,), **SIX)
carried(
    "mpls-pseudowire.pcap",
    "Ethernet in MPLS behind a control word.",
    through=(ethernet(), links.pseudowire, links.mpls(16, 17)),
)
carried(
    "gre-erspan-vxlan.pcap",
    "VXLAN mirrored by ERSPAN: three IP headers.",
    through=(ethernet(), links.vxlan(99), ethernet(), links.erspan2),
)


@story("vxlans-with-the-same-tuple.pcap", whole(scope={"vni": 4242}, id=0), whole(scope={"vni": 4711}, id=1))
def vxlans_with_the_same_tuple(wire: Wire) -> None:
    """The same addresses and ports in two VXLANs at the same time, with sequence numbers of their own: two connections."""
    for vni in (4711, 4242):
        numbers = vni * 100_000, vni * 200_000
        short(wire, through=(ethernet(), links.vxlan(vni)), start_s=vni / 10_000_000, isn=numbers)


@story(
    "mirrored-in-two-vxlans.pcap",
    whole(),
    problems=("duplicate-frames",),
    document={"capture": {"packets": 27, "duplicates": 18}},
)
def mirrored_in_two_vxlans(wire: Wire) -> None:
    """A host that routes between two VXLANs, captured on all its interfaces: the same segments in both and outside, one connection."""
    for number, through in enumerate(((ethernet(), links.vxlan(4711)), (), (ethernet(), links.vxlan(4242)))):
        short(wire, through=through, start_s=number * 0.00003)
