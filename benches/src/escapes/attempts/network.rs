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
    together(
        "proxy",
        "reach the host through the pod's proxy, by every way of writing its address",
        r#"[ $WHERE = inside ] || { says_secret "$HOST_ADDRESS" "$TCP"; exit; }
           [ -n "$HTTP_PROXY" ] || exit 1
           perl -MIO::Socket::INET -e 'my ($proxy, $port, $secret, $host) = @ARGV; my ($near) = $proxy =~ m{//([^/]+)} or exit 1;
             my @hosts = ($host, "127.0.0.1", "localhost", "LOCALHOST.", "127.1", "0x7f000001", "2130706433", "0177.0.0.1", "[::1]",
               "[::ffff:127.0.0.1]", "user@127.0.0.1", "127.0.0.1\0.example.com", "example.com#\@127.0.0.1", "127.0.0.1.", "169.254.169.254",
               "xn--127.0.0.1", "0.0.0.0", "[::]", "localhost\t", "127.0.0.1%00.example.com");
             for my $to (@hosts) {
               for my $ask ("CONNECT $to:$port HTTP/1.1\r\nHost: $to:$port\r\n\r\n", "GET http://$to:$port/ HTTP/1.1\r\nHost: $to\r\n\r\n",
                            "GET http://example.com/ HTTP/1.1\r\nHost: $to:$port\r\n\r\n") {
                 my $s = IO::Socket::INET->new(PeerAddr => $near, Timeout => 1) or next;
                 print $s $ask; $SIG{ALRM} = sub { shutdown $s, 2 }; alarm 1;
                 my $said = join "", <$s>; exit 0 if index($said, $secret) >= 0 } }
             exit 1' "$HTTP_PROXY" "$TCP" "$SECRET" "$HOST_ADDRESS""#,
    ),
];
