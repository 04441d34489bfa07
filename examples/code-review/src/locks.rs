//! Which mutexes are held at each token.
//!
//! Each function is walked once from top to bottom. A branch that ends with `return` (or the like) doesn't change what
//! holds after it; deferred unlocks hold to the end. Where the walk can't know (`TryLock`, own lock functions), the
//! function counts as unclear, and no rule speaks about its locks.
//! An unexported method that is only ever called with a lock held counts as holding it.

use crate::syntax::{Function, GoFile};
use std::collections::HashMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Read,
    Write,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Release {
    ByHand,
    Deferred,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    /// What stands before `.Lock()`, such as `l.mu`.
    pub path: String,
    pub mode: Mode,
    pub taken_at: usize,
    release: Release,
    /// How many function literals the lock was taken in.
    depth: usize,
}

/// A `return` that is reached with a lock held.
#[derive(Debug)]
pub(crate) struct Leak {
    pub at: usize,
    pub path: String,
    pub taken_at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    None,
    Read,
    Write,
    Unclear,
}

#[derive(Debug)]
pub(crate) struct Locks {
    states: Vec<Vec<Hold>>,
    state_at: Vec<usize>,
    pub leaks: Vec<Leak>,
    /// Per outermost function.
    unclear: Vec<bool>,
    assumed: Vec<bool>,
    outermost_at: Vec<Option<usize>>,
}

impl Locks {
    pub(crate) fn of(file: &GoFile<'_>) -> Self {
        let mut locks = Locks {
            states: vec![Vec::new()],
            state_at: vec![0; file.tokens.len()],
            leaks: Vec::new(),
            unclear: vec![false; file.functions.len()],
            assumed: vec![false; file.functions.len()],
            outermost_at: file.owner.iter().map(|owner| owner.map(|number| file.outermost(number))).collect(),
        };
        let bodies: HashMap<usize, usize> =
            file.functions.iter().enumerate().map(|(number, function)| (function.body.start, number)).collect();
        for (number, function) in file.functions.iter().enumerate() {
            if function.parent.is_some() {
                continue;
            }
            locks.unclear[number] = is_unclear(file, function);
            if !locks.unclear[number] {
                Walk::new(file, &bodies, &mut locks).run(function);
            }
        }
        locks.assume_helpers(file);
        locks
    }

    pub(crate) fn guard(&self, index: usize) -> Guard {
        let function = self.outermost_at.get(index).copied().flatten();
        if function.is_some_and(|number| self.unclear[number]) {
            return Guard::Unclear;
        }
        if function.is_some_and(|number| self.assumed[number]) {
            return Guard::Write;
        }
        let held = self.held(index);
        if held.iter().any(|hold| hold.mode == Mode::Write) {
            Guard::Write
        } else if held.is_empty() {
            Guard::None
        } else {
            Guard::Read
        }
    }

    /// The locks that this very function holds at a token.
    pub(crate) fn held(&self, index: usize) -> &[Hold] {
        self.state_at.get(index).and_then(|state| self.states.get(*state)).map_or(&[], Vec::as_slice)
    }

    /// Starts from "every unexported method that is called here" and drops those with a call outside a lock.
    fn assume_helpers(&mut self, file: &GoFile<'_>) {
        let mut calls: HashMap<usize, Vec<usize>> = HashMap::new();
        let named: HashMap<&str, usize> = file
            .functions
            .iter()
            .enumerate()
            .filter(|(_, function)| is_unexported_method(function))
            .map(|(number, function)| (function.name, number))
            .collect();
        for index in 0..file.tokens.len() {
            if file.before(index) == "."
                && file.text(index + 1) == "("
                && let Some(number) = named.get(file.text(index))
            {
                calls.entry(*number).or_default().push(index);
            }
        }
        for number in calls.keys() {
            self.assumed[*number] = true;
        }
        for (number, function) in file.functions.iter().enumerate() {
            self.assumed[number] |= function.name.ends_with("Locked");
        }
        self.drop_unlocked(file, &calls);
    }

