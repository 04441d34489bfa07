//! Every limit of the platform, with its unit in its name (semantics §8).

pub const AGENT_NAME_BYTES_MAX: usize = 63;
pub const TASK_NAME_BYTES_MAX: usize = 128;
/// In one question for tasks by name.
pub const TASK_NAMES_ASKED_MAX: usize = 100;
pub const OFFICE_NAME_CHARS_MAX: usize = 200;
pub const TITLE_CHARS_MAX: usize = 500;
pub const DESCRIPTION_BYTES_MAX: usize = 256 * 1024;
pub const RESULT_BYTES_MAX: usize = 256 * 1024;
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
pub const GROUP_NAME_CHARS_MAX: usize = 200;
pub const GROUPS_PER_OFFICE_MAX: i64 = 200;
pub const LOG_LINE_BYTES_MAX: usize = 8 * 1024;
pub const SYSTEM_PROMPT_BYTES_MAX: usize = 64 * 1024;
pub const DRIVE_PATH_BYTES_MAX: usize = 1024;

pub const JSON_BODY_BYTES_MAX: usize = 1024 * 1024;
pub const GATEWAY_BODY_BYTES_MAX: usize = 32 * 1024 * 1024;
pub const UPLOAD_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// What an office's drive may hold, unless the server's setting says otherwise.
pub const DRIVE_BYTES_DEFAULT: u64 = 100 * 1024 * 1024 * 1024;

/// A task's priority runs from 0, critical, to 100, low.
pub const PRIORITY_DEFAULT: i64 = 50;
pub const PRIORITY_MAX: i64 = 100;
pub const DEPENDENCIES_MAX: usize = 100;
pub const SUBTASK_DEPTH_MAX: usize = 10;
pub const OPEN_TASKS_PER_OFFICE_MAX: i64 = 10_000;
pub const AGENTS_PER_OFFICE_MAX: i64 = 50;
pub const SKILLS_PER_AGENT_MAX: usize = 100;
pub const REQUIRED_TOOLS_MAX: usize = 50;

pub const LIST_LIMIT_DEFAULT: i64 = 50;
pub const LIST_LIMIT_MAX: i64 = 500;
pub const LIST_COUNT_MAX: i64 = 10_000;

pub const CLAIM_WAIT_SECONDS_MAX: i64 = 60;
pub const CLAIMS_PER_AGENT_MAX: i64 = 3;
pub const SPLIT_ROUNDS_MAX: i64 = 5;
pub const REJECTIONS_MAX: i64 = 3;
/// Results of lost claims that one task keeps for an operator to judge.
pub const LATE_RESULTS_PER_TASK_MAX: i64 = 20;
/// … and that one lost claim may bring, so that it can't fill the places of others.
pub const LATE_RESULTS_PER_CLAIM_MAX: i64 = 3;
/// Agents that an office may name as reviewers.
pub const REVIEWERS_MAX: usize = 50;
/// How long a block by quota lasts when its claimer names no time, in seconds.
pub const QUOTA_WAIT_SECONDS_DEFAULT: i64 = 3_600;
/// The longest time that a claimer may name for it, in seconds.
pub const QUOTA_WAIT_SECONDS_MAX: i64 = 31 * 24 * 3_600;

pub const LEASE_SECONDS_DEFAULT: i64 = 120;
/// How long mere heartbeats keep the leases of an agent that says nothing about its tasks, in seconds.
pub const WEAK_LEASE_SECONDS_MAX: i64 = 30 * 60;
pub const TASK_ATTEMPTS_MAX_DEFAULT: i64 = 3;
pub const IDLE_TIMEOUT_SECONDS_DEFAULT: i64 = 600;
pub const HIRE_LIMIT_COUNT_DEFAULT: i64 = 3;
pub const HIRE_LIMIT_WINDOW_SECONDS_DEFAULT: i64 = 600;
pub const INITIAL_CREDITS_DEFAULT: i64 = 1_000;
/// What a started minute of a pod costs, in credits.
pub const POD_MINUTE_CREDITS_DEFAULT: &str = "0.1";
pub const SESSION_SECONDS_MAX: i64 = 3_600;

/// How long each counted attempt waits before the task is offered again, in seconds.
pub const RETRY_BACKOFF_SECONDS: [i64; 2] = [5, 20];

pub const SCHEDULES_PER_OFFICE_MAX: i64 = 100;
pub const SCHEDULE_INTERVAL_SECONDS_MIN: i64 = 60;
/// Missed runs that a schedule with `catchUp: all` makes up for; the newest win.
pub const SCHEDULE_CATCH_UP_RUNS_MAX: usize = 20;
/// Moments that one question for the next runs answers.
pub const SCHEDULE_MOMENTS_SHOWN_MAX: i64 = 100;
/// How long after its moment a run may set its task's deadline: a year.
pub const SCHEDULE_DEADLINE_SECONDS_MAX: i64 = 366 * 24 * 3_600;

pub const TICKET_SECONDS: i64 = 60;
pub const RUNNER_TOKEN_SECONDS: i64 = 24 * 3_600;
pub const RUNNER_POLL_SECONDS: i64 = 30;
/// Things that one session says and that are kept, besides what its model calls used.
pub const SESSION_ITEMS_MAX: i64 = 20_000;
pub const EVENTS_BODY_BYTES_MAX: usize = 256 * 1024;
/// Everything that one session says and that is kept, together.
pub const SESSION_SAID_BYTES_MAX: i64 = 16 * 1024 * 1024;
/// Different tools that are counted for one session; the calls of others are counted together.
pub const SESSION_TOOLS_MAX: i64 = 100;
pub const TOOL_NAME_BYTES_MAX: usize = 128;
/// Wake-ups among agents, one by the other, without an operator's act in between; a setting of the office.
pub const WAKE_CHAIN_MAX_DEFAULT: i64 = 20;
/// How often messages that woke a session are given to another one when it fails.
pub const MESSAGE_TRIES_MAX: i64 = 3;
pub const IDEMPOTENCY_HOURS: i64 = 24;
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
pub const REQUEST_ID_BYTES_MAX: usize = 128;
pub const CONTEXT_FILES_MAX: usize = 200;

