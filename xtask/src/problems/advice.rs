//! What to do about a problem, for people; and what programs may conclude from its status.

use super::Row;

/// By code, in the order of the table in mi-core.
const ADVICE: &[(&str, &str)] = &[
    (
        "bad_request",
        "The sentence names the field. Compare the request with `GET /openapi.json` of the server you talk to.",
    ),
    (
        "bad_path",
        "Name the file relative to the drive, with `/` between folders, without `..`, control characters or a leading `/`, in at most 1,024 bytes. Links that lead out of the drive are refused; remove the link.",
    ),
    ("bad_name", "Agents are called `[a-z0-9][a-z0-9-]{0,62}`: lower case, digits and dashes, at most 63 characters."),
    (
        "reserved_name",
        "`owner`, `system`, `office`, `group`, `all` and `checks` stand for others. Choose another name.",
    ),
    ("reserved_key", "`PATH`, `LD_*` and `MI_*` are set by the platform in every pod. Choose another key."),
    (
        "too_long",
        "The sentence names the limit. Put long material into a file on the drive and link it as an artifact; shorten lists.",
    ),
    (
        "result_required",
        "Say what was accomplished: `tq update --status done --result \"…\"`, or `--result-file FILE`. A blank result is no proof.",
    ),
    (
        "reason_required",
        "Repeat the move with its reason: `--reason` for blocked, `--error` for failed, a comment for a rejection.",
    ),
    ("unknown_dependency", "`mi tasks list` shows the numbers that exist. Create the other task first, then this one."),
    (
        "unknown_agent",
        "`mi agents list` shows who works in the office. Hire the agent first, or leave the task unassigned.",
    ),
    (
        "unknown_parent",
        "`mi tasks list` shows the numbers that exist in this office; tasks of another office can't be parents.",
    ),
    (
        "dependency_cycle",
        "Dependencies and parents together must not form a circle. `mi tasks get ID` shows what a task waits for; take one edge out.",
    ),
    ("subtask_too_deep", "Ten levels are the most. Make the new task a sibling, and order them with `--dependsOn`."),
    (
        "bad_schedule",
        "The sentence names the field. `cron` is five fields (minute, hour, day of the month, month, day of the week), a nickname such as `@daily`, or `every 15m`; `timezone` is an IANA name such as `Europe/Berlin`. `mi schedules next NAME` shows what a schedule comes to.",
    ),
    (
        "digest_mismatch",
        "Something changed the bytes on their way, or the digest is of another file. Compute it again and send again; the drive is as it was before.",
    ),
    ("unknown_provider", "Leave `--provider` out, or name one of those the sentence lists."),
    ("unknown_harness", "Leave `--harness` out, or name one of those the sentence lists. `command` runs any program."),
    (
        "command_required",
        "Hire with `--harness command --command 'PROGRAM …'`. It runs by `sh -c` in the pod, with the session's context as JSON on stdin.",
    ),
    (
        "unauthenticated",
        "Send `Authorization: Bearer mi_…`. `mi whoami` shows which key is in use and where it comes from (flag, environment, `config.json`).",
    ),
    ("key_expired", "Make a new key and put it into `MI_API_KEY` or `config.json`."),
    ("key_revoked", "Somebody ended this key. `mi login` gets a new one, by a yes in the browser."),
    (
        "scoped_key",
        "A key that opens some offices only makes no keys, no links and no offices, and sees and ends no key but itself. Use a key without a list of offices: `mi login` gets one.",
    ),
    (
        "login_refused",
        "Whoever was signed in in the browser refused. If that was a mistake, `mi login` shows a new code; if you didn't begin that login, nothing was given away.",
    ),
    (
        "no_such_api_key",
        "`mi keys list` shows your keys with their ids. Keys of others can't be seen or ended; an owner ends a colleague's way into an office with `mi members remove`.",
    ),
    (
        "no_such_member",
        "`mi members list` shows who does. `mi members add` takes somebody who is known on this server already; whoever isn't comes by an invite.",
    ),
    (
        "no_such_login",
        "A login and a link are good for ten minutes and once. `mi login` begins a new login, `mi link` makes a new link.",
    ),
    ("user_exists", "Names of people are unique on a server, whatever office they work in. Choose another one."),
    ("member_exists", "`mi members list` shows as what. `mi members set NAME --role operator` changes a role."),
    ("last_owner", "The owner can't be removed and has no other role. `mi colonies delete` removes the office itself."),
    (
        "too_many_members",
        "The sentence says how many that are. `mi members list` shows them, `mi members remove NAME` makes room.",
    ),
    (
        "too_many_api_keys",
        "`mi keys list` shows them, `mi keys revoke KEY` ends one. Ended and expired ones don't count; a key with `--expires-in-days` ends by itself.",
    ),
    (
        "bad_signature",
        "What was signed is not what came: compare byte for byte what you sign with the lines of [Signatures](../signatures.md), method in capitals, path with its query as it is sent, the digest of the very bytes of the body. Then look whether `X-Agent-Id` names the agent whose key it is, and whether the office still takes version 1 (`allowV1Signatures`).",
    ),
    (
        "timestamp_out_of_range",
        "Set the clock, or add to it what `server_time` in the answer is ahead, and sign again. Signatures count for 60 seconds before and after their time. After a restart of the server, those from before it are refused as well.",
    ),
    (
        "replayed",
        "A signature counts once. Sign each try anew, with a nonce of its own; to repeat a change safely send the same `Idempotency-Key`. If you sent it only once, somebody else has sent it before you: find out who can read your traffic.",
    ),
    (
        "wrong_pod",
        "The credential of one agent's session came from the pod of another. Don't hand credentials between agents; let the other agent claim its own task.",
    ),
    (
        "out_of_credits",
        "`mi credits` shows the balance, `mi credits add --amount N` raises it. Suspended agents go on by themselves; nothing of theirs was deleted.",
    ),
    (
        "budget_exhausted",
        "The sentence names the budget and what is left of it. `mi agents update NAME --budget N` or `mi tasks update TASK --budget N` raises it, `none` takes it away; a budget of the day comes back at midnight UTC. Whoever was suspended or blocked by it goes on by itself.",
    ),
    ("no_access", "`mi colonies list` shows the offices of this key. Use the key of the one who owns that office."),
    (
        "egress_denied",
        "A pod reaches only the hosts that its office allows, and those of the integrations that its agent has. The hint is the command with which an operator allows this one: `mi colonies update --allow HOST:PORT`. Where the sentence says that the place belongs to the server's own machine or network, whoever runs the server has to permit it as well: `mi up --egress-private HOST:PORT`. As an agent, ask for it: block the task with `--status blocked --blocked-kind needs_input --reason …`.",
    ),
    (
        "operator_only",
        "Agents can't do this. Ask the owner, for example by a comment on the task, or block the task with `--status blocked --blocked-kind needs_input --reason …`.",
    ),
    (
        "not_you",
        "An agent's key claims and speaks only as that agent. Leave the name out, or use the other agent's own key.",
    ),
    (
        "foreign_origin",
        "Browsers may use `/mcp` only from a page of this machine or of the server itself, so that a stranger's page can't speak through somebody's browser. Use a program instead of a web page; programs send no `Origin`.",
    ),
    (
        "not_from_a_pod",
        "An agent in a pod is in its office already. Run `mi agent join` on a machine outside, or hire an agent in the other office.",
    ),
    (
        "not_the_claimer",
        "`mi tasks get ID` shows who holds the task and until when. Wait for it, or ask an operator to move it.",
    ),
    ("not_yours", "Comment on the task instead, or create a task of your own that depends on it."),
    (
        "self_review",
        "Let another agent verify: not the worker, not its hirer, not one of the same hirer's specialists. An operator may as well.",
    ),
    (
        "agent_hiring_disabled",
        "The owner can allow it: `PATCH …/settings` with `{\"allowAgentHiring\": true}`. Until then, create a task for an agent that is there.",
    ),
    (
        "hire_limit_reached",
        "Fire an agent that is no longer needed (its workspace is backed up first), or raise `maxAgents` in the office's settings.",
    ),
    ("no_such_office", "`mi colonies list` shows the ids. A deleted office doesn't come back."),
    ("no_such_agent", "`mi agents list` shows who works in the office. Names are exact, in lower case."),
    (
        "no_such_task",
        "`mi tasks list` shows the numbers. Each office counts its own tasks from 1; is it the right office?",
    ),
    ("no_such_file", "`mi files list` shows the names. They are exact, folders included; upper and lower case differ."),
    ("no_such_session", "`mi tasks get ID` lists the sessions of a task."),
    ("no_such_schedule", "`mi schedules list` shows the names. A removed schedule doesn't come back; its tasks stay."),
    (
        "no_such_group",
        "`mi api GET /api/v1/offices/OFFICE/xmtp/groups` lists the groups that you see; `office` stands for the one in which everybody is.",
    ),
    (
        "no_such_webhook",
        "`mi webhooks list` shows the numbers. A webhook that was removed is gone with its deliveries.",
    ),
    (
        "no_such_delivery",
        "`mi webhooks deliveries ID` shows the numbers. Deliveries are kept for 30 days, and the newest 1,000 of each webhook.",
    ),
    ("no_such_key", "`mi env list` shows the keys. Agent scope and office scope are listed apart."),
    (
        "no_such_integration",
        "`mi integrations list` shows the catalogue with its aliases. A typing slip is recognised in the hint; for a service that isn't there, put its key into the environment: `mi env set`.",
    ),
    (
        "invalid_code",
        "The code is wrong, has expired, was revoked or used; which of these is not told, so that nobody can search for codes. Compare it with what you were given, then ask for a new one: `mi invite`. Three wrong ones from your address within ten minutes are all it may try.",
    ),
    ("no_such_invite", "`mi invite list` shows the office's invites with their numbers."),
    (
        "no_such_application",
        "`mi invite applications` shows those of an office with their numbers. An applicant asks with the `poll_token` of its application as `Authorization: Bearer`.",
    ),
    (
        "no_such_terminal",
        "For runners: whoever wanted the terminal has gone, or another connection took it. There is nothing to do; the next order has a number of its own.",
    ),
    ("no_such_route", "Look the address up in `GET /openapi.json`. Routes start with `/api/v1/offices/{office}`."),
    ("method_not_allowed", "The header `Allow` of the answer names the methods that this address has."),
    ("request_timeout", "Send the body faster, or in smaller pieces; for a parked claim, ask for a shorter `wait`."),
    (
        "schedule_exists",
        "Choose another name, or change the one that is there: `mi schedules edit NAME`, `PATCH …/schedules/{name}`.",
    ),
    (
        "too_many_schedules",
        "`mi schedules list` shows them; `mi schedules rm NAME` removes one. One schedule can create a task that an agent splits into many.",
    ),
    (
        "too_many_webhooks",
        "`mi webhooks list` shows them; `mi webhooks rm ID` removes one. One webhook can be told of several kinds of events.",
    ),
    ("agent_exists", "Choose another name, or go on with the agent that has it: `mi agents get COLONY NAME`."),
    (
        "wrong_agent_kind",
        "`mi agents get NAME` shows where the agent lives. Hosted agents are started, stopped and described here; one from elsewhere on its own machine.",
    ),
    (
        "wrong_invite_type",
        "An agent uses its code with `mi agent join CODE -n NAME`, a person with `mi login --invite CODE`. The code is still good.",
    ),
    ("no_office", "Its office was deleted. Ask for an invite to another one: `mi invite --colony COLONY`."),
    (
        "too_many_invites",
        "`mi invite list` shows the live ones; `mi invite revoke ID` takes one back. Used and expired ones don't count. For an applicant: the owner has many applications to decide on first.",
    ),
    ("already_decided", "`mi invite applications` shows how it stands. An application that ended needs a new invite."),
    (
        "illegal_transition",
        "The sentence names both statuses. `mi tasks get ID` shows where the task stands; `mi tasks retry ID` brings a failed or cancelled one back.",
    ),
    (
        "stale_claim",
        "Stop working on the task now: the body says `must_stop: true`, and nothing of this write was kept. The claim lapsed, was cancelled, or went to somebody else. To work on, claim again.",
    ),
    (
        "not_claimable",
        "`mi tasks get ID` says `why`: it waits for a dependency or subtask, is assigned to somebody else, backs off, or is held already.",
    ),
    ("task_held", "Wait until the agent lets go, or cancel the task. Comments are possible at any time."),
    (
        "checks_pending",
        "Wait until the task's checks have passed; `mi tasks get ID` shows each with its outcome. An operator may accept without them, and that is written down.",
    ),
    (
        "subtasks_open",
        "Finish or cancel the open subtasks first. An agent that ends its session now gets the task back when they are done.",
    ),
    ("parent_cancelled", "Retry the parent first (`mi tasks retry ID`), or create the task without a parent."),
    (
        "verdict_required",
        "A review ends with a verdict, not with a text about it: `tq verify N --accept`, or `tq verify N --reject --comments \"…\"`, where N is the task that it judges. Then report the review done.",
    ),
    ("no_such_late_result", "`mi tasks late list N` shows the late results of task N with their numbers."),
    (
        "dependents_started",
        "Work that builds on the result is under way. Cancel it first, or create a new task for the correction.",
    ),
    (
        "public_key_taken",
        "In an office a public key is one agent's, and one that was given up stays given up. Make a new key pair for each agent.",
    ),
    (
        "task_name_taken",
        "A name stays with its task for ever, finished or not, so that a declared colony can be applied again. `GET …/tasks?name=NAME` shows who has it; go on with that task, or choose another name.",
    ),
    (
        "too_many_open_tasks",
        "Finish or cancel some; `mi tasks stats` counts them by status. Finished tasks don't count.",
    ),
    (
        "too_many_claims",
        "Finish, fail or release one of the tasks held; `mi tasks list` with the status `claimed,running` shows them.",
    ),
    (
        "pod_not_running",
        "`mi start NAME` starts an agent that was stopped; `mi error NAME` says why a pod doesn't run, `mi doctor` what this machine lacks. The sentence names the agent's phase. If the pod ended while a command ran, the sentence says so; what the command did until then is done.",
    ),
    (
        "terminal_busy",
        "There is one terminal at a time in a pod. `mi agents activity NAME --category terminal` says whose it is and since when; it ends with its connection.",
    ),
    (
        "superseded",
        "A newer runner speaks for this agent. This one stops its children and exits; that is right so, and needs nobody.",
    ),
    (
        "not_a_file",
        "A pipe, a device, a link or a folder stands at this name. Remove it in the pod that made it, or choose another name.",
    ),
    (
        "body_too_large",
        "The sentence names the limit. Upload large material as a file (streamed, up to 1 GiB) and refer to it.",
    ),
    (
        "unsupported_media_type",
        "Send `Content-Type: application/json`; for uploads `multipart/form-data` with the field `file`.",
    ),
    (
        "range_not_satisfiable",
        "The header `Content-Range` of the answer tells the size of the file. Ask for a range inside it, or without one.",
    ),
    (
        "idempotency_key_reused",
        "A key belongs to one request for 24 hours. Take a new key for a new request; keep the key only for repeating the very same one.",
    ),
    (
        "upgrade_required",
        "`mi agents shell NAME` speaks this protocol. A client of your own sends `Connection: upgrade` and `Upgrade: mi-terminal`, and then frames: the page on terminals has them. A proxy in between must pass `Upgrade` on.",
    ),
    (
        "claim_required",
        "Send the claim's token as `X-Mi-Claim`. In a pod it is in `MI_CLAIM`, and `tq` sends it by itself.",
    ),
    (
        "hire_rate_limited",
        "Wait as long as `Retry-After` says. The office's setting `hireLimit` holds count and window (3 in 600 seconds unless set).",
    ),
    (
        "rate_limited",
        "Wait as long as `Retry-After` says. To wait for work, park one claim with `wait` instead of asking often.",
    ),
    (
        "internal",
        "This is a defect of the server, not of your request. Repeat it once; if it fails again, report the `request_id` and the lines of the server's log that carry it.",
    ),
    (
        "upstream_failed",
        "The provider's own state is the cause. The attempt is retried by the queue; check `*_BASE_URL` in the server's environment if it never works.",
    ),
    (
        "no_model_key",
        "Start the server with `ANTHROPIC_API_KEY`, `OPENAI_API_KEY` or `GEMINI_API_KEY` in its environment. The agents' tasks stay queued meanwhile and say `why: no_model_key`.",
    ),
    (
        "drive_full",
        "Make room on the disk of the server's data directory, or delete files that nobody needs: `mi files rm`. Nothing was half-written.",
    ),
    (
        "not_ready",
        "The sentence names each part that is bad, and why; `parts` lists all of them. `mi doctor` says what to do about each.",
    ),
    ("busy", "Wait as long as `Retry-After` says and repeat; with an `Idempotency-Key` the repetition is safe."),
    (
        "pod_silent",
        "The pod runs, and its runner didn't come in time; nothing was run. `mi logs NAME` shows what it does, `mi restart NAME` starts it anew.",
    ),
    (
        "draining",
        "The server is stopping. Repeat as soon as it is up again; running work was handed back without counting an attempt.",
    ),
];

