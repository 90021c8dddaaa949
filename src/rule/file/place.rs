//! Where in a file a byte of a scalar's text stands.

use crate::yaml::Place;

/// The place of byte `at` of the scalar `value`, which begins at `start` in `source`; `start` itself
/// where the text as written (folded, escaped) does not tell.
pub(super) fn inside(source: &str, start: Place, value: &str, at: usize) -> Place {
    let Some(before) = value.get(..at.min(value.len())) else { return start };
    let below = before.matches('\n').count();
    let into = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
    let line = start.line as usize + below;
    let quoted = below == 0 && matches!(letter(source, start.line as usize, start.column as usize), Some('"' | '\''));
    let column = start.column as usize + into + usize::from(quoted && !value.starts_with(['"', '\'']));
    match value[before.len()..].chars().next() {
        Some(expected) if expected != '\n' && letter(source, line, column) != Some(expected) => start,
        _ => Place { line: u32::try_from(line).unwrap_or(0), column: u32::try_from(column).unwrap_or(0) },
    }
}

fn letter(source: &str, line: usize, column: usize) -> Option<char> {
    source.lines().nth(line.checked_sub(1)?)?.chars().nth(column.checked_sub(1)?)
}
