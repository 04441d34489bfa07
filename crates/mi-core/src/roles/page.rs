//! A page with a head: `---`, lines of `key: value`, `---`, a text.

/// What stands in the head, in its order, and what stands below.
#[derive(Debug, PartialEq, Eq)]
pub struct Page<'a> {
    head: Vec<(&'a str, &'a str)>,
    pub body: &'a str,
}

const EDGE: &str = "---\n";

impl<'a> Page<'a> {
    pub fn read(text: &'a str) -> Result<Self, String> {
        let rest = text.strip_prefix(EDGE).ok_or("it begins with a line ---")?;
        let (head, body) = rest.split_once("\n---\n").ok_or("its head ends with a line ---")?;
        let line = |line: &'a str| {
            let (key, value) = line.split_once(':').ok_or_else(|| format!("no key before a colon: {line}"))?;
            Ok((key.trim(), value.trim()))
        };
        let head = head.lines().map(line).collect::<Result<_, String>>()?;
        Ok(Self { head, body: body.trim() })
    }

    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.head.iter().find(|(own, _)| *own == key).map(|(_, value)| *value).filter(|value| !value.is_empty())
    }

    pub fn need(&self, key: &str) -> Result<String, String> {
        self.get(key).map(str::to_owned).ok_or_else(|| format!("its head has no {key}"))
    }

    /// Words between commas.
    pub fn words(&self, key: &str) -> Option<Vec<String>> {
        let words = |value: &str| value.split(',').map(|word| word.trim().to_owned()).collect();
        self.get(key).map(words)
    }
}
