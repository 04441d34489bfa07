//! What a finished program tells its caller.

/// Exit codes of `mi` and `tq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    /// Wrong usage, found here or by the server.
    Usage = 2,
    NotFound = 3,
    /// Not logged in, or not allowed.
    Denied = 4,
    Conflict = 5,
    /// Out of credits, or rate-limited.
    Limited = 6,
    Unreachable = 7,
}

impl Exit {
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What the HTTP status of a refusal means for a program that called us.
    pub const fn of_status(status: u16) -> Self {
        match status {
            400 => Exit::Usage,
            401 | 403 => Exit::Denied,
            402 | 429 => Exit::Limited,
            404 => Exit::NotFound,
            409 | 412 | 422 => Exit::Conflict,
            _ => Exit::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_become_the_contracts_codes() {
        let codes = [400, 401, 402, 403, 404, 405, 409, 412, 413, 422, 428, 429, 500, 502, 503]
            .map(|status| (status, Exit::of_status(status).code()));
        let expected = [
            (400, 2),
            (401, 4),
            (402, 6),
            (403, 4),
            (404, 3),
            (405, 1),
            (409, 5),
            (412, 5),
            (413, 1),
            (422, 5),
            (428, 1),
            (429, 6),
            (500, 1),
            (502, 1),
            (503, 1),
        ];
        assert_eq!(codes, expected);
    }
}
