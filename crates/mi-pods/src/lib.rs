//! Pods: the closed rooms in which agents work.
//!
//! A pod starts only when all its walls stand (files, processes, network, privileges); a wall that can't be raised is
//! an error with its remedy, never a silent gap. Pods die with the server, and killing one leaves no process behind.
//! Nothing secret ever stands in an argument, an environment or a file: the ticket travels over an inherited pipe.
//!
//! Acts: `Driver::start`, `Pod::terminate`, `Pod::kill`, `Driver::sweep_orphans`.
//! Drivers: `LocalDriver` (sandbox), `ProcessDriver` (no sandbox), `FakeDriver` (no process at all, for tests).
//! Elsewhere: which pods should exist is the server's wish list; what runs inside a pod is `mi-runner`.

mod cgroup;
mod disk;
mod driver;
pub mod enter;
mod fake;
mod fault;
mod finding;
mod installs;
mod launch;
mod local;
mod log;
mod messages;
mod orphans;
mod own;
mod pod;
mod process;
mod programs;
mod removal;
mod spawner;
mod spec;
mod usage;
mod wire;

pub use driver::{Backend, Driver, Pod, PodStatus, Readiness};
pub use fake::{FakeDriver, FakePod, Started};
pub use fault::PodError;
pub use finding::{Finding, FindingKind, FindingState};
pub use installs::{Install, RunsOn, locate, resolve};
pub use local::{LocalConfig, LocalDriver, probe};
pub use orphans::marked_processes;
pub use own::{own_socket_dir, own_tree};
pub use process::{ProcessConfig, ProcessDriver};
pub use programs::{Program, find_install, find_program};
pub use removal::remove_tree;
pub use spec::{HarnessRoot, Limit, Limits, PodSpec, Quota, Room, Strictness};
pub use usage::{Usage, measure};
