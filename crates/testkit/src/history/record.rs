//! Writes deeds down as they happen, from any number of clients at once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::deed::{Ask, Deed, Moment, Said};

/// Cheap to clone; all clones write into one history and read one clock.
#[derive(Clone)]
pub struct Recorder {
    clock: Arc<dyn Fn() -> Moment + Send + Sync>,
    deeds: Arc<Mutex<Vec<Deed>>>,
}

/// A request under way. Dropped without an answer, it is one that was never answered.
pub struct Begun {
    recorder: Recorder,
    deed: Option<Deed>,
}

impl Default for Recorder {
    fn default() -> Self {
        let began = Instant::now();
        Self::with_clock(move || Moment(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Recorder {
    /// On another clock; it may stand still, but never go back.
    pub fn with_clock(clock: impl Fn() -> Moment + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), deeds: Arc::default() }
    }

    /// Immediately before the request is sent.
    pub fn begin(&self, client: usize, ask: Ask) -> Begun {
        let deed = Deed { client, begun: (self.clock)(), ended: None, ask, said: Said::Lost };
        Begun { recorder: self.clone(), deed: Some(deed) }
    }

    /// Everything so far, in the order in which it ended.
    pub fn history(&self) -> Vec<Deed> {
        self.deeds.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, deed: Deed) {
        self.deeds.lock().unwrap_or_else(PoisonError::into_inner).push(deed);
    }
}

impl Begun {
    /// Immediately after the answer was read.
    pub fn end(mut self, said: Said) {
        if let Some(deed) = self.deed.take() {
            let ended = if said == Said::Lost { None } else { Some((self.recorder.clock)()) };
            self.recorder.keep(Deed { ended, said, ..deed });
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(deed) = self.deed.take() {
            self.recorder.keep(deed);
        }
    }
}
