//! Elasticsearch's rules for the name of an index or data stream.

/// Longest name, in bytes.
const BYTES_MAX: usize = 255;

/// What no name may hold.
const FORBIDDEN: [char; 12] = [' ', '"', '*', '\\', '<', '|', ',', '>', '/', '?', '#', ':'];

/// Checks `name` as Elasticsearch would on creating it. Date-math names (`<logs-{now/d}>`) pass: the
/// store resolves them.
///
/// # Errors
/// Elasticsearch's reason, for an `invalid_index_name_exception`.
pub fn check(name: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("Invalid index name [{name}], {why}"));
    if name.starts_with('<') && name.ends_with('>') && name.len() <= BYTES_MAX {
        return Ok(());
    }
    if name.is_empty() {
        return refuse("must not be empty");
    }
    if name.contains(|c: char| FORBIDDEN.contains(&c) || c.is_control()) {
        return refuse("must not contain the following characters [' ','\"','*','\\','<','|',',','>','/','?','#',':']");
    }
    if name.starts_with(['_', '-', '+']) {
        return refuse("must not start with '_', '-', or '+'");
    }
    if name.len() > BYTES_MAX {
        return refuse("index name is too long, at most 255 bytes");
    }
    if name == "." || name == ".." {
        return refuse("must not be '.' or '..'");
    }
    if name.chars().any(char::is_uppercase) {
        return refuse("must be lowercase");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_as_elasticsearch_does() {
        for good in ["logs-generic-default", ".ds-logs", "a", "日志-2026", "<logs-{now/d}>", "a.b_c-d+e"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = "x".repeat(256);
        for bad in ["", "Logs", "_logs", "-logs", "+logs", ".", "..", "a b", "a,b", "a:b", "a/b", "a*", "a\n", &long] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
