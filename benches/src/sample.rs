//! Many measurements of one thing, and what is said of them.

use std::time::Duration;

/// Durations in the order in which they were measured.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<Duration>);

impl Sample {
    pub fn add(&mut self, length: Duration) {
        self.0.push(length);
    }

    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest value that `percent` of all values don't exceed (nearest rank); zero of nothing.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let rank = (sorted.len() * percent).div_ceil(100).max(1);
        sorted.get(rank - 1).copied().unwrap_or_default()
    }

    pub fn p50(&self) -> Duration {
        self.percentile(50)
    }

    pub fn p95(&self) -> Duration {
        self.percentile(95)
    }

    pub fn p99(&self) -> Duration {
        self.percentile(99)
    }

    pub fn p99_ms(&self) -> f64 {
        ms(self.p99())
    }

    pub fn p50_ms(&self) -> f64 {
        ms(self.p50())
    }

    pub fn p95_ms(&self) -> f64 {
        ms(self.p95())
    }
}

pub fn ms(length: Duration) -> f64 {
    length.as_secs_f64() * 1_000.0
}

/// What one of `count` operations took of `whole`.
pub fn each(whole: Duration, count: u64) -> Duration {
    Duration::from_secs_f64(whole.as_secs_f64() / count.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut sample = Sample::default();
        assert_eq!(sample.p50(), Duration::ZERO);
        (1..=20).rev().for_each(|n| sample.add(Duration::from_millis(n)));
        assert_eq!((sample.p50_ms(), sample.p95_ms()), (10.0, 19.0));
        assert_eq!(sample.percentile(100), Duration::from_millis(20));
    }
}
