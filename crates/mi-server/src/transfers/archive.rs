//! A tar as it streams by, entry after entry, everything in it bounded.

use std::io::{self, Read};

use mi_core::transfer::BadBundle;
use mi_core::transfer::tar::{self, BLOCK_BYTES, EXTENDED_BYTES_MAX, Header, Kind};

/// Why an archive can't be read on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Unreadable {
    pub fn because(error: impl std::fmt::Display) -> Self {
        Self(mi_core::ids::excerpt(&error.to_string()))
    }
}

impl From<Unreadable> for BadBundle {
    fn from(unreadable: Unreadable) -> Self {
        BadBundle::Unreadable(unreadable.0)
    }
}

pub struct Archive<R> {
    from: R,
    headers: usize,
    headers_max: usize,
}

impl<R: Read> Archive<R> {
    /// `headers_max`: of any kind; a name may come with one more, a folder is one.
    pub fn new(from: R, headers_max: usize) -> Self {
        Self { from, headers: 0, headers_max }
    }

    /// The next entry, named by the extended headers before it.
    pub fn next(&mut self) -> Result<Option<Header>, Unreadable> {
        let (mut name, mut size) = (None, None);
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            match header.kind {
                Kind::Global => drop(self.whole(header.size, EXTENDED_BYTES_MAX)?),
                Kind::Extended => {
                    let content = self.whole(header.size, EXTENDED_BYTES_MAX)?;
                    let extended = tar::read_extended(&content).map_err(Unreadable::because)?;
                    name = extended.path.or(name);
                    size = extended.size.or(size);
                }
                Kind::LongName => {
                    let content = self.whole(header.size, EXTENDED_BYTES_MAX)?;
                    name = Some(tar::read_long_name(&content).map_err(Unreadable::because)?);
                }
                Kind::File | Kind::Folder | Kind::Other => {
                    let (name, size) = (name.unwrap_or(header.name), size.unwrap_or(header.size));
                    return Ok(Some(Header { name, size, kind: header.kind }));
                }
            }
        }
    }

    fn header(&mut self) -> Result<Option<Header>, Unreadable> {
        self.headers += 1;
        if self.headers > self.headers_max {
            return Err(Unreadable::because("it holds too many entries"));
        }
        let mut block = [0; BLOCK_BYTES];
        self.from.read_exact(&mut block).map_err(Unreadable::because)?;
        tar::read(&block).map_err(Unreadable::because)
    }

    /// The content of a small entry, with its padding.
    pub fn whole(&mut self, size: u64, most: u64) -> Result<Vec<u8>, Unreadable> {
        if size > most {
            return Err(Unreadable::because("an entry that is read whole is too large"));
        }
        let mut bytes = Vec::new();
        let found = self.content(size).read_to_end(&mut bytes).map_err(Unreadable::because)?;
        if found as u64 != size {
            return Err(Unreadable::because(io::ErrorKind::UnexpectedEof));
        }
        self.skip_padding(size)?;
        Ok(bytes)
    }

    /// The content of the entry that `next` gave; its padding comes after it.
    pub fn content(&mut self, size: u64) -> impl Read + '_ {
        (&mut self.from).take(size)
    }

    pub fn skip_padding(&mut self, size: u64) -> Result<(), Unreadable> {
        let mut rest = [0; BLOCK_BYTES];
        self.from.read_exact(&mut rest[..tar::padding(size)]).map_err(Unreadable::because)
    }
}
