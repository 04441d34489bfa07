//! The kernel's calls that a pod may make: a list of those that ordinary programs need; whatever isn't on it is refused.
//!
//! Raised by the pod's first process on itself, when all mounts are made and before the program starts; everything in
//! the pod inherits it, and nothing can take it off. A refused call fails as if the user lacked the right, so that programs go
//! on or say so; calls of a later kernel than this list fall back as on an older kernel; calls in another machine language
//! (32-bit, x32) end the process, since the list speaks of one only.

use std::io;

use nix::libc::{self, sock_filter};

use super::kernel;
use super::syscalls::{ALLOWED, LEGACY_ALLOWED, NUMBERS_KNOWN_MAX};

#[cfg(target_arch = "x86_64")]
const MACHINE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const MACHINE: u32 = 0xC000_00B7;
/// On x86_64, calls from here on are those of x32.
const X32_BASE: u32 = 0x4000_0000;

// Where the kernel shows a call to the filter (seccomp(2), struct seccomp_data); the low halves of arguments, since each that
// is looked at has 32 bits.
const NUMBER_AT: u32 = 0;
const MACHINE_AT: u32 = 4;
const ARGUMENTS_AT: u32 = 16;
const ARGUMENT_BYTES: u32 = 8;

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const IF_ABOVE: u32 = libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K;
const IF_FROM: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const IF_ANY_BIT: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;
const ANSWER: u32 = libc::BPF_RET | libc::BPF_K;

const GO_ON: u32 = libc::SECCOMP_RET_ALLOW;
const END_PROCESS: u32 = libc::SECCOMP_RET_KILL_PROCESS;

/// `unshare` and `clone` with one of these would make a namespace, and with it privileges.
const NEW_NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;
/// Only `unshare` has it; in `clone` the bit belongs to the signal.
const NEW_TIME_NAMESPACE: u32 = 0x80;
/// Keystrokes put into a terminal, its selection pasted, its driver exchanged, the console's output taken.
const TERMINAL_TRICKS: [u32; 4] = [0x5412, 0x541C, 0x5423, 0x541D];
/// The plain personality, 32-bit machine names, both with uname-2.6, and the question.
const PERSONALITIES: [u32; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF];
/// Character and block devices; pipes, sockets and files may be made.
const DEVICE_KINDS: [u32; 2] = [libc::S_IFCHR, libc::S_IFBLK];
const INTERNET: [u32; 2] = [libc::AF_INET as u32, libc::AF_INET6 as u32];
/// The first is what the kind stands for. Programs that would rather have another (MPTCP) take these when it isn't there.
const TCP_OR_UDP: [u32; 3] = [0, libc::IPPROTO_TCP as u32, libc::IPPROTO_UDP as u32];
const STREAM_OR_DATAGRAM: [u32; 2] = [libc::SOCK_STREAM as u32, libc::SOCK_DGRAM as u32];
/// The kind of a socket without its flags.
const SOCKET_KIND_BITS: u32 = 0xF;

/// Raises the list on this process, for good.
pub(super) fn raise() -> io::Result<()> {
    kernel::install_filter(&program())
}

fn program() -> Vec<sock_filter> {
    let mut program = machine_check();
    program.extend(socket_check());
    let unshare_flags = NEW_NAMESPACES | NEW_TIME_NAMESPACE;
    program.extend(refuse_bits(libc::SYS_clone, 0, NEW_NAMESPACES));
    program.extend(refuse_bits(libc::SYS_unshare, 0, unshare_flags));
    // Its flags lie in memory, where no filter can look; without it the C library takes clone.
    program.extend([otherwise(IF_EQUAL, number(libc::SYS_clone3), 1), refuse(libc::ENOSYS)]);
    // What all may have of it together is one number of the whole machine; programs do without.
    program.extend([otherwise(IF_EQUAL, number(libc::SYS_io_setup), 1), refuse(libc::ENOSYS)]);
    program.extend(refuse_values(libc::SYS_ioctl, 1, !0, &TERMINAL_TRICKS));
    program.extend(refuse_values(libc::SYS_mknodat, 2, libc::S_IFMT, &DEVICE_KINDS));
    #[cfg(target_arch = "x86_64")]
    program.extend(refuse_values(libc::SYS_mknod, 1, libc::S_IFMT, &DEVICE_KINDS));
    program.extend(allow_values(libc::SYS_personality, 0, &PERSONALITIES));
    program.extend(allow_values(libc::SYS_socketpair, 0, &[libc::AF_UNIX as u32]));
    let allowed = ALLOWED.iter().chain(LEGACY_ALLOWED);
    program.extend(allowed.flat_map(|call| [otherwise(IF_EQUAL, number(*call), 1), answer(GO_ON)]));
    program.extend([otherwise(IF_ABOVE, number(NUMBERS_KNOWN_MAX), 1), refuse(libc::ENOSYS), refuse(libc::EPERM)]);
    program
}

