# What stands on the host to be found: a process with a secret in its environment, and doors that give the secret away.
# Prints its ports when all doors are open, and ends with its standard input.
use strict;
use Socket;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
# Not by $0, which would overwrite the environment.
if (open my $name, "+<", "/proc/self/comm") { syswrite $name, "mi-decoy" }
my ($path, $abstract, $memory) = @ARGV;
my $secret = $ENV{SECRET};
my $tcp = IO::Socket::INET->new(Listen => 16, LocalAddr => "0.0.0.0", Proto => "tcp") or die "tcp: $!";
my $udp = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "udp") or die "udp: $!";
my $unix = IO::Socket::UNIX->new(Listen => 16, Local => $path) or die "unix: $!";
chmod 0666, $path;
socket(my $hidden, AF_UNIX, SOCK_STREAM, 0) or die "abstract: $!";
bind($hidden, pack("Sa*", AF_UNIX, "\0$abstract")) or die "abstract: $!";
listen($hidden, 16);
my $shared = shmget($memory, 4096, 0666 | 01000) or die "shared memory: $!";
shmwrite($shared, $secret, 0, length $secret);
$| = 1;
print $tcp->sockport, " ", $udp->sockport, "\n";
my $doors = IO::Select->new($tcp, $udp, $unix, $hidden, \*STDIN);
while (my @ready = $doors->can_read) {
    for my $door (@ready) {
        if ($door == \*STDIN) { shmctl($shared, 0, 0); unlink $path; exit 0 if !sysread(STDIN, my $x, 1); next }
        if ($door == $udp) { my $who = $udp->recv(my $x, 64); send($udp, $secret, 0, $who); next }
        accept(my $caller, $door) or next;
        syswrite($caller, "$secret\n");
        close $caller;
    }
}
