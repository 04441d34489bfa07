//! What can go wrong with files, in words.

use mi_core::drive::DrivePath;
use mi_core::limits::UPLOAD_BYTES_MAX;
use mi_core::problem::Code;

use super::disk::DiskError;
use crate::infra::fault::{self, Fault};

const BYTES_PER_MIB: u64 = 1024 * 1024;

pub fn of_disk(name: &DrivePath, error: DiskError) -> Fault {
    match error {
        DiskError::Missing => fault::no_such_file(name),
        DiskError::NotAFile => not_a_file(name),
        DiskError::LeadsOut => {
            Fault::new(Code::BadPath, format!("{name} goes through a link that leads out of the drive"))
                .hint("remove the link, or choose another name")
        }
        DiskError::TooLong => Fault::new(Code::BadPath, format!("a part of {name} is longer than the disk allows"))
            .hint("keep each part of a name below 256 bytes"),
        DiskError::Closed => Fault::new(Code::NotAFile, format!("{name} is closed to the server"))
            .hint("have the agent that owns it allow reading and writing (chmod u+rw)"),
        DiskError::TooLarge => Fault::new(
            Code::TooLong,
            format!("{name} is larger than {UPLOAD_BYTES_MAX} bytes, the most for a file of the drive"),
        )
        .hint("split it, or keep it in the workspace"),
        DiskError::Io(error) => fault::io("a file of the drive", &error),
    }
}

/// Of the drive's own folder, which is there for every office.
pub fn of_folder(error: DiskError) -> Fault {
    match error {
        DiskError::Io(error) => fault::io("the drive's folder", &error),
        other => fault::internal(format!("the drive's folder: {other}")),
    }
}

pub fn not_a_file(name: &DrivePath) -> Fault {
    Fault::new(Code::NotAFile, format!("no regular file stands at {name}, or on the way to it"))
        .hint("links, pipes, sockets and folders can't be read or replaced; remove it, or choose another name")
}

pub fn digest_mismatch(announced: &str, received: &str) -> Fault {
    let sentence =
        format!("the file was announced as sha256 {announced} and arrived as {received}; nothing was stored");
    Fault::new(Code::DigestMismatch, sentence).hint("send it again")
}

pub fn drive_holds_no_more(files_max: usize) -> Fault {
    Fault::new(Code::DriveFull, format!("the drive holds {files_max} files, which is its most"))
        .hint("delete some, or pack them into one")
}

pub fn drive_full_with(size: u64, bytes_max: u64) -> Fault {
    let (size, most) = (size.div_ceil(BYTES_PER_MIB), bytes_max / BYTES_PER_MIB);
    Fault::new(Code::DriveFull, format!("with these {size} MiB the drive would hold more than its {most} MiB"))
        .hint("delete some files; whoever runs the server may raise its setting drive_mib")
}

/// Somebody writes to the file as fast as we read it.
pub fn never_still(name: &DrivePath) -> Fault {
    let mut fault = fault::busy(&format!("{name} changes while it is read, which"));
    fault.sentence = format!("{name} is being written right now");
    fault.hint("try again when its writer is done")
}

pub fn range_outside(size: i64) -> Fault {
    Fault::new(Code::RangeNotSatisfiable, format!("the file has {size} bytes, none of them in that range"))
}

pub fn upload_stalled(seconds: i64) -> Fault {
    Fault::new(Code::RequestTimeout, format!("nothing arrived for {seconds} s; nothing was stored"))
        .hint("send it again")
}