/// Leaves the call's number loaded.
fn machine_check() -> Vec<sock_filter> {
    vec![
        load(MACHINE_AT),
        when(IF_EQUAL, MACHINE, 1),
        answer(END_PROCESS),
        load(NUMBER_AT),
        otherwise(IF_FROM, X32_BASE, 1),
        answer(END_PROCESS),
    ]
}

/// Unix sockets of every kind; TCP and UDP of the internet's two families, which lead to the loopback; and the
/// route family of netlink, by which the C library lists addresses. Everything else doesn't exist here.
fn socket_check() -> Vec<sock_filter> {
    let mut block = vec![
        load(argument(0)),
        otherwise(IF_EQUAL, libc::AF_UNIX as u32, 1),
        answer(GO_ON),
        otherwise(IF_EQUAL, libc::AF_NETLINK as u32, 4),
        load(argument(2)),
        otherwise(IF_EQUAL, libc::NETLINK_ROUTE as u32, 1),
        answer(GO_ON),
        refuse(libc::EAFNOSUPPORT),
        when(IF_EQUAL, INTERNET[0], 2),
        when(IF_EQUAL, INTERNET[1], 1),
        refuse(libc::EAFNOSUPPORT),
        load(argument(1)),
        step(AND, SOCKET_KIND_BITS),
    ];
    block.extend([when(IF_EQUAL, STREAM_OR_DATAGRAM[0], 2), when(IF_EQUAL, STREAM_OR_DATAGRAM[1], 1)]);
    block.extend([refuse(libc::EPERM), load(argument(2))]);
    for protocol in TCP_OR_UDP {
        block.extend([otherwise(IF_EQUAL, protocol, 1), answer(GO_ON)]);
    }
    block.push(refuse(libc::EPROTONOSUPPORT));
    for_call(libc::SYS_socket, block)
}

fn refuse_bits(call: libc::c_long, place: u32, bits: u32) -> Vec<sock_filter> {
    let block = vec![load(argument(place)), otherwise(IF_ANY_BIT, bits, 1), refuse(libc::EPERM), answer(GO_ON)];
    for_call(call, block)
}

/// `mask` is what counts of the argument.
fn refuse_values(call: libc::c_long, place: u32, mask: u32, values: &[u32]) -> Vec<sock_filter> {
    let mut block = vec![load(argument(place)), step(AND, mask)];
    block.extend(values.iter().flat_map(|value| [otherwise(IF_EQUAL, *value, 1), refuse(libc::EPERM)]));
    block.push(answer(GO_ON));
    for_call(call, block)
}

fn allow_values(call: libc::c_long, place: u32, values: &[u32]) -> Vec<sock_filter> {
    let mut block = vec![load(argument(place))];
    block.extend(values.iter().flat_map(|value| [otherwise(IF_EQUAL, *value, 1), answer(GO_ON)]));
    block.push(refuse(libc::EPERM));
    for_call(call, block)
}

/// The block for this call only; every way through it ends with an answer.
fn for_call(call: libc::c_long, block: Vec<sock_filter>) -> Vec<sock_filter> {
    let length = u8::try_from(block.len()).unwrap_or(u8::MAX);
    [otherwise(IF_EQUAL, number(call), length)].into_iter().chain(block).collect()
}

fn number(call: libc::c_long) -> u32 {
    // No table has a number that doesn't fit; one that did would match nothing.
    u32::try_from(call).unwrap_or(u32::MAX)
}

fn argument(place: u32) -> u32 {
    ARGUMENTS_AT + place * ARGUMENT_BYTES
}

fn load(offset: u32) -> sock_filter {
    step(LOAD, offset)
}

fn answer(what: u32) -> sock_filter {
    step(ANSWER, what)
}

fn refuse(errno: i32) -> sock_filter {
    answer(libc::SECCOMP_RET_ERRNO | errno.unsigned_abs())
}

fn step(code: u32, k: u32) -> sock_filter {
    jump(code, k, 0, 0)
}

/// Skips so many steps when it is so.
fn when(test: u32, k: u32, skip: u8) -> sock_filter {
    jump(test, k, skip, 0)
}

/// Skips so many steps when it isn't so.
fn otherwise(test: u32, k: u32, skip: u8) -> sock_filter {
    jump(test, k, 0, skip)
}

fn jump(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    // The codes are sums of the constants above, all below 256.
    sock_filter { code: (code & 0xFFFF) as u16, jt, jf, k }
}

#[cfg(test)]
#[path = "seccomp_tests.rs"]
mod tests;
