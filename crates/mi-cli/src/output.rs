//! The one place that writes: data to stdout, talk to stderr.

use std::borrow::Cow;
use std::io::{self, Write};

use tokio::io::AsyncReadExt;

use crate::fault::Fault;

/// What is written at once of what comes through a pipe.
const CHUNK_BYTES: usize = 256 * 1024;

/// For whom the output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    People,
    Json,
}

/// What stdout can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    pub paint: Paint,
    /// Tables fit themselves to its width.
    pub is_terminal: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colour,
}

/// What a piece of text says beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Bad,
    Busy,
    Waiting,
    Faint,
    Strong,
}

impl Paint {
    pub fn tint(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => 32,
            Tone::Bad => 31,
            Tone::Busy => 36,
            Tone::Waiting => 33,
            Tone::Faint => 2,
            Tone::Strong => 1,
        };
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// Embeddings, overrides and isolates of a writing direction: with them a text shows other words than it holds.
const fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Text of agents can't move the cursor, change colours of a person's terminal or turn what stands around it.
pub fn clean(text: &str) -> Cow<'_, str> {
    let tame = |c: char| (!c.is_control() && !turns_text(c)) || c == '\n' || c == '\t';
    if text.chars().all(tame) { Cow::Borrowed(text) } else { text.chars().filter(|c| tame(*c)).collect() }
}

/// How many of the bytes end with a whole letter of UTF-8: the next piece may bring the rest of the last one.
fn whole_letters(bytes: &[u8]) -> usize {
    const LETTER_BYTES_MAX: usize = 4;
    for back in 1..LETTER_BYTES_MAX.min(bytes.len() + 1) {
        let byte = bytes[bytes.len() - back];
        // A byte that begins a letter says how long it is.
        if byte >= 0b1100_0000 {
            return if byte.leading_ones() as usize > back { bytes.len() - back } else { bytes.len() };
        }
    }
    bytes.len()
}

pub struct Output {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    pub format: Format,
    pub screen: Screen,
    /// Progress bars are drawn only there.
    pub stderr_is_terminal: bool,
    stderr_paint: Paint,
}

impl Output {
    pub fn new(
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
        format: Format,
        screen: Screen,
        stderr_screen: Screen,
    ) -> Self {
        let Screen { paint, is_terminal } = stderr_screen;
        Self { stdout, stderr, format, screen, stderr_is_terminal: is_terminal, stderr_paint: paint }
    }

    /// For a program that speaks to another one; nothing else may be written there from then on.
    pub fn take_stdout(&mut self) -> Box<dyn Write + Send> {
        std::mem::replace(&mut self.stdout, Box::new(io::sink()))
    }

    /// Data for people, ended by a line break.
    pub fn data(&mut self, text: &str) -> Result<(), Fault> {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        self.bytes(format!("{text}{end}").as_bytes())
    }

    /// What the API answered, as it came.
    pub fn json(&mut self, body: &[u8]) -> Result<(), Fault> {
        if body.is_empty() {
            return Ok(());
        }
        self.bytes(body)?;
        if body.ends_with(b"\n") { Ok(()) } else { self.bytes(b"\n") }
    }

    /// Everything that comes through a pipe: to a program as it is, to a terminal as text that can't steer it.
    pub async fn empty(&mut self, outlet: &mut tokio::io::DuplexStream) -> Result<(), Fault> {
        let (mut chunk, mut held) = (vec![0; CHUNK_BYTES], Vec::new());
        loop {
            let read = outlet.read(&mut chunk).await.map_err(Fault::of_output)?;
            if !self.screen.is_terminal {
                self.bytes(&chunk[..read])?;
            } else {
                held.extend_from_slice(&chunk[..read]);
                let rest = held.split_off(if read == 0 { held.len() } else { whole_letters(&held) });
                self.bytes(clean(&String::from_utf8_lossy(&held)).as_bytes())?;
                held = rest;
            }
            if read == 0 {
                return Ok(());
            }
        }
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.stdout.write_all(bytes).and_then(|()| self.stdout.flush()).map_err(Fault::of_output)
    }

    /// What whoever sits there has to know to go on.
    pub fn tell(&mut self, text: &str) -> Result<(), Fault> {
        self.say(text)
    }

