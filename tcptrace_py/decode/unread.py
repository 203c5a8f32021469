"""What carries packets and is not read here: named where a capture holds no TCP, so that silence is not taken for absence."""

ETHERTYPES = {0x4305: "B.A.T.M.A.N."}
PROTOCOLS = {50: "ESP (IPsec, encrypted)", 55: "minimal IP encapsulation", 98: "ENCAP", 108: "IPComp"}
PORTS = {  # UDP, either way
    1194: "OpenVPN (encrypted)", 4500: "IPsec through NAT (encrypted)", 5246: "CAPWAP control",
    6343: "sFlow", 12222: "LWAPP", 51820: "WireGuard (encrypted)",
}  # fmt: skip
