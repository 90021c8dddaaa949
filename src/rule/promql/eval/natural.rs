//! Natural order of texts, as Prometheus' `natsort` has it: runs of digits count as numbers.

/// Whether `a` comes before `b`; asked of two that differ.
pub(super) fn precedes(a: &str, b: &str) -> bool {
    let (a, b) = (chunks(a), chunks(b));
    for (index, chunk) in a.iter().enumerate() {
        let Some(other) = b.get(index) else { return false };
        let numbers = chunk.parse::<i64>().ok().zip(other.parse::<i64>().ok());
        match numbers {
            Some((chunk, other)) if chunk != other => return chunk < other,
            None if chunk != other => return chunk < other,
            _ if index + 1 == a.len() => return true,
            _ if index + 1 == b.len() => return false,
            _ => {}
        }
    }
    false
}

/// Runs of digits and of everything else.
fn chunks(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let len = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        found.push(&rest[..len]);
        rest = &rest[len..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::precedes;

    #[test]
    fn numbers_count_as_numbers() {
        for (a, b) in [("node2", "node10"), ("a", "b"), ("1", "a"), ("x1y2", "x1y10"), ("a", "a1")] {
            assert!(precedes(a, b) && !precedes(b, a), "{a} before {b}");
        }
    }
}