    fn drop_unlocked(&mut self, file: &GoFile<'_>, calls: &HashMap<usize, Vec<usize>>) {
        loop {
            let dropped: Vec<usize> = calls
                .iter()
                .filter(|(number, _)| self.assumed[**number] && !file.functions[**number].name.ends_with("Locked"))
                .filter(|(number, sites)| sites.iter().any(|site| !self.is_safe_site(file, **number, *site)))
                .map(|(number, _)| *number)
                .collect();
            if dropped.is_empty() {
                return;
            }
            for number in dropped {
                self.assumed[number] = false;
            }
        }
    }

    /// A call is safe under a lock, and in the function that makes the object, which nobody shares yet.
    fn is_safe_site(&self, file: &GoFile<'_>, callee: usize, site: usize) -> bool {
        let launched = file.text(file.chain_start(site).wrapping_sub(1)) == "go";
        if launched {
            return false;
        }
        let makes_it = self.outermost_at[site].is_some_and(|caller| {
            let type_name = file.functions[callee].receiver.as_ref().map_or("", |receiver| receiver.type_name);
            file.functions[caller].body.clone().any(|index| file.reads(index, &[type_name, "{"]))
        });
        makes_it || self.guard(site) != Guard::None
    }
}

fn is_unexported_method(function: &Function<'_>) -> bool {
    function.receiver.is_some() && function.name.starts_with(|first: char| first.is_lowercase())
}

/// Own lock functions and `TryLock` can't be followed.
fn is_unclear(file: &GoFile<'_>, function: &Function<'_>) -> bool {
    let own_name = function.name.to_ascii_lowercase();
    let is_lock_function = (own_name.contains("lock") && !function.name.ends_with("Locked")) || own_name == "acquire";
    is_lock_function
        || function.body.clone().any(|index| is_used_as_value(file, index))
        || function.body.clone().any(|index| {
            let name = file.text(index);
            file.text(index + 1) == "("
                && !matches!(name, "Lock" | "RLock" | "Unlock" | "RUnlock")
                && !name.ends_with("Locked")
                && name.to_ascii_lowercase().contains("lock")
                && !name.to_ascii_lowercase().contains("block")
                && !name.to_ascii_lowercase().contains("clock")
        })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Plain,
    Clauses,
    Literal,
}

struct Frame {
    block: Block,
    entry: Vec<Hold>,
    /// How the branches before this one in an `if … else` chain, or the clauses before it, left the locks;
    /// `None` while all of them ended with a `return` or the like.
    earlier: Option<Vec<Hold>>,
    /// First token of the statement that is being read.
    statement: usize,
    /// The statement, if any, whose branches all ended with a `return` or the like.
    ended: Option<usize>,
    /// An `else`, or a `switch` with a `default`, or a `select`: one of its branches is surely taken.
    complete: bool,
    deferred: Vec<String>,
}

struct Walk<'w, 'a> {
    file: &'w GoFile<'a>,
    bodies: &'w HashMap<usize, usize>,
    locks: &'w mut Locks,
    state: Vec<Hold>,
    frames: Vec<Frame>,
    deferred: Vec<String>,
    /// Set between a branch and its `else`.
    earlier: Option<Vec<Hold>>,
    depth: usize,
}

impl<'w, 'a> Walk<'w, 'a> {
    fn new(file: &'w GoFile<'a>, bodies: &'w HashMap<usize, usize>, locks: &'w mut Locks) -> Self {
        Walk {
            file,
            bodies,
            locks,
            state: Vec::new(),
            frames: Vec::new(),
            deferred: Vec::new(),
            earlier: None,
            depth: 0,
        }
    }

    fn run(mut self, function: &Function<'_>) {
        self.frames.push(self.frame(Block::Plain, function.body.start));
        let mut at = function.body.start;
        let mut recorded = 0;
        while at < function.body.end {
            let next = self.step(at).max(at + 1).min(function.body.end);
            if self.locks.states[recorded] != self.state {
                recorded = self.locks.states.len();
                self.locks.states.push(self.state.clone());
            }
            self.locks.state_at[at..next].fill(recorded);
            at = next;
        }
    }

