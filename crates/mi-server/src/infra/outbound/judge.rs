//! Which addresses belong to the server's own machine or network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use nix::errno::Errno;

/// RFC 863; any port would do.
const DISCARD_PORT: u16 = 9;
/// What binding says on a machine without IPv6, say.
const NO_SUCH_FAMILY: i32 = Errno::EAFNOSUPPORT as i32;
const NO_SUCH_ADDRESS: i32 = Errno::EADDRNOTAVAIL as i32;
/// Stands for a public address of the machine that the tests run on.
#[cfg(test)]
pub const OWN_IN_TESTS: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));

/// Why a name or an address leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeadsNowhere {
    #[error("its name isn't known")]
    Unknown,
    #[error("its name leads to an address of the server's own machine or network; --allow-upstream permits it")]
    Home,
}

/// Of all that a name leads to. An honest one doesn't lead to both worlds, so one address at home is enough.
pub fn judge(found: &[IpAddr]) -> Result<(), LeadsNowhere> {
    match found {
        [] => Err(LeadsNowhere::Unknown),
        found if found.iter().copied().any(leads_home) => Err(LeadsNowhere::Home),
        _ => Ok(()),
    }
}

/// Whether this is the server's own machine or network, whatever the address looks like.
pub fn leads_home(ip: IpAddr) -> bool {
    is_private(ip) || is_own(ip)
}

/// A machine's own address may be a public one, and behind it stands what trusts its neighbours. Nothing is sent: the
/// system is asked from where it would send, which is the same address only where both ends are this machine.
fn is_own(ip: IpAddr) -> bool {
    #[cfg(test)]
    if ip == OWN_IN_TESTS {
        return true;
    }
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = match UdpSocket::bind((any, 0)) {
        Ok(socket) => socket,
        // A machine without this family has no such address, and reaches none. Whoever can't look for another reason doesn't
        // say that it is foreign.
        Err(error) => return !matches!(error.raw_os_error(), Some(NO_SUCH_FAMILY | NO_SUCH_ADDRESS)),
    };
    let near = socket.connect((ip, DISCARD_PORT)).and_then(|()| socket.local_addr());
    // Where nothing can be sent from, nothing can be reached either.
    near.is_ok_and(|near| near.ip() == ip)
}

/// Everything that is not a public unicast address. An IPv6 address that carries an IPv4 one is judged by that.
fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => match carried(ip) {
            Some(inner) => is_private_v4(inner),
            None => is_private_v6(ip),
        },
    }
}

/// IANA's registry of special IPv4 addresses, as far as none of them is the outside world.
fn is_private_v4(ip: Ipv4Addr) -> bool {
    matches!(
        ip.octets(),
        // This network, private (RFC 1918), loopback.
        [0 | 10 | 127, ..]
            // Shared by carriers (RFC 6598).
            | [100, 64..=127, ..]
            // Link-local, with the clouds' metadata.
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 168, ..]
            // Protocol assignments, benchmarks.
            | [192, 0, 0, _]
            | [198, 18 | 19, ..]
            // Multicast, reserved, broadcast.
            | [224..=255, ..]
    )
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    let [first, second, third, ..] = ip.segments();
    let is_unique_local = first & 0xfe00 == 0xfc00;
    // Link-local, and the site-local ones that came before unique-local.
    let is_link_local = first & 0xff80 == 0xfe80;
    let is_multicast = first & 0xff00 == 0xff00;
    let is_local_nat64 = (first, second, third) == (0x64, 0xff9b, 1);
    // Teredo hides an IPv4 address of somebody's network.
    let is_teredo = (first, second) == (0x2001, 0);
    is_unique_local || is_link_local || is_multicast || is_local_nat64 || is_teredo
}

/// The IPv4 address within: mapped, compatible and translated ones, NAT64, 6to4.
fn carried(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let of = |high: u16, low: u16| Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => of(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_knows_its_own_addresses() {
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("192.0.2.1".parse().unwrap()));
        assert_eq!(judge(&["192.0.2.1".parse().unwrap()]), Ok(()));
        assert_eq!(judge(&["192.0.2.1".parse().unwrap(), OWN_IN_TESTS]), Err(LeadsNowhere::Home));
        assert_eq!(judge(&[]), Err(LeadsNowhere::Unknown));
    }

    #[test]
    fn private_addresses_are_known_in_every_dress() {
        let private = [
            "127.0.0.1",
            "127.255.255.254",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "0.0.0.0",
            "0.1.2.3",
            "192.0.0.192",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:c0a8:101::1",
            "2001:0:53aa:64c::1",
        ];
        for ip in private {
            assert!(is_private(ip.parse().unwrap()), "{ip}");
        }
        let public = [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ];
        for ip in public {
            assert!(!is_private(ip.parse().unwrap()), "{ip}");
        }
    }
}