pub const CHECKS_PER_TASK_MAX: usize = 20;
pub const CHECK_COMMAND_BYTES_MAX: usize = 8 * 1024;
/// It travels as an argument, escaped twice, and the kernel takes 128 KiB.
pub const CHECK_SCHEMA_BYTES_MAX: usize = 32 * 1024;
pub const CHECK_URL_BYTES_MAX: usize = 2 * 1024;
pub const CHECK_SECONDS_DEFAULT: i64 = 60;
pub const CHECK_SECONDS_MAX: i64 = 600;
pub const HTTP_CHECK_SECONDS_DEFAULT: i64 = 15;
pub const FILE_CHECK_SECONDS: i64 = 60;
/// All checks of a task together.
pub const CHECK_ROUND_SECONDS_MAX: i64 = 1_800;
/// What is kept of the end of a check's output.
pub const CHECK_OUTPUT_BYTES_MAX: usize = 8 * 1024;

/// Events of an office are kept for so long; a setting of the server.
pub const EVENT_HISTORY_DAYS_DEFAULT: i64 = 90;
/// Events of an export that are checked with one request.
pub const AUDIT_CHECK_EVENTS_MAX: usize = 500;
pub const WEBHOOKS_PER_OFFICE_MAX: i64 = 20;
pub const WEBHOOK_PATTERNS_MAX: usize = 50;
/// Clients that follow something live: so many for each agent that an office may have, and so many besides.
pub const STREAMS_PER_AGENT_MAX: i64 = 4;
pub const STREAMS_BESIDES_MAX: i64 = 100;

/// Invites of an office that can still be used.
pub const INVITES_LIVE_PER_OFFICE_MAX: i64 = 20;
pub const INVITE_SECONDS_DEFAULT: i64 = 24 * 3_600;
pub const INVITE_SECONDS_MIN: i64 = 60;
pub const INVITE_SECONDS_MAX: i64 = 30 * 24 * 3_600;
/// Wrong codes from one source address within `JOIN_TRIES_WINDOW_SECONDS`.
pub const JOIN_TRIES_PER_SOURCE_MAX: usize = 3;
pub const JOIN_TRIES_WINDOW_SECONDS: i64 = 600;
/// More wrong codes than this within `JOIN_ALARM_WINDOW_SECONDS`, from wherever: owners are asked about every join.
pub const JOIN_TRIES_PER_SERVER_MAX: usize = 10;
pub const JOIN_ALARM_WINDOW_SECONDS: i64 = 3_600;
/// How long an application waits for the owner, and then for its applicant.
pub const APPLICATION_SECONDS_MAX: i64 = 7 * 24 * 3_600;
pub const APPLICATIONS_OPEN_PER_OFFICE_MAX: i64 = 100;
pub const STATEMENT_BYTES_MAX: usize = 4 * 1024;
/// No sign of life of an agent elsewhere for so long means that it is away.
pub const PRESENCE_SECONDS_MAX: i64 = 120;
/// How often an agent elsewhere says that it is there.
pub const HEARTBEAT_SECONDS: u64 = 30;

/// All files of a workspace that is backed up.
pub const BACKUP_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Its files and folders.
pub const BACKUP_FILES_MAX: usize = 200_000;
/// Of one agent; a newer one takes the place of the oldest.
pub const BACKUPS_PER_AGENT_MAX: i64 = 10;
/// Of all specialists of an office together: an agent that hires and fires again and again doesn't fill the disk.
pub const BACKUPS_OF_SPECIALISTS_MAX: i64 = 50;
/// Names in one folder of a workspace that are shown.
pub const WORKSPACE_ENTRIES_SHOWN_MAX: usize = 1_000;

/// A bundle of an agent's state, compressed.
pub const STATE_BUNDLE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Everything of a transfer besides the bundle.
pub const STATE_MANIFEST_BYTES_MAX: usize = 16 * 1024 * 1024;
pub const STATE_FILES_MAX: usize = 20_000;
/// All files of a bundle, unpacked.
pub const STATE_UNPACKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// How many times its own size a bundle may unpack to, above `STATE_RATIO_FREE_BYTES`.
pub const STATE_RATIO_MAX: u64 = 100;
pub const STATE_RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;
pub const STATE_PATH_BYTES_MAX: usize = 1024;
pub const STATE_PART_BYTES_MAX: usize = 255;
pub const STATE_DEPTH_MAX: usize = 32;
/// How long a clone waits for its state.
pub const TRANSFER_SECONDS_MAX: i64 = 3_600;

/// A command that somebody wants run in an agent's pod.
pub const DEBUG_SECONDS_DEFAULT: i64 = 60;
pub const DEBUG_SECONDS_MAX: i64 = 600;
/// What is kept of each of its two outputs.
pub const DEBUG_OUTPUT_BYTES_MAX: usize = 1024 * 1024;
pub const DEBUG_COMMAND_BYTES_MAX: usize = 32 * 1024;
/// How long a runner may take to come for a terminal.
pub const TERMINAL_WAIT_SECONDS: i64 = 15;
/// A shell that nobody closes is closed.
pub const SHELL_SECONDS_MAX: i64 = 12 * 3_600;

/// Models that an office names to answer where another can't.
pub const FALLBACK_MODELS_MAX: usize = 5;
pub const FALLBACK_MODEL_BYTES_MAX: usize = 300;
