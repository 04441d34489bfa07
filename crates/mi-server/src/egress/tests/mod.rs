//! Through the socket of a pod, to programs of the test's own, which are private and therefore have to be permitted.

mod bench;
mod life;
mod reach;
mod requests;