    fn frame(&self, block: Block, statement: usize) -> Frame {
        Frame {
            block,
            entry: self.state.clone(),
            earlier: None,
            statement,
            ended: None,
            complete: false,
            deferred: Vec::new(),
        }
    }

    /// Reads one token, or a whole deferred call; answers where to go on.
    fn step(&mut self, at: usize) -> usize {
        let file = self.file;
        let block = self.frames.last().map_or(Block::Plain, |frame| frame.block);
        self.note_statement(at);
        match file.text(at) {
            "{" => self.open(at),
            "}" => self.close(at),
            "case" | "default" if block == Block::Clauses => self.next_clause(at),
            "return" => self.check_return(at),
            "defer" => return self.defer(at),
            "Lock" | "RLock" | "Unlock" | "RUnlock" if is_lock_call(file, at) => self.lock_call(at),
            _ => {}
        }
        at + 1
    }

    /// Statements start in the frame's own braces; the `;` and `:` of headers, slices and literals start none.
    fn note_statement(&mut self, at: usize) {
        let file = self.file;
        let in_braces = file.outer[at].is_some_and(|open| file.text(open) == "{");
        let first = match file.before(at) {
            "{" => true,
            ";" => self.frames.last().is_some_and(|frame| !is_header(file, frame.statement, at)),
            ":" => self.frames.last().is_some_and(|frame| frame.block == Block::Clauses),
            _ => false,
        };
        if first
            && in_braces
            && !matches!(file.text(at), "{" | "}" | ";" | "case" | "default")
            && let Some(frame) = self.frames.last_mut()
        {
            frame.statement = at;
        }
    }

    fn open(&mut self, at: usize) {
        let earlier = self.earlier.take();
        if self.bodies.contains_key(&(at + 1)) {
            let mut frame = self.frame(Block::Literal, at + 1);
            frame.deferred = std::mem::take(&mut self.deferred);
            self.frames.push(frame);
            self.depth += 1;
            if self.runs_later(at) {
                self.state.clear();
            }
            return;
        }
        let head = self.file.heads.get(&at).map_or("", |head| self.file.text(*head));
        let clauses = matches!(head, "switch" | "select");
        let follows_else = self.file.before(self.file.heads.get(&at).copied().unwrap_or(at)) == "else";
        let mut frame = self.frame(if clauses { Block::Clauses } else { Block::Plain }, at + 1);
        frame.earlier = earlier;
        frame.complete = head == "select" || (follows_else && head.is_empty());
        self.frames.push(frame);
    }

    /// `go func`, `return func`, `x := func`, `HandlerFunc(func`: the literal doesn't run under the locks of here.
    fn runs_later(&self, open: usize) -> bool {
        let Some(number) = self.bodies.get(&(open + 1)) else { return false };
        let start = self.file.functions[*number].start;
        matches!(self.file.before(start), "go" | "return" | "=" | ":=" | ":")
            || (self.file.before(start) == "(" && start >= 2 && self.file.before(start - 1).starts_with("Handle"))
            || (self.file.before(start) == "(" && start >= 2 && self.file.before(start - 1) == "AfterFunc")
    }

    fn close(&mut self, at: usize) {
        if self.frames.len() < 2 {
            return;
        }
        let Some(frame) = self.frames.pop() else { return };
        let ended = self.ends_early(&frame);
        if ended
            && frame.complete
            && frame.earlier.is_none()
            && let Some(around) = self.frames.last_mut()
        {
            around.ended = Some(around.statement);
        }
        match frame.block {
            Block::Literal => {
                self.depth -= 1;
                self.deferred = frame.deferred;
                self.state = frame.entry;
            }
            Block::Clauses => {
                if ended {
                    self.state = frame.earlier.unwrap_or(frame.entry);
                }
            }
            Block::Plain if self.file.text(at + 1) == "else" => {
                self.earlier = if ended { frame.earlier } else { Some(std::mem::take(&mut self.state)) };
                self.state = frame.entry;
            }
            Block::Plain => {
                if ended {
                    self.state = frame.earlier.unwrap_or(frame.entry);
                }
            }
        }
    }

