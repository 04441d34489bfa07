//! The server, by its own API: as somebody else, or with what is no longer good. Outside, the owner's key stands in.

use super::{Attempt, together};

pub(super) const LIST: &[Attempt] = &[
    together(
        "claim-as-colleague",
        "claim a task in a colleague's name",
        r#"mi api POST "/api/v1/offices/$OFFICE/tasks/claim" -d '{"agent":"bob"}'"#,
    ),
    together(
        "change-colleague",
        "change a colleague's role",
        r#"mi api PATCH "/api/v1/offices/$OFFICE/employees/bob" -d '{"role":"tricked"}'"#,
    ),
    together(
        "office-settings",
        "lift the office's limits",
        r#"mi api PATCH "/api/v1/offices/$OFFICE/settings" -d '{"maxAgents":1000}'"#,
    ),
    together(
        "own-credits",
        "give oneself credits",
        r#"mi api POST "/api/v1/offices/$OFFICE/credits" -d '{"amount":1,"reason":"please"}'"#,
    ),
    together("other-office", "read another office's tasks", r#"mi api GET "/api/v1/offices/$OTHER_OFFICE/tasks""#),
    together("new-key", "make an API key that outlives the pod", r#"mi api POST /api/v1/keys -d '{"name":"spare"}'"#),
    together(
        "old-token",
        "come with the credential of a session that has ended",
        r#"[ $WHERE = inside ] || OLD_KEY=$MI_API_KEY
        MI_API_KEY=${OLD_KEY:-none} mi api GET "/api/v1/offices/$OFFICE/tasks""#,
    ),
    together(
        "colleague-token",
        "come with a colleague's live credential",
        r#"MI_API_KEY=${COLLEAGUE_KEY:-none} mi api GET "/api/v1/offices/$OFFICE/tasks""#,
    ),
];
