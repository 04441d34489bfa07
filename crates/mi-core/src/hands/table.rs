//! The table of all tools.

use super::Effect::{Adds, Decides, Looks};
use super::Kind::{File, Flag, Name, Number, OneOf, SomeOf, Task, Tasks, Text, Words};
use super::Need::{Caller, CallerIfKnown, Optional, OwnTask, Required};
use super::Place::{Body, Path, Query};
use super::Verb::{Get, Patch, Post};
use super::{CLAIMING, Input, Kind, Need, Place, Tool};
use crate::tasks::status::{BlockedKind, Kind as TaskKind, Status};
use crate::wire::agents::HarnessKind;

const STATUSES: Kind = SomeOf(|| Status::ALL.iter().map(|word| word.as_str()).collect());
const STATUS: Kind = OneOf(|| Status::ALL.iter().map(|word| word.as_str()).collect());
const TASK_KIND: Kind = OneOf(|| TaskKind::ALL.iter().map(|word| word.as_str()).collect());
const BLOCKED: Kind = OneOf(|| BlockedKind::ALL.iter().map(|word| word.as_str()).collect());
const HARNESS: Kind = OneOf(|| HarnessKind::ALL.iter().map(|word| word.as_str()).collect());

const fn input(name: &'static str, kind: Kind, need: Need, place: Place, about: &'static str) -> Input {
    Input { name, kind, need, place, about }
}

const fn must(name: &'static str, kind: Kind, field: &'static str, about: &'static str) -> Input {
    input(name, kind, Required, Body(field), about)
}

const fn may(name: &'static str, kind: Kind, field: &'static str, about: &'static str) -> Input {
    input(name, kind, Optional, Body(field), about)
}

const fn filter(name: &'static str, kind: Kind, field: &'static str, about: &'static str) -> Input {
    input(name, kind, Optional, Query(field), about)
}

const OWN_TASK: Input = input("task", Task, OwnTask, Path, "The task's number; left out, the one you work on.");
const THAT_TASK: Input = input("task", Task, Required, Path, "The task's number.");
const ME: Input = input("agent", Name, Caller, Path, "Whose; left out, yours.");
const LIMIT: Input = filter("limit", Number, "limit", "At most so many (50 when left out, 500 at most).");
const OFFSET: Input = filter("offset", Number, "offset", "Leave out so many first.");
const ONLY_STATUS: Input = filter("status", STATUSES, "status", "Only tasks with one of these statuses.");
const ONLY_KIND: Input = filter("kind", TASK_KIND, "kind", "Only tasks of this kind.");

const TITLE: Input = must("title", Text, "title", "What is to be done, in one line.");
const DESCRIPTION: Input =
    may("description", Text, "description", "Everything that the one who does it must know; it sees nothing else.");
const KIND: Input = may("kind", TASK_KIND, "kind", "What sort of work it is; general when left out.");
const PRIORITY: Input = may("priority", Number, "priority", "0 critical, 50 normal, 100 low.");
const ASSIGNEE: Input = may("assigned_agent", Name, "assignedAgent", "Who shall do it; whoever is free when left out.");
const DEPENDS_ON: Input = may("depends_on", Tasks, "dependsOn", "Tasks that must be done before it.");
const REQUIRED_TOOLS: Input =
    may("required_tools", Words, "requiredTools", "Integrations that whoever does it must have, by id.");

const LOOK_FIRST: &str = "There is no task to claim now.";