    fn next_clause(&mut self, at: usize) {
        let Some(mut frame) = self.frames.pop() else { return };
        let first = self.file.before(at) == "{";
        if !first && !self.ends_early(&frame) {
            frame.earlier = Some(self.state.clone());
        }
        frame.complete |= self.file.text(at) == "default";
        self.state.clone_from(&frame.entry);
        // Past the clause's own head; an empty clause keeps it and so doesn't end early.
        frame.statement = at;
        self.frames.push(frame);
    }

    fn ends_early(&self, frame: &Frame) -> bool {
        let at = frame.statement;
        if frame.ended == Some(at) {
            return true;
        }
        match self.file.text(at) {
            "return" | "continue" | "break" | "goto" | "panic" => true,
            "os" | "runtime" => matches!(self.file.text(at + 2), "Exit" | "Goexit"),
            "log" => self.file.text(at + 2).starts_with("Fatal") || self.file.text(at + 2).starts_with("Panic"),
            _ => false,
        }
    }

    fn check_return(&mut self, at: usize) {
        let end = self.file.statement_end(at);
        if (at..end).any(|index| self.file.text(index).contains("nlock")) {
            return;
        }
        for hold in &self.state {
            if hold.depth == self.depth && hold.release == Release::ByHand {
                self.locks.leaks.push(Leak { at, path: hold.path.clone(), taken_at: hold.taken_at });
            }
        }
    }

    fn defer(&mut self, at: usize) -> usize {
        let end = self.file.statement_end(at);
        for index in at..end {
            if matches!(self.file.text(index), "Unlock" | "RUnlock") && is_lock_call(self.file, index) {
                let path = self.path(index);
                for hold in self.state.iter_mut().filter(|hold| hold.path == path) {
                    hold.release = Release::Deferred;
                }
                self.deferred.push(path);
            }
        }
        end
    }

    fn lock_call(&mut self, at: usize) {
        let path = self.path(at);
        let mode = match self.file.text(at) {
            "Lock" => Mode::Write,
            "RLock" => Mode::Read,
            _ => {
                if let Some(last) = self.state.iter().rposition(|hold| hold.path == path) {
                    self.state.remove(last);
                } else {
                    // The caller holds it and gets it back: taking it again is not for this function to undo.
                    self.deferred.push(path);
                }
                return;
            }
        };
        let release = if self.deferred.contains(&path) { Release::Deferred } else { Release::ByHand };
        if self.state.len() < HOLDS_MAX {
            self.state.push(Hold { path, mode, taken_at: at, release, depth: self.depth });
        }
    }

    fn path(&self, at: usize) -> String {
        self.file.joined(self.file.chain_start(at)..at.saturating_sub(1))
    }
}

/// Is `at` between the keyword at `statement` and the brace of its block?
fn is_header(file: &GoFile<'_>, statement: usize, at: usize) -> bool {
    matches!(file.text(statement), "for" | "if" | "switch")
        && file.block_after(statement + 1).is_some_and(|open| at <= open)
}

/// Locks held at once; more is not a program but an attack on this walk.
const HOLDS_MAX: usize = 16;

fn is_lock_call(file: &GoFile<'_>, at: usize) -> bool {
    file.before(at) == "." && file.reads(at + 1, &["(", ")"])
}

/// `unlock, err := mu.Lock()` is no mutex of package sync: nothing is known about it.
fn is_used_as_value(file: &GoFile<'_>, at: usize) -> bool {
    let start = file.chain_start(at);
    let alone = file.starts_statement(start) || file.before(start) == "defer";
    is_lock_call(file, at) && matches!(file.text(at), "Lock" | "RLock") && !alone
}
