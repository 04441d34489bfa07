//! The world outside, and what is bound to addresses.

use super::{Attempt, together};

pub(super) const LIST: &[Attempt] = &[
    together("host-tcp", "reach a port of the host on its loopback", r#"says_secret 127.0.0.1 "$TCP""#),
    together("host-address", "reach the host by its address", r#"says_secret "$HOST_ADDRESS" "$TCP""#),
    together("metadata", "reach a cloud's metadata address", r#"says_secret 169.254.169.254 "$TCP""#),
    together(
        "host-udp",
        "exchange datagrams with the host",
        r#"perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0], Proto => "udp") or exit 1;
        $s->send("x") or exit 1; $SIG{ALRM} = sub { exit 1 }; alarm 2; $s->recv(my $said, 64) // exit 1;
        exit(index($said, $ARGV[1]) < 0)' "$UDP" "$SECRET""#,
    ),
    together("raw-socket", "build packets by hand", "new_socket 2 3 1"),
    together("packet-socket", "listen to every packet", "new_socket 17 3 3"),
    together("machine-socket", "talk to the hypervisor", "new_socket 40 1 0"),
    together("kernel-crypto", "use the kernel's cryptography by socket", "new_socket 38 5 0"),
    together("kernel-events", "listen to the kernel's events", "new_socket 16 3 15"),
    together(
        "interface",
        "make an interface",
        "ip link add mi-esc type dummy && ip link delete mi-esc && exit 0; ip address add 10.9.9.9/32 dev lo && ip address delete 10.9.9.9/32 dev lo",
    ),
    together(
        "abstract-socket",
        "reach a socket of the host that has no file",
        r#"perl -MSocket -e '
        socket(my $s, AF_UNIX, SOCK_STREAM, 0) or exit 1; connect($s, pack("Sa*", AF_UNIX, "\0$ARGV[0]")) or exit 1;
        exit(index(join("", <$s>), $ARGV[1]) < 0)' "$ABSTRACT" "$SECRET""#,
    ),
    together(
        "path-socket",
        "reach a socket of the host by its file",
        r#"perl -MIO::Socket::UNIX -e '
        my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 1; exit(index(join("", <$s>), $ARGV[1]) < 0)' "$SOCKET" "$SECRET""#,
    ),
];
