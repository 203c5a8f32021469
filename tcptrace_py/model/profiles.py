"""What a host's operating system does that no capture shows: the length of TIME_WAIT and what ends it, the ephemeral ports."""

from dataclasses import dataclass, field, replace

from .errors import UsageError


@dataclass(frozen=True, slots=True)
class Profile:
    """One operating system: seconds in TIME_WAIT and its ephemeral ports, both ends included.

    `ports_given`: they are the user's, not the system's default. `ignores_rst_in_time_wait`: no RST ends TIME_WAIT (RFC 1337, 3);
    elsewhere one with the right number does (RFC 9293, 3.10.7.4).
    """

    name: str
    time_wait_s: float
    ephemeral_ports: tuple[int, int]
    ports_given: bool = False
    ignores_rst_in_time_wait: bool = False

    @property
    def time_wait_ns(self) -> int:
        """TIME_WAIT in nanoseconds."""
        return round(self.time_wait_s * 1_000_000_000)

    @property
    def port_count(self) -> int:
        """How many local ports there are towards one service."""
        return self.ephemeral_ports[1] - self.ephemeral_ports[0] + 1


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("linux", 60.0, (32768, 60999)),  # include/net/tcp.h TCP_TIMEWAIT_LEN; ip-sysctl ip_local_port_range
        Profile("macos", 30.0, (49152, 65535)),  # MSL 15 s
        Profile("freebsd", 60.0, (10000, 65535), ignores_rst_in_time_wait=True),  # MSL 30 s; tcp_twcheck() drops every RST
        Profile("windows", 120.0, (49152, 65535)),  # TcpTimedWaitDelay: documented defaults run from 30 s to 240 s
        # lwIP: TCP_MSL 60 s, TCP_LOCAL_PORT_RANGE_START; tcp_timewait_input() drops every RST
        Profile("lwip", 120.0, (49152, 65535), ignores_rst_in_time_wait=True),
        # gVisor: DefaultTCPTimeWaitTimeout, ports.firstEphemeral; handleTimeWaitSegment() drops every RST
        Profile("gvisor", 60.0, (16000, 65535), ignores_rst_in_time_wait=True),
        Profile("rfc9293", 240.0, (49152, 65535)),  # MSL 2 min; ports of RFC 6335's dynamic range
    )
}


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profile of every host: one for all, others by address."""

    default: Profile = PROFILES["linux"]
    by_address: dict[str, Profile] = field(default_factory=dict)

    def of(self, address: str) -> Profile:
        """Profile of the host with this address (text form)."""
        return self.by_address.get(address, self.default)

    @classmethod
    def named(
        cls,
        default: str = "linux",
        by_address: dict[str, str] | None = None,
        *,
        time_wait_s: float | None = None,
        port_range: tuple[int, int] | None = None,
    ) -> "Profiles":
        """Profiles from names; the two overrides apply to every host.

        Raises UsageError for an unknown name or an impossible number.
        """
        return cls(
            _named(default, time_wait_s, port_range),
            {address: _named(name, time_wait_s, port_range) for address, name in (by_address or {}).items()},
        )


def _named(name: str, time_wait_s: float | None, port_range: tuple[int, int] | None) -> Profile:
    profile = PROFILES.get(name.lower())
    if profile is None:
        raise UsageError(f"unknown operating system {name!r}: one of {', '.join(PROFILES)}")
    if time_wait_s is not None:
        if not 0 <= time_wait_s <= 86400:
            raise UsageError(f"TIME_WAIT of {time_wait_s} s: between 0 and 86400 s")
        profile = replace(profile, time_wait_s=float(time_wait_s))
    if port_range is not None:
        if not 0 < port_range[0] <= port_range[1] < 65536:
            raise UsageError(f"port range {port_range[0]}-{port_range[1]}: two ports from 1 to 65535, the lower first")
        profile = replace(profile, ephemeral_ports=port_range, ports_given=True)
    return profile
