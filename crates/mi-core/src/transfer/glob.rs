//! Patterns that leave files out: `*` within a part, `**` across parts, `?` one character.
//!
//! A pattern without a slash is held against every part of a path, one with a slash against the path from its root;
//! what names a folder leaves out everything in it.

/// Whether a path of a bundle is left out by a pattern.
pub fn leaves_out(pattern: &str, path: &str) -> bool {
    let pattern = pattern.trim_start_matches("./").trim_end_matches('/');
    if pattern.is_empty() {
        return false;
    }
    if !pattern.contains('/') {
        return path.split('/').any(|part| part_fits(pattern.as_bytes(), part.as_bytes()));
    }
    let pattern: Vec<&str> = pattern.trim_start_matches('/').split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    (1..=path.len()).any(|length| parts_fit(&pattern, &path[..length]))
}

fn parts_fit(pattern: &[&str], path: &[&str]) -> bool {
    // Reachable places of the pattern, part by part: the time is bounded by the product of the two lengths.
    let mut at = closure(pattern, vec![0]);
    for part in path {
        let mut next = Vec::new();
        for place in at {
            match pattern.get(place) {
                Some(&"**") => next.push(place),
                Some(word) if part_fits(word.as_bytes(), part.as_bytes()) => next.push(place + 1),
                Some(_) | None => {}
            }
        }
        next.dedup();
        at = closure(pattern, next);
    }
    at.contains(&pattern.len())
}

/// `**` may also stand for nothing.
fn closure(pattern: &[&str], mut places: Vec<usize>) -> Vec<usize> {
    let mut look = 0;
    while let Some(place) = places.get(look).copied() {
        if pattern.get(place) == Some(&"**") && !places.contains(&(place + 1)) {
            places.push(place + 1);
        }
        look += 1;
    }
    places
}

/// The usual walk with one place to come back to: linear but for the last star.
fn part_fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            Some(_) | None => match star {
                Some((back, from)) => {
                    star = Some((back, from + 1));
                    (p, t) = (back + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::leaves_out;

    #[test]
    fn patterns_mean_what_people_expect() {
        for (pattern, path) in [
            ("*.log", "a/b.log"),
            ("node_modules", "x/node_modules/y/z.js"),
            ("build/", "build/a"),
            ("build/*.o", "build/a.o"),
            ("docs/**/draft*", "docs/a/b/draft-1.md"),
            ("docs/**", "docs/a"),
            ("**/tmp", "a/b/tmp/c"),
            ("/top", "top/x"),
            ("a?c", "abc"),
            ("*a*b*c", "xaxbxc"),
        ] {
            assert!(leaves_out(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*.log", "a.logs"),
            ("build/*.o", "src/build/a.o"),
            ("", "a"),
            ("docs/**/x", "doc/x"),
            ("a?c", "ac"),
            ("/top", "a/top"),
        ] {
            assert!(!leaves_out(pattern, path), "{pattern} {path}");
        }
        assert!(!leaves_out(&"*a".repeat(40), &"a".repeat(39)));
        // Many ways to fit nothing.
        assert!(!leaves_out(&"**/x/".repeat(40), &"x/".repeat(39)));
    }
}
