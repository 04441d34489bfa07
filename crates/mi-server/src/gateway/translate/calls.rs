//! The calls of an answer while their pieces arrive.
//!
//! A chat tells calls in pieces that belong together by an index. Not every provider is so
//! tidy: some leave the index away or write 0 for all, repeat the name with every piece, or
//! split it.

use super::chunk::CallDelta;
use super::tools::Tools;

/// Calls of one answer.
pub const CALLS_MAX: usize = 128;
/// The longest name that is put together.
const NAME_BYTES_MAX: usize = 256;
/// A longer id is as if the provider had given none.
const ID_BYTES_MAX: usize = 256;

#[derive(Debug, Default)]
pub struct Growing {
    index: Option<u64>,
    call_id: Option<String>,
    pub name: String,
    pub arguments: String,
    /// How much of the arguments was told.
    pub told: usize,
    /// Its place among the answer's items, once it is opened.
    pub at: Option<usize>,
    pub is_closed: bool,
}

#[derive(Debug, Default)]
pub struct Calls {
    pub list: Vec<Growing>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

impl Calls {
    /// Adds a piece; returns the call's place in the list and how many bytes it grew by.
    pub fn add(&mut self, mut delta: CallDelta, tools: &Tools) -> Result<(usize, usize), TooMany> {
        delta.id = delta.id.filter(|id| id.len() <= ID_BYTES_MAX);
        let at = match self.find(&delta) {
            Some(at) => at,
            None if self.list.len() >= CALLS_MAX => return Err(TooMany),
            None => {
                self.list.push(Growing { index: delta.index, ..Growing::default() });
                self.list.len() - 1
            }
        };
        let call = &mut self.list[at];
        if call.call_id.is_none() {
            call.call_id = delta.id.take();
        }
        let before = call.name.len() + call.arguments.len();
        if call.is_closed {
            return Ok((at, 0));
        }
        if let Some(name) = delta.function.name.take() {
            call.more_name(&name, tools);
        }
        call.arguments.push_str(&delta.function.arguments());
        Ok((at, call.name.len() + call.arguments.len() - before))
    }

    /// The call that a piece belongs to.
    fn find(&self, delta: &CallDelta) -> Option<usize> {
        let begins = delta.function.name.is_some();
        let is_other = |call: &Growing| {
            let known = call.call_id.as_deref().zip(delta.id.as_deref());
            begins && !call.name.is_empty() && known.is_some_and(|(known, new)| known != new)
        };
        let candidate = match delta.index {
            Some(index) => self.list.iter().rposition(|call| call.index == Some(index)),
            None => match &delta.id {
                Some(id) => self.list.iter().rposition(|call| call.call_id.as_ref() == Some(id)),
                // Without index and id, a name begins a call and anything else goes on with the last.
                None if begins => None,
                None => self.list.len().checked_sub(1),
            },
        };
        candidate.filter(|at| !is_other(&self.list[*at]))
    }
}

impl Growing {
    /// A name is told before the arguments; a piece that repeats the whole name adds nothing.
    fn more_name(&mut self, piece: &str, tools: &Tools) {
        if self.name.len() + piece.len() > NAME_BYTES_MAX {
            return;
        }
        let longer = format!("{}{piece}", self.name);
        let is_open = self.at.is_some() || !self.arguments.is_empty();
        if !is_open && (tools.get(&longer).is_some() || tools.get(&self.name).is_none()) {
            self.name = longer;
        }
    }

    /// The provider's id of the call, or one of ours where it gave none.
    pub fn call_id(&self, seed: &str, at: usize) -> String {
        self.call_id.clone().unwrap_or_else(|| format!("call_{seed}_{at}"))
    }
}