pub const TOOLS: &[Tool] = &[
    Tool {
        name: "tasks_list",
        about: "Lists the tasks of the office, with status, assignee, result and, for waiting tasks, why they wait.",
        inputs: &[
            ONLY_STATUS,
            ONLY_KIND,
            filter("assigned_agent", Name, "assignedAgent", "Only tasks assigned to this agent."),
            filter("parent", Task, "parentId", "Only subtasks of this task."),
            LIMIT,
            OFFSET,
        ],
        effect: Looks,
        verb: Get,
        path: "/tasks",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "tasks_mine",
        about: "Lists the tasks that are assigned to you.",
        inputs: &[
            input("agent", Name, Caller, Query("assignedAgent"), "Whose; left out, yours."),
            ONLY_STATUS,
            ONLY_KIND,
            LIMIT,
            OFFSET,
        ],
        effect: Looks,
        verb: Get,
        path: "/tasks",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "task_show",
        about: "Shows one task with everything that hangs on it: description, log, comments, subtasks with their \
                results, artifacts, attempts, and why it waits if it does.",
        inputs: &[OWN_TASK],
        effect: Looks,
        verb: Get,
        path: "/tasks/{task}",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "task_claim",
        about: "Takes a task from the queue. It is yours until you finish it, fail it, block it, or your lease ends. \
                In a session that was started for a task you already hold that one.",
        inputs: &[
            input("agent", Name, CallerIfKnown, Body("agent"), "For whom; left out, for you."),
            may("task", Task, "taskId", "This task and no other; left out, the first that is ready."),
            may("kind", TASK_KIND, "kind", "Only work of this kind."),
            may("wait_seconds", Number, "wait", "Wait so long for a task, at most 60."),
        ],
        effect: Decides,
        verb: Post,
        path: CLAIMING,
        fixed: &[],
        nothing: LOOK_FIRST,
    },
    Tool {
        name: "task_update",
        about: "Changes a task or moves it to another status. To finish your own task use task_done, task_fail or \
                task_block. Title, description, priority, assignee and dependencies change only while nobody holds it.",
        inputs: &[
            OWN_TASK,
            may("status", STATUS, "status", "Where it goes."),
            may("result", Text, "result", "What was accomplished; needed for done."),
            may("error", Text, "error", "Why it failed; needed for failed."),
            may("reason", Text, "reason", "Why it is moved; needed for blocked."),
            may("blocked_kind", BLOCKED, "blockedKind", "What a blocked task waits for."),
            may("title", Text, "title", "Another title."),
            may("description", Text, "description", "Another description."),
            PRIORITY,
            ASSIGNEE,
            DEPENDS_ON,
        ],
        effect: Decides,
        verb: Patch,
        path: "/tasks/{task}",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "task_done",
        about: "Finishes your task with its result: what others read and build on. Refused while subtasks are open.",
        inputs: &[OWN_TASK, must("result", Text, "result", "What was accomplished, whole and self-contained.")],
        effect: Decides,
        verb: Patch,
        path: "/tasks/{task}",
        fixed: &[("status", "done")],
        nothing: "",
    },
    Tool {
        name: "task_fail",
        about: "Gives your task up: it can't be done. Final until somebody retries it.",
        inputs: &[OWN_TASK, must("error", Text, "error", "Why it can't be done, and what was tried.")],
        effect: Decides,
        verb: Patch,
        path: "/tasks/{task}",
        fixed: &[("status", "failed")],
        nothing: "",
    },
    Tool {
        name: "task_block",
        about: "Puts your task aside until somebody else has acted: an answer of the owner, an integration, a quota.",
        inputs: &[
            OWN_TASK,
            must("reason", Text, "reason", "What is missing, and from whom."),
            may("kind", BLOCKED, "blockedKind", "What sort of thing is missing; other when left out."),
            may("integration", Text, "integrationId", "For needs_integration: which one."),
            may("until", Text, "blockedUntil", "For quota: when it is free again, as 2026-01-31T12:00:00Z."),
            may("depends_on", Tasks, "dependsOn", "For dependency: the tasks that must be done first."),
        ],
        effect: Decides,
        verb: Patch,
        path: "/tasks/{task}",
        fixed: &[("status", "blocked")],
        nothing: "",
    },
    Tool {
        name: "task_log",
        about: "Writes a line of progress into a task's log.",
        inputs: &[OWN_TASK, must("message", Text, "message", "The line.")],
        effect: Adds,
        verb: Post,
        path: "/tasks/{task}/log",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "task_comment",
        about: "Says something about a task, for everybody who looks at it.",
        inputs: &[OWN_TASK, must("message", Text, "message", "The comment.")],
        effect: Adds,
        verb: Post,
        path: "/tasks/{task}/comments",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "task_artifact",
        about: "Links a file of the shared drive to a task as proof of the work; its digest is taken at this moment.",
        inputs: &[
            OWN_TASK,
            must("path", File, "path", "The file, such as /shared/files/reports/bugs.md."),
            may("kind", Text, "kind", "What it is, such as report or patch."),
            may("label", Text, "label", "How people call it."),
        ],
        effect: Adds,
        verb: Post,
        path: "/tasks/{task}/artifacts",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "subtask_add",
        about: "Puts a part of a task into the queue, for another agent or for whoever is free. The task itself \
                comes back to you when all of its subtasks are done.",
        inputs: &[
            input("task", Task, OwnTask, Body("parentId"), "The task that it is a part of; left out, yours."),
            TITLE,
            DESCRIPTION,
            KIND,
            PRIORITY,
            ASSIGNEE,
            DEPENDS_ON,
            REQUIRED_TOOLS,
        ],
        effect: Adds,
        verb: Post,
        path: "/tasks",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "task_add",
        about: "Puts a new task into the queue of the office.",
        inputs: &[
            TITLE,
            DESCRIPTION,
            KIND,
            PRIORITY,
            ASSIGNEE,
            may("parent", Task, "parentId", "The task that it is a part of."),
            DEPENDS_ON,
            REQUIRED_TOOLS,
        ],
        effect: Adds,
        verb: Post,
        path: "/tasks",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "task_retry",
        about: "Gives a failed or cancelled task another chance. Agents may retry what they created, are assigned to, \
                or what is a part of the task they hold, together three times a task.",
        inputs: &[
            THAT_TASK,
            may("reason", Text, "reason", "Why it should work now."),
            may("description", Text, "updatedDescription", "A better description for the next attempt."),
            may("assigned_agent", Name, "assignedAgent", "Who shall do it this time."),
        ],
        effect: Decides,
        verb: Post,
        path: "/tasks/{task}/retry",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "task_verify",
        about: "Accepts or rejects what somebody else has done. A rejected task goes back to the queue with your \
                comments. Nobody verifies work in which they had a hand.",
        inputs: &[
            THAT_TASK,
            must("accepted", Flag, "accepted", "Whether it is good."),
            may("comments", Text, "comments", "What is good or wrong; a rejection needs it."),
        ],
        effect: Decides,
        verb: Post,
        path: "/tasks/{task}/verify",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "message_send",
        about: "Writes to a colleague or to the owner of the office. An agent that gets a message wakes up and answers.",
        inputs: &[
            must("to", Name, "to", "The agent's name, or owner."),
            must("message", Text, "content", "The message."),
        ],
        effect: Adds,
        verb: Post,
        path: "/messages/send",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "messages_list",
        about: "Shows what two wrote to each other, the newest last.",
        inputs: &[ME, input("with", Name, Required, Path, "The other one: an agent's name, or owner."), LIMIT],
        effect: Looks,
        verb: Get,
        path: "/xmtp/messages/{agent}/{with}",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "group_send",
        about: "Writes to the group in which everybody of the office is. It wakes nobody but whom you mention as @name.",
        inputs: &[must("message", Text, "body", "The message.")],
        effect: Adds,
        verb: Post,
        path: "/xmtp/groups/office/send",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "group_messages",
        about: "Shows what was written in the group of the office, the newest last.",
        inputs: &[LIMIT],
        effect: Looks,
        verb: Get,
        path: "/xmtp/groups/office/messages",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "inbox",
        about: "Gives your unread messages, of everybody and of the group; they count as read from then on.",
        inputs: &[],
        effect: Adds,
        verb: Get,
        path: "/inbox",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "agents_list",
        about: "Lists who works in the office, with role, skills and what each is doing.",
        inputs: &[LIMIT, OFFSET],
        effect: Looks,
        verb: Get,
        path: "/employees",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "agent_hire",
        about: "Hires a new agent into the office, a specialist for a part of the work. Give it work with task_add or \
                subtask_add and `assigned_agent`. An office allows few hires in a short time.",
        inputs: &[
            must("name", Name, "name", "Lower-case letters, digits and dashes."),
            may("role", Text, "role", "What it is in the team."),
            may("skills", Words, "skills", "What it can do."),
            may("system_prompt", Text, "systemPrompt", "How it shall behave."),
            may("provider", Text, "provider", "Where its model comes from; the office's default when left out."),
            may("model", Text, "modelTier", "Its model, or a tier such as sonnet."),
            may("harness", HARNESS, "harness", "The program that does its work; native when left out."),
            may("command", Text, "command", "For the harness `command`: a shell line, run for each task."),
        ],
        effect: Adds,
        verb: Post,
        path: "/employees",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "files_list",
        about: "Lists the files of the shared drive (/shared/files in a pod) with size and digest.",
        inputs: &[filter("prefix", Text, "prefix", "Only names that begin so, such as reports/."), LIMIT, OFFSET],
        effect: Looks,
        verb: Get,
        path: "/files",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "integrations_list",
        about: "Lists the integrations (outside services) that are enabled for you.",
        inputs: &[ME],
        effect: Looks,
        verb: Get,
        path: "/employees/{agent}/integrations",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "integration_request",
        about: "Asks the owner for an integration that you need. Then block your task with kind needs_integration.",
        inputs: &[
            must("integration", Text, "integrationId", "Which one, such as github or linear."),
            must("reason", Text, "reason", "What you need it for."),
            input("agent", Name, Caller, Body("agentName"), "For whom; left out, for you."),
        ],
        effect: Adds,
        verb: Post,
        path: "/integration-requests",
        fixed: &[],
        nothing: "",
    },
    Tool {
        name: "standup",
        about: "Tells the office in a few words what you did, what you do next, and what holds you up.",
        inputs: &[must("message", Text, "message", "The report."), ME],
        effect: Adds,
        verb: Post,
        path: "/employees/{agent}/events",
        fixed: &[("type", "standup")],
        nothing: "",
    },
];
