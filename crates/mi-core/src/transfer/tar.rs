//! Headers of a tar (POSIX.1-2001 ustar and pax): as much of the format as a bundle needs.
//!
//! We read them ourselves because everything here is bounded: an extended header can't be larger than
//! `EXTENDED_BYTES_MAX`, a name not longer than a path may be, and what is no regular file is told as such.

use crate::limits::STATE_PATH_BYTES_MAX;

pub const BLOCK_BYTES: usize = 512;
/// Of a pax header, or of a long name in GNU's manner.
pub const EXTENDED_BYTES_MAX: u64 = 8 * 1024;

const NAME: std::ops::Range<usize> = 0..100;
const MODE: std::ops::Range<usize> = 100..108;
const SIZE: std::ops::Range<usize> = 124..136;
const MODIFIED: std::ops::Range<usize> = 136..148;
const SUM: std::ops::Range<usize> = 148..156;
const KIND: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..265;
const PREFIX: std::ops::Range<usize> = 345..500;
const USTAR: &[u8; 8] = b"ustar\x0000";
/// The largest size that eleven octal digits say.
const SIZE_MAX: u64 = 0o777_7777_7777;
const PAX_NAME: &str = "pax";

/// What a header announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    File,
    Folder,
    /// A pax header about the next entry.
    Extended,
    /// A pax header about all entries; says nothing that we need.
    Global,
    /// GNU's manner to give the next entry a long name.
    LongName,
    /// A link, a device, a pipe, or something that we don't know.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub size: u64,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTar {
    #[error("a header has a wrong sum")]
    Sum,
    #[error("a number in a header can't be read")]
    Number,
    #[error("a name is no text")]
    Name,
    #[error("an extended header can't be read")]
    Extended,
}

/// `None` for a block of zeros, which ends the archive.
pub fn read(block: &[u8; BLOCK_BYTES]) -> Result<Option<Header>, BadTar> {
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    if octal(&block[SUM])? != sum(block) {
        return Err(BadTar::Sum);
    }
    let size = octal(&block[SIZE])?;
    let name = text(&block[NAME])?;
    let prefix = if &block[MAGIC] == USTAR { text(&block[PREFIX])? } else { "" };
    let name = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") };
    let kind = match block[KIND] {
        b'0' | 0 | b'7' => Kind::File,
        b'5' => Kind::Folder,
        b'x' => Kind::Extended,
        b'g' => Kind::Global,
        b'L' => Kind::LongName,
        _ => Kind::Other,
    };
    Ok(Some(Header { name, size, kind }))
}

/// What a pax header says of the next entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extended {
    pub path: Option<String>,
    pub size: Option<u64>,
}

/// Records are `LENGTH KEY=VALUE\n`, the length counting all of it.
pub fn read_extended(mut bytes: &[u8]) -> Result<Extended, BadTar> {
    let mut found = Extended::default();
    while !bytes.is_empty() {
        let space = bytes.iter().position(|byte| *byte == b' ').ok_or(BadTar::Extended)?;
        let length: usize = utf8(&bytes[..space])?.parse().map_err(|_| BadTar::Extended)?;
        let record = bytes.get(space + 1..length).ok_or(BadTar::Extended)?;
        let record = record.strip_suffix(b"\n").ok_or(BadTar::Extended)?;
        let equals = record.iter().position(|byte| *byte == b'=').ok_or(BadTar::Extended)?;
        let value = &record[equals + 1..];
        match &record[..equals] {
            b"path" => found.path = Some(utf8(value)?.to_owned()),
            b"size" => found.size = Some(utf8(value)?.parse().map_err(|_| BadTar::Number)?),
            _ => {}
        }
        bytes = &bytes[length..];
    }
    Ok(found)
}

/// The name in a GNU long-name entry.
pub fn read_long_name(bytes: &[u8]) -> Result<String, BadTar> {
    Ok(text(bytes)?.to_owned())
}

/// The header of a regular file, with a pax header before it where its name needs one.
pub fn write(name: &str, size: u64, mode: u32) -> Vec<u8> {
    if name.len() <= NAME.len() && size <= SIZE_MAX {
        return header(name, size, mode, b'0').to_vec();
    }
    let mut records = record("path", name);
    if size > SIZE_MAX {
        records.extend(record("size", &size.to_string()));
    }
    let mut out = header(PAX_NAME, records.len() as u64, mode, b'x').to_vec();
    out.extend(&records);
    out.resize(out.len() + padding(records.len() as u64), 0);
    let short = &name[..name.floor_char_boundary(NAME.len())];
    out.extend(header(short, size.min(SIZE_MAX), mode, b'0'));
    out
}

