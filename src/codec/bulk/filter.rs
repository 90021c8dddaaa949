//! `filter_path`: which parts of an answer the client wants to see.
//!
//! Comma-separated dotted paths; `*` stands for any part of one name, `**` for any number of names,
//! a leading `-` excludes. A path that names an object means all of it.

/// A parsed `filter_path`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterPath {
    include: Vec<Vec<String>>,
    exclude: Vec<Vec<String>>,
}

impl FilterPath {
    /// Parses the parameter's value; an empty one wants everything.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut filter = Self::default();
        for path in text.split(',').map(str::trim).filter(|path| !path.is_empty()) {
            let (list, path) = match path.strip_prefix('-') {
                Some(path) => (&mut filter.exclude, path),
                None => (&mut filter.include, path),
            };
            list.push(path.split('.').map(str::to_owned).collect());
        }
        filter
    }

    /// Whether the value at `path` is wanted.
    #[must_use]
    pub fn wants(&self, path: &[&str]) -> bool {
        let covers = |pattern: &Vec<String>| covers(pattern, path);
        (self.include.is_empty() || self.include.iter().any(covers)) && !self.exclude.iter().any(covers)
    }
}

/// Whether `pattern` names `path` or something around it.
fn covers(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, _) => true,
        (Some((name, rest)), _) if name == "**" => {
            (0..=path.len()).any(|skipped| covers(rest, &path[skipped..]) && (skipped < path.len() || !rest.is_empty()))
        }
        (Some((name, rest)), Some((first, below))) => glob(name.as_bytes(), first.as_bytes()) && covers(rest, below),
        (Some(_), None) => false,
    }
}

fn glob(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skipped| glob(rest, &name[skipped..])),
        Some((byte, rest)) => name.first() == Some(byte) && glob(rest, &name[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_as_elasticsearch_filters() {
        let cases = [
            ("", "items.create.status", true),
            ("errors", "errors", true),
            ("errors", "took", false),
            ("items.*.status", "items.create.status", true),
            ("items.*.status", "items.create._id", false),
            ("items.*.error", "items.index.error.reason", true),
            ("items.*.error.type", "items.index.error.reason", false),
            ("items", "items.index._shards.total", true),
            ("**.reason", "items.index.error.reason", true),
            ("**.reason", "items.index.error.type", false),
            ("items.*._*", "items.index._id", true),
            ("t*k", "took", true),
            ("-items", "items.index._id", false),
            ("-items", "took", true),
            ("items,-items.*._id", "items.index._id", false),
            ("items,-items.*._id", "items.index.status", true),
        ];
        for (filter, path, wanted) in cases {
            let path: Vec<&str> = path.split('.').collect();
            assert_eq!(FilterPath::parse(filter).wants(&path), wanted, "{filter} on {path:?}");
        }
    }
}