    /// Talk, for people only.
    pub fn note(&mut self, text: &str) -> Result<(), Fault> {
        match self.format {
            Format::Json => Ok(()),
            Format::People => self.say(text),
        }
    }

    /// What to do next, for people only.
    pub fn hint(&mut self, text: &str) -> Result<(), Fault> {
        self.note(&format!("{} {text}", self.stderr_paint.tint(Tone::Busy, "hint:")))
    }

    /// What everybody should hear.
    pub fn warn(&mut self, text: &str) -> Result<(), Fault> {
        self.say(&format!("{} {text}", self.stderr_paint.tint(Tone::Waiting, "warning:")))
    }

    pub fn fault(&mut self, fault: &Fault) -> Result<(), Fault> {
        if let Fault::HungUp | Fault::Passed(_) = fault {
            return Ok(());
        }
        let text = fault.to_string();
        self.say(&format!("{} {}", self.stderr_paint.tint(Tone::Bad, "error:"), clean(&text)))?;
        match fault.hint() {
            None => Ok(()),
            Some(hint) => self.say(&format!("{} {}", self.stderr_paint.tint(Tone::Busy, "hint:"), clean(&hint))),
        }
    }

    /// A question, on the line on which it is answered.
    pub fn ask(&mut self, question: &str) -> Result<(), Fault> {
        self.stderr.write_all(question.as_bytes()).and_then(|()| self.stderr.flush()).map_err(Fault::of_output)
    }

    /// What a program elsewhere wrote to its own stderr; it may hold anything.
    pub fn pass_on(&mut self, text: &str) -> Result<(), Fault> {
        let text = if self.stderr_is_terminal { clean(text) } else { Cow::Borrowed(text) };
        self.stderr.write_all(text.as_bytes()).map_err(Fault::of_output)
    }

    fn say(&mut self, text: &str) -> Result<(), Fault> {
        self.stderr.write_all(format!("{text}\n").as_bytes()).map_err(Fault::of_output)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_letter_that_is_cut_waits_for_its_rest() {
        for (bytes, whole) in [("ab", 2), ("aé", 3), ("a🦀", 5), ("", 0)] {
            assert_eq!(whole_letters(bytes.as_bytes()), whole, "{bytes}");
        }
        assert_eq!((whole_letters("aé".as_bytes().split_at(2).0), whole_letters(&"a🦀".as_bytes()[..4])), (1, 1));
        assert_eq!(whole_letters(&[b'a', 0x80, 0x80, 0x80, 0x80]), 5);
    }

    #[tokio::test]
    async fn what_comes_for_a_terminal_can_not_steer_it_and_a_pipe_gets_every_byte() {
        use tokio::io::AsyncWriteExt;
        let sent = b"a\x1b]0;title\x07b\xff\n";
        for (is_terminal, expected) in [(true, "a]0;titleb\u{fffd}\n".as_bytes()), (false, &sent[..])] {
            let kept = Kept::default();
            let screen = Screen { paint: Paint::Plain, is_terminal };
            let mut output = Output::new(Box::new(kept.clone()), Box::new(io::sink()), Format::People, screen, screen);
            let (mut inlet, mut outlet) = tokio::io::duplex(64);
            inlet.write_all(sent).await.unwrap();
            drop(inlet);
            output.empty(&mut outlet).await.unwrap();
            assert_eq!(kept.0.lock().unwrap().as_slice(), expected);
        }
    }

    #[test]
    fn a_text_can_neither_steer_the_terminal_nor_turn_around() {
        for (given, shown) in [
            ("plain — ünïcödé\n\tשלום عربى 👩‍💻", "plain — ünïcödé\n\tשלום عربى 👩‍💻"),
            ("\u{1b}[31mred\u{7}\u{9b}2J", "[31mred2J"),
            ("report\u{202e}fdp.exe", "reportfdp.exe"),
            ("\u{202a}a\u{202b}b\u{202c}c\u{202d}d\u{2066}e\u{2067}f\u{2068}g\u{2069}h", "abcdefgh"),
        ] {
            assert_eq!(clean(given), shown, "{given:?}");
        }
    }
}