/// Zeros that fill the last block of a content.
pub const fn padding(size: u64) -> usize {
    let over = size % BLOCK_BYTES as u64;
    if over == 0 { 0 } else { BLOCK_BYTES - over as usize }
}

/// The two blocks that end an archive.
pub const fn end() -> [u8; 2 * BLOCK_BYTES] {
    [0; 2 * BLOCK_BYTES]
}

fn header(name: &str, size: u64, mode: u32, kind: u8) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    put(&mut block[NAME], name.as_bytes());
    put(&mut block[MODE], format!("{:07o}", mode & 0o777).as_bytes());
    put(&mut block[108..116], b"0000000");
    put(&mut block[116..124], b"0000000");
    put(&mut block[SIZE], format!("{size:011o}").as_bytes());
    put(&mut block[MODIFIED], b"00000000000");
    block[KIND] = kind;
    put(&mut block[MAGIC], USTAR);
    let sum = format!("{:06o}\0 ", sum(&block));
    put(&mut block[SUM], sum.as_bytes());
    block
}

fn put(field: &mut [u8], bytes: &[u8]) {
    let length = bytes.len().min(field.len());
    field[..length].copy_from_slice(&bytes[..length]);
}

fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    format!("{length} {key}={value}\n").into_bytes()
}

/// Of all bytes, the sum's own field counting as spaces.
fn sum(block: &[u8; BLOCK_BYTES]) -> u64 {
    let counted = |(at, byte): (usize, &u8)| if SUM.contains(&at) { u64::from(b' ') } else { u64::from(*byte) };
    block.iter().enumerate().map(counted).sum()
}

/// Octal digits, framed by spaces and NULs; nothing at all is zero.
fn octal(field: &[u8]) -> Result<u64, BadTar> {
    let digits = field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| !matches!(**byte, b' ' | 0));
    digits.copied().try_fold(0_u64, |sum, byte| match byte {
        b'0'..=b'7' => sum.checked_mul(8).map(|sum| sum + u64::from(byte - b'0')).ok_or(BadTar::Number),
        _ => Err(BadTar::Number),
    })
}

/// Up to the first NUL.
fn text(field: &[u8]) -> Result<&str, BadTar> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let text = utf8(&field[..end])?;
    if text.len() > STATE_PATH_BYTES_MAX { Err(BadTar::Name) } else { Ok(text) }
}

fn utf8(bytes: &[u8]) -> Result<&str, BadTar> {
    std::str::from_utf8(bytes).map_err(|_| BadTar::Name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(bytes: &[u8]) -> Header {
        read(bytes[..BLOCK_BYTES].try_into().unwrap()).unwrap().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let written = write("workspace/a b.md", 1234, 0o100_755);
        assert_eq!(first(&written), Header { name: "workspace/a b.md".into(), size: 1234, kind: Kind::File });
        assert_eq!(read(&[0; BLOCK_BYTES]), Ok(None));
        assert_eq!((padding(0), padding(1), padding(512), padding(513)), (0, 511, 0, 511));
    }

    #[test]
    fn long_names_and_sizes_stand_in_an_extended_header() {
        for length in [100, 101, 105, 990] {
            let name = "é".repeat(length / 2 + 1);
            let written = write(&name, SIZE_MAX + 1, 0o644);
            let header = first(&written);
            assert_eq!(header.kind, Kind::Extended);
            let size = usize::try_from(header.size).unwrap();
            let extended = read_extended(&written[BLOCK_BYTES..BLOCK_BYTES + size]).unwrap();
            assert_eq!(extended, Extended { path: Some(name), size: Some(SIZE_MAX + 1) });
            assert_eq!(first(&written[BLOCK_BYTES + size + padding(header.size)..]).kind, Kind::File);
        }
    }

    #[test]
    fn nonsense_is_told_and_never_panics() {
        let mut block: [u8; BLOCK_BYTES] = write("a", 1, 0o644).try_into().unwrap();
        block[0] = b'b';
        assert_eq!(read(&block), Err(BadTar::Sum));
        for bytes in [&b"x"[..], b"5 a=b", b"99 a=b\n", b"3 a\n", b"0 a=b\n", b"2 \n", b" a=b\n"] {
            assert!(read_extended(bytes).is_err(), "{bytes:?}");
        }
    }
}
