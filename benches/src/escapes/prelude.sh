# Before every attempt. Exit 0 means that it got through.
# Told by the scene: WHERE (inside, outside), SCRATCH, SECRET, SECRET_FILE, LANDING, DATA, COLLEAGUE, STRANGER, VICTIM, TCP, UDP,
# ABSTRACT, SOCKET, SHARED_MEMORY, HOST_ADDRESS, OFFICE, OTHER_OFFICE, OLD_KEY, COLLEAGUE_KEY.
cd "$SCRATCH" || exit 1
has_a_byte() { [ "$(head -c 1 "$1" 2>/dev/null | wc -c)" = 1 ]; }
has_secret() { grep -qas "$SECRET" "$@"; }
# A call of the kernel by number; true if it didn't fail.
call() { perl -e 'my @words = map { /^-?\d+$/ ? $_ + 0 : $_ } @ARGV;
  exit(syscall(shift @words, @words) < 0)' "$@"; }
# A socket of this family, kind and protocol; true if there is one.
new_socket() { perl -MSocket -e 'exit !socket(my $s, $ARGV[0], $ARGV[1], $ARGV[2])' "$@"; }
# True if somebody answers with the secret.
says_secret() { perl -MIO::Socket::INET -e '
  my $s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1], Proto => "tcp", Timeout => 2) or exit 1;
  exit(index(join("", <$s>), $ARGV[2]) < 0)' "$1" "$2" "$SECRET"; }
