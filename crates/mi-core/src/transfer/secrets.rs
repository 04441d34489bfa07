//! What never leaves a machine with an agent's state: files that by their name, their folder or their first bytes hold
//! somebody's keys.
//!
//! A list can't be complete. It holds what tools keep keys in by habit; `--exclude` adds what only the owner knows.

/// Folders in which tools keep credentials; nothing below them is carried.
const FOLDERS: [&str; 13] = [
    ".ssh",
    ".aws",
    ".gnupg",
    ".mi",
    ".kube",
    ".docker",
    ".azure",
    ".gcloud",
    "gcloud",
    ".password-store",
    ".codex",
    ".gemini",
    ".terraform.d",
];
const NAMES: [&str; 35] = [
    ".env",
    ".envrc",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    ".git-credentials",
    ".gitconfig",
    ".htpasswd",
    ".vault-token",
    ".dockercfg",
    ".s3cfg",
    ".boto",
    ".claude.json",
    "credentials",
    "credentials.json",
    "credentials.toml",
    "credentials.yaml",
    "credentials.yml",
    "credentials.db",
    "secrets.json",
    "secrets.toml",
    "secrets.yaml",
    "secrets.yml",
    "auth.json",
    "token.json",
    "tokens.json",
    "client_secret.json",
    "kubeconfig",
    "wallet.dat",
    "keystore",
    "shadow",
];
const ENDINGS: [&str; 10] = [".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".ovpn", ".tfstate"];
/// Shells and consoles write down whatever was typed, passwords too.
const HISTORIES: [&str; 2] = ["_history", "-history"];
const ENV_EXAMPLES: [&str; 4] = [".env.example", ".env.sample", ".env.template", ".env.dist"];

/// Prefixes of keys that their makers mark, with how many further characters make one.
const TOKENS: [(&str, usize); 13] = [
    ("sk-ant-", 20),
    ("sk-proj-", 20),
    ("ghp_", 30),
    ("gho_", 30),
    ("github_pat_", 30),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("AKIA", 16),
    ("AIza", 30),
    ("mi_", 40),
    ("mia_", 40),
    ("mis_", 40),
];
const PEM_BEGIN: &str = "-----BEGIN ";
const PEM_PRIVATE: &str = "PRIVATE KEY";
/// Between the two words of a PEM's first line.
const PEM_ALGORITHM_CHARS_MAX: usize = 40;

/// Why a file of this path stays at home; `None` when its name tells of no secret.
pub fn secret_name(path: &str) -> Option<&'static str> {
    let path = path.to_lowercase();
    let mut parts: Vec<&str> = path.split('/').collect();
    let name = parts.pop()?;
    if parts.iter().any(|folder| FOLDERS.contains(folder)) || FOLDERS.contains(&name) {
        return Some("its folder holds credentials");
    }
    let is_env = name.starts_with(".env.") && !ENV_EXAMPLES.contains(&name);
    let is_identity = name.starts_with("id_") && !name.ends_with(".pub") && !name.contains('.');
    let is_account = name.starts_with("service-account") || name.starts_with("service_account");
    let is_history = name.starts_with('.') && HISTORIES.iter().any(|ending| name.ends_with(ending));
    let by_name = NAMES.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending));
    let is_secret = by_name || is_env || is_identity || is_account || is_history;
    is_secret.then_some("files of this name hold credentials")
}

/// Why a file that begins with these bytes stays at home.
pub fn secret_inside(beginning: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(beginning);
    let is_pem = text.match_indices(PEM_BEGIN).any(|(at, found)| {
        let rest = text[at + found.len()..].chars().take(PEM_ALGORITHM_CHARS_MAX).collect::<String>();
        rest.contains(PEM_PRIVATE)
    });
    if is_pem {
        return Some("it holds a private key");
    }
    TOKENS.iter().any(|(prefix, more)| holds_token(&text, prefix, *more)).then_some("it holds what looks like a key")
}

fn holds_token(text: &str, prefix: &str, more: usize) -> bool {
    text.match_indices(prefix).any(|(at, found)| {
        let starts_a_word = !text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        let rest = text[at + found.len()..].chars();
        starts_a_word && rest.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).count() >= more
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_keep_keys_in_stays_at_home() {
        for secret in [
            ".env",
            "app/.env.production",
            ".ENV",
            "certs/server.pem",
            "tls.key",
            ".ssh/config",
            "a/.ssh/known_hosts",
            ".aws/config",
            ".netrc",
            ".mi/config.json",
            "id_rsa",
            "keys/id_ed25519",
            "credentials",
            ".config/gcloud/x",
            "service-account-1.json",
            ".bash_history",
            ".python_history",
            ".codex/auth.json",
            "Credentials.JSON",
        ] {
            assert!(secret_name(secret).is_some(), "{secret}");
        }
        for harmless in [
            "notes.md",
            ".env.example",
            "id_rsa.pub",
            "src/credentials.rs",
            "environment.txt",
            "keys.md",
            "memory/a.json",
            "id_card.png",
            "monkey",
            ".gitignore",
            "history.md",
        ] {
            assert_eq!(secret_name(harmless), None, "{harmless}");
        }
    }

    #[test]
    fn keys_are_known_by_their_look() {
        for secret in [
            "-----BEGIN OPENSSH PRIVATE KEY-----\nx",
            "text\n-----BEGIN PRIVATE KEY-----",
            "key = mia_00112233445566778899aabbccddeeff0011223344",
            "{\"token\":\"ghp_0123456789012345678901234567890123456\"}",
        ] {
            assert!(secret_inside(secret.as_bytes()).is_some(), "{secret}");
        }
        for harmless in [
            "-----BEGIN PUBLIC KEY-----",
            "mia_short",
            "the prefix ghp_ marks keys",
            "semi_0123456789012345678901234567890123456789012",
        ] {
            assert_eq!(secret_inside(harmless.as_bytes()), None, "{harmless}");
        }
        assert_eq!(secret_inside(&[0xff, 0xfe, 0x00]), None);
    }
}
