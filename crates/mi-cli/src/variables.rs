//! Every environment variable that `mi` and `tq` read.

/// The folder that replaces `~/.mi`.
pub const MI_HOME: &str = "MI_HOME";
/// Where the server answers; wins over `config.json`.
pub const MI_ENDPOINT: &str = "MI_ENDPOINT";
/// The key that is shown to the server; wins over `config.json`.
pub const MI_API_KEY: &str = "MI_API_KEY";
/// The colony of commands that name none, by id or by name; wins over `config.json`.
pub const MI_COLONY: &str = "MI_COLONY";

/// As which agent that joined from this machine a command acts; `--as-agent` wins over it.
pub const MI_AGENT_PROFILE: &str = "MI_AGENT_PROFILE";
/// Under which name server, key and colony are kept; `--profile` wins over it.
pub const MI_PROFILE: &str = "MI_PROFILE";
/// A file with certificates to trust in place of the system's.
pub const MI_CA_CERT: &str = "MI_CA_CERT";

/// The key of an agent that lives here, for `mi agent run`.
pub const MI_AGENT_KEY: &str = "MI_AGENT_KEY";

/// In a pod: the office of the session.
pub const MI_OFFICE: &str = "MI_OFFICE";
/// In a pod: the agent's name.
pub const MI_AGENT: &str = "MI_AGENT";
/// In a pod: the number of the session.
pub const MI_SESSION: &str = "MI_SESSION";
/// In a pod, while it works on one: the number of the task.
pub const MI_TASK: &str = "MI_TASK";
/// In a pod: which attempt on the task this is.
pub const MI_ATTEMPT: &str = "MI_ATTEMPT";
/// In a pod: the claim token, which writes of the attempt carry.
pub const MI_CLAIM: &str = "MI_CLAIM";

/// Set to anything but nothing: no colours (no-color.org).
pub const NO_COLOR: &str = "NO_COLOR";
/// Where services of a person's own are kept, unless it is `~/.config`.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// Where `.mi` lives unless `MI_HOME` says otherwise.
pub const HOME: &str = "HOME";
/// What kind of terminal a person sits at; a shell elsewhere is told.
pub const TERM: &str = "TERM";