/// The advice for a code; for one that has none of its own, what its status allows to say.
pub fn for_row(row: &Row) -> &'static str {
    let own = ADVICE.iter().find(|(code, _)| *code == row.code).map(|(_, advice)| *advice);
    own.unwrap_or_else(|| by_status(row.status))
}

fn by_status(status: u16) -> &'static str {
    match status {
        401 => "Send a valid credential. `mi whoami` shows which one is in use and where it comes from.",
        402 => "`mi credits` shows the balance, `mi credits add --amount N` raises it.",
        403 => "Ask somebody who may, the owner of the office above all.",
        404 => "Check the name or number: `mi colonies list`, `mi agents list`, `mi tasks list`, `mi files list`.",
        409 => "Look at the thing as it is now, then decide anew: somebody else may have changed it.",
        429 => "Wait as long as `Retry-After` says, then repeat.",
        400..=499 => "The sentence names what is wrong with the request. Compare it with `GET /openapi.json`.",
        _ => "Repeat after a moment. If it goes on, look into the server's log under the `request_id`.",
    }
}

/// Whether repeating the request can help.
pub fn about_retrying(status: u16) -> &'static str {
    match status {
        408 | 429 | 503 => "Repeating it later can help; honour `Retry-After`.",
        500..=599 => "Repeating it may help; send an `Idempotency-Key`, so that nothing happens twice.",
        409 => "Repeating the same request doesn't help unless the thing changes.",
        _ => "Repeating the same request doesn't help.",
    }
}

/// The exit code of the command line, as the contract has it.
pub fn exit_code(status: u16) -> u8 {
    match status {
        400 => 2,
        404 => 3,
        401 | 403 => 4,
        409 | 412 | 422 => 5,
        402 | 429 => 6,
        _ => 1,
    }
}
