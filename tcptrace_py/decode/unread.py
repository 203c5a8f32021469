"""What carries packets and is not read here: named where a capture holds no TCP, so that silence is not taken for absence."""

ETHERTYPES = {0x22F3: "TRILL", 0x88E5: "MACsec (encrypted)", 0x894F: "NSH"}
PROTOCOLS = {50: "ESP (IPsec, encrypted)", 55: "minimal IP encapsulation", 98: "ENCAP", 108: "IPComp", 115: "L2TPv3"}
PORTS = {  # UDP, either way
    1194: "OpenVPN (encrypted)", 4341: "LISP", 4500: "IPsec through NAT (encrypted)", 5246: "CAPWAP control",
    6343: "sFlow", 12222: "LWAPP", 51820: "WireGuard (encrypted)",
}  # fmt: skip
