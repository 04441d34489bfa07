//! What a resting runner gives back: the pages of its own program that starting needed and waiting doesn't.
//!
//! They are the file's, unchanged, and come back from it by themselves when they are needed again. So a machine holds
//! more runners that wait, and a runner that is woken pays some microseconds.

use std::ffi::c_void;
use std::fs;
use std::io;
use std::ops::Range;

use rustix::mm::{Advice, madvise};

const MAPS: &str = "/proc/self/maps";
const PROGRAM: &str = "/proc/self/exe";

/// Forgets the program's code and constants; the next use reads them from the file, which the kernel has at hand.
pub(crate) fn give_back() -> io::Result<()> {
    let program = fs::read_link(PROGRAM)?;
    let maps = fs::read_to_string(MAPS)?;
    let Some(program) = program.to_str() else { return Ok(()) };
    unchangeable(&maps, program).try_for_each(|range| advise(range, Advice::LinuxDontNeed))
}

/// Where the file `program` is mapped and nobody can have written: its code, and its constants, which are the file's beginning.
/// What stands behind the code was written by the loader before it became read-only, and would be lost.
/// Lines look like `55d0-55f0 r-xp 008d5000 fe:00 123   /opt/mi/bin/mi`. Source: proc_pid_maps(5).
fn unchangeable<'a>(maps: &'a str, program: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
    maps.lines().filter_map(move |line| {
        let mut fields = line.splitn(6, ' ');
        let (range, rights, offset) = (fields.next()?, fields.next()?, fields.next()?);
        let is_code = rights == "r-xp";
        let is_constants = rights == "r--p" && offset.bytes().all(|digit| digit == b'0');
        if !(is_code || is_constants) || fields.nth(2)?.trim_start() != program {
            return None;
        }
        let (from, to) = range.split_once('-')?;
        Some(usize::from_str_radix(from, 16).ok()?..usize::from_str_radix(to, 16).ok()?)
    })
}

#[allow(unsafe_code)]
fn advise(range: Range<usize>, advice: Advice) -> io::Result<()> {
    let start = std::ptr::with_exposed_provenance_mut::<c_void>(range.start);
    // SAFETY: the range is a private mapping of a file without the right to write, in which nothing was written, so what the
    // next access finds is what was there.
    unsafe { madvise(start, range.len(), advice) }.map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS_OF_ONE: &str = "\
55acc0000000-55acc08d6000 r--p 00000000 fe:00 1234                       /opt/mi/bin/mi
55acc08d6000-55acc25ae000 r-xp 008d5000 fe:00 1234                       /opt/mi/bin/mi
55acc25ae000-55acc2699000 r--p 025ac000 fe:00 1234                       /opt/mi/bin/mi
55acc2699000-55acc26aa000 rw-p 02696000 fe:00 1234                       /opt/mi/bin/mi
55acc3000000-55acc3100000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000100000 r-xp 00026000 fe:00 99                         /usr/lib/libc.so.6
7fff00000000-7fff00002000 r-xp 00000000 00:00 0                          [vdso]
nonsense
";

    #[test]
    fn only_what_is_certainly_as_in_the_file_is_given_back() {
        let given: Vec<_> = unchangeable(MAPS_OF_ONE, "/opt/mi/bin/mi").collect();
        assert_eq!(given, [0x55ac_c000_0000..0x55ac_c08d_6000, 0x55ac_c08d_6000..0x55ac_c25a_e000]);
        assert_eq!(unchangeable(MAPS_OF_ONE, "/opt/other").count(), 0);
    }

    /// Kilobytes of this program's code that are in memory for this process.
    fn resident_code() -> u64 {
        let program = fs::read_link(PROGRAM).unwrap();
        let smaps = fs::read_to_string("/proc/self/smaps").unwrap();
        let mut lines =
            smaps.lines().skip_while(|line| !(line.contains(" r-xp ") && line.ends_with(program.to_str().unwrap())));
        let rss = lines.find(|line| line.starts_with("Rss:")).unwrap();
        rss.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn the_program_goes_on_with_fewer_pages() {
        // All of it, for the kernel may have taken any of it by itself.
        let (program, maps) = (fs::read_link(PROGRAM).unwrap(), fs::read_to_string(MAPS).unwrap());
        for range in unchangeable(&maps, program.to_str().unwrap()) {
            advise(range, Advice::LinuxPopulateRead).unwrap();
        }
        let before = resident_code();
        give_back().unwrap();
        let after = resident_code();
        assert!(after < before / 2, "{after} of {before} KiB are left");
    }
}
